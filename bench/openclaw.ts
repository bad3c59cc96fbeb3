import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { processesWith, processTree, run, untilReady, type Environment, type ProcessEntry } from './processes.ts';

/** An OpenClaw gateway that a command of this machine starts, and stops when it is called with `--down`. */
export interface OpenClaw {
  readonly url: string;
  /** The one given, or the one the command printed. */
  token(): string;
  /** Starts it; resolves to the milliseconds from the start of the command to its `/readyz`. */
  start(): Promise<number>;
  stop(): Promise<void>;
  /** The gateway's own processes, without the model and the relays that the command starts beside it. */
  processes(): Promise<ProcessEntry[]>;
}

const mark = 'MEGABOT_BENCH_MARK';

export function createOpenClaw(options: { command: string; token: string | undefined; environment: Environment; signal: AbortSignal }): OpenClaw {
  const marked = randomUUID();
  const environment = { ...options.environment, [mark]: marked };
  let token = options.token;
  // It renames its process; the name is all that tells it from what runs beside it under the same mark.
  const gateway = async (): Promise<ProcessEntry | undefined> =>
    (await processesWith(mark, marked)).find((entry) => /^openclaw|openclaw\.mjs gateway/.test(entry.commandLine));
  const stop = async (): Promise<void> => {
    await run(options.command, ['--down'], { environment, timeoutMs: 30_000 });
    // The command asks and does not wait; until the old one is gone, its port is taken and its readiness answers for the new one.
    for (let tries = 0; (await gateway()) !== undefined; tries++) {
      if (tries === 200) throw new Error('OpenClaw does not stop');
      await delay(100);
    }
  };
  return {
    url: 'ws://127.0.0.1:18789',
    token() {
      if (token === undefined) throw new Error('the OpenClaw command printed no token, and MEGABOT_BENCH_OPENCLAW_TOKEN is not set');
      return token;
    },
    async start() {
      const started = performance.now();
      const ready = untilReady('http://127.0.0.1:18789/readyz', { timeoutMs: 150_000, signal: options.signal }).then(() => performance.now() - started);
      const [output, readyMs] = await Promise.all([run(options.command, [], { environment, signal: options.signal }), ready]);
      token ??= /\btoken (\S+?),?\s/.exec(output)?.[1];
      return readyMs;
    },
    stop,
    async processes() {
      const found = await gateway();
      if (!found) throw new Error('no process of the OpenClaw gateway was found');
      return await processTree(found.pid);
    },
  };
}
