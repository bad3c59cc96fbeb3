import type { z } from 'zod';
import { decided } from '@megabot/contracts/bridge-decision.ts';
import type { BridgeAnswer, bridgeAnswerDecide, bridgeAnswers, bridgeChat, BridgeChat, bridgeChats, bridgeUnsent } from '@megabot/contracts/endpoints/bridge.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { replyBytes } from '../fit.ts';

type Answer = z.infer<typeof BridgeAnswer>;
type Chat = z.infer<typeof BridgeChat>;

/** When the bridge was first connected: now, the first time. The holder's lease has made the row. */
export async function begin(sql: Sql, bridge: string, now: number): Promise<number> {
  const [row] = await sql.query<{ begun_at: number }>('UPDATE memory.bridges SET begun_at = coalesce(begun_at, $2) WHERE bridge = $1 RETURNING begun_at', [bridge, now]);
  return row?.begun_at ?? now;
}

export async function cursors(sql: Sql, bridge: string, save: { sessionKey: string; cursor: string } | undefined): Promise<{ sessionKey: string; cursor: string }[]> {
  if (save) {
    // Taken out and put in again, so that the newest stands last.
    await sql.query('DELETE FROM memory.bridge_cursors WHERE bridge = $1 AND session_key = $2', [bridge, save.sessionKey]);
    await sql.query('INSERT INTO memory.bridge_cursors (bridge, session_key, cursor) VALUES ($1, $2, $3)', [bridge, save.sessionKey, save.cursor]);
    return [];
  }
  const rows = await sql.query<{ session_key: string; cursor: string }>('SELECT session_key, cursor FROM memory.bridge_cursors WHERE bridge = $1 ORDER BY saved DESC LIMIT 1000', [bridge]);
  return rows.map((row) => ({ sessionKey: row.session_key, cursor: row.cursor }));
}

export async function seen(sql: Sql, bridge: string, keys: readonly string[], markAt: number | undefined): Promise<string[]> {
  if (markAt !== undefined) {
    await sql.query('INSERT INTO memory.bridge_seen (bridge, key, at) SELECT $1, k, $3 FROM unnest($2::text[]) AS k ON CONFLICT DO NOTHING', [bridge, [...keys], markAt]);
    return [...keys];
  }
  const rows = await sql.query<{ key: string }>('SELECT key FROM memory.bridge_seen WHERE bridge = $1 AND key = ANY($2::text[])', [bridge, [...keys]]);
  return rows.map((row) => row.key);
}

/**
 * Saving is a compare-and-set: what the owner has decided since it was read stands.
 * @throws ServiceError `not_found` for saving an answer that was never added, `conflict` for one that the owner decided about
 */
export async function putAnswer(sql: Sql, bridge: string, op: 'add' | 'save', answer: Answer): Promise<boolean> {
  const values = [bridge, answer.id, answer.state, answer.attempts, answer.expiresAt, JSON.stringify(answer)];
  if (op === 'add') {
    const added = await sql.query(
      'INSERT INTO memory.bridge_answers (bridge, id, state, attempts, expires_at, answer) VALUES ($1, $2, $3, $4, $5, $6::jsonb) ON CONFLICT DO NOTHING RETURNING id',
      values,
    );
    return added.length > 0;
  }
  const saved = await sql.query(
    `UPDATE memory.bridge_answers SET state = $3, attempts = $4, expires_at = $5, answer = $6::jsonb
     WHERE bridge = $1 AND id = $2 AND coalesce((answer->>'decisions')::int, 0) = $7 RETURNING id`,
    [...values, answer.decisions ?? 0],
  );
  if (saved.length > 0) return false;
  const known = await sql.query('SELECT id FROM memory.bridge_answers WHERE bridge = $1 AND id = $2', [bridge, answer.id]);
  if (known.length === 0) throw new ServiceError('not_found', `There is no answer ${answer.id} to save.`);
  throw new ServiceError('conflict', `The owner has decided about the answer ${answer.id} meanwhile.`, { hint: 'Read it again.' });
}

/** Locks the answer, so that a part is taken up before or after the decision and never in between. @throws ServiceError `not_found`, `conflict` */
export async function decideAnswer(sql: Sql, { bridge, id, decision, now }: z.infer<typeof bridgeAnswerDecide.request>): Promise<Answer> {
  const [row] = await sql.query<{ answer: Answer }>('SELECT answer FROM memory.bridge_answers WHERE bridge = $1 AND id = $2 FOR UPDATE', [bridge, id]);
  if (!row) throw new ServiceError('not_found', 'There is no such answer.', { hint: 'Read the list again: what is long over is forgotten.' });
  const answer = decided(row.answer, decision, now);
  await sql.query('UPDATE memory.bridge_answers SET state = $3, expires_at = $4, answer = $5::jsonb WHERE bridge = $1 AND id = $2', [bridge, id, answer.state, answer.expiresAt, JSON.stringify(answer)]);
  return answer;
}

