import { handle, type Bus } from '@megabot/bus/port.ts';
import { fileRead, filesList, ping, workspaceRead } from '@megabot/contracts/endpoints/sandbox.ts';
import { createExecutor } from '@megabot/execution/executor.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { SandboxDriver } from './driver/port.ts';
import { noNetwork } from './network/none.ts';
import type { NetworkSource } from './network/port.ts';
import { createRunner, sandboxKinds, type PreparedRun } from './execute.ts';
import type { WorkspaceStore } from './workspace/store.ts';
import { listFiles, readFilePart } from './workspace-files.ts';
import { readWorkspace } from './workspace-read.ts';

export interface SandboxOptions {
  /** Names this replica, the same after a restart. */
  readonly instance: string;
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
  /** Runs at a time. */
  readonly concurrency: number;
  readonly heartbeatMs?: number;
  /** A run is stopped when no heartbeat was answered for this long. */
  readonly interlockLostMs?: number;
}

export interface SandboxDeps {
  readonly bus: Bus;
  readonly driver: SandboxDriver;
  readonly workspaces: WorkspaceStore;
  /** Where commands that were granted network get it; by default nowhere. */
  readonly network?: NetworkSource;
  readonly logger: Logger;
  readonly clock?: () => number;
}

/** Executes what the interlock permits and nothing else: takes permits, claims each right before its start, reports its end. */
export async function createSandbox(options: SandboxOptions, deps: SandboxDeps): Promise<{ close(): Promise<void> }> {
  const { bus, driver, workspaces, logger } = deps;
  const lifecycle = new Lifecycle(logger);
  const executor = await createExecutor(
    { ...options, service: 'sandbox', kinds: sandboxKinds, driver: driver.name },
    {
      bus,
      logger,
      ...(deps.clock ? { clock: deps.clock } : {}),
      prepare: async (plan): Promise<PreparedRun> => {
        const workspace = await workspaces.get(plan.conversation);
        return { workspace, workspaceRevision: workspace.revision };
      },
      run: createRunner({ bus, driver, workspaces, network: deps.network ?? noNetwork, logger }),
      reap: async () => await driver.reap(),
      halt: async () => await driver.close(),
    },
  );
  lifecycle.own('work', 'runs', async () => await executor.close());
  const server = await bus.serve([
    handle(ping, async () => {
      const ready = await driver.ready();
      return { ok: ready.ok, detail: ready.detail, driver: driver.name, simulated: driver.simulated, running: executor.running() };
    }),
    handle(filesList, async (request) => await listFiles(workspaces, request)),
    handle(fileRead, async (request) => await readFilePart(workspaces, request)),
    handle(workspaceRead, async (request) => await readWorkspace(workspaces, request)),
  ]);
  lifecycle.own('stores', 'bus bindings', async () => await server.stop());
  return { close: async () => await lifecycle.close() };
}
