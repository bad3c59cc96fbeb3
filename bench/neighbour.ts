import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { openBenchDriver } from './sandbox-driver.ts';
import { summarize } from './statistics.ts';

/**
 * `node bench/neighbour.ts`: what a run that does its worst costs the one beside it. The same small command, again and again, alone and
 * beside each kind of hostile run.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } });
const rounds = Number(values.rounds);

const hostile: readonly (readonly [string, string | undefined])[] = [
  ['nobody', undefined],
  ['a busy loop on every processor', 'for i in $(seq 16); do while :; do :; done & done; wait'],
  ['a fork bomb', 'while :; do (:(){ :|:& };:) 2>/dev/null; done'],
  ['a memory bomb', 'while :; do python3 -c "x = bytearray(2 << 30)"; done'],
  ['a flood of output', 'yes AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
  ['a flood of output in tiny writes', 'while :; do echo; done'],
  ['a workspace filled again and again', 'while :; do head -c 60M /dev/zero > a; rm a; done'],
  ['nobody, once more', undefined],
];

await using bench = await openBenchDriver({ min: 2, max: 2 });
await bench.run('warm up', 'true');
const milliseconds = (value: number): string => `${Math.round(value)} ms`;
process.stdout.write('| beside | first output, median | p95 | result, median | p95 | p95 of nobody’s |\n| --- | --- | --- | --- | --- | --- |\n');
let alone: number | undefined;
for (const [name, script] of hostile) {
  const abort = new AbortController();
  const beside = script === undefined ? undefined : bench.run('hostile', script, { wallMs: 600_000 }, abort.signal);
  const taken = [];
  for (let round = -2; round < rounds; round++) {
    const { result, firstOutputMs, finalMs } = await bench.run(randomUUID(), 'echo x; sha256sum /bin/bash');
    if (result.outcome !== 'exited' || firstOutputMs === undefined) throw new Error(`the neighbour ended as ${result.outcome}: ${result.detail ?? ''}`);
    if (round >= 0) taken.push({ firstOutputMs, finalMs });
  }
  abort.abort('cancel');
  await beside;
  const first = summarize(taken.map((one) => one.firstOutputMs));
  const final = summarize(taken.map((one) => one.finalMs));
  alone ??= final.p95;
  process.stdout.write(`| ${name} | ${milliseconds(first.median)} | ${milliseconds(first.p95)} | ${milliseconds(final.median)} | ${milliseconds(final.p95)} | ${(final.p95 / alone).toFixed(1)} × |\n`);
}
