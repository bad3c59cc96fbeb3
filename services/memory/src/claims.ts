import type { z } from 'zod';
import type * as endpoints from '@megabot/contracts/endpoints/memory.ts';
import type { ClaimedTurn, Message, Mode } from '@megabot/contracts/conversation.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { lockConversationOf, present } from './conversations.ts';
import { fitting, replyBytes } from './fit.ts';
import type { Transaction } from './outbox.ts';
import { enqueueNext } from './queueing.ts';
import { isEnded, toMessage, type MessageRow, type TurnRow } from './rows.ts';

export type Claim = z.infer<typeof endpoints.turnClaim.reply>;

/** How many messages the model gets to see, the turn's own included. */
const historyLimit = 40;
/** A checkpoint travels in one message of the bus with the history; both have to fit. */
const checkpointLimit = 3_000_000;

/**
 * Takes a queued turn for `leaseMs`; run it in a transaction. Of one conversation only one turn is worked on at a time, the
 * oldest first, so that answers come in the order of the messages.
 * @throws ServiceError `turn_unknown`, `turn_ended`, `turn_busy`
 */
export async function claimTurn(sql: Sql, now: Date, request: { turnId: string; replica: string }, leaseMs: number): Promise<Claim> {
  if ((await lockConversationOf(sql, request.turnId)) === undefined) throw new ServiceError('turn_unknown', 'There is no such turn.');
  const [current] = await sql.query<TurnRow & { mode: Mode; text: string; behind: boolean }>(
    `SELECT t.*, c.mode, m.text, EXISTS (
       SELECT FROM memory.turns o WHERE o.conversation = t.conversation AND o.id <> t.id
         AND (o.status = 'running' OR (o.status = 'queued' AND o.place < t.place))) AS behind
     FROM memory.turns t JOIN memory.conversations c ON c.id = t.conversation JOIN memory.messages m ON m.id = t.message_id WHERE t.id = $1`,
    [request.turnId],
  );
  const turn = present(current);
  if (isEnded(turn.status) || turn.kind === 'command') throw new ServiceError('turn_ended', 'The turn has ended.');
  const lapsed = turn.status === 'running' && (turn.lease_until?.getTime() ?? 0) <= now.getTime();
  if (turn.status !== 'queued' && !lapsed) throw new ServiceError('turn_busy', 'The turn is not to be worked on now.');
  if (turn.behind) throw new ServiceError('turn_busy', 'An earlier turn of the conversation comes first.');

  const lease = newId();
  await sql.query(
    `UPDATE memory.turns SET status = 'running', attempt = attempt + 1, lapses = lapses + $2, lease = $3, lease_until = $4,
     replica = $5, wake = false, updated_at = $6 WHERE id = $1`,
    [turn.id, lapsed ? 1 : 0, lease, new Date(now.getTime() + leaseMs), request.replica, now],
  );
  const { claims } = turn.ticket;
  const claimed: ClaimedTurn = {
    id: turn.id,
    conversation: turn.conversation,
    kind: turn.kind,
    attempt: turn.attempt + 1,
    mode: turn.mode,
    principal: claims.principal,
    trust: claims.trust,
    text: turn.text,
    ...(turn.command === null ? {} : { command: turn.command }),
    ticket: turn.ticket,
    checkpoint: turn.checkpoint,
  };
  return { turn: claimed, history: await historyOf(sql, turn), lease, leaseMs };
}

// Ordered by turns, so that an answer follows its own message even where the next message came before it. Control commands
// are between the person and the interlock: the model has no part in them.
async function historyOf(sql: Sql, turn: TurnRow): Promise<Message[]> {
  const rows = await sql.query<MessageRow>(
    `SELECT m.* FROM memory.messages m JOIN memory.turns t ON t.id = m.turn_id
     WHERE m.conversation = $1 AND t.kind <> 'command' AND (t.place < $2 OR m.id = $3)
     ORDER BY t.place DESC, m.seq DESC LIMIT $4`,
    [turn.conversation, turn.place, turn.message_id, historyLimit],
  );
  return fitting(rows, replyBytes.history).map(toMessage).reverse();
}

/** @throws ServiceError `lease_lost` */
export async function heartbeatTurn(sql: Sql, now: Date, request: { turnId: string; lease: string }, leaseMs: number): Promise<void> {
  const rows = await sql.query("UPDATE memory.turns SET lease_until = $3 WHERE id = $1 AND lease = $2 AND status = 'running' RETURNING id", [
    request.turnId,
    request.lease,
    new Date(now.getTime() + leaseMs),
  ]);
  if (rows.length === 0) throw leaseLost();
}

/**
 * Saves what the turn has reached; run it in a transaction. A turn that wants to wait although an outcome has already come
 * goes straight back to the queue.
 * @throws ServiceError `lease_lost`, `too_large`
 */
export async function saveCheckpoint(
  sql: Transaction,
  now: Date,
  request: z.infer<typeof endpoints.turnCheckpoint.request>,
  leaseMs: number,
): Promise<void> {
  const checkpoint = JSON.stringify(request.checkpoint);
  if (Buffer.byteLength(checkpoint) > checkpointLimit) throw new ServiceError('too_large', 'The checkpoint is too large to be saved.');
  if (request.state === 'running') {
    const rows = await sql.query(
      "UPDATE memory.turns SET checkpoint = $3::jsonb, lapses = 0, lease_until = $4, updated_at = $5 WHERE id = $1 AND lease = $2 AND status = 'running' RETURNING id",
      [request.turnId, request.lease, checkpoint, new Date(now.getTime() + leaseMs), now],
    );
    if (rows.length === 0) throw leaseLost();
    return;
  }
  const turn = await lockLeasedTurn(sql, request);
  await sql.query(
    `UPDATE memory.turns SET checkpoint = $2::jsonb, status = $3, wake = false, lapses = 0, lease = NULL, lease_until = NULL, updated_at = $4 WHERE id = $1`,
    [turn.id, checkpoint, turn.wake ? 'queued' : 'waiting', now],
  );
  await enqueueNext(sql, now, turn.conversation);
}

/** The turn that this lease holds, its conversation locked. @throws ServiceError `lease_lost` */
async function lockLeasedTurn(sql: Sql, request: { turnId: string; lease: string }): Promise<TurnRow> {
  await lockConversationOf(sql, request.turnId);
  const [turn] = await sql.query<TurnRow>("SELECT * FROM memory.turns WHERE id = $1 AND lease = $2 AND status = 'running'", [
    request.turnId,
    request.lease,
  ]);
  if (!turn) throw leaseLost();
  return turn;
}

export function leaseLost(): ServiceError {
  return new ServiceError('lease_lost', 'The turn was taken over or has ended.');
}
