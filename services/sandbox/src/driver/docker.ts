import { Readable } from 'node:stream';
import { retry } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { WorkspaceRefusedError } from '../workspace/archive-entry.ts';
import type { PutResult, WorkspaceStore } from '../workspace/store.ts';
import { collectExec, commandExec, containerSpec, fillExec, labels, oomKillsIn, type ContainerOptions } from './container-spec.ts';
import { DeadlineError, Stopped, within } from './deadline.ts';
import { ImageMissingError, openEngine, type Engine } from './engine.ts';
import { createOutputCollector, type OutputCollector } from './output-collector.ts';
import type { ReapedRun, RunHooks, RunSpec, SandboxDriver } from './port.ts';
import { cancelReasonOf, resultOf, writeFilesRun, type Ending } from './run-result.ts';
import { refusalOf, sandboxImage, signalOf } from './run-rules.ts';

export interface DockerDriverOptions extends ContainerOptions {
  /** The engine's socket; by default where Docker puts it. */
  readonly socketPath?: string;
  /** Images that a run may name; by default our own alone. They must be on the engine already: a run never pulls. */
  readonly allowedImages?: readonly string[];
  /** How long the engine may take for one step besides the command itself, in milliseconds. */
  readonly engineStepMs?: number;
}

export interface DockerDriverDeps {
  /** By default the engine on the socket of the options. */
  readonly engine?: Engine;
  readonly workspaces: WorkspaceStore;
  readonly logger: Logger;
}

/** After SIGKILL a container has this long to be gone before it is removed by force. */
const killGraceMs = 2_000;

/**
 * Runs each action in a container of its own, made for it and removed after it. The container's main process only waits;
 * the workspace goes in, the command runs and the workspace comes out by exec, since the engine copies no files into
 * the tmpfs of a container with a read-only root.
 */
