import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { retry } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { containerSpec, labels, launcherExec, type BoxKind, type ContainerOptions } from './container-spec.ts';
import { within } from './deadline.ts';
import type { Engine, EngineExec, Hold } from './engine.ts';
import { launchInput, outputAfterMark } from './launch.ts';
import type { PooledBox } from './pool.ts';
import type { OutputChunk, RunSpec } from './port.ts';

/** A started container in which a launcher waits for its one run. */
export interface Box extends PooledBox {
  readonly boxId: string;
  /** The engine's. */
  readonly containerId: string;
  readonly kind: BoxKind;
  /** How long a run in it may take, in milliseconds. */
  readonly maxWallMs: number;
  /**
   * Hands the run over to the launcher; at most once. Resolves with the command's output when the command starts.
   * @throws NotStartedError, or what reading the workspace failed with; the command was then not run.
   */
  launch(spec: RunSpec): Promise<AsyncIterable<OutputChunk>>;
  /** Of the command, once its output has ended. */
  exitCode(): Promise<number>;
  /** Lets the connections go; without them the container ends. */
  release(): void;
}

export interface BoxMaker {
  /** Makes a container, starts it and its launcher. What failed half-way is removed. */
  make(kind: BoxKind, options: ContainerOptions, maxWallMs: number): Promise<Box>;
  /** Ends and removes a box. Resolves when that is done or was given up; the reaper then finds it. Never rejects. */
  remove(box: Box): Promise<void>;
  /** Whether a container is one that this process made and did not give up. */
  isOurs(boxId: string): boolean;
  /** Resolves when few removals are under way. */
  settled(): Promise<void>;
}

/** For how long a box may wait for a run. */
const freshMs = 10 * 60_000;
/** After SIGKILL a container has this long to be gone before it is removed by force. */
const killGraceMs = 2_000;

export function createBoxMaker(deps: { engine: Engine; logger: Logger; stepMs: number }): BoxMaker {
  const { engine, logger, stepMs } = deps;
  const ours = new Set<string>();
  const removals = new Set<Promise<void>>();

  const removeContainer = async (id: string): Promise<void> => {
    await within(engine.kill(id), 'kill the container', killGraceMs).catch(() => undefined);
    await within(engine.remove(id), 'remove the container', stepMs);
  };

  /** Leaves no container behind, also when the engine made one without our learning its id. */
  const erase = async (boxId: string, containerId: string | undefined): Promise<void> => {
    const removing = retry(
      async () => {
        const ids = containerId === undefined ? await idsOf(boxId) : [containerId];
        await Promise.all(ids.map(removeContainer));
      },
      { minMs: 100, maxMs: 1_000, attempts: 4 },
    )
      .catch((error: unknown) => logger.error({ err: error, boxId }, 'a container could not be removed; the reaper will find it'))
      .finally(() => {
        ours.delete(boxId);
        removals.delete(removing);
      });
    removals.add(removing);
    await removing;
  };

  const idsOf = async (boxId: string): Promise<string[]> =>
    (await within(engine.list({ [labels.box]: boxId }), 'find the container', stepMs)).map((container) => container.id);

  return {
    async make(kind, options, maxWallMs) {
      const boxId = randomUUID();
      ours.add(boxId);
      const leaseMs = freshMs + maxWallMs + 5 * stepMs;
      const creating = engine.create(containerSpec(kind, options, { boxId, leaseMs, now: Date.now() }));
      let hold: Hold | undefined;
      try {
        const containerId = await within(creating, 'create the container', stepMs);
        const starting = engine.start(containerId);
        starting.then((late) => (hold = late), () => undefined);
        hold = await within(starting, 'start the container', stepMs);
        const exec = await within(engine.exec(containerId, launcherExec), 'start the launcher', stepMs);
        return boxOf({ boxId, containerId, kind, maxWallMs, exec, hold });
      } catch (error) {
        hold?.release();
        const known = await within(creating, 'learn the container', killGraceMs).catch(() => undefined);
        void erase(boxId, known);
        throw error;
      }
    },
    async remove(box) {
      box.release();
      await erase(box.boxId, box.containerId);
    },
    isOurs: (boxId) => ours.has(boxId),
    async settled() {
      while (removals.size > 8) await Promise.race(removals);
    },
  };
}

type Parts = Pick<Box, 'boxId' | 'containerId' | 'kind' | 'maxWallMs'> & { readonly exec: EngineExec; readonly hold: Hold };

function boxOf({ exec, hold, ...about }: Parts): Box {
  const output = exec.output[Symbol.asyncIterator]();
  // The launcher says nothing until it has a run: whatever comes before, an end most of all, means that it is of no use.
  const first = output.next();
  const ended = first.then(() => undefined, () => undefined);
  let used = false;
  return {
    ...about,
    ended,
    freshUntil: performance.now() + freshMs,
    async launch(spec) {
      if (used) throw new Error('a container is for one run');
      used = true;
      const workspace = spec.workspace.readTar();
      // A command may end without reading its input; that the rest cannot be sent is then no failure.
      pipeline(Readable.from(launchInput(spec, workspace)), exec.input).catch(() => undefined);
      try {
        return await outputAfterMark(startingWith(first, output));
      } catch (error) {
        throw workspace?.errored ?? error;
      }
    },
    exitCode: async () => await exec.exitCode(),
    release: () => {
      exec.detach();
      hold.release();
    },
  };
}

/** An iterator of which the first step was asked for already. */
function startingWith<T>(first: Promise<IteratorResult<T>>, rest: AsyncIterator<T>): AsyncIterator<T> {
  let asked: Promise<IteratorResult<T>> | undefined = first;
  return {
    next: async () => {
      const step = asked ?? rest.next();
      asked = undefined;
      return await step;
    },
  };
}
