import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Conversation, Message, Mode } from '@megabot/contracts/conversation.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { fitting, replyBytes } from './fit.ts';
import { conversationColumns, toConversation, toMessage, type ConversationRow, type MessageRow } from './rows.ts';

export const defaultConversation = 'default';
const defaultTitle = 'Main conversation';
/** More than anybody scrolls through; a list without an end would be a reply without one. */
const listLimit = 500;

export async function listConversations(sql: Sql): Promise<Conversation[]> {
  const rows = await sql.query<ConversationRow>(`SELECT ${conversationColumns} FROM memory.conversations c ORDER BY c.updated_at DESC, c.id LIMIT $1`, [listLimit]);
  return rows.map(toConversation);
}

export async function createConversation(sql: Sql, now: Date, options: { title?: string | undefined; mode?: Mode | undefined }): Promise<Conversation> {
  const [row] = await sql.query<ConversationRow>(
    `INSERT INTO memory.conversations AS c (id, title, mode, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) RETURNING ${conversationColumns}`,
    [newId(), options.title ?? '', options.mode ?? 'ask', now],
  );
  return toConversation(present(row));
}

/** @throws ServiceError `not_found`; the default conversation is made instead. */
export async function getConversation(sql: Sql, now: Date, id: string): Promise<Conversation> {
  const [row] = await sql.query<ConversationRow>(`SELECT ${conversationColumns} FROM memory.conversations c WHERE c.id = $1`, [id]);
  if (row) return toConversation(row);
  if (id !== defaultConversation) throw unknownConversation(id);
  return await touchConversation(sql, now, id, '');
}

/** @throws ServiceError `not_found` */
export async function updateConversation(
  sql: Sql,
  now: Date,
  request: { id: string; title?: string | undefined; mode?: Mode | undefined },
): Promise<Conversation> {
  if (request.id === defaultConversation) await getConversation(sql, now, request.id);
  const [row] = await sql.query<ConversationRow>(
    `UPDATE memory.conversations AS c SET title = coalesce($2, title), mode = coalesce($3, mode), updated_at = $4 WHERE id = $1 RETURNING ${conversationColumns}`,
    [request.id, request.title ?? null, request.mode ?? null, now],
  );
  if (!row) throw unknownConversation(request.id);
  return toConversation(row);
}

/**
 * Locks a conversation for the rest of the transaction, marks it as just used, and names it after its first message if it
 * has no title yet. The default conversation is made on first use. @throws ServiceError `not_found`
 */
export async function touchConversation(sql: Sql, now: Date, id: string, firstText: string): Promise<Conversation> {
  const [row] =
    id === defaultConversation
      ? await sql.query<ConversationRow>(
          `INSERT INTO memory.conversations AS c (id, title, created_at, updated_at) VALUES ($1, $2, $3, $3)
           ON CONFLICT (id) DO UPDATE SET updated_at = greatest(c.updated_at, $3) RETURNING ${conversationColumns}`,
          [id, defaultTitle, now],
        )
      : await sql.query<ConversationRow>(
          `UPDATE memory.conversations AS c SET updated_at = greatest(updated_at, $2), title = CASE WHEN title = '' THEN $3 ELSE title END
           WHERE id = $1 RETURNING ${conversationColumns}`,
          [id, now, titleFrom(firstText)],
        );
  if (!row) throw unknownConversation(id);
  return toConversation(row);
}

/** Keeps others from changing the conversation's turns until the transaction ends. */
export async function lockConversation(sql: Sql, id: string): Promise<void> {
  await sql.query('SELECT id FROM memory.conversations WHERE id = $1 FOR UPDATE', [id]);
}

/** Locks the conversation of a turn likewise. Resolves to its id, or undefined for an unknown turn. */
export async function lockConversationOf(sql: Sql, turnId: string): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    'SELECT c.id FROM memory.conversations c JOIN memory.turns t ON t.conversation = c.id WHERE t.id = $1 FOR UPDATE OF c',
    [turnId],
  );
  return row?.id;
}

/** One page by keyset, in ascending order; `hasMore` speaks of the direction that was read. */
export async function listMessages(
  sql: Sql,
  request: { conversation: string; after?: number | undefined; before?: number | undefined; limit: number },
): Promise<{ messages: Message[]; hasMore: boolean }> {
  const forward = request.after !== undefined;
  const rows = forward
    ? await sql.query<MessageRow>('SELECT * FROM memory.messages WHERE conversation = $1 AND seq > $2 ORDER BY seq LIMIT $3', [
        request.conversation,
        request.after,
        request.limit + 1,
      ])
    : await sql.query<MessageRow>(
        'SELECT * FROM memory.messages WHERE conversation = $1 AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3',
        [request.conversation, request.before ?? null, request.limit + 1],
      );
  if (rows.length === 0 && request.conversation !== defaultConversation) {
    const [known] = await sql.query('SELECT id FROM memory.conversations WHERE id = $1', [request.conversation]);
    if (!known) throw unknownConversation(request.conversation);
  }
  const page = fitting(rows.slice(0, request.limit), replyBytes.page);
  const messages = page.map(toMessage);
  return { messages: forward ? messages : messages.reverse(), hasMore: page.length < rows.length };
}

export function unknownConversation(id: string): ServiceError {
  return new ServiceError('not_found', `There is no conversation "${id}".`, { hint: 'List the conversations, or write to "default", which always exists.' });
}

function titleFrom(text: string): string {
  const line = text.trim().split('\n')[0]?.trim() ?? '';
  return line.length <= 60 ? line : `${line.slice(0, 59).trimEnd()}…`;
}

/** For statements that always return a row. */
export function present<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('the statement returned no row');
  return row;
}
