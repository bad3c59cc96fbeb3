import type { Bus } from '@megabot/bus/port.ts';
import { output as outputEvent } from '@megabot/contracts/events.ts';
import type { PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import type { RunContext } from '@megabot/execution/executor.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { CancelReason, SandboxDriver } from './driver/port.ts';
import { createEvents } from './events.ts';
import { runFileChange } from './file-run.ts';
import { createOutputPublisher } from './output-publisher.ts';
import { reportOf } from './report.ts';
import type { WorkspaceHandle, WorkspaceStore } from './workspace/store.ts';

/** What this service executes. */
export const sandboxKinds = ['shell', 'file_write', 'file_delete', 'file_move'] as const;

/** The very workspace whose revision is claimed. */
export interface PreparedRun {
  readonly workspace: WorkspaceHandle;
  readonly workspaceRevision: string;
}

/** Executes granted permits: files in the store, commands with a driver, whose output is announced as it comes. */
export function createRunner(deps: { bus: Bus; driver: SandboxDriver; workspaces: WorkspaceStore; logger: Logger }) {
  const { bus, driver } = deps;
  const events = createEvents(deps.logger);
  return async ({ claims, plan }: PermitOf<(typeof sandboxKinds)[number]>, context: RunContext<PreparedRun>): Promise<RunReport> => {
    if (plan.kind !== 'shell') return await runFileChange(deps.workspaces, plan, context.prepared.workspace, context.cause());
    const publisher = createOutputPublisher({
      flushMs: 40,
      maxChunk: 16_384,
      send: async (stream, index, chunk) => {
        const body = { conversation: plan.conversation, runId: claims.runId, turnId: claims.turnId, stream, index, chunk };
        await bus
          .publish(outputEvent, body, { conversation: plan.conversation, id: `${claims.runId}:${index}` })
          .catch((error: unknown) => events.outputLost(claims.runId, error));
      },
    });
    const result = await driver.run(
      {
        runId: claims.runId,
        permitId: claims.permitId,
        conversation: plan.conversation,
        argv: plan.argv,
        cwd: plan.cwd,
        env: plan.env,
        image: plan.image,
        network: plan.network,
        limits: plan.limits,
        workspace: context.prepared.workspace,
      },
      { onOutput: (stream, chunk) => publisher.add(stream, chunk), signal: cancelSignal(context) },
    );
    await publisher.finish();
    return reportOf(result, context.cause());
  };
}

/** The same signal with a reason that drivers know. */
function cancelSignal({ signal, cause }: RunContext<PreparedRun>): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    const why = cause() ?? 'cancel';
    controller.abort((why === 'interlock_lost' ? 'cancel' : why) satisfies CancelReason);
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}
