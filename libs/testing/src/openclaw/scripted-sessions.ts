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
  /** What came with it, as `__openclaw.media` says it: no path, and from Telegram no size. */
  readonly media?: readonly { readonly contentType: string; readonly kind: string; readonly fileName?: string; readonly sizeBytes?: number }[];
  /** Instead of `text`, where the real one writes blocks: a photo that comes while its agent, whose model takes images, is busy. */
  readonly content?: readonly object[];
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
/** Where the real one cuts texts of a delta always, and of a page without `maxChars`. */
const shownChars = 8_000;
const cutText = (row: ScriptedRow, most: number): ScriptedRow => {
  const content = row['content'];
  return typeof content === 'string' && content.length > most ? { ...row, content: `${content.slice(0, most)}\n...(truncated)...` } : row;
};

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
        return { kind: 'delta', messages: session.rows.slice(from).map((row) => ({ sessionKey: key, message: cutText(row, shownChars) })), deltaCursor: cursorOf(session), sessionInfo: { key } };
      }
      const rows = session?.rows ?? [];
      const limit = typeof params['limit'] === 'number' ? params['limit'] : 200;
      const offset = typeof params['offset'] === 'number' ? params['offset'] : 0;
      const end = rows.length - offset;
      const start = Math.max(0, end - limit);
      const most = typeof params['maxChars'] === 'number' ? params['maxChars'] : shownChars;
      return {
        sessionKey: key, messages: rows.slice(start, Math.max(0, end)).map((row) => cutText(row, most)), hasMore: start > 0, ...(start > 0 ? { nextOffset: offset + limit } : {}),
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
    role: 'user', content: message.content ?? message.text, timestamp: message.at ?? Date.now(), idempotencyKey: `channel-user:v1:${randomUUID()}`,
    __openclaw: {
      senderIsOwner: false, senderId: message.from, senderName: message.name ?? `Person ${message.from}`,
      senderIdentity: { type: 'observation', id: message.from, pluginId: channel, accountId: message.account ?? 'default', senderKind: 'human' },
      transport: { channel, conversationRef: `conv_${message.from}`, messageId: message.messageId ?? String(100_000 + counter++) },
      ...(message.media ? { media: message.media } : {}),
      recordTimestampMs: message.at ?? Date.now(),
    },
  };
}
let counter = 0;

/** What OpenClaw's own agent answers. Whether it goes out cannot be seen in it. */
export const agentRow = (text: string): ScriptedRow => ({ role: 'assistant', content: [{ type: 'text', text }], ...ofItsModel, stopReason: 'stop', __openclaw: { runId: randomUUID() } });

/** Its agent calls a tool; `at` in milliseconds since 1970. */
export const toolCallRow = (name: string, at = Date.now()): ScriptedRow => ({
  role: 'assistant', content: [{ type: 'toolCall', id: 'call_1', name, arguments: {} }], ...ofItsModel, stopReason: 'toolUse', timestamp: at, __openclaw: { runId: randomUUID() },
});

/** What the tool said. The real one writes this row to the history and sends no event for it. */
export const toolResultRow = (toolName: string, text: string, options: { isError?: boolean; at?: number } = {}): ScriptedRow => ({
  role: 'toolResult', toolCallId: 'call_1', toolName, content: [{ type: 'text', text }], isError: options.isError ?? false, timestamp: options.at ?? Date.now(), __openclaw: { runId: randomUUID() },
});

/** A tool that was called through `tool_call`: call and result in one row. */
export const nestedToolRow = (name: string, startedAt: number, endedAt: number, isError = false): ScriptedRow => ({
  role: 'custom', customType: 'openclaw.nested-tool.v1', display: true, excludeFromContext: true, timestamp: endedAt,
  content: [
    { type: 'toolCall', id: `tool_search_code:call_1:${name}:1`, name, arguments: {}, parentToolCallId: 'call_1', timestamp: startedAt },
    { type: 'toolResult', toolCallId: `tool_search_code:call_1:${name}:1`, toolName: name, isError, startedAt, timestamp: endedAt, content: [{ type: 'text', text: '{"ok":true}' }] },
  ],
});

/** How it notes that something went out to a person over `send` or by its agent's tool `message`, under that sending's key. */
export const mirrorRow = (text: string, key: string): ScriptedRow => ({
  role: 'assistant', content: [{ type: 'text', text }], api: 'openclaw-transcript', provider: 'openclaw', model: 'delivery-mirror', stopReason: 'stop', idempotencyKey: key, __openclaw: { idempotencyKey: key },
});

/**
 * The event `sessions.changed` at the end of a turn, of what it says about it. While an answer is being delivered the session is
 * still at work, as it is while messages wait; an answer that is held back leaves nothing to do.
 */
export const turnEnd = (sessionKey: string, options: { delivers: boolean; queueMode?: string; at?: number }): object => {
  const runId = randomUUID();
  const endedAt = options.at ?? Date.now();
  const state = { status: options.delivers ? 'running' : 'done', hasActiveRun: options.delivers };
  return { sessionKey, agentId: 'main', phase: 'end', runId, lastRunId: runId, endedAt, ...state, session: { key: sessionKey, effectiveQueueMode: options.queueMode ?? 'steer', ...state } };
};

const ofItsModel = { api: 'openai-completions', provider: 'fake', model: 'fake-1' } as const;
