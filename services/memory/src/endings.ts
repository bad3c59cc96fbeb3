import type { Message, Turn } from '@megabot/contracts/conversation.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { insertAnswer } from './append.ts';
import { leaseLost } from './claims.ts';
import { lockConversationOf, present, touchConversation } from './conversations.ts';
import { announceFinal, type Transaction } from './outbox.ts';
import { enqueueNext } from './queueing.ts';
import { isEnded, toMessage, toTurn, type MessageRow, type TurnRow } from './rows.ts';

/**
 * Ends a turn with its answer; run it in a transaction. Repeating it with the same lease returns the first answer's id.
 * @throws ServiceError `lease_lost`
 */
export async function finishTurn(
  tx: Transaction,
  now: Date,
  request: { turnId: string; lease: string; status: 'done' | 'failed'; text: string },
): Promise<{ messageId: string }> {
  await lockConversationOf(tx, request.turnId);
  const [turn] = await tx.query<TurnRow>('SELECT * FROM memory.turns WHERE id = $1 AND lease = $2', [request.turnId, request.lease]);
  if (turn?.answer_id) return { messageId: turn.answer_id };
  if (turn?.status !== 'running') throw leaseLost();
  return { messageId: await endTurn(tx, now, turn, request.status, request.text) };
}

/**
 * Ends a turn at a person's word; run it in a transaction. Whoever works on it learns so by `lease_lost`.
 * @throws ServiceError `turn_unknown`, `turn_ended`
 */
export async function cancelTurn(tx: Transaction, now: Date, turnId: string): Promise<Turn> {
  if ((await lockConversationOf(tx, turnId)) === undefined) throw unknownTurn();
  const [row] = await tx.query<TurnRow>('SELECT * FROM memory.turns WHERE id = $1', [turnId]);
  const turn = present(row);
  if (isEnded(turn.status)) {
    throw new ServiceError('turn_ended', 'The turn has already ended.', { hint: 'Nothing is left to cancel; its answer is in the conversation.' });
  }
  await tx.query('UPDATE memory.turns SET lease = NULL WHERE id = $1', [turnId]);
  await endTurn(tx, now, turn, 'cancelled', 'Cancelled.');
  return { ...toTurn(turn), status: 'cancelled', updatedAt: now.getTime() };
}

/** Stores the answer, ends the turn, announces it and lets the next turn of the locked conversation go. Resolves to the answer's id. */
export async function endTurn(tx: Transaction, now: Date, turn: TurnRow, status: 'done' | 'failed' | 'cancelled', text: string): Promise<string> {
  const { id: turnId, conversation } = turn;
  const messageId = newId();
  await insertAnswer(tx, now, { id: messageId, conversation, turnId, text });
  // The checkpoint is of no more use, and holds what tools returned.
  await tx.query(
    'UPDATE memory.turns SET status = $2, answer_id = $3, checkpoint = NULL, lease_until = NULL, wake = false, updated_at = $4 WHERE id = $1',
    [turnId, status, messageId, now],
  );
  await touchConversation(tx, now, conversation, '');
  await announceFinal(tx, { conversation, turnId, messageId, text, status });
  await enqueueNext(tx, now, conversation);
  return messageId;
}

/** @throws ServiceError `turn_unknown` */
export async function getTurn(sql: Sql, turnId: string): Promise<{ turn: Turn; answer: Message | null }> {
  const [turn] = await sql.query<TurnRow>('SELECT * FROM memory.turns WHERE id = $1', [turnId]);
  if (!turn) throw unknownTurn();
  const [answer] = await sql.query<MessageRow>('SELECT * FROM memory.messages WHERE id = $1', [turn.answer_id]);
  return { turn: toTurn(turn), answer: answer ? toMessage(answer) : null };
}

function unknownTurn(): ServiceError {
  return new ServiceError('turn_unknown', 'There is no such turn.', { hint: 'Turn ids come with "accepted"; check that the whole id was given.' });
}
