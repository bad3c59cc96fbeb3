import { setTimeout as wait } from 'node:timers/promises';
import type { Duplex, Readable } from 'node:stream';
import Docker from 'dockerode';
import type { ExecSpec } from './container-spec.ts';
import { demultiplex } from './demultiplex.ts';
import type { OutputChunk } from './port.ts';

export type ContainerCreateOptions = Docker.ContainerCreateOptions;

/** The calls that this service makes to the container engine, and the only file that makes them. */
export interface Engine {
  version(): Promise<string>;
  hasImage(image: string): Promise<boolean>;
  /** @throws ImageMissingError */
  create(options: ContainerCreateOptions): Promise<string>;
  start(id: string): Promise<void>;
  exec(id: string, spec: ExecSpec, stdin?: Readable): Promise<EngineExec>;
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

export interface EngineExec {
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
    version: async () => (await docker.version()).Version,
    hasImage: async (image) => {
      try {
        await docker.getImage(image).inspect();
        return true;
      } catch (error) {
        if (statusOf(error) === 404) return false;
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
      await docker.getContainer(id).start();
    },
    exec: async (id, spec, stdin) => await startExec(docker.getContainer(id), spec, stdin),
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

async function startExec(container: Docker.Container, spec: ExecSpec, stdin?: Readable): Promise<EngineExec> {
  const exec = await container.exec({
    Cmd: [...spec.argv],
    User: spec.user,
    WorkingDir: spec.cwd,
    Env: [...spec.env],
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  });
  const socket: Duplex = await exec.start({ hijack: true, stdin: stdin !== undefined });
  // A reset connection shows up where the output is read; without a listener it would end the process.
  socket.on('error', () => undefined);
  if (stdin) {
    stdin.on('error', (error) => socket.destroy(error));
    stdin.pipe(socket);
  }
  return {
    output: demultiplex(socket as AsyncIterable<Uint8Array>),
    exitCode: async () => {
      // The engine closes the output a moment before it knows the code.
      for (let attempt = 0; attempt < 40; attempt++) {
        const { Running, ExitCode } = await exec.inspect();
        if (!Running && ExitCode !== null) return ExitCode;
        await wait(50);
      }
      throw new Error('the engine does not say how the process ended');
    },
    detach: () => socket.destroy(),
  };
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
