import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sandboxImage } from '@megabot/sandbox/driver/run-rules.ts';
import { launch } from './processes.ts';
import { openBenchDriver, type BenchDriver, type Timed } from './sandbox-driver.ts';
import { summarize } from './statistics.ts';

/**
 * `node bench/sandbox.ts`: how soon a run answers in a container that waited for it, in one made for it, and by `docker run` of the
 * same image, in turn; and so many runs at once. The driver alone, from `run` on: `make bench` measures from the approval.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' }, burst: { type: 'string', default: '50' } } });
const rounds = Number(values.rounds);
const burst = Number(values.burst);

const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function dockerRun(): Promise<{ firstOutputMs: number; finalMs: number }> {
  const started = performance.now();
  const child = launch('docker', ['run', '--rm', '--network', 'none', sandboxImage, 'echo', 'x'], process.env);
  let firstOutputMs = Number.NaN;
  child.stdout?.once('data', () => (firstOutputMs = performance.now() - started));
  child.stderr?.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`docker run ended with ${code ?? 'a signal'}`);
  return { firstOutputMs, finalMs: performance.now() - started };
}

async function answered(driver: BenchDriver, conversation: string): Promise<{ firstOutputMs: number; finalMs: number }> {
  const { result, firstOutputMs, finalMs }: Timed = await driver.run(conversation, 'echo x');
  if (result.outcome !== 'exited' || firstOutputMs === undefined) throw new Error(`a run ended as ${result.outcome}: ${result.detail ?? ''}`);
  return { firstOutputMs, finalMs };
}

/** Until what was removed is gone and what is to wait does: no contender pays for another's remains. */
async function quiet(...drivers: readonly (readonly [BenchDriver, number])[]): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const counts = await Promise.all(drivers.map(async ([driver, count]) => (await driver.containers()) === count));
    if (counts.every(Boolean)) return await delay(50);
    await delay(25);
  }
}

async function latencies(): Promise<void> {
  await using warm = await openBenchDriver({ min: 2, max: 2 });
  await using cold = await openBenchDriver({ min: 0, max: 0 });
  const fill = async (conversation: string): Promise<string> => {
    for (const driver of [warm, cold]) await driver.run(conversation, 'head -c 1000000 /dev/urandom > random; seq 200 | xargs touch');
    return conversation;
  };
  const filled = await fill(randomUUID());
  const contenders = [
    { name: 'waiting container, empty workspace', take: async () => await answered(warm, randomUUID()) },
    { name: 'waiting container, workspace of 1 MB in 201 files', take: async () => await answered(warm, filled) },
    { name: 'container made for the run, empty workspace', take: async () => await answered(cold, randomUUID()) },
    { name: 'container made for the run, workspace of 1 MB', take: async () => await answered(cold, filled) },
    { name: '`docker run --rm`', take: dockerRun },
  ];
  const taken = contenders.map(() => [] as { firstOutputMs: number; finalMs: number }[]);
  for (let round = -1; round < rounds; round++) {
    for (let offset = 0; offset < contenders.length; offset++) {
      const at = (round + 1 + offset) % contenders.length;
      await quiet([warm, 2], [cold, 0]);
      const times = await contenders[at]?.take();
      if (round >= 0 && times) taken[at]?.push(times);
    }
  }
  for (const [what, pick] of [['first output', (one: { firstOutputMs: number }) => one.firstOutputMs], ['result', (one: { finalMs: number }) => one.finalMs]] as const) {
    const floor = summarize((taken.at(-1) ?? []).map(pick)).median;
    print(`\n| run → ${what} | median | p95 | min to max | n | of \`docker run\` |\n| --- | --- | --- | --- | --- | --- |`);
    for (const [index, { name }] of contenders.entries()) {
      const { median, p95, min, max, count } = summarize((taken[index] ?? []).map(pick));
      print(`| ${name} | ${milliseconds(median)} | ${milliseconds(p95)} | ${milliseconds(min)} to ${milliseconds(max)} | ${count} | ${(median / floor).toFixed(2)} × |`);
    }
  }
}

async function atOnce(): Promise<void> {
  print(`\n| ${burst} runs at once | failed | first output, median | last first output | all results |\n| --- | --- | --- | --- | --- |`);
  for (const [name, pool] of [['nothing waiting', { min: 0, max: 0 }], ['8 waiting', { min: 8, max: 8 }]] as const) {
    await using driver = await openBenchDriver(pool);
    await driver.run('warm up', 'true');
    await quiet([driver, pool.min]);
    const started = performance.now();
    const runs = await Promise.all(Array.from({ length: burst }, async (_, index) => await driver.run(`burst ${index}`, `echo ${index}`)));
    const failed = runs.filter(({ result }, index) => result.outcome !== 'exited' || Buffer.from(result.output.stdout).toString() !== `${index}\n`).length;
    const first = summarize(runs.map(({ firstOutputMs }) => firstOutputMs ?? Number.NaN));
    print(`| ${name} | ${failed} | ${milliseconds(first.median)} | ${milliseconds(first.max)} | ${milliseconds(performance.now() - started)} |`);
    if (failed > 0) process.exitCode = 1;
  }
}

await latencies();
await atOnce();
