import { Worker } from 'node:worker_threads';
import type { Logger } from '@megabot/observability/logger.ts';
import { WorkspaceRefusedError } from '../workspace/archive-entry.ts';
import { packItems, readItems } from '../workspace/items.ts';
import type { PutResult, WorkspaceStore } from '../workspace/store.ts';
import { DeadlineError, Stopped, within } from './deadline.ts';
import type { ShellAnswer, ShellJob } from './just-bash-worker.ts';
import { createOutputCollector, type OutputCollector } from './output-collector.ts';
import type { RunHooks, RunSpec, SandboxDriver } from './port.ts';
import { cancelReasonOf, resultOf, type Ending } from './run-result.ts';
import { refusalOf, sandboxImage, signalOf } from './run-rules.ts';

export interface JustBashDriverOptions {
  /** As in the other driver. Here nothing outlives the process, so nothing bears this name. */
  readonly instance?: string;
  /** Image names that a run may carry. Nothing of an image is used; the list is kept so that both drivers refuse the same. */
  readonly allowedImages?: readonly string[];
  /** Commands and turns of a loop that one run may take. */
  readonly maxSteps?: number;
}

export interface JustBashDriverDeps {
  readonly workspaces: WorkspaceStore;
  readonly logger: Logger;
}

/** What the simulated shell may print in all before it is ended; of that `outputBytes` are kept and the rest counted. */
const printableBytes = 64 * 1024 * 1024;

/**
 * The embedded driver: a shell that is simulated in memory, in a worker thread of its own for each run, so that a loop that
 * never yields is ended as surely as anything else. No program of the host, no file of the host and no network can be
 * reached; what the simulation does not know is "command not found". Its output comes at the end, standard output first.
 */
export function createJustBashDriver(options: JustBashDriverOptions, deps: JustBashDriverDeps): SandboxDriver {
  const { workspaces, logger } = deps;
  const closing = new AbortController();
  const active = new Set<Promise<unknown>>();
  const identity = { name: 'just-bash', simulated: true } as const;

  const inShell = async (spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<Ending> => {
    const tar = spec.workspace.readTar();
    const job: ShellJob = {
      argv: spec.argv,
      stdin: spec.stdin === undefined ? null : Buffer.from(spec.stdin).toString('latin1'),
      cwd: spec.cwd,
      env: spec.env,
      items: tar ? await readItems(tar) : [],
      // Scratch files and the shell's own share this with the workspace, whose quota the store holds.
      maxFileBytes: spec.limits.workspaceBytes + spec.limits.memoryBytes / 4,
      maxOutputBytes: printableBytes,
      maxSteps: options.maxSteps ?? 10_000_000,
    };
    const worker = new Worker(new URL('./just-bash-worker.ts', import.meta.url), {
      workerData: job,
      env: {},
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: Math.max(32, Math.ceil(spec.limits.memoryBytes / (1024 * 1024))) },
    });
    let answer: ShellAnswer;
    try {
      answer = await within(answerOf(worker), 'the command', spec.limits.wallMs, signal);
    } catch (error) {
      if (error instanceof DeadlineError) return { outcome: 'timeout', detail: `Ended after ${spec.limits.wallMs} ms, its limit.` };
      if (error instanceof Stopped) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
      if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') return { outcome: 'oom' };
      throw error;
    } finally {
      await worker.terminate();
    }
    collector.add('stdout', answer.stdout);
    collector.add('stderr', answer.stderr);
    const signalName = signalOf(answer.exitCode);
    return {
      outcome: signalName === null ? 'exited' : 'signalled',
      exitCode: answer.exitCode,
      signal: signalName,
      ...(await put(spec, answer)),
    };
  };

  const put = async (spec: RunSpec, answer: ShellAnswer): Promise<{ put?: PutResult; detail?: string }> => {
    try {
      return { put: await workspaces.put(spec.conversation, packItems(answer.items), spec.limits.workspaceBytes, spec.workspace.revision) };
    } catch (error) {
      if (!(error instanceof WorkspaceRefusedError)) throw error;
      return { detail: `The changes to the workspace were not kept: ${error.message}.` };
    }
  };

  const ending = async (spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<Ending> => {
    const refusal = refusalOf(spec, options.allowedImages ?? [sandboxImage]);
    if (refusal !== undefined) return { outcome: 'refused', detail: refusal };
    if (signal.aborted) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
    try {
      return await inShell(spec, collector, signal);
    } catch (error) {
      logger.error({ err: error, runId: spec.runId }, 'a run failed in the simulated shell');
      const detail = error instanceof WorkspaceRefusedError ? `The sandbox failed: ${error.message}.` : 'The simulated shell failed; the log of the sandbox says how.';
      return { outcome: 'engine_failure', detail };
    }
  };

  const run = async (spec: RunSpec, hooks: RunHooks) => {
    const startedAt = new Date();
    const collector = createOutputCollector(spec.limits.outputBytes, (stream, chunk) => hooks.onOutput(stream, chunk));
    const signal = AbortSignal.any([hooks.signal, closing.signal]);
    return resultOf(identity, spec, startedAt, collector, await ending(spec, collector, signal));
  };

  return {
    ...identity,
    ready: async () => ({ ok: true, detail: 'A simulated shell (just-bash): no container, no real programs.' }),
    async run(spec, hooks) {
      const work = run(spec, hooks);
      active.add(work);
      try {
        return await work;
      } finally {
        active.delete(work);
      }
    },
    // A run lives in this process alone and ends with it.
    reap: async () => [],
    async close() {
      closing.abort('shutdown');
      await Promise.allSettled(active);
    },
  };
}

async function answerOf(worker: Worker): Promise<ShellAnswer> {
  return await new Promise<ShellAnswer>((resolve, reject) => {
    worker.once('message', (answer: ShellAnswer) => resolve(answer));
    worker.once('error', (error) => reject(error));
    worker.once('exit', (code) => reject(new Error(`the simulated shell ended with ${code} and no answer`)));
  });
}
