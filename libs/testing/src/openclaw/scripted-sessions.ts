import { randomUUID } from 'node:crypto';

/** What a person writes to a scripted OpenClaw. */
export interface ScriptedMessage {
  readonly text: string;
  readonly from: string;
  readonly name?: string;
  readonly channel?: string;
  readonly account?: string;
  readonly sessionKey?: string;
  readonly messageId?: string;
  readonly at?: number;
}

export type ScriptedRow = Readonly<Record<string, unknown>>;

/** The sessions of a scripted OpenClaw: rows, pages from the end, and deltas by an opaque cursor, as the real one answers. */
export interface ScriptedSessions {
  readonly keys: readonly string[];
  rows(key: string): readonly ScriptedRow[];
  /** Adds a row and gives it its `__openclaw.id` and `seq`. */
  add(key: string, row: ScriptedRow): ScriptedRow;
  history(params: Readonly<Record<string, unknown>>): unknown;
  list(params: Readonly<Record<string, unknown>>): unknown;
  /** Empties a session, as its reset does: cursors into it are void. */
  reset(key: string): void;
}

const deltaRows = 200;

export function createScriptedSessions(): ScriptedSessions {
  const sessions = new Map<string, { id: string; rows: ScriptedRow[] }>();
  const of = (key: string) => {
    const found = sessions.get(key) ?? { id: randomUUID(), rows: [] };
    sessions.set(key, found);
    return found;
  };
  const cursorOf = (session: { id: string; rows: ScriptedRow[] }): string => Buffer.from(JSON.stringify([session.id, session.rows.length])).toString('base64url');
  const readCursor = (cursor: string): [unknown, unknown] => {
    try {
      return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [unknown, unknown];
    } catch {
      return [undefined, undefined];
    }
  };

  return {
    get keys() {
      return [...sessions.keys()];
    },
    rows: (key) => sessions.get(key)?.rows ?? [],
    add(key, row) {
      const session = of(key);
      const meta = { id: randomUUID(), seq: session.rows.length + 1, recordTimestampMs: Date.now(), ...(row['__openclaw'] as object | undefined) };
      const stored = { timestamp: Date.now(), ...row, __openclaw: meta };
      session.rows.push(stored);
      return stored;
    },
    history(params) {
      const key = String(params['sessionKey']);
      const session = sessions.get(key);
      if (typeof params['cursor'] === 'string') {
        const [id, from] = readCursor(params['cursor']);
        if (!session || id !== session.id || typeof from !== 'number' || session.rows.length - from > deltaRows) return { kind: 'reset' };
        return { kind: 'delta', messages: session.rows.slice(from).map((message) => ({ sessionKey: key, message })), deltaCursor: cursorOf(session), sessionInfo: { key } };
      }
      const rows = session?.rows ?? [];
      const limit = typeof params['limit'] === 'number' ? params['limit'] : 200;
      const offset = typeof params['offset'] === 'number' ? params['offset'] : 0;
      const end = rows.length - offset;
      const start = Math.max(0, end - limit);
      return {
        sessionKey: key, messages: rows.slice(start, Math.max(0, end)), hasMore: start > 0, ...(start > 0 ? { nextOffset: offset + limit } : {}),
        ...(session && offset === 0 && rows.length > 0 ? { deltaCursor: cursorOf(session) } : {}),
      };
    },
    list(params) {
      const limit = typeof params['limit'] === 'number' ? params['limit'] : 60;
      const offset = typeof params['offset'] === 'number' ? params['offset'] : 0;
      const all = [...sessions.keys()];
      const more = offset + limit < all.length;
      return { sessions: all.slice(offset, offset + limit).map((key) => ({ key, updatedAt: Date.now() })), hasMore: more, nextOffset: more ? offset + limit : null };
    },
    reset(key) {
      sessions.delete(key);
      of(key);
    },
  };
}

/** The row that OpenClaw's core writes for a message from a channel. */
export function channelRow(message: ScriptedMessage): ScriptedRow {
  const channel = message.channel ?? 'telegram';
  return {
    role: 'user', content: message.text, timestamp: message.at ?? Date.now(), idempotencyKey: `channel-user:v1:${randomUUID()}`,
    __openclaw: {
      senderIsOwner: false, senderId: message.from, senderName: message.name ?? `Person ${message.from}`,
      senderIdentity: { type: 'observation', id: message.from, pluginId: channel, accountId: message.account ?? 'default', senderKind: 'human' },
      transport: { channel, conversationRef: `conv_${message.from}`, messageId: message.messageId ?? String(100_000 + counter++) },
      recordTimestampMs: message.at ?? Date.now(),
    },
  };
}
let counter = 0;

/** What OpenClaw's own agent answers. */
export const agentRow = (text: string): ScriptedRow => ({ role: 'assistant', content: [{ type: 'text', text }], api: 'openai-completions', provider: 'fake', model: 'fake-1', stopReason: 'stop', __openclaw: { runId: randomUUID() } });
