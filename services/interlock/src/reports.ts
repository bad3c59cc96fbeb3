import type { z } from 'zod';
import { executors } from '@megabot/contracts/action.ts';
import type { heartbeat, report } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { isFinalRunStatus, type RunReport, type RunStatus } from '@megabot/contracts/run.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { readStateRow } from './configuration/state.ts';
import { storableText } from '@megabot/postgres/values.ts';
import type { Context } from './context.ts';
import { recordingRefusals } from './refusals.ts';
import { findRun, type RunRow } from './rows.ts';
import { endRun, issuePermit } from './runs.ts';
import { toServiceError } from './transaction.ts';
import { lockWorkspace, noteRevision } from './workspace.ts';

type ReportRequest = z.infer<(typeof report)['request']>;
type BeatRequest = z.infer<(typeof heartbeat)['request']>;
type BeatReply = z.infer<(typeof heartbeat)['reply']>;

/** Extends the leases of an executor's runs, and says which of them have to stop: cancelled ones, and those that are not its own. */
export async function beat(context: Context, { instance, running }: BeatRequest): Promise<BeatReply> {
  const { db } = context.store;
  try {
    const leaseUntil = context.clock() + context.limits.leaseMs;
    const kept = await db.query<Pick<RunRow, 'id' | 'stop_requested'>>(
      // Locked in the order in which a lockdown locks them.
      `WITH mine AS (SELECT id FROM interlock.runs WHERE id = ANY($2::text[]) AND instance = $3 AND status = 'running' ORDER BY place FOR UPDATE)
       UPDATE interlock.runs SET lease_until = $1 WHERE id IN (SELECT id FROM mine) RETURNING id, stop_requested`,
      [leaseUntil, running, instance],
    );
    const state = await readStateRow(db, '');
    const going = new Set(kept.filter((row) => row.stop_requested === null).map((row) => row.id));
    return { epoch: state.epoch, lockdown: state.lockdown, stop: running.filter((id) => !going.has(id)) };
  } catch (error) {
    throw toServiceError(error);
  }
}

/**
 * Records how a claimed run ended; the first report stands. Only the executor that claimed it may report.
 * @throws ServiceError `permit_unknown` to anybody else, `run_ended` if the run was given up before
 */
export async function recordReport(context: Context, caller: ServiceName, request: ReportRequest): Promise<{ recorded: boolean }> {
  const { permitId, runId, instance } = request;
  const outcome = await recordingRefusals(context, { event: 'report_refused', subject: { runId, permitId, instance } }, async () => await record(context, caller, request));
  // That it came too late is in the log already.
  if (outcome === 'late') throw new ServiceError('run_ended', 'The run was given up before this report came.');
  return { recorded: outcome === 'recorded' };
}

async function record(context: Context, caller: ServiceName, { permitId, runId, instance, report: given }: ReportRequest): Promise<'recorded' | 'repeated' | 'late'> {
  return await context.transact(async (tx) => {
    const state = await readStateRow(tx, 'FOR SHARE');
    const known = await findRun(tx, 'id = $1', [runId]);
    if (!known) throw notYours();
    const workspace = await lockWorkspace(tx, known.conversation);
    const run = await findRun(tx, 'id = $1 FOR UPDATE', [runId]);
    const [permit] = await tx.query("SELECT 1 FROM interlock.permits WHERE id = $1 AND run_id = $2 AND status = 'claimed' AND instance = $3", [permitId, runId, instance]);
    if (!run || !permit || (run.plan !== null && executors[run.plan.kind] !== caller)) throw notYours();
    if (run.reported) return 'repeated';
    // Who does not keep the workspace does not say what it holds.
    const revision = (caller === 'sandbox' ? given.workspaceRevision : null) ?? workspace.revision;
    // What it left in the workspace is true also if the run was given up before.
    await noteRevision(tx, run.conversation, workspace.revision, revision, run.turn_id);
    const late = isFinalRunStatus(run.status);
    if (late) await tx.query('UPDATE interlock.runs SET reported = true WHERE id = $1', [run.id]);
    else {
      await endRun(tx, context.events, run, {
        status: endStatus(run, given),
        detail: given.detail === null ? null : storableText(given.detail),
        exitCode: given.exitCode,
        signal: given.signal,
        output: storableText(given.output),
        truncated: given.truncated,
        droppedBytes: given.droppedBytes,
        driver: given.driver,
        reported: true,
        changedFiles: given.changedFiles,
        binaryOutput: given.binaryOutput,
      });
    }
    tx.record({ event: 'reported', conversation: run.conversation, verdict: late ? 'too_late' : given.status, subject: { runId, permitId, key: run.key, instance, workspaceRevision: revision } });
    await issuePermit(tx, context, { conversation: run.conversation, epoch: state.epoch, revision });
    return late ? 'late' : 'recorded';
  });
}

/** An executor that only knows that it was to stop does not know why. */
function endStatus(run: RunRow, given: RunReport): RunStatus {
  return given.status === 'cancelled' && run.stop_requested === 'lockdown' ? 'killed_by_lockdown' : given.status;
}

const notYours = (): ServiceError => new ServiceError('permit_unknown', 'No run was claimed with this permit by this executor.');
