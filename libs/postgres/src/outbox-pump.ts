import { backoffDelay, PermanentError } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Database } from './database.ts';
import { claimUnsent, markSent, park, purgeSent, untilNextFree, type OutboxEntry } from './outbox.ts';

export interface OutboxPumpOptions {
  readonly db: Database;
  readonly schema: string;
  /**
   * Publishes one entry, under its message id; a rejection leaves it for later, a `PermanentError` sets it aside for good.
   * An entry may be published again after a crash or a lost reply: the bus drops it by its id.
   */
  readonly publish: (entry: OutboxEntry) => Promise<void>;
  readonly logger: Logger;
  /** Rows taken at once by a drain. */
  readonly batch?: number;
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
}

export interface OutboxPump {
  /**
   * Publishes entries that were just committed, without asking the database first, and marks them sent a little later.
   * Resolves when each is published or left for later; never rejects.
   */
  kick(entries: readonly OutboxEntry[]): Promise<void>;
  /**
   * Publishes what nobody is publishing: rows of crashed processes and earlier failures. Call it at start and every minute;
   * the pump itself comes back sooner where it knows of a row. Returns how many it published.
   * @throws DatabaseError
   */
  drain(): Promise<number>;
  /** Lets what is under way finish and marks it; the rest stays in the table. */
  close(): Promise<void>;
}

/** Marking waits this long, so that it is one statement for many and stays out of the way of the turn just begun. */
const markDelayMs = 100;

/**
 * Moves a service's outbox to the bus. Several replicas may pump one table: each row is leased to the process that wrote it,
 * and to another only once that lease has run out. Entries of one key go out in the order of their ids, except that
 * a row of a crashed replica may come after younger ones.
 */
export function createOutboxPump(options: OutboxPumpOptions): OutboxPump {
  const { db, schema, publish, logger, batch = 50, retry = { minMs: 250, maxMs: 10_000 } } = options;
  /** Rows on their way, or published and not yet marked: a drain must not take them again. */
  const held = new Set<number>();
  /** Rows to be claimed again, id to key; while a key has one, nothing younger of that key may overtake it. */
  const waiting = new Map<number, string>();
  const blocked = new Set<string>();
  const chains = new Map<string, Promise<unknown>>();
  const unmarked = new Set<number>();
  let marking: Promise<void> = Promise.resolve();
  let markTimer: NodeJS.Timeout | undefined;
  let wakeTimer: NodeJS.Timeout | undefined;
  let wakeAt = Infinity;
  let draining: Promise<number> | undefined;
  let failures = 0;
  let closed = false;

  function enqueue(entry: OutboxEntry): Promise<boolean> {
    held.add(entry.id);
    const mine = (chains.get(entry.key) ?? Promise.resolve()).then(async () => await publishOne(entry));
    chains.set(entry.key, mine);
    void mine.then(() => chains.get(entry.key) === mine && chains.delete(entry.key));
    return mine;
  }

  async function publishOne(entry: OutboxEntry): Promise<boolean> {
    if (closed || blocked.has(entry.key)) {
      leaveForLater(entry);
      return false;
    }
    try {
      await publish(entry);
    } catch (error) {
      await publishFailed(entry, error);
      return false;
    }
    failures = 0;
    unmarked.add(entry.id);
    markTimer ??= setTimeout(() => void mark(), markDelayMs).unref();
    return true;
  }

  async function publishFailed(entry: OutboxEntry, error: unknown): Promise<void> {
    if (error instanceof PermanentError) {
      logger.error({ err: error, messageId: entry.messageId, key: entry.key }, 'a message can never be published; it is set aside in the outbox');
      await park(db, schema, entry.id).catch((reason: unknown) => logger.warn({ err: reason }, 'could not set a message aside; it will be tried again'));
      held.delete(entry.id);
      return;
    }
    logger.warn({ err: error, messageId: entry.messageId, key: entry.key }, 'a message could not be published; it is kept for later');
    blocked.add(entry.key);
    leaveForLater(entry);
    wakeAfterFailure();
  }

  function leaveForLater(entry: OutboxEntry): void {
    held.delete(entry.id);
    waiting.set(entry.id, entry.key);
  }

  function hasWaiting(key: string): boolean {
    return waiting.size > 0 && [...waiting.values()].includes(key);
  }

  function mark(): Promise<void> {
    clearTimeout(markTimer);
    markTimer = undefined;
    marking = marking.then(async () => {
      const ids = [...unmarked];
      if (ids.length === 0) return;
      try {
        await markSent(db, schema, ids);
      } catch (error) {
        logger.warn({ err: error, rows: ids.length }, 'published messages could not be marked as sent; trying again');
        if (!closed) markTimer ??= setTimeout(() => void mark(), retry.maxMs).unref();
        return;
      }
      for (const id of ids) {
        unmarked.delete(id);
        held.delete(id);
      }
    });
    return marking;
  }

  /** Drains in `delayMs`, unless that will happen sooner anyway. */
  function wake(delayMs: number): void {
    const at = performance.now() + delayMs;
    if (closed || wakeAt <= at) return;
    clearTimeout(wakeTimer);
    wakeAt = at;
    wakeTimer = setTimeout(() => {
      wakeAt = Infinity;
      drain().catch((error: unknown) => logger.warn({ err: error }, 'the outbox could not be read; trying again'));
    }, delayMs).unref();
  }

  function wakeAfterFailure(): void {
    failures += 1;
    wake(backoffDelay(failures, retry));
  }

  async function drainAll(): Promise<number> {
    blocked.clear();
    let published = 0;
    for (;;) {
      const own = [...waiting.keys()].toSorted((a, b) => a - b).slice(0, batch);
      const entries = await claimUnsent(db, schema, { own, held: [...held], limit: batch });
      // A row that was asked for and did not come has been dealt with by another replica, or comes with the next batch.
      if (entries.length < batch) for (const id of own) waiting.delete(id);
      for (const entry of entries) waiting.delete(entry.id);
      const results = await Promise.all(entries.map(async (entry) => await enqueue(entry)));
      published += results.filter(Boolean).length;
      if (closed || results.includes(false) || (entries.length < batch && waiting.size === 0)) break;
    }
    await purgeSent(db, schema);
    const next = await untilNextFree(db, schema, [...held]);
    if (waiting.size > 0) wake(backoffDelay(Math.max(failures, 1), retry));
    else if (next !== undefined) wake(Math.max(next, 0) + 50);
    return published;
  }

  async function drain(): Promise<number> {
    draining ??= drainAll()
      .catch((error: unknown) => {
        wakeAfterFailure();
        throw error;
      })
      .finally(() => (draining = undefined));
    return await draining;
  }

  return {
    drain,
    async kick(entries) {
      const sent = entries
        .toSorted((a, b) => a.id - b.id)
        .map(async (entry) => {
          if (held.has(entry.id)) return;
          if (closed || hasWaiting(entry.key)) leaveForLater(entry);
          else await enqueue(entry);
        });
      await Promise.all(sent);
    },
    async close() {
      closed = true;
      clearTimeout(wakeTimer);
      await draining?.catch(() => undefined);
      await Promise.all(chains.values());
      await mark();
    },
  };
}
