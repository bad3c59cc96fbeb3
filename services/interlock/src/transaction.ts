import type { z } from 'zod';
import type { Bus } from '@megabot/bus/port.ts';
import type { AuditHead } from '@megabot/contracts/audit.ts';
import type { Event } from '@megabot/contracts/endpoint.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import { events } from '@megabot/contracts/events.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { runQueues, type Permit } from '@megabot/contracts/queues.ts';
import { PermanentError } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { isDatabaseError, type Database, type Sql } from '@megabot/postgres/database.ts';
import { createOutboxPump } from '@megabot/postgres/outbox-pump.ts';
import { addToOutbox, type OutboxEntry } from '@megabot/postgres/outbox.ts';
import type { AuditWriter, NewAuditEntry } from './audit.ts';

const schema = 'interlock';

/**
 * A transaction of the interlock. Locks are always taken in this order: configuration, state, turn, workspace, approvals, runs,
 * permits; audit entries are appended at the end, whenever `record` is called.
 */
export interface Tx extends Sql {
  /** Milliseconds since 1970, the same throughout. */
  readonly now: number;
  /** Announces an event once this is committed. */
  announce<E extends Event>(event: E, payload: z.input<E['payload']>, conversation?: string): Promise<void>;
  /** Appends to the audit log, in the order of the calls, right before the commit. */
  record(entry: NewAuditEntry): void;
  /** Queues a permit once this is committed. */
  queue(permit: Permit, number: number): void;
}

export type Transact = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

export interface Store {
  readonly db: Database;
  readonly transact: Transact;
  /** Publishes what a crashed replica or a lost connection left behind. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** The database with everything that follows from a commit: events through the outbox, permits straight to their queue. */
export function createStore(deps: { db: Database; bus: Bus; logger: Logger; clock: () => number; audit: AuditWriter }): Store {
  const { db, bus, logger, clock, audit } = deps;
  const pump = createOutboxPump({ db, schema, logger, publish: async (entry) => await publishEntry(bus, entry) });
  const queueing = new Set<Promise<void>>();

  /** A permit that does not reach its queue is voided, so that the sweeper issues another at once. */
  async function enqueue(permit: Permit, number: number): Promise<void> {
    const { runId, permitId } = permit.claims;
    try {
      await bus.enqueue(runQueues[permit.claims.executor], permit, `${runId}:${number}`);
    } catch (error) {
      logger.warn({ err: error, runId, permitId }, 'a permit could not be queued; another follows');
      await db.query("UPDATE interlock.permits SET status = 'void' WHERE id = $1 AND status = 'live'", [permitId]).catch(() => undefined);
    }
  }

  async function transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    let announced: OutboxEntry[] = [];
    let permits: { permit: Permit; number: number }[] = [];
    let head: AuditHead | null = null;
    const result = await db
      .transaction(async (sql) => {
        announced = [];
        permits = [];
        const entries: NewAuditEntry[] = [];
        const now = clock();
        const value = await work({
          now,
          query: async (text, parameters) => await sql.query(text, parameters),
          async announce(event, payload, conversation) {
            // One key a conversation: its events reach the clients in the order in which they happened.
            const entry = await addToOutbox(sql, schema, { messageId: newId(), key: conversation ?? 'all', payload: { topic: event.topic, body: payload } });
            if (entry) announced.push(entry);
          },
          record: (entry) => void entries.push(entry),
          queue: (permit, number) => void permits.push({ permit, number }),
        });
        head = await audit.append(sql, now, entries);
        return value;
      })
      .catch((error: unknown) => {
        throw toServiceError(error);
      });
    if (head) audit.announce(head);
    for (const { permit, number } of permits) {
      const mine = enqueue(permit, number).finally(() => queueing.delete(mine));
      queueing.add(mine);
    }
    // Not awaited: what is committed is promised, and the pump publishes it sooner or later.
    void pump.kick(announced);
    return result;
  }

  return {
    db,
    transact,
    async drain() {
      await pump.drain();
    },
    async close() {
      await Promise.all(queueing);
      await pump.close();
    },
  };
}

/** A database that is away is `unavailable` to callers; anything else stays what it is, and is logged as a defect. */
export function toServiceError(error: unknown): unknown {
  if (isDatabaseError(error, 'unavailable') || isDatabaseError(error, 'serialization')) {
    return new ServiceError('unavailable', 'The interlock cannot reach its database.', { hint: 'Try again in a moment.', cause: error });
  }
  return error;
}

const byTopic = new Map<string, Event>(Object.values(events).filter((event) => event.service === 'interlock').map((event) => [event.topic, event]));

async function publishEntry(bus: Bus, entry: OutboxEntry): Promise<void> {
  const { topic, body } = entry.payload as { topic: string; body: never };
  const event = byTopic.get(topic);
  if (!event) throw new PermanentError(`no event is called ${topic}`);
  try {
    await bus.publish(event, body, { id: entry.messageId, ...(entry.key === 'all' ? {} : { conversation: entry.key }) });
  } catch (error) {
    if (isServiceError(error, 'bad_request', 'too_large', 'forbidden')) throw new PermanentError('the bus will never take this event', { cause: error });
    throw error;
  }
}
