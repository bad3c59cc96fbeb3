import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectMegabot, type ChatTarget, type MegabotChat } from './chat.ts';
import type { Installation } from './installation.ts';
import { measureAnswers } from './measure-answers.ts';
import { measureCommands } from './measure-commands.ts';
import { startOpenClaw, startStack, startStandalone } from './measure-start.ts';
import { startModel } from './model.ts';
import { connectOpenClaw } from './openclaw-chat.ts';
import { createOpenClaw } from './openclaw.ts';
import { root, run } from './processes.ts';
import { names, renderReport, type Results } from './report.ts';
import { createStack, hostAddress, sandboxImage } from './stack.ts';
import { createStandalone } from './standalone.ts';

/**
 * `make bench`: starts a stack, a standalone and, where MEGABOT_BENCH_OPENCLAW_UP names a command that starts one, an
 * OpenClaw; measures them side by side, prints the tables, writes them to bench/results/latest.md, and removes all it made.
 * docs/benchmarks.md says what each figure means.
 */
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '50' },
    commands: { type: 'string', default: '20' },
    starts: { type: 'string', default: '3' },
    'idle-seconds': { type: 'string', default: '30' },
    'limit-minutes': { type: 'string', default: '10' },
    /** Leave out targets: stack, standalone, OpenClaw. */
    without: { type: 'string', multiple: true, default: [] },
  },
});
const count = (name: 'messages' | 'commands' | 'starts' | 'idle-seconds' | 'limit-minutes'): number => {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new Error(`--${name} must be a whole number from 1`);
  return value;
};

const environment = process.env;
const loadBefore = loadavg()[0] ?? 0;
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(count('limit-minutes') * 60_000)]);
const modelPorts = { stack: 28_120, standalone: 28_121 };

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const failures: string[] = [];
const absent = new Map<string, string>();
const results: Results = {
  starts: {},
  answers: new Map(),
  modelAlone: [],
  commands: new Map(),
  stackMemory: undefined,
  standaloneProcesses: [],
  openClawProcesses: [],
  absent,
};

/** One part may fail without the others; its failure is in the report and in the exit code. */
async function part<T>(what: string, work: () => Promise<T>, target?: string): Promise<T | undefined> {
  if (target !== undefined && absent.has(target)) return undefined;
  say(what);
  try {
    signal.throwIfAborted();
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say(`  failed: ${reason}`);
    failures.push(`${what}: ${reason}`);
    if (target !== undefined) absent.set(target, 'failed, see below');
    return undefined;
  }
}

const chatWith = async (name: string, { wsPort, token, password }: Installation): Promise<MegabotChat> => await connectMegabot(name, { wsPort, token, password });
const isAsked = (name: string): boolean => !values.without.includes(name);

{
  await using made = new AsyncDisposableStack();
  const within = await mkdtemp(join(tmpdir(), 'megabot-bench-'));
  made.defer(async () => await rm(within, { recursive: true, force: true }));
  const stack = await createStack({ within, base: environment, modelPort: modelPorts.stack, signal });
  const standalone = await createStandalone({ within, base: environment, modelPort: modelPorts.standalone, signal });
  const openClawCommand = environment['MEGABOT_BENCH_OPENCLAW_UP'];
  const engine = await run('docker', ['version', '--format', 'Docker {{.Server.Version}}'], { environment }).then((text) => text.trim(), () => undefined);

  if (!isAsked(names.stack)) absent.set(names.stack, 'left out');
  else if (engine === undefined) absent.set(names.stack, 'no Docker engine on this machine');
  if (!isAsked(names.standalone)) absent.set(names.standalone, 'left out');
  if (!isAsked(names.openClaw)) absent.set(names.openClaw, 'left out');
  else if (!openClawCommand) absent.set(names.openClaw, 'not present on this machine');

  // Started one after the other, each alone: a start shares the machine with nothing that is measured.
  await part('standalone: starts', async () => {
    made.defer(async () => await standalone.wipe());
    Object.assign(results.starts, await startStandalone(standalone, count('starts')));
    await standalone.stop();
  }, names.standalone);
  const openClaw = openClawCommand === undefined ? undefined : createOpenClaw({ command: openClawCommand, token: environment['MEGABOT_BENCH_OPENCLAW_TOKEN'], environment, signal });
  await part('OpenClaw: starts', async () => {
    if (!openClaw) return;
    made.defer(async () => await openClaw.stop());
    Object.assign(results.starts, await startOpenClaw(openClaw, count('starts')));
    await openClaw.stop();
  }, names.openClaw);
  await part('stack: starts', async () => {
    made.defer(async () => await stack.wipe());
    Object.assign(results.starts, await startStack(stack, count('starts')));
  }, names.stack);
  await part('standalone: starts again, to be measured beside the others', async () => await standalone.start(), names.standalone);
  await part('OpenClaw: starts again, to be measured beside the others', async () => await openClaw?.start(), names.openClaw);

  const chats: MegabotChat[] = [];
  const targets: ChatTarget[] = [];
  await part('stack: connects', async () => {
    // The address exists with the stack's network, so the model starts after it.
    made.use(await startModel({ host: hostAddress, port: modelPorts.stack, environment }));
    chats.push(made.use(await chatWith(names.stack, stack.installation)));
  }, names.stack);
  await part('standalone: connects', async () => {
    const model = made.use(await startModel({ host: '127.0.0.1', port: modelPorts.standalone, environment }));
    targets.push({
      name: names.model,
      async ask() {
        const taken = await model.ask();
        return { acceptedMs: taken, finalMs: taken };
      },
      [Symbol.asyncDispose]: async () => {},
    });
    chats.push(made.use(await chatWith(names.standalone, standalone.installation)));
  }, names.standalone);
  targets.push(...chats);
  await part('OpenClaw: connects', async () => {
    if (openClaw) targets.push(made.use(await connectOpenClaw(names.openClaw, { url: openClaw.url, token: openClaw.token() })));
  }, names.openClaw);

  await part(`answers: ${count('messages')} rounds`, async () => {
    const answers = await measureAnswers(targets, count('messages'), signal);
    results.modelAlone = (answers.get(names.model) ?? []).map(({ finalMs }) => finalMs);
    results.answers = answers;
  });

  await part('idle memory', async () => {
    await delay(count('idle-seconds') * 1_000, undefined, { signal });
    if (!absent.has(names.stack)) results.stackMemory = await stack.memory();
    if (!absent.has(names.standalone)) results.standaloneProcesses = await standalone.processes();
    if (openClaw && !absent.has(names.openClaw)) results.openClawProcesses = await openClaw.processes();
  });

  await part(`commands: ${count('commands')} rounds`, async () => {
    const image = await run('docker', ['image', 'inspect', sandboxImage], { environment }).then(() => true, () => false);
    results.commands = await measureCommands(chats, { rounds: count('commands'), withDocker: image, environment, signal });
  });

  const report = renderReport(results, { when: new Date().toISOString().slice(0, 16).replace('T', ' '), engine: engine ?? 'no Docker engine', loadBefore });
  const failed = failures.length === 0 ? '' : `\n\nFailed:\n\n${failures.map((line) => `- ${line}`).join('\n')}`;
  process.stdout.write(`${report}${failed}\n`);
  await mkdir(join(root, 'bench/results'), { recursive: true });
  await writeFile(join(root, 'bench/results/latest.md'), `${report}${failed}\n`);
  say('removing what the bench made');
}
process.exitCode = failures.length === 0 ? 0 : 1;
