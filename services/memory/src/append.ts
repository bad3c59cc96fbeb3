import type { z } from 'zod';
import type * as endpoints from '@megabot/contracts/endpoints/memory.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { isDatabaseError } from '@megabot/postgres/database.ts';
import { storableText } from '@megabot/postgres/values.ts';
import { present, touchConversation } from './conversations.ts';
import { announceFinal, putOnQueue, type Transact, type Transaction } from './outbox.ts';

export type AppendRequest = z.infer<typeof endpoints.append.request>;
export type AppendReply = z.infer<typeof endpoints.append.reply>;

/**
 * Stores a message and its turn, and with a `reply` the answer too, in one transaction.
 * @throws ServiceError `not_found` for an unknown conversation, `conflict` for a key or turn that was used for something else
 */
export async function appendMessage(transact: Transact, now: Date, request: AppendRequest): Promise<AppendReply> {
  const { conversation, ticket } = request;
  if (ticket.claims.conversation !== conversation) {
    throw new ServiceError('conflict', 'The ticket was issued for another conversation.', { hint: 'Send the message again.' });
  }
  try {
    return await transact(async (tx) => await store(tx, now, request));
  } catch (error) {
    if (!isDatabaseError(error, 'unique')) throw error;
    throw new ServiceError('conflict', 'This turn id was used before.', { hint: 'Send the message again.', cause: error });
  }
}

async function store(tx: Transaction, now: Date, request: AppendRequest): Promise<AppendReply> {
  const { conversation, messageKey, text, ticket, command, reply } = request;
  const { turnId, principal, trust } = ticket.claims;
  await touchConversation(tx, now, conversation, text);
  const messageId = newId();
  const [inserted] = await tx.query(
    `INSERT INTO memory.messages (id, conversation, turn_id, role, text, principal, message_key, created_at)
     VALUES ($1, $2, $3, 'user', $4, $5, $6, $7) ON CONFLICT (conversation, message_key) DO NOTHING RETURNING id`,
    [messageId, conversation, turnId, text, principal, messageKey, now],
  );
  if (!inserted) return await firstResult(tx, request);

  const kind = reply !== undefined ? 'command' : command !== undefined ? 'run' : 'chat';
  const answerId = reply === undefined ? null : newId();
  await tx.query(
    `INSERT INTO memory.turns (id, conversation, message_id, answer_id, kind, status, command, ticket, enqueued, enqueued_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $10, $10)`,
    [turnId, conversation, messageId, answerId, kind, answerId ? 'done' : 'queued', command ?? null, JSON.stringify(ticket), answerId ? 0 : 1, now],
  );
  if (reply !== undefined && answerId !== null) {
    await insertAnswer(tx, now, { id: answerId, conversation, turnId, text: reply });
    await announceFinal(tx, { conversation, turnId, messageId: answerId, text: reply, status: 'done' });
  } else {
    await putOnQueue(tx, conversation, { id: turnId, trust, count: 1 });
  }
  return { messageId, turnId, duplicate: false };
}

async function firstResult(tx: Transaction, request: AppendRequest): Promise<AppendReply> {
  const [row] = await tx.query<{ id: string; turn_id: string; text: string }>(
    'SELECT id, turn_id, text FROM memory.messages WHERE conversation = $1 AND message_key = $2',
    [request.conversation, request.messageKey],
  );
  const first = present(row);
  if (first.text !== storableText(request.text)) {
    throw new ServiceError('conflict', 'This message id was used before, for another text.', { hint: 'Give each message an id of its own.' });
  }
  return { messageId: first.id, turnId: first.turn_id, duplicate: true };
}

/** Stores the answer of a turn. */
export async function insertAnswer(tx: Transaction, now: Date, answer: { id: string; conversation: string; turnId: string; text: string }): Promise<void> {
  await tx.query(
    "INSERT INTO memory.messages (id, conversation, turn_id, role, text, created_at) VALUES ($1, $2, $3, 'assistant', $4, $5)",
    [answer.id, answer.conversation, answer.turnId, answer.text, now],
  );
}
