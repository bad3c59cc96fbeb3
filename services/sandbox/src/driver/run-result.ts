import type { PutResult } from '../workspace/store.ts';
import type { OutputCollector } from './output-collector.ts';
import type { CancelReason, RunResult, RunSpec, SandboxDriver } from './port.ts';

/** How a run ended, before it is put together with its output: what differs from one outcome to another. */
export type Ending = Pick<RunResult, 'outcome'> &
  Partial<Pick<RunResult, 'exitCode' | 'signal' | 'cancelReason' | 'detail'>> & {
    /** What became of the workspace, where it was stored anew. */
    readonly put?: PutResult;
  };

export function resultOf(
  driver: Pick<SandboxDriver, 'name' | 'simulated'>,
  spec: RunSpec,
  startedAt: Date,
  collector: OutputCollector,
  ending: Ending,
): RunResult {
  return {
    outcome: ending.outcome,
    exitCode: ending.exitCode ?? null,
    signal: ending.signal ?? null,
    cancelReason: ending.cancelReason ?? null,
    output: collector.output(),
    truncated: collector.droppedBytes > 0,
    droppedBytes: collector.droppedBytes,
    workspaceRevision: ending.put?.revision ?? spec.workspace.revision,
    workspaceChanged: ending.put?.changed ?? false,
    ...(ending.put ? { workspaceChanges: ending.put.changes } : {}),
    workspaceOmitted: ending.put?.omitted ?? [],
    driver: driver.name,
    simulated: driver.simulated,
    startedAt,
    endedAt: new Date(),
    detail: ending.detail ?? null,
  };
}

export function cancelReasonOf(signal: AbortSignal): CancelReason {
  const reason: unknown = signal.reason;
  return reason === 'lockdown' || reason === 'shutdown' ? reason : 'cancel';
}