export async function answers(sql: Sql, { bridge, which, limit }: z.infer<typeof bridgeAnswers.request>): Promise<Answer[]> {
  const rows = await sql.query<{ answer: Answer }>(
    which === 'open'
      ? `SELECT answer FROM (
           (SELECT DISTINCT ON (answer->'address') answer, added FROM memory.bridge_answers WHERE bridge = $1 AND state = 'pending' ORDER BY answer->'address', added)
           UNION ALL SELECT answer, added FROM memory.bridge_answers WHERE bridge = $1 AND state = 'held'
         ) AS open ORDER BY (answer->>'nextTryAt')::bigint, added LIMIT $2`
      : "SELECT answer FROM memory.bridge_answers WHERE bridge = $1 AND (state IN ('failed', 'held') OR (state = 'pending' AND (attempts > 0 OR id LIKE 'run-%'))) ORDER BY added DESC LIMIT $2",
    [bridge, limit],
  );
  return firstPage(rows, ({ answer }) => answer).map((row) => row.answer);
}

/** As many as fit into one message by their `weight`. One alone always fits; the rest follows when these are done. */
function firstPage<Row>(rows: readonly Row[], weight: (row: Row) => unknown): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex((row) => (bytes += Buffer.byteLength(JSON.stringify(weight(row)))) > replyBytes.page);
  return rows.slice(0, end === -1 ? rows.length : Math.max(end, 1));
}

export async function prune(sql: Sql, bridge: string, before: number): Promise<void> {
  await sql.query('DELETE FROM memory.bridge_seen WHERE bridge = $1 AND at < $2', [bridge, before]);
  await sql.query("DELETE FROM memory.bridge_answers WHERE bridge = $1 AND state NOT IN ('pending', 'held') AND expires_at < $2", [bridge, before]);
}

/** The conversation of a chat. Made with the first message; the session through which answers go is the latest one heard of. */
export async function chat(sql: Sql, now: Date, request: z.infer<typeof bridgeChat.request>): Promise<Chat> {
  const { bridge, chatKey, sessionKey, title } = request;
  const address = JSON.stringify(request.address);
  const update = async () =>
    await sql.query<{ conversation: string }>('UPDATE memory.bridge_chats SET session_key = $3, address = $4::jsonb WHERE bridge = $1 AND chat_key = $2 RETURNING conversation', [bridge, chatKey, sessionKey, address]);
  let [row] = await update();
  if (!row) {
    const conversation = newId();
    await sql.query('INSERT INTO memory.conversations (id, title, mode, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)', [conversation, title, 'ask', now]);
    await sql.query('INSERT INTO memory.bridge_chats (bridge, chat_key, conversation, address, session_key) VALUES ($1, $2, $3, $4::jsonb, $5)', [bridge, chatKey, conversation, address, sessionKey]);
    row = { conversation };
  }
  return { conversation: row.conversation, chatKey, address: request.address, sessionKey };
}

/** How long an answer is worth delivering. */
const answerLifeMs = 86_400_000;

/** Only answers to somebody behind the bridge: what the owner asks in such a conversation is the owner's. */
export async function unsent(sql: Sql, now: Date, { bridge, limit }: z.infer<typeof bridgeUnsent.request>): Promise<{ turnId: string; text: string; chat: Chat }[]> {
  const rows = await sql.query<{ turn_id: string; text: string; conversation: string; chat_key: string; address: Chat['address']; session_key: string }>(
    `SELECT t.id AS turn_id, m.text, c.conversation, c.chat_key, c.address, c.session_key
     FROM memory.bridge_chats c JOIN memory.turns t ON t.conversation = c.conversation JOIN memory.messages m ON m.id = t.answer_id
     WHERE c.bridge = $1 AND t.updated_at > $2 AND t.ticket->'claims'->>'principal' LIKE 'bridge:%' AND m.text <> ''
       AND NOT EXISTS (SELECT 1 FROM memory.bridge_answers a WHERE a.bridge = $1 AND a.id = 'turn-' || t.id)
     ORDER BY t.place LIMIT $3`,
    [bridge, new Date(now.getTime() - answerLifeMs), limit],
  );
  return firstPage(rows, ({ text }) => text).map((row) => ({
    turnId: row.turn_id, text: row.text,
    chat: { conversation: row.conversation, chatKey: row.chat_key, address: row.address, sessionKey: row.session_key },
  }));
}

export async function chatOf(sql: Sql, bridge: string, conversation: string): Promise<Chat | null> {
  const [row] = await sql.query<{ chat_key: string; address: Chat['address']; session_key: string }>(
    'SELECT chat_key, address, session_key FROM memory.bridge_chats WHERE bridge = $1 AND conversation = $2',
    [bridge, conversation],
  );
  return row ? { conversation, chatKey: row.chat_key, address: row.address, sessionKey: row.session_key } : null;
}

const mostChats = 100;

/** Where somebody whom the owner listed wrote before: nothing else is known, so nothing else can be written to. */
export async function chats(sql: Sql, { bridge, platform, chat: id }: z.infer<typeof bridgeChats.request>): Promise<(Chat & { title: string })[]> {
  const rows = await sql.query<{ conversation: string; chat_key: string; address: Chat['address']; session_key: string; title: string }>(
    `SELECT b.conversation, b.chat_key, b.address, b.session_key, c.title
     FROM memory.bridge_chats b JOIN memory.conversations c ON c.id = b.conversation
     WHERE b.bridge = $1 AND b.address->>'platform' = $2 AND b.address->>'chat' = $3 ORDER BY b.chat_key LIMIT $4`,
    [bridge, platform, id, mostChats],
  );
  return rows.map((row) => ({ conversation: row.conversation, chatKey: row.chat_key, address: row.address, sessionKey: row.session_key, title: row.title }));
}
