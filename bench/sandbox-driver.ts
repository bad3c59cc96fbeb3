import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@megabot/observability/logger.ts';
import { labels } from '@megabot/sandbox/driver/container-spec.ts';
import { createDockerDriver } from '@megabot/sandbox/driver/docker.ts';
import { openEngine, type Engine } from '@megabot/sandbox/driver/engine.ts';
import type { PoolOptions } from '@megabot/sandbox/driver/pool.ts';
import type { OutputStream, RunResult, RunSpec, SandboxDriver } from '@megabot/sandbox/driver/port.ts';
import { sandboxImage } from '@megabot/sandbox/driver/run-rules.ts';
import { openWorkspaceStore, type WorkspaceStore } from '@megabot/sandbox/workspace/store.ts';

/** The limits that a new installation has. */
export const defaultLimits: RunSpec['limits'] = {
  wallMs: 300_000, memoryBytes: 512 * 2 ** 20, pids: 256, cpus: 1, outputBytes: 2 ** 20, workspaceBytes: 256 * 2 ** 20,
};

export interface Timed {
  readonly result: RunResult;
  readonly firstOutputMs: number | undefined;
  readonly finalMs: number;
}

/** A sandbox driver of its own beside whatever else the engine runs: another project, folders that are deleted at the end. */
export interface BenchDriver extends AsyncDisposable {
  readonly driver: SandboxDriver;
  readonly engine: Engine;
  readonly workspaces: WorkspaceStore;
  readonly project: string;
  readonly stateFolder: string;
  close(): Promise<void>;
  containers(): Promise<number>;
  run(conversation: string, script: string, limits?: Partial<RunSpec['limits']>, signal?: AbortSignal): Promise<Timed>;
}

export async function openBenchDriver(pool: PoolOptions): Promise<BenchDriver> {
  const project = `megabot-bench-${randomUUID()}`;
  const folder = await mkdtemp(join(tmpdir(), 'megabot-bench-sandbox-'));
  const workspaces = await openWorkspaceStore({ root: folder });
  const engine = openEngine({ socketPath: '/var/run/docker.sock' });
  const stateFolder = join(folder, 'replicas');
  const logger = createLogger('bench', 'error');
  const driver = createDockerDriver({ project, instance: 'bench', stateFolder, pool }, { engine, workspaces, logger });
  await driver.reap();
  return {
    driver,
    engine,
    workspaces,
    project,
    stateFolder,
    close: async () => await driver.close(),
    containers: async () => (await engine.list({ [labels.project]: project })).length,
    async run(conversation, script, limits = {}, signal = new AbortController().signal) {
      const started = performance.now();
      let firstOutputMs: number | undefined;
      const onOutput = (_stream: OutputStream, _chunk: Uint8Array): void => void (firstOutputMs ??= performance.now() - started);
      const spec: RunSpec = {
        runId: randomUUID(), permitId: randomUUID(), conversation, argv: ['bash', '--noprofile', '--norc', '-c', script], cwd: '/workspace', env: {},
        image: sandboxImage, network: 'none', limits: { ...defaultLimits, ...limits }, workspace: await workspaces.get(conversation),
      };
      const result = await driver.run(spec, { onOutput, signal });
      return { result, firstOutputMs, finalMs: performance.now() - started };
    },
    async [Symbol.asyncDispose]() {
      await driver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
