import type { CancelReason, OutputStream, ReapedRun, RunResult, RunSpec, SandboxDriver } from '../driver/port.ts';
import { cancelReasonOf } from '../driver/run-result.ts';

/** A run that goes on until the test ends it, or the service does. */
export interface HeldRun {
  readonly spec: RunSpec;
  print(text: string, stream?: OutputStream): void;
  exit(change?: Partial<RunResult>): void;
}

/** The result of a run that printed nothing and succeeded; `change` says what differs. */
export function runResult(change: Partial<RunResult> = {}): RunResult {
  return {
    outcome: 'exited', exitCode: 0, signal: null, cancelReason: null,
    output: { stdout: new Uint8Array(), stderr: new Uint8Array(), chunks: [] },
    truncated: false, droppedBytes: 0, workspaceRevision: 'after', workspaceChanged: false, workspaceOmitted: [],
    driver: 'docker', simulated: false, startedAt: new Date(1_000), endedAt: new Date(2_000), detail: null,
    ...change,
  };
}

/** A driver that executes nothing: it holds every run in the hands of the test. */
export function createHeldDriver() {
  const started: HeldRun[] = [];
  const leftovers: ReapedRun[] = [];
  const closing = new AbortController();
  const driver: SandboxDriver = {
    name: 'docker',
    simulated: false,
    ready: async () => ({ ok: true, detail: 'held' }),
    run: async (spec, hooks) =>
      await new Promise<RunResult>((resolve) => {
        const chunks: { stream: OutputStream; bytes: Uint8Array }[] = [];
        const signal = AbortSignal.any([hooks.signal, closing.signal]);
        const end = (change: Partial<RunResult>): void =>
          resolve(runResult({ output: { stdout: new Uint8Array(), stderr: new Uint8Array(), chunks }, ...change }));
        const cancelled = (): void => end({ outcome: 'cancelled', exitCode: null, cancelReason: cancelReasonOf(signal) });
        started.push({
          spec,
          print(text, stream = 'stdout') {
            const bytes = Buffer.from(text, 'utf8');
            chunks.push({ stream, bytes });
            hooks.onOutput(stream, bytes);
          },
          exit: (change = {}) => end(change),
        });
        if (signal.aborted) cancelled();
        else signal.addEventListener('abort', cancelled, { once: true });
      }),
    reap: async () => leftovers.splice(0),
    close: async () => closing.abort('shutdown' satisfies CancelReason),
  };
  return { driver, started, leftovers };
}
