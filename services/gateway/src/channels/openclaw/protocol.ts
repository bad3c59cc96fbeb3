import { z } from 'zod';

/**
 * What we take from OpenClaw's wire (protocol 4): the few shapes we use, every text and list bounded, everything else
 * dropped. Fields we do not name are cut off, so that nothing a hostile gateway adds travels further inside.
 */
const text = (max: number) => z.string().max(max);
const Millis = z.number().int().nonnegative().max(8_640_000_000_000_000);

export const Challenge = z.object({ nonce: z.string().min(8).max(256), ts: Millis });
export type Challenge = z.infer<typeof Challenge>;

const ErrorBody = z.object({
  code: text(128),
  message: text(4_096).catch('(unreadable)'),
  details: z.object({ code: text(128).optional().catch(undefined), partialDelivery: z.unknown().optional(), reason: text(128).optional().catch(undefined) }).optional().catch(undefined),
  retryable: z.boolean().optional().catch(undefined),
  retryAfterMs: z.number().nonnegative().optional().catch(undefined),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export const Frame = z.union([
  z.object({ type: z.literal('event'), event: text(128), payload: z.unknown().optional() }),
  z.object({ type: z.literal('res'), id: text(64), ok: z.literal(true), payload: z.unknown().optional() }),
  z.object({ type: z.literal('res'), id: text(64), ok: z.literal(false), error: ErrorBody }),
]);
export type Frame = z.infer<typeof Frame>;

export const HelloOk = z.object({
  type: z.literal('hello-ok'),
  protocol: z.number().int(),
  server: z.object({ version: text(128), bootId: text(128) }),
  features: z.object({ methods: z.array(text(128)).max(5_000) }),
  snapshot: z.object({ sessionDefaults: z.object({ mainSessionKey: text(512).optional() }).optional().catch(undefined) }).optional().catch(undefined),
  auth: z.object({
    method: text(64).optional(),
    role: text(64),
    scopes: z.array(text(128)).max(64),
    deviceToken: z.string().min(16).max(1_024).optional(),
  }),
  policy: z.object({ tickIntervalMs: z.number().positive().optional().catch(undefined) }).optional().catch(undefined),
});
export type HelloOk = z.infer<typeof HelloOk>;

export const SessionKey = z.string().min(1).max(512);

/** The transport's facts about a row, which OpenClaw's core writes; never what the text says about itself. */
const RowMeta = z.object({
  id: text(128).optional(),
  idempotencyKey: text(512).optional(),
  senderId: text(256).optional(),
  senderName: text(1_024).optional(),
  senderIdentity: z.object({ accountId: text(128).nullish(), senderKind: text(32).optional(), pluginId: text(64).nullish() }).optional(),
  transport: z.object({ channel: text(64).optional(), messageId: z.union([text(256), z.number().int()]).optional(), clients: z.array(z.unknown()).max(64).optional() }).optional(),
  media: z.array(z.object({
    contentType: text(128).optional().catch(undefined), fileName: text(1_024).optional().catch(undefined), sizeBytes: z.number().nonnegative().optional().catch(undefined), kind: text(32).optional().catch(undefined),
  })).max(64).optional().catch(undefined),
  recordTimestampMs: Millis.optional(),
});

const ContentBlock = z.object({
  type: text(64),
  text: z.string().optional().catch(undefined),
  name: text(128).optional().catch(undefined),
  // Of an image. The gateway leaves out its bytes and says how many they were; should it send them, only that is kept.
  mimeType: text(128).optional().catch(undefined),
  bytes: z.number().nonnegative().optional().catch(undefined),
  data: z.string().transform((base64) => Buffer.byteLength(base64, 'base64')).optional().catch(undefined),
  // Of a tool that was called through another one: a block instead of a row.
  toolName: text(128).optional().catch(undefined),
  isError: z.boolean().optional().catch(undefined),
  startedAt: Millis.optional().catch(undefined),
  timestamp: Millis.optional().catch(undefined),
});

/** One row of a session: of a person, of OpenClaw's own agent, of a tool, or a mark such as a reset. */
export const Row = z.object({
  role: text(32),
  content: z.union([z.string(), z.array(ContentBlock).max(1_000)]).optional().catch(undefined),
  timestamp: Millis.optional().catch(undefined),
  idempotencyKey: text(512).optional().catch(undefined),
  toolName: text(128).optional().catch(undefined),
  customType: text(128).optional().catch(undefined),
  isError: z.boolean().optional().catch(undefined),
  model: text(256).optional().catch(undefined),
  isHeartbeat: z.boolean().optional().catch(undefined),
  display: z.boolean().optional().catch(undefined),
  __openclaw: RowMeta.optional(),
});
export type Row = z.infer<typeof Row>;

/** The event `session.message`, and each entry of a delta of `chat.history`. Of the session around it only its key is used. */
export const SessionMessage = z.object({ sessionKey: SessionKey, message: z.unknown() });

/** The event `sessions.changed`, as far as it tells how a turn of OpenClaw's own agent ended. */
export const SessionTurn = z.object({
  sessionKey: SessionKey, phase: text(32), runId: text(128), lastRunId: text(128), endedAt: Millis, status: text(32), hasActiveRun: z.boolean(), session: z.object({ effectiveQueueMode: text(32) }),
});

const Cursor = z.string().min(1).max(4_096);
/** Rows are parsed one by one, so that one that cannot be read does not hide the others. */
export const HistoryDelta = z.object({ kind: z.literal('delta'), messages: z.array(z.object({ message: z.unknown() })).max(5_000), deltaCursor: Cursor });
export const HistoryReset = z.object({ kind: z.literal('reset') });
export const HistoryPage = z.object({
  messages: z.array(z.unknown()).max(5_000), deltaCursor: Cursor.optional(), hasMore: z.boolean().optional(), nextOffset: z.number().int().nonnegative().nullish(),
});

export const SessionList = z.object({
  subscribed: z.literal(true),
  list: z.object({
    sessions: z.array(z.object({ key: SessionKey, channel: text(64).optional().catch(undefined), updatedAt: Millis.nullish().catch(undefined) })).max(1_000),
    hasMore: z.boolean().optional(), nextOffset: z.number().int().nonnegative().nullish(),
  }),
});

export const SendResult = z.object({ messageId: z.union([text(512), z.number()]).optional() });
export const Shutdown = z.object({ reason: text(256).optional(), restartExpectedMs: z.number().nonnegative().optional() });

/** The readable text of a row; blocks other than text say nothing to us. */
export function rowText(row: Row): string {
  if (typeof row.content === 'string') return row.content;
  return (row.content ?? []).map((block) => (block.type === 'text' ? block.text ?? '' : '')).filter((part) => part !== '').join('\n');
}
