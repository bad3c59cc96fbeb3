import type { Bus } from '@megabot/bus/port.ts';
import { output as outputEvent } from '@megabot/contracts/events.ts';
import type { PlanOf } from '@megabot/contracts/action.ts';
import type { PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import type { RunContext } from '@megabot/execution/executor.ts';
import { plainReport, stoppedAs } from '@megabot/execution/report.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { CancelReason, SandboxDriver } from './driver/port.ts';
import { createEvents } from './events.ts';
import { runFileChange } from './file-run.ts';
import { createOutputPublisher } from './output-publisher.ts';
import { reportOf } from './report.ts';
import { NetworkRefused, type NetworkSource, type RunNetwork } from './network/port.ts';
import { networkSentence } from './network/summary.ts';
import type { WorkspaceHandle, WorkspaceStore } from './workspace/store.ts';

/** What this service executes. */
export const sandboxKinds = ['shell', 'file_write', 'file_delete', 'file_move'] as const;

/** The very workspace whose revision is claimed. */
export interface PreparedRun {
  readonly workspace: WorkspaceHandle;
  readonly workspaceRevision: string;
}

/** What the engine may take for the steps before and after the command, on top of the command's own time. */
const networkExtraMs = 150_000;

/** Executes granted permits: files in the store, commands with a driver, whose output is announced as it comes. */
export function createRunner(deps: { bus: Bus; driver: SandboxDriver; workspaces: WorkspaceStore; network: NetworkSource; logger: Logger }) {
  const { bus, driver } = deps;
  const events = createEvents(deps.logger);

  const runCommand = async ({ claims, plan }: PermitOf<'shell'>, context: RunContext<PreparedRun>, network: RunNetwork | undefined): Promise<RunReport> => {
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
        env: { ...plan.env, ...network?.attachment.env },
        image: plan.image,
        network: network?.attachment.network ?? 'none',
        limits: plan.limits,
        workspace: context.prepared.workspace,
        ...(plan.stdin === undefined ? {} : { stdin: plan.stdin }),
      },
      { onOutput: (stream, chunk) => publisher.add(stream, chunk), signal: cancelSignal(context) },
    );
    await publisher.finish();
    return reportOf(result, context.cause());
  };

  const runWithNetwork = async (permit: PermitOf<'shell'>, context: RunContext<PreparedRun>, granted: Exclude<PlanOf<'shell'>['network'], 'none'>): Promise<RunReport> => {
    const startedAt = Date.now();
    const { claims, plan } = permit;
    let network: RunNetwork;
    try {
      network = await deps.network.open({ runId: claims.runId, network: granted, lifetimeMs: plan.limits.wallMs + networkExtraMs }, context.signal);
    } catch (error) {
      if (!(error instanceof NetworkRefused)) throw error;
      const cause = context.cause();
      if (cause !== undefined) return plainReport({ ...stoppedAs(cause, 'sandbox'), driver: driver.name, workspaceRevision: context.prepared.workspaceRevision, startedAt, endedAt: Date.now() });
      return plainReport({ status: 'refused', detail: error.message, driver: driver.name, workspaceRevision: context.prepared.workspaceRevision, startedAt, endedAt: Date.now() });
    }
    let report: RunReport;
    try {
      report = await runCommand(permit, context, network);
    } catch (error) {
      await network.close();
      throw error;
    }
    const sentence = networkSentence(await network.close());
    return { ...report, detail: report.detail === null ? sentence : `${report.detail} ${sentence}` };
  };

  return async (permit: PermitOf<(typeof sandboxKinds)[number]>, context: RunContext<PreparedRun>): Promise<RunReport> => {
    const { claims, signature, plan } = permit;
    if (plan.kind !== 'shell') return await runFileChange(deps.workspaces, plan, context.prepared.workspace, context.cause());
    if (plan.network === 'none') return await runCommand({ claims, signature, plan }, context, undefined);
    return await runWithNetwork({ claims, signature, plan }, context, plan.network);
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
