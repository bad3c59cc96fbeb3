import { freemem } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '@megabot/observability/logger.ts';
import { WorkspaceRefusedError } from '../workspace/archive-entry.ts';
import type { WorkspaceStore } from '../workspace/store.ts';
import { createBoxMaker, type Box } from './box.ts';
import { createCollector, isDiskFull } from './collect.ts';
import { boxKindOf, type BoxKind } from './container-spec.ts';
import { DeadlineError, Stopped, within } from './deadline.ts';
import { ImageMissingError, openEngine, type Engine } from './engine.ts';
import { NotStartedError } from './launch.ts';
import { createOutputCollector, type OutputCollector } from './output-collector.ts';
import { createPace } from './pace.ts';
import { createPool, type PoolOptions } from './pool.ts';
import type { RunHooks, RunSpec, SandboxDriver } from './port.ts';
import { createReaper } from './reap.ts';
import { openReplicaState } from './replica-state.ts';
import { cancelReasonOf, resultOf, type Ending } from './run-result.ts';
import { refusalOf, sandboxImage } from './run-rules.ts';
import { openSurroundings } from './surroundings.ts';

export interface DockerDriverOptions {
  readonly project: string;
  /** Names this replica, the same after a restart. */
  readonly instance: string;
  /** A folder that all replicas of this MegaBot share, and nobody else writes to. */
  readonly stateFolder: string;
  /** The engine's socket; by default where Docker puts it. */
  readonly socketPath?: string;
  /** Images that a run may name; by default our own alone. They must be on the engine already: a run never pulls. */
  readonly allowedImages?: readonly string[];
  /** An OCI runtime by name; by default the strongest that the engine has. */
  readonly runtime?: string;
  readonly pool?: PoolOptions;
  /** How often the pool is tended and the other replicas are looked at, in milliseconds. */
  readonly tendMs?: number;
  /** How long the engine may take for one step besides the command itself, in milliseconds. */
  readonly engineStepMs?: number;
}

export interface DockerDriverDeps {
  /** By default the engine on the socket of the options. */
  readonly engine?: Engine;
  readonly workspaces: WorkspaceStore;
  readonly logger: Logger;
}

/** A waiting container allows runs of this length; a longer run gets one of its own. */
const pooledWallMs = 3_600_000;
/** What a command may print each second once its cap is reached. */
const droppedBytesPerSecond = 16 * 1024 * 1024;

/**
 * Runs each action in a container of its own, made before it is needed where possible, and removed after it. The container's
 * main process only waits; a launcher in it gets workspace and command over its standard input; the workspace comes back
 * by an exec, since the engine copies no files out of the tmpfs of a container with a read-only root.
 */
