import { setTimeout as wait } from 'node:timers/promises';
import type { Duplex, Writable } from 'node:stream';
import Docker from 'dockerode';
import type { ExecSpec } from './container-spec.ts';
import { demultiplex } from './demultiplex.ts';
import type { OutputChunk } from './port.ts';

export type ContainerCreateOptions = Docker.ContainerCreateOptions;

/** The calls that this service makes to the container engine, and the only file that makes them. */
export interface Engine {
  info(): Promise<EngineInfo>;
  /** The id of an image that the engine has, by its digest; undefined for one that it has not. */
  imageId(image: string): Promise<string | undefined>;
  /** @throws ImageMissingError */
  create(options: ContainerCreateOptions): Promise<string>;
  /** Starts the container and holds its standard input open until the hold is let go or the connection breaks. */
  start(id: string): Promise<Hold>;
  exec(id: string, spec: ExecSpec): Promise<EngineExec>;
  state(id: string): Promise<ContainerState>;
  kill(id: string): Promise<void>;
  /** Removes the container, running or not, and its anonymous volumes; one that is gone already is no error. */
  remove(id: string): Promise<void>;
  /** Containers in any state that carry all the given labels. */
  list(labels: Readonly<Record<string, string>>): Promise<readonly ListedContainer[]>;
}

export class ImageMissingError extends Error {
  override readonly name = 'ImageMissingError';
}

export interface EngineInfo {
  readonly version: string;
  /** Names of the OCI runtimes that the engine has. */
  readonly runtimes: readonly string[];
  readonly defaultRuntime: string;
  readonly cgroupDriver: string;
  /** Such as `rootless`, `userns`, `apparmor`. */
  readonly securityOptions: readonly string[];
}

export interface Hold {
  release(): void;
}

export interface EngineExec {
  /** Standard input of the process, where its `ExecSpec` says that it has one; to be ended. */
  readonly input: Writable;
  /** Ends when the process has ended. Must be read to its end or given up by `detach`: an engine whose reader stops blocks. */
  readonly output: AsyncIterable<OutputChunk>;
  /** To be asked once the output has ended. */
  exitCode(): Promise<number>;
  /** Lets the connection go; the process goes on until it is killed. */
  detach(): void;
}

export type ContainerState = { readonly running: boolean; readonly oomKilled: boolean } | 'gone';

export interface ListedContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** An engine on a Unix socket. Nothing is connected until the first call. */
export function openEngine(options: { readonly socketPath: string }): Engine {
  const docker = new Docker({ socketPath: options.socketPath });
  return {
    info: async () => {
      const info = (await docker.info()) as DockerInfo;
      return {
        version: info.ServerVersion,
        runtimes: Object.keys(info.Runtimes ?? {}),
        defaultRuntime: info.DefaultRuntime ?? 'runc',
        cgroupDriver: info.CgroupDriver ?? 'none',
        // Written as `name=seccomp,profile=default`.
        securityOptions: (info.SecurityOptions ?? []).flatMap((option) => /^(?:name=)?([a-z-]+)/.exec(option)?.[1] ?? []),
      };
    },
    imageId: async (image) => {
      try {
        return (await docker.getImage(image).inspect()).Id;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    create: async (container) => {
      try {
        return (await docker.createContainer(container)).id;
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        throw new ImageMissingError(`the container engine does not have the image ${container.Image ?? ''}`, { cause: error });
      }
    },
    start: async (id) => {
      const container = docker.getContainer(id);
      const input = (await container.attach({ stream: true, stdin: true, hijack: true })) as Duplex;
      input.on('error', () => undefined);
      // Nothing comes on it, and unread its end would not be noticed.
      input.resume();
      try {
        await container.start();
      } catch (error) {
        input.destroy();
        throw error;
      }
      return { release: () => void input.destroy() };
    },
    exec: async (id, spec) => await startExec(docker.getContainer(id), spec),
    state: async (id) => {
      try {
        const { State } = await docker.getContainer(id).inspect();
        return { running: State.Running, oomKilled: State.OOMKilled };
      } catch (error) {
        if (statusOf(error) === 404) return 'gone';
        throw error;
      }
    },
    kill: async (id) => {
      await ignoring([404, 409], docker.getContainer(id).kill({ signal: 'SIGKILL' }));
    },
    remove: async (id) => {
      await ignoring([404, 409], docker.getContainer(id).remove({ force: true, v: true }));
    },
    list: async (labels) => {
      const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
      const found = await docker.listContainers({ all: true, filters: { label } });
      return found.map((container) => ({ id: container.Id, labels: container.Labels }));
    },
  };
}

/** How long the engine may take to know a process's exit code once its output has ended. */
const exitCodeAfterMs = 10_000;

async function startExec(container: Docker.Container, spec: ExecSpec): Promise<EngineExec> {
  const exec = await container.exec({
    Cmd: [...spec.argv],
    User: spec.user,
    WorkingDir: '/',
    AttachStdin: spec.input,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  });
  const socket: Duplex = await exec.start({ hijack: true, stdin: spec.input });
  // A reset connection shows up where the output is read; without a listener it would end the process.
  socket.on('error', () => undefined);
  return {
    input: socket,
    output: demultiplex(socket as AsyncIterable<Uint8Array>),
    exitCode: async () => {
      // The engine closes the output a moment before it knows the code; on a machine that is busy, seconds.
      const givenUpAt = performance.now() + exitCodeAfterMs;
      for (let waitMs = 1; performance.now() < givenUpAt; waitMs = Math.min(2 * waitMs, 200)) {
        const { Running, ExitCode } = await exec.inspect();
        if (!Running && ExitCode !== null) return ExitCode;
        await wait(waitMs);
      }
      throw new Error('the engine does not say how the process ended');
    },
    detach: () => socket.destroy(),
  };
}

/** The part of the engine's `GET /info` that is used; older engines leave some of it out. */
interface DockerInfo {
  readonly ServerVersion: string;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly DefaultRuntime?: string;
  readonly CgroupDriver?: string;
  readonly SecurityOptions?: readonly string[];
}

async function ignoring(statuses: readonly number[], call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
