import { emptyWorkspaceRevision } from '@megabot/contracts/action.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { planHash } from './plan.ts';
import { approvalColumns, type ApprovalRow } from './rows.ts';

export interface Workspace {
  readonly revision: string;
}

/**
 * What the conversation's workspace holds, as its last run left it; locked until the transaction ends, which makes everything
 * that happens in one conversation happen one after the other.
 */
export async function lockWorkspace(sql: Sql, conversation: string): Promise<Workspace> {
  // The update changes nothing; it locks the row and reads it in one step.
  const [row] = await sql.query<{ revision: string }>(
    `INSERT INTO interlock.workspaces (conversation, revision) VALUES ($1, $2)
     ON CONFLICT (conversation) DO UPDATE SET conversation = excluded.conversation RETURNING revision`,
    [conversation, emptyWorkspaceRevision],
  );
  if (!row) throw new Error('the workspace of a conversation is gone');
  return row;
}

/**
 * Lets submitting to a turn and cancelling it follow one another: whichever comes second sees what the first one did. A turn
 * has no row here before its first action, so the lock is one by name.
 */
export async function lockTurn(sql: Sql, turnId: string): Promise<void> {
  await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`megabot:interlock:turn:${turnId}`]);
}

/**
 * A run of `turnId` has left the workspace at another revision (null: nobody knows what changed it). Pending approvals of the
 * same turn follow it: they were proposed with this change in view. Those of other turns stay bound to what was shown, and so
 * do changes of files: whoever approves one is shown it as it is by then.
 */
export async function noteRevision(sql: Sql, conversation: string, before: string, after: string, turnId: string | null): Promise<void> {
  if (after === before) return;
  await sql.query('UPDATE interlock.workspaces SET revision = $2, changed_by = $3 WHERE conversation = $1', [conversation, after, turnId]);
  if (turnId === null) return;
  const rows = await sql.query<ApprovalRow>(
    `SELECT ${approvalColumns} FROM interlock.approvals WHERE turn_id = $1 AND conversation = $2 AND status = 'pending' AND revision = $3 AND kind = 'shell' FOR UPDATE`,
    [turnId, conversation, before],
  );
  for (const row of rows) await bindApproval(sql, row, after);
}

/** Binds a pending approval to another revision, and so to another plan hash. */
async function bindApproval(sql: Sql, row: ApprovalRow, revision: string): Promise<ApprovalRow> {
  if (row.plan === null) throw new Error('a pending approval has no plan');
  const plan = { ...row.plan, workspaceRevision: revision };
  const hash = planHash(plan);
  await sql.query('UPDATE interlock.approvals SET plan = $2::jsonb, plan_hash = $3, revision = $4 WHERE id = $1', [row.id, JSON.stringify(plan), hash, revision]);
  return { ...row, plan, plan_hash: hash, revision };
}
