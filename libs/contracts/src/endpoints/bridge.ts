import { z } from 'zod';
import { BridgeAddress } from '../bridge-address.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Id, Timestamp } from '../ids.ts';

/** What a bridge to a messenger has to remember; kept by memory, so that the bridge itself may be killed at any time. */
const service = 'memory';

const BridgeName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);
/** Names the process that holds the lease; only the holder may read or write. */
const Holder = z.object({ bridge: BridgeName, holder: Id });
const Ok = z.object({});

/** An answer on its way to a chat; `id` is its idempotency key for ever. */
export const BridgeAnswer = z.object({
  id: z.string().min(1).max(256),
  address: BridgeAddress,
  sessionKey: z.string().max(512),
  parts: z.array(z.string().max(65_536)).min(1).max(256),
  state: z.enum(['pending', 'held', 'delivered', 'failed', 'discarded']),
  nextPart: z.number().int().nonnegative(),
  round: z.number().int().nonnegative(),
  uncertain: z.boolean(),
  attempts: z.number().int().nonnegative(),
  createdAt: Timestamp,
  nextTryAt: Timestamp,
  expiresAt: Timestamp,
  reason: z.string().max(2_000).exactOptional(),
  /** While this lies ahead, a part is being sent. */
  sendingUntil: Timestamp.exactOptional(),
  /** Why it has failed for good: its day is over, also while OpenClaw held it; only a part of a part arrived; or it was taken back. */
  ending: z.enum(['expired', 'held', 'partial', 'stopped']).exactOptional(),
  /** How often the owner decided about it; what was read before the last decision is out of date. */
  decisions: z.number().int().nonnegative().exactOptional(),
});

/**
 * Takes or extends the lease of a bridge: one process at a time runs it. `held: false` while another one does. `begunAt` is when
 * the bridge was first connected, in milliseconds; `release` gives the lease back.
 */
export const bridgeLease = defineEndpoint({
  service, name: 'bridge-lease', callers: ['gateway'], errors: ['unavailable'],
  request: Holder.extend({ ttlMs: z.number().int().min(1_000).max(120_000), release: z.boolean().default(false) }),
  reply: z.object({ held: z.boolean() }),
});
export const bridgeBegin = defineEndpoint({
  service, name: 'bridge-begin', callers: ['gateway'], errors: ['lease_lost', 'unavailable'],
  request: Holder.extend({ now: Timestamp }), reply: z.object({ begunAt: Timestamp }),
});
/** How far each session was read, the newest 1,000 first; with `save`, stores one before. */
export const bridgeCursors = defineEndpoint({
  service, name: 'bridge-cursors', callers: ['gateway'], errors: ['lease_lost', 'unavailable'],
  request: Holder.extend({ save: z.object({ sessionKey: z.string().min(1).max(512), cursor: z.string().max(4_096) }).optional() }),
  reply: z.object({ cursors: z.array(z.object({ sessionKey: z.string(), cursor: z.string() })) }),
});
/** Which message keys are marked; with `mark`, marks them at that moment first. */
export const bridgeSeen = defineEndpoint({
  service, name: 'bridge-seen', callers: ['gateway'], errors: ['lease_lost', 'unavailable'],
  request: Holder.extend({ keys: z.array(z.string().min(1).max(1_024)).max(1_000), markAt: Timestamp.optional() }),
  reply: z.object({ seen: z.array(z.string()) }),
});
/** `add` stores an answer unless its id is known; `save` replaces a known one. `conflict`: the owner has decided about it since it was read. */
export const bridgeAnswerPut = defineEndpoint({
  service, name: 'bridge-answer-put', callers: ['gateway'], errors: ['lease_lost', 'not_found', 'conflict', 'unavailable'],
  request: Holder.extend({ op: z.enum(['add', 'save']), answer: BridgeAnswer }), reply: z.object({ added: z.boolean() }),
});
/** The owner discards an answer that has not arrived, or has it tried again now. It takes no lease: the holder finds out before it sends a part. */
export const bridgeAnswerDecide = defineEndpoint({
  service, name: 'bridge-answer-decide', callers: ['gateway'], errors: ['not_found', 'conflict', 'unavailable'],
  request: z.object({ bridge: BridgeName, id: z.string().min(1).max(256), decision: z.enum(['discard', 'retry']), now: Timestamp }), reply: z.object({ answer: BridgeAnswer }),
});
/** `open`: of each chat the oldest that is pending, and all that are held, by when they are tried next. `undelivered`: what people should know of, newest first; of approved messages (ids `run-…`) also those that nobody tried to send yet. */
export const bridgeAnswers = defineEndpoint({
  service, name: 'bridge-answers', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ bridge: BridgeName, which: z.enum(['open', 'undelivered']), limit: z.number().int().min(1).max(500).default(500) }),
  reply: z.object({ answers: z.array(BridgeAnswer) }),
});
/** Forgets marks older than `before`, and answers that are over and expired before it. */
export const bridgePrune = defineEndpoint({
  service, name: 'bridge-prune', callers: ['gateway'], errors: ['lease_lost', 'unavailable'],
  request: Holder.extend({ before: Timestamp }), reply: Ok,
});
/** The conversation of a chat, made on first use, and where its answers go. */
export const BridgeChat = z.object({ conversation: Id, chatKey: z.string(), address: BridgeAddress, sessionKey: z.string() });
export const bridgeChat = defineEndpoint({
  service, name: 'bridge-chat', callers: ['gateway'], errors: ['lease_lost', 'unavailable'],
  request: Holder.extend({ chatKey: z.string().min(1).max(1_024), address: BridgeAddress, sessionKey: z.string().max(512), title: z.string().min(1).max(200) }), reply: BridgeChat,
});
/**
 * Answers to people behind the bridge that no stored answer carries yet, of the last day, oldest first: what a gateway that was
 * away takes up. An answer for a turn has the id `turn-<turnId>`.
 */
export const bridgeUnsent = defineEndpoint({
  service, name: 'bridge-unsent', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ bridge: BridgeName, limit: z.number().int().min(1).max(200).default(100) }),
  reply: z.object({ answers: z.array(z.object({ turnId: Id, text: z.string(), chat: BridgeChat })) }),
});
/** The chat that a conversation belongs to, or null for one of the owner's own. */
export const bridgeChatOf = defineEndpoint({
  service, name: 'bridge-chat-of', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ bridge: BridgeName, conversation: Id }), reply: z.object({ chat: BridgeChat.nullable() }),
});
/** The chats with this id that the bridge knows, because somebody whom the owner listed wrote there; in every account and thread. `title` is that of their conversation. */
export const bridgeChats = defineEndpoint({
  service, name: 'bridge-chats', callers: ['gateway', 'interlock'], errors: ['unavailable'],
  request: z.object({ bridge: BridgeName, platform: z.string().min(1).max(128), chat: z.string().min(1).max(256) }),
  reply: z.object({ chats: z.array(BridgeChat.extend({ title: z.string() })).max(100) }),
});
