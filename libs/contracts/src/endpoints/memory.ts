import { z } from 'zod';
import { ClaimedTurn, Conversation, Message, MessageText, Mode, Turn } from '../conversation.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Id, Timestamp } from '../ids.ts';
import { MemoryItem, MemorySpace, NewMemoryItem, RecalledItem } from '../memory-item.ts';
import { OriginTicket } from '../ticket.ts';
import { MemoryEraseAction, ShellAction } from '../action.ts';

const service = 'memory';
const Ok = z.object({});

/**
 * Stores a message and its turn in one transaction; the same `messageKey` in the same conversation returns the first result
 * with `duplicate: true`. The conversation `default` is made on first use. A `reply` (of a control command) makes the turn
 * `done` at once, with the reply as its answer; otherwise the turn is queued for the orchestrator.
 */
export const append = defineEndpoint({
  service,
  name: 'append',
  callers: ['gateway'],
  errors: ['not_found', 'conflict', 'unavailable'],
  request: z.object({
    conversation: Id,
    /** The client's idempotency key. */
    messageKey: z.string().min(1).max(128),
    text: MessageText,
    ticket: OriginTicket,
    command: ShellAction.shape.command.optional(),
    reply: z.string().optional(),
  }),
  reply: z.object({ messageId: Id, turnId: Id, duplicate: z.boolean() }),
});

export const conversationsList = defineEndpoint({
  service, name: 'conversations-list', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({}), reply: z.object({ conversations: z.array(Conversation) }),
});
export const conversationsCreate = defineEndpoint({
  service, name: 'conversations-create', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ title: z.string().max(200).optional(), mode: Mode.optional() }), reply: Conversation,
});
/** Reads one conversation; `default` is made on first use. */
export const conversationsGet = defineEndpoint({
  service, name: 'conversations-get', callers: ['gateway'], errors: ['not_found', 'unavailable'],
  request: z.object({ id: Id }), reply: Conversation,
});
export const conversationsUpdate = defineEndpoint({
  service, name: 'conversations-update', callers: ['gateway'], errors: ['not_found', 'unavailable'],
  request: z.object({ id: Id, title: z.string().max(200).optional(), mode: Mode.optional() }), reply: Conversation,
});

/** Messages in order; `after` reads forward from a cursor, `before` backward; without either, the newest page. */
export const messagesList = defineEndpoint({
  service, name: 'messages-list', callers: ['gateway'], errors: ['not_found', 'unavailable'],
  request: z.object({ conversation: Id, after: z.number().int().nonnegative().optional(), before: z.number().int().positive().optional(), limit: z.number().int().min(1).max(200).default(50) }),
  reply: z.object({ messages: z.array(Message), hasMore: z.boolean() }),
});

export const turnGet = defineEndpoint({
  service, name: 'turn-get', callers: ['gateway'], errors: ['turn_unknown', 'unavailable'],
  request: z.object({ turnId: Id }), reply: z.object({ turn: Turn, answer: Message.nullable() }),
});
/** Ends a turn that is not ended; the caller also asks the interlock to cancel the turn's actions. */
export const turnCancel = defineEndpoint({
  service, name: 'turn-cancel', callers: ['gateway'], errors: ['turn_unknown', 'turn_ended', 'unavailable'],
  request: z.object({ turnId: Id }), reply: z.object({ turn: Turn }),
});

/**
 * Takes a queued turn (compare-and-set) for `leaseMs`. `turn_busy`: another replica has it, or another turn of the
 * conversation is being worked on (memory queues it again when that one ends or waits). `turn_ended`: nothing to do.
 */
export const turnClaim = defineEndpoint({
  service, name: 'turn-claim', callers: ['orchestrator'], errors: ['turn_unknown', 'turn_busy', 'turn_ended', 'unavailable'],
  request: z.object({ turnId: Id, replica: z.string().max(128) }),
  reply: z.object({ turn: ClaimedTurn, history: z.array(Message), lease: Id, leaseMs: z.number().int() }),
});
/** Extends the lease. `lease_lost`: the turn was taken over or cancelled, stop working on it. */
export const turnHeartbeat = defineEndpoint({
  service, name: 'turn-heartbeat', callers: ['orchestrator'], errors: ['lease_lost', 'unavailable'],
  request: z.object({ turnId: Id, lease: Id }), reply: Ok,
});
/** Saves what the turn has reached. `waiting` also gives the lease back until an action of the turn has an outcome. */
export const turnCheckpoint = defineEndpoint({
  service, name: 'turn-checkpoint', callers: ['orchestrator'], errors: ['lease_lost', 'unavailable', 'too_large'],
  request: z.object({ turnId: Id, lease: Id, state: z.enum(['running', 'waiting']), checkpoint: z.json() }), reply: Ok,
});
/** Stores the answer and ends the turn. */
export const turnFinish = defineEndpoint({
  service, name: 'turn-finish', callers: ['orchestrator'], errors: ['lease_lost', 'unavailable'],
  request: z.object({ turnId: Id, lease: Id, status: z.enum(['done', 'failed']), text: z.string() }), reply: z.object({ messageId: Id }),
});

export const remember = defineEndpoint({
  service, name: 'remember', callers: ['gateway', 'orchestrator'], errors: ['unavailable'],
  request: z.object({ items: z.array(NewMemoryItem).min(1).max(500), space: MemorySpace.default('default') }),
  reply: z.object({ ids: z.array(Id) }),
});
export const recall = defineEndpoint({
  service, name: 'recall', callers: ['gateway', 'orchestrator'], errors: ['unavailable'],
  request: z.object({ query: z.string().min(1).max(4_096), k: z.number().int().min(1).max(100).default(10), space: MemorySpace.default('default'), at: Timestamp.optional() }),
  reply: z.object({ mode: z.literal('text'), items: z.array(RecalledItem) }),
});
export const forget = defineEndpoint({
  service, name: 'forget', callers: ['gateway'], errors: ['bad_request', 'unavailable'],
  request: z.object({ ids: z.array(Id).max(1_000).optional(), externalIds: z.array(z.string()).max(1_000).optional(), session: z.string().optional(), space: MemorySpace.optional(), dryRun: z.boolean().default(false) }),
  reply: z.object({ count: z.number().int(), ids: z.array(Id) }),
});
/** How many items `memory_erase` would forget as things are; looks only. */
export const forgetPreview = defineEndpoint({
  service, name: 'forget-preview', callers: ['interlock'], errors: ['unavailable'],
  request: MemoryEraseAction.omit({ kind: true }), reply: z.object({ count: z.number().int().nonnegative() }),
});
export const exportItems = defineEndpoint({
  service, name: 'export', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ space: MemorySpace.default('default'), after: z.string().default(''), limit: z.number().int().min(1).max(1_000).default(500) }),
  reply: z.object({ items: z.array(MemoryItem), next: z.string().nullable() }),
});

export const ping = defineEndpoint({ service, name: 'ping', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 2_000, request: z.object({}), reply: z.object({ ok: z.boolean(), detail: z.string() }) });
