import type { Channel } from '@megabot/contracts/principal.ts';
import type { InterlockEvents } from './events.ts';
import { actionOf, summaryOf } from './plan.ts';
import { redact } from './redact.ts';
import { approvalColumns, runColumns, toApproval, type ApprovalRow, type RunRow } from './rows.ts';
import { endRun } from './runs.ts';
import type { Tx } from './transaction.ts';

export interface Ending {
  readonly status: 'rejected' | 'expired' | 'cancelled';
  readonly reason: string | null;
  /** The person, or null for the system. */
  readonly by: string | null;
  readonly channel: Channel | null;
  /** Something else takes its place under the same key, so that the turn has nothing to wake for yet. */
  readonly replaced?: boolean;
}

/** Ends a pending approval without a run. It must be locked. */
export async function endApproval(tx: Tx, events: InterlockEvents, row: ApprovalRow, ending: Ending): Promise<ApprovalRow> {
  const command = redact(row.plan ? summaryOf(actionOf(row.plan)) : row.command);
  await tx.query(
    `UPDATE interlock.approvals SET status = $2, reason = $3, decided_by = $4, decided_channel = $5, decided_at = $6, plan = NULL, command = $7 WHERE id = $1 AND status = 'pending'`,
    [row.id, ending.status, ending.reason, ending.by, ending.channel, tx.now, command],
  );
  const ended: ApprovalRow = { ...row, status: ending.status, reason: ending.reason, decided_by: ending.by, decided_at: tx.now, decided_channel: ending.channel, plan: null, diff: null, command };
  tx.record({
    event: ending.status === 'rejected' ? 'decided' : ending.status === 'expired' ? 'approval_expired' : 'approval_cancelled',
    principal: ending.by,
    channel: ending.channel,
    conversation: row.conversation,
    verdict: ending.status,
    subject: { approvalId: row.id, key: row.key, kind: row.kind, waitedMs: String(tx.now - row.created_at) },
    text: ending.reason,
    digest: row.plan_hash,
  });
  await events.approvalDecided(tx, toApproval(ended), ending.by ?? 'system');
  if (ending.replaced !== true) await events.settled(tx, { conversation: row.conversation, turnId: row.turn_id, key: row.key });
  return ended;
}

export interface Stopped {
  readonly approvals: number;
  readonly runs: number;
}

/**
 * Ends what is pending and due, and asks what is running to stop; `where` chooses among approvals and runs alike. A running
 * run ends by its executor's report, or when its lease lapses.
 */
async function stop(tx: Tx, events: InterlockEvents, where: string, parameters: readonly unknown[], cause: 'cancel' | 'lockdown', reason: string): Promise<Stopped> {
  const pending = await tx.query<ApprovalRow>(`SELECT ${approvalColumns} FROM interlock.approvals WHERE status = 'pending' AND ${where} ORDER BY created_at FOR UPDATE`, parameters);
  for (const row of pending) await endApproval(tx, events, row, { status: 'cancelled', reason, by: null, channel: null });
  const unended = await tx.query<RunRow>(`SELECT ${runColumns} FROM interlock.runs WHERE status IN ('due', 'running') AND ${where} ORDER BY place FOR UPDATE`, parameters);
  for (const row of unended) if (row.status === 'due') await endRun(tx, events, row, { status: 'cancelled', detail: reason });
  const running = unended.filter((row) => row.status === 'running').map((row) => row.id);
  if (running.length > 0) {
    await tx.query("UPDATE interlock.runs SET stop_requested = $2 WHERE id = ANY($1::text[]) AND (stop_requested IS NULL OR $2 = 'lockdown')", [running, cause]);
    await events.runsStopped(tx, running);
  }
  return { approvals: pending.length, runs: unended.length };
}

/** Lockdown: nothing waits, nothing starts, what runs is killed, and no earlier word for a conversation holds. */
export async function stopEverything(tx: Tx, events: InterlockEvents): Promise<void> {
  await stop(tx, events, 'true', [], 'lockdown', 'Everything was stopped by a lockdown.');
  await tx.query('DELETE FROM interlock.conversation_grants');
}

export async function stopTurn(tx: Tx, events: InterlockEvents, turnId: string): Promise<Stopped> {
  return await stop(tx, events, 'turn_id = $1', [turnId], 'cancel', 'The turn was cancelled.');
}
