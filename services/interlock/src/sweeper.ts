import { executors } from '@megabot/contracts/action.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { sumUp, unaskedDue } from './asking.ts';
import { readInForce, readStateRow } from './configuration/state.ts';
import type { Context } from './context.ts';
import { findApproval, findRun } from './rows.ts';
import { endRun, issuePermit } from './runs.ts';
import { endApproval } from './stopping.ts';
import { lockWorkspace } from './workspace.ts';

/** What a sweep did, for its caller and for tests. */
export interface Swept {
  readonly expiredApprovals: number;
  readonly interruptedRuns: number;
  readonly visitedQueues: number;
  /** Floods of proposals that were summed up. */
  readonly summaries: number;
}

const batch = 100;

/**
 * Does what time demands: expires approvals, gives up runs whose executor is silent (`leases`) or never came, and issues
 * permits anew. Every replica may sweep at any time: each step looks again under its locks.
 */
export async function sweep(context: Context, leases: boolean): Promise<Swept> {
  const { db } = context.store;
  const now = context.clock();
  const approvals = await db.query<{ id: string }>("SELECT id FROM interlock.approvals WHERE status = 'pending' AND expires_at <= $1 ORDER BY expires_at LIMIT $2", [now, batch]);
  const expiredApprovals = await countOf(context, approvals, async ({ id }) => await expireApproval(context, id));

  const silent = leases ? await db.query<{ id: string }>("SELECT id FROM interlock.runs WHERE status = 'running' AND lease_until <= $1 LIMIT $2", [now, batch]) : [];
  const interruptedRuns = await countOf(context, silent, async ({ id }) => await interruptRun(context, id));

  const waiting = await db.query<{ conversation: string }>(
    `SELECT r.conversation FROM interlock.runs r
     WHERE r.status = 'due'
       AND r.place = (SELECT min(o.place) FROM interlock.runs o WHERE o.conversation = r.conversation AND o.status IN ('due', 'running'))
       AND NOT EXISTS (SELECT 1 FROM interlock.permits p WHERE p.run_id = r.id AND p.status = 'live' AND p.expires_at > $1)
     LIMIT $2`,
    [now, batch],
  );
  await countOf(context, waiting, async ({ conversation }) => await serveQueue(context, conversation));
  const summaries = await countOf(context, await unaskedDue(db, now, batch), async (row) => await sumUp(context, row));
  return { expiredApprovals, interruptedRuns, visitedQueues: waiting.length, summaries };
}

/** Does a step for each row and counts where it did something. One that fails holds up none of the others. */
async function countOf<Row extends object>(context: Context, rows: readonly Row[], step: (row: Row) => Promise<boolean>): Promise<number> {
  let count = 0;
  for (const row of rows) {
    try {
      if (await step(row)) count += 1;
    } catch (error) {
      if (isServiceError(error, 'unavailable')) throw error;
      context.logger.error({ err: error, row }, 'what its time demands could not be done; it is tried again');
    }
  }
  return count;
}

async function expireApproval(context: Context, id: string): Promise<boolean> {
  return await context.transact(async (tx) => {
    await readStateRow(tx, 'FOR SHARE');
    const found = await findApproval(tx, 'id = $1', [id]);
    if (!found) return false;
    await lockWorkspace(tx, found.conversation);
    const row = await findApproval(tx, "id = $1 AND status = 'pending' FOR UPDATE", [id]);
    if (!row || row.expires_at > tx.now) return false;
    await endApproval(tx, context.events, row, { status: 'expired', reason: null, by: null, channel: null });
    return true;
  });
}

/** An executor that does not say that it still runs has died, or we cannot know. Either way the run is not repeated. */
async function interruptRun(context: Context, id: string): Promise<boolean> {
  return await context.transact(async (tx) => {
    const state = await readStateRow(tx, 'FOR SHARE');
    const found = await findRun(tx, 'id = $1', [id]);
    if (!found) return false;
    const workspace = await lockWorkspace(tx, found.conversation);
    const run = await findRun(tx, "id = $1 AND status = 'running' FOR UPDATE", [id]);
    if (!run || run.lease_until === null || run.lease_until > tx.now) return false;
    await endRun(tx, context.events, run, { status: 'interrupted', detail: `The service that executes it (${run.plan === null ? 'unknown' : executors[run.plan.kind]}) stopped answering while it ran. What it did until then is not known; it was not run again.` });
    await issuePermit(tx, context, { conversation: run.conversation, epoch: state.epoch, revision: workspace.revision });
    return true;
  });
}

/** The first due run of a conversation gets a permit, or, if no executor came in all its time, is given up for the next. */
async function serveQueue(context: Context, conversation: string): Promise<boolean> {
  return await context.transact(async (tx) => {
    const state = await readInForce(tx);
    if (state.lockdown) return false;
    const workspace = await lockWorkspace(tx, conversation);
    const head = await findRun(tx, `conversation = $1 AND status IN ('due', 'running') ORDER BY place LIMIT 1 FOR UPDATE`, [conversation]);
    const [issued] = head ? await tx.query('SELECT 1 FROM interlock.permits WHERE run_id = $1 LIMIT 1', [head.id]) : [];
    if (head?.status === 'due' && issued && head.deadline <= tx.now) {
      await endRun(tx, context.events, head, { status: 'expired', detail: `The service that executes it (${head.plan === null ? 'unknown' : executors[head.plan.kind]}) did not take it in time. It was not run.` });
    }
    await issuePermit(tx, context, { conversation, epoch: state.epoch, revision: workspace.revision });
    return true;
  });
}

/** Forgets people's words for a conversation whose time is over. */
export async function forgetGrants(context: Context): Promise<void> {
  await context.store.db.query('DELETE FROM interlock.conversation_grants WHERE expires_at <= $1', [context.clock()]);
}
