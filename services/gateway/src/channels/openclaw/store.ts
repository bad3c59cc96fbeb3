import type { BridgeDecision } from '@megabot/contracts/bridge-decision.ts';
import type { ChatAddress } from './types.ts';

/** How far a session of OpenClaw has been read. */
export interface SessionCursor {
  readonly sessionKey: string;
  /** OpenClaw's own, opaque. */
  readonly cursor: string;
}

/**
 * An answer on its way. `pending` is tried; `held` is in OpenClaw's own delivery queue, so that sending it again would double
 * it; `delivered` and `failed` are over.
 */
export interface StoredAnswer {
  /** The caller's, and the idempotency key: the same id is one answer for ever. */
  readonly id: string;
  readonly address: ChatAddress;
  readonly sessionKey: string;
  readonly parts: readonly string[];
  readonly state: 'pending' | 'held' | 'delivered' | 'failed' | 'discarded';
  /** Parts before this one have arrived. */
  readonly nextPart: number;
  /** Grows when a part has certainly failed, because OpenClaw gives the same answer to the same key again. */
  readonly round: number;
  /** Whether the part may have been sent already, its answer being lost. */
  readonly uncertain: boolean;
  readonly attempts: number;
  readonly createdAt: number;
  readonly nextTryAt: number;
  readonly expiresAt: number;
  /** Why it has not arrived, for people. */
  readonly reason?: string;
  /** While this lies ahead, a part is being sent. Written before each sending, and 0 after it. */
  readonly sendingUntil?: number;
  /** Why it has failed; only what has merely `expired` can be tried once more without coming twice. */
  readonly ending?: 'expired' | 'held' | 'partial' | 'stopped';
  /** Grows when the owner decides about it. */
  readonly decisions?: number;
}

/**
 * What the bridge must remember over restarts. Every write is durable when it resolves. A failure of the store rejects; the
 * bridge then stops where it is and tries again, so no call may half succeed.
 */
export interface BridgeStore {
  /** The moment (milliseconds) the bridge was first connected: `now` the first time, that same value ever after. */
  begin(now: number): Promise<number>;
  /** All cursors, one a session, most recently saved first; at least the newest 1,000. */
  cursors(): Promise<readonly SessionCursor[]>;
  saveCursor(cursor: SessionCursor): Promise<void>;
  /** Which of these message keys have been marked. */
  seen(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Marks a message that is safely taken. Marking twice is no error. */
  markSeen(key: string, at: number): Promise<void>;
  /** Adds an answer; false, changing nothing, where the id is known in whatever state. */
  addAnswer(answer: StoredAnswer): Promise<boolean>;
  /** Replaces a known answer. A ServiceError `conflict`, changing nothing, where the owner has decided about it since it was read. */
  saveAnswer(answer: StoredAnswer): Promise<void>;
  /** Of each chat the oldest pending answer, and all held ones; whose turn is next comes first, at least the first 500. So chats that cannot be reached hide no others. */
  openAnswers(): Promise<readonly StoredAnswer[]>;
  /** Answers that people should know of: pending after a failed attempt, held, or failed; newest first, at most `limit`. */
  undelivered(limit: number): Promise<readonly StoredAnswer[]>;
  /**
   * The owner's decision about an answer that has not arrived, of any process, with the lease or without; resolves to what the answer
   * has become. @throws ServiceError `not_found`, or `conflict` where it comes too late or would have something sent twice
   */
  decide(id: string, decision: BridgeDecision, now: number): Promise<StoredAnswer>;
  /** Forgets marks older than `before`, and answers that are over and expired before it. */
  prune(before: number): Promise<void>;
}