export function createDockerDriver(options: DockerDriverOptions, deps: DockerDriverDeps): SandboxDriver {
  const { workspaces, logger } = deps;
  const engine = deps.engine ?? openEngine({ socketPath: options.socketPath ?? '/var/run/docker.sock' });
  const allowedImages = options.allowedImages ?? [sandboxImage];
  const stepMs = options.engineStepMs ?? 30_000;
  const closing = new AbortController();
  const active = new Set<Promise<unknown>>();
  const activeRuns = new Set<string>();
  const identity = { name: 'docker', simulated: false } as const;

  const inContainer = async (spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<Ending> => {
    // Room for each step before and after the command; past that the container ends by itself.
    const leaseMs = spec.limits.wallMs + 5 * stepMs;
    const creating = engine.create(containerSpec(spec, options, leaseMs, Date.now()));
    let id: string | undefined;
    try {
      id = await within(creating, 'create the container', stepMs, signal);
      await within(engine.start(id), 'start the container', stepMs, signal);
      await within(fill(id, spec), 'fill the workspace', stepMs, signal);
      const exitCode = await execute(id, spec, collector, signal);
      if (typeof exitCode !== 'number') return exitCode;
      return await within(collect(id, spec, exitCode), 'bring back the workspace', stepMs, signal);
    } catch (error) {
      if (error instanceof Stopped) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
      // Whatever failed, a container that is not there any more is why.
      const lost = id === undefined ? undefined : await endingOfLostContainer(id).catch(() => undefined);
      if (lost) return lost;
      throw error;
    } finally {
      await discard(spec, creating);
    }
  };

  const fill = async (id: string, spec: RunSpec): Promise<void> => {
    const tar = spec.workspace.readTar();
    if (!tar) return;
    const exec = await engine.exec(id, fillExec, tar);
    const said: string[] = [];
    for await (const { bytes } of exec.output) if (said.length < 4) said.push(Buffer.from(bytes).toString());
    if (tar.errored) throw tar.errored;
    if ((await exec.exitCode()) !== 0) throw new Error(`the workspace could not be filled: ${said.join('').slice(0, 200)}`);
  };

  /** The exit code, or the ending of a command that did not come to its own. */
  const execute = async (id: string, spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<number | Ending> => {
    const stdin = spec.stdin === undefined ? undefined : Readable.from([Buffer.from(spec.stdin)]);
    const exec = await within(engine.exec(id, commandExec(spec), stdin), 'start the command', stepMs, signal);
    let ended = false;
    const pump = async (): Promise<number> => {
      // The output is read to its end even past the cap: an engine whose client stops reading answers nothing more.
      for await (const { stream, bytes } of exec.output) if (!ended) collector.add(stream, bytes);
      return await exec.exitCode();
    };
    try {
      return await within(pump(), 'the command', spec.limits.wallMs, signal);
    } catch (error) {
      if (error instanceof DeadlineError) return { outcome: 'timeout', detail: `Ended after ${spec.limits.wallMs} ms, its limit.` };
      throw error;
    } finally {
      ended = true;
      exec.detach();
    }
  };

  const collect = async (id: string, spec: RunSpec, exitCode: number): Promise<Ending> => {
    const ended = { exitCode, signal: signalOf(exitCode) };
    const gone = await endingOfLostContainer(id);
    if (gone) return gone;
    const exec = await engine.exec(id, collectExec);
    let said = '';
    const archive = async function* (): AsyncGenerator<Uint8Array> {
      for await (const { stream, bytes } of exec.output) {
        if (stream === 'stdout') yield bytes;
        else if (said.length < 4096) said += Buffer.from(bytes).toString();
      }
      // Only a tar that says it is whole replaces the workspace.
      const code = await exec.exitCode();
      if (code !== 0) throw new Error(`the workspace could not be read back: tar ended with ${code}`);
    };
    const kept = await put(spec, Readable.from(archive(), { objectMode: false })).finally(() => exec.detach());
    if (exitCode !== 0 && oomKillsIn(said) > 0) return { outcome: 'oom', ...ended, ...kept };
    return { outcome: ended.signal === null ? 'exited' : 'signalled', ...ended, ...kept };
  };

  const put = async (spec: RunSpec, tar: Readable): Promise<{ put?: PutResult; detail?: string }> => {
    try {
      return { put: await workspaces.put(spec.conversation, tar, spec.limits.workspaceBytes, spec.workspace.revision) };
    } catch (error) {
      if (!(error instanceof WorkspaceRefusedError)) throw error;
      return { detail: `The changes to the workspace were not kept: ${error.message}.` };
    }
  };

  const endingOfLostContainer = async (id: string): Promise<Ending | undefined> => {
    const state = await engine.state(id);
    if (state === 'gone') return { outcome: 'engine_failure', detail: 'The container was removed from outside while it ran.' };
    if (state.running) return undefined;
    if (state.oomKilled) return { outcome: 'oom', exitCode: 137, signal: 'SIGKILL' };
    return { outcome: 'engine_failure', detail: 'The container was ended from outside while it ran.' };
  };

  /** Leaves no container of this run behind, also when the engine made one without our learning its id. */
  const discard = async (spec: RunSpec, creating: Promise<string>): Promise<void> => {
    try {
      const known = await within(creating, 'learn the container', killGraceMs).catch(() => undefined);
      await retry(
        async () => {
          const ids = known ? [known] : await idsOf(spec);
          await Promise.all(ids.map(removeContainer));
        },
        { minMs: 100, maxMs: 1_000, attempts: 4 },
      );
    } catch (error) {
      logger.error({ err: error, runId: spec.runId }, 'a container could not be removed; the reaper or its lease will end it');
    }
  };

  const idsOf = async (spec: RunSpec): Promise<string[]> => {
    const found = await within(
      engine.list({ [labels.project]: options.project, [labels.instance]: options.instance, [labels.run]: spec.runId }),
      'find the containers of the run',
      stepMs,
    );
    return found.map((container) => container.id);
  };

  const removeContainer = async (id: string): Promise<void> => {
    await within(engine.kill(id), 'kill the container', killGraceMs).catch(() => undefined);
    await within(engine.remove(id), 'remove the container', stepMs);
  };

  const ending = async (spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<Ending> => {
    const refusal = refusalOf(spec, allowedImages);
    if (refusal !== undefined) return { outcome: 'refused', detail: refusal };
    if (signal.aborted) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
    try {
      return spec.files ? await writeFilesRun(workspaces, spec, spec.files) : await inContainer(spec, collector, signal);
    } catch (error) {
      logger.error({ err: error, runId: spec.runId }, 'a run failed in the engine');
      return { outcome: 'engine_failure', detail: failureDetail(error) };
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
    async ready() {
      try {
        const version = await within(engine.version(), 'the container engine', 2_000);
        const present = await Promise.all(allowedImages.map(async (image) => await within(engine.hasImage(image), 'the container engine', 2_000)));
        const missing = allowedImages.filter((_, index) => present[index] !== true);
        if (missing.length > 0) return { ok: false, detail: `The container engine lacks the image ${missing.join(', ')}.` };
        return { ok: true, detail: `Docker Engine ${version}.` };
      } catch {
        return { ok: false, detail: 'The container engine does not answer.' };
      }
    },
    async run(spec, hooks) {
      const work = run(spec, hooks);
      active.add(work);
      activeRuns.add(spec.runId);
      try {
        return await work;
      } finally {
        active.delete(work);
        activeRuns.delete(spec.runId);
      }
    },
    async reap() {
      const reaped: ReapedRun[] = [];
      // A run that ends while this goes on is no leftover, although the list has its container.
      const activeBefore = new Set(activeRuns);
      for (const container of await within(engine.list({ [labels.project]: options.project }), 'list the containers', stepMs)) {
        const runId = container.labels[labels.run];
        const instance = container.labels[labels.instance];
        if (runId === undefined || instance === undefined) continue;
        const own = instance === options.instance;
        if (own ? activeBefore.has(runId) || activeRuns.has(runId) : !(Number(container.labels[labels.leaseUntil]) < Date.now())) continue;
        await removeContainer(container.id);
        reaped.push({ runId, permitId: container.labels[labels.permit] ?? '', instance, reason: own ? 'own_leftover' : 'lease_expired' });
      }
      return reaped;
    },
    async close() {
      closing.abort('shutdown');
      await Promise.allSettled(active);
    },
  };
}

// Only our own words reach a person; the engine's are in the log.
function failureDetail(error: unknown): string {
  if (error instanceof DeadlineError || error instanceof ImageMissingError || error instanceof WorkspaceRefusedError) return `The sandbox failed: ${error.message}.`;
  return 'The container engine failed during the run; the log of the sandbox says how.';
}
