import type { Trust } from '@megabot/contracts/principal.ts';
import { lockConversationOf } from './conversations.ts';
import { putOnQueue, type Transaction } from './outbox.ts';
import { isEnded, type TurnRow } from './rows.ts';

/**
 * Puts a turn on the queue within the caller's transaction. Each time under a new id, since the queue drops an id that it
 * has seen within minutes. A turn that is on the queue twice is harmless: only one claim succeeds.
 */
export async function enqueueTurn(tx: Transaction, now: Date, turnId: string): Promise<void> {
  const [row] = await tx.query<{ count: number; conversation: string; trust: Trust }>(
    `UPDATE memory.turns SET enqueued = enqueued + 1, enqueued_at = $2 WHERE id = $1
     RETURNING enqueued AS count, conversation, ticket->'claims'->>'trust' AS trust`,
    [turnId, now],
  );
  if (row) await putOnQueue(tx, row.conversation, { id: turnId, ...row });
}

/**
 * Puts the conversation's oldest queued turn on the queue, unless one of its turns is being worked on. Turns behind it
 * follow when it ends or waits: a claim out of order would be refused anyway. The conversation must be locked.
 */
export async function enqueueNext(tx: Transaction, now: Date, conversation: string): Promise<void> {
  const [next] = await tx.query<Pick<TurnRow, 'id' | 'status'>>(
    `SELECT id, status FROM memory.turns WHERE conversation = $1 AND status IN ('running', 'queued')
     ORDER BY status = 'running' DESC, place LIMIT 1`,
    [conversation],
  );
  if (next?.status === 'queued') await enqueueTurn(tx, now, next.id);
}

/**
 * An action of the turn has its outcome. A waiting turn goes back to the queue; one that is being worked on remembers it
 * for the moment it wants to wait, so that an outcome between submitting and waiting is not lost. Any other turn needs
 * nothing. Repeating it is harmless. Resolves to whether anything changed.
 */
export async function wakeTurn(tx: Transaction, now: Date, turnId: string): Promise<boolean> {
  const conversation = await lockConversationOf(tx, turnId);
  if (conversation === undefined) return false;
  const [turn] = await tx.query<Pick<TurnRow, 'status'>>('SELECT status FROM memory.turns WHERE id = $1', [turnId]);
  if (!turn || isEnded(turn.status) || turn.status === 'queued') return false;
  if (turn.status === 'running') {
    await tx.query('UPDATE memory.turns SET wake = true WHERE id = $1', [turnId]);
    return true;
  }
  await tx.query("UPDATE memory.turns SET status = 'queued', updated_at = $2 WHERE id = $1", [turnId, now]);
  await enqueueNext(tx, now, conversation);
  return true;
}