export function createDockerDriver(options: DockerDriverOptions, deps: DockerDriverDeps): SandboxDriver {
  const { workspaces, logger } = deps;
  const engine = deps.engine ?? openEngine({ socketPath: options.socketPath ?? '/var/run/docker.sock' });
  const allowedImages = options.allowedImages ?? [sandboxImage];
  const stepMs = options.engineStepMs ?? 30_000;
  const closing = new AbortController();
  const active = new Set<Promise<unknown>>();
  const identity = { name: 'docker', simulated: false } as const;

  const surroundings = openSurroundings({ ...options, runtime: options.runtime ?? 'auto', allowedImages }, { engine, logger, stepMs });
  const state = openReplicaState(options.stateFolder, options.instance);
  const boxes = createBoxMaker({ engine, logger, stepMs });
  const collect = createCollector({ engine, workspaces, logger });
  const reap = createReaper({ project: options.project, instance: options.instance, stepMs }, { engine, boxes, state });
  const make = async (kind: BoxKind, maxWallMs: number): Promise<Box> => {
    await boxes.settled();
    return await boxes.make(kind, await surroundings.containerOptions(), maxWallMs);
  };
  const pool = createPool<BoxKind, Box>(options.pool ?? { min: 2, max: 8 }, {
    build: async (kind) => await make(kind, pooledWallMs),
    discard: (box) => void track(boxes.remove(box)),
    freeBytes: freemem,
    clock: () => performance.now(),
    onBuildFailed: (error) => logger.warn({ err: error }, 'a sandbox could not be made ready'),
  });

  const track = async <T>(work: Promise<T>): Promise<T> => {
    active.add(work);
    try {
      return await work;
    } finally {
      active.delete(work);
    }
  };

  const boxFor = async (spec: RunSpec, signal: AbortSignal): Promise<{ box: Box; done: () => void }> => {
    const imageId = await within(surroundings.imageId(spec.image), 'look up the image', 2 * stepMs, signal);
    const kind = boxKindOf(spec, imageId);
    const pooled = spec.network === 'none' && spec.limits.wallMs <= pooledWallMs;
    if (pooled) surroundings.remember({ image: spec.image, limits: spec.limits });
    const giveUp = new AbortController();
    const taking = pooled ? pool.take(kind, AbortSignal.any([signal, giveUp.signal])).then(({ box }) => box) : make(kind, spec.limits.wallMs);
    const done = (): void => {
      if (pooled) pool.done(kind);
    };
    try {
      return { box: await within(taking, 'make a container ready', 4 * stepMs, signal), done };
    } catch (error) {
      giveUp.abort();
      // One that comes all the same is nobody's.
      taking.then((box) => (done(), void track(boxes.remove(box))), () => undefined);
      throw error;
    }
  };

  const inContainer = async (spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<Ending> => {
    const { box, done } = await boxFor(spec, signal);
    let ended = false;
    try {
      await state.note({ boxId: box.boxId, runId: spec.runId, permitId: spec.permitId });
      if (signal.aborted) throw new Stopped();
      const exitCode = await execute(box, spec, collector, signal);
      if (typeof exitCode !== 'number') return exitCode;
      const ending = await within(collect(box.containerId, spec, exitCode), 'bring back the workspace', stepMs, signal);
      ended = true;
      return ending;
    } catch (error) {
      if (error instanceof Stopped) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
      // Whatever failed, a container that is not there any more is why.
      const lost = await endingOfLostContainer(box.containerId).catch(() => undefined);
      if (lost) return lost;
      throw error;
    } finally {
      // After an orderly end nothing of the action is left to wait for; after any other the container has to be gone first,
      // and from a network before the next run joins it.
      const removing = track(boxes.remove(box));
      if (!ended || spec.network !== 'none') await removing;
      await state.forget(box.boxId).catch((error: unknown) => logger.warn({ err: error }, 'the note of a run could not be removed'));
      done();
    }
  };

  /** The exit code, or the ending of a command that did not come to its own. */
  const execute = async (box: Box, spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<number | Ending> => {
    let ended = false;
    const pace = createPace(droppedBytesPerSecond);
    const pump = async (output: Awaited<ReturnType<Box['launch']>>): Promise<number> => {
      // The output is read to its end even past the cap: an engine whose client stops reading answers nothing more.
      for await (const { stream, bytes } of output) {
        if (ended) continue;
        collector.add(stream, bytes);
        if (collector.droppedBytes > 0) await pace(bytes.byteLength);
      }
      return await box.exitCode();
    };
    const output = await within(box.launch(spec), 'start the command', stepMs, signal);
    try {
      return await within(pump(output), 'the command', spec.limits.wallMs, signal);
    } catch (error) {
      if (error instanceof DeadlineError) return { outcome: 'timeout', detail: `Ended after ${spec.limits.wallMs} ms, its limit.` };
      throw error;
    } finally {
      ended = true;
    }
  };

  const endingOfLostContainer = async (id: string): Promise<Ending | undefined> => {
    let found = await within(engine.state(id), 'look at the container', stepMs);
    // What the engine does in a container that is being ended fails a moment before it calls it ended.
    for (let looks = 0; looks < 3 && found !== 'gone' && found.running; looks++) {
      await wait(50);
      found = await within(engine.state(id), 'look at the container', stepMs);
    }
    if (found === 'gone') return { outcome: 'engine_failure', detail: 'The container was removed from outside while it ran.' };
    if (found.running) return undefined;
    if (found.oomKilled) return { outcome: 'oom', exitCode: 137, signal: 'SIGKILL' };
    return { outcome: 'engine_failure', detail: 'The container was ended from outside while it ran.' };
  };

  const ending = async (spec: RunSpec, collector: OutputCollector, signal: AbortSignal): Promise<Ending> => {
    const refusal = refusalOf(spec, allowedImages);
    if (refusal !== undefined) return { outcome: 'refused', detail: refusal };
    if (signal.aborted) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
    try {
      return await inContainer(spec, collector, signal);
    } catch (error) {
      if (error instanceof Stopped) return { outcome: 'cancelled', cancelReason: cancelReasonOf(signal) };
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

  let tended: Promise<void> | undefined;
  const tend = (): void => {
    tended ??= track(tendOnce()).finally(() => (tended = undefined));
  };
  const tendOnce = async (): Promise<void> => {
    await state.beat().catch((error: unknown) => logger.warn({ err: error }, 'this replica could not say that it is alive'));
    await surroundings.refresh().catch((error: unknown) => logger.warn({ err: error }, 'the container engine does not answer'));
    if (closing.signal.aborted) return;
    for (const wish of surroundings.expected()) pool.expect(boxKindOf({ ...wish, network: 'none' }, wish.imageId));
    pool.tend((kind) => surroundings.isCurrent(kind.imageId));
  };
  const tending = setInterval(tend, options.tendMs ?? 4_000).unref();

  return {
    ...identity,
    async ready() {
      try {
        const { missing, said } = await within(surroundings.look(), 'the container engine', 2_000);
        if (missing.length > 0) return { ok: false, detail: `The container engine lacks the image ${missing.join(', ')}.` };
        return { ok: true, detail: `${said}; ${pool.idle} sandboxes waiting.` };
      } catch {
        return { ok: false, detail: 'The container engine does not answer.' };
      }
    },
    run: async (spec, hooks) => await track(run(spec, hooks)),
    async reap() {
      const reaped = await reap();
      // The first time, what was left is gone now and cannot be taken for what is made from here on.
      tend();
      return reaped;
    },
    async close() {
      closing.abort('shutdown');
      clearInterval(tending);
      await Promise.allSettled(active);
      await pool.close();
      await Promise.allSettled(active);
    },
  };
}

// Only our own words reach a person; the engine's are in the log.
function failureDetail(error: unknown): string {
  if (isDiskFull(error)) return 'The sandbox failed: its disk is full. Free some space on it; the command was not run.';
  const ours = error instanceof DeadlineError || error instanceof ImageMissingError || error instanceof WorkspaceRefusedError || error instanceof NotStartedError;
  return ours ? `The sandbox failed: ${error.message}.` : 'The container engine failed during the run; the log of the sandbox says how.';
}
