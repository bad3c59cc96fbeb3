import type { z } from 'zod';
import type { Bus } from '@megabot/bus/port.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { final } from '@megabot/contracts/events.ts';
import { guestTurns, turns } from '@megabot/contracts/queues.ts';
import type { Trust } from '@megabot/contracts/principal.ts';
import { PermanentError } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Database, Sql } from '@megabot/postgres/database.ts';
import { createOutboxPump, type OutboxPump } from '@megabot/postgres/outbox-pump.ts';
import { addToOutbox, type OutboxEntry } from '@megabot/postgres/outbox.ts';

const schema = 'memory';

/** A transaction that also records what has to be published once it is committed. */
export interface Transaction extends Sql {
  readonly published: OutboxEntry[];
}

export type Transact = <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;

/** The pump from the outbox to the bus, and transactions that set it going as soon as they are committed. */
export function createOutbox(deps: { db: Database; bus: Bus; logger: Logger }): { pump: OutboxPump; transact: Transact } {
  const { db, bus, logger } = deps;
  const pump = createOutboxPump({ db, schema, logger, publish: async (entry) => await publishEntry(bus, entry) });
  return {
    pump,
    async transact(work) {
      let published: OutboxEntry[] = [];
      const result = await db.transaction(async (sql) => {
        published = [];
        return await work({ query: async (text, parameters) => await sql.query(text, parameters), published });
      });
      // Not awaited: what is committed is promised, and the pump publishes it sooner or later.
      void pump.kick(published);
      return result;
    },
  };
}

/** Entries of one conversation and kind are published in order; others side by side. */
const kinds = { turn: 'turn:', guestTurn: 'guest-turn:', final: 'final:' } as const;

export async function putOnQueue(tx: Transaction, conversation: string, turn: { readonly id: string; readonly trust: Trust; readonly count: number }): Promise<void> {
  const kind = turn.trust === 'untrusted' ? kinds.guestTurn : kinds.turn;
  await record(tx, `${turn.id}:q${turn.count}`, `${kind}${conversation}`, { turnId: turn.id } satisfies z.infer<typeof turns.payload>);
}

export async function announceFinal(tx: Transaction, payload: z.infer<typeof final.payload>): Promise<void> {
  await record(tx, `final:${payload.turnId}`, `${kinds.final}${payload.conversation}`, payload);
}

async function record(tx: Transaction, messageId: string, key: string, payload: unknown): Promise<void> {
  const entry = await addToOutbox(tx, schema, { messageId, key, payload });
  if (entry) tx.published.push(entry);
}

async function publishEntry(bus: Bus, entry: OutboxEntry): Promise<void> {
  try {
    if (entry.key.startsWith(kinds.turn)) return await bus.enqueue(turns, turns.payload.parse(entry.payload), entry.messageId);
    if (entry.key.startsWith(kinds.guestTurn)) return await bus.enqueue(guestTurns, guestTurns.payload.parse(entry.payload), entry.messageId);
    const payload = final.payload.parse(entry.payload);
    await bus.publish(final, payload, { conversation: payload.conversation, id: entry.messageId });
  } catch (error) {
    const hopeless = isServiceError(error, 'bad_request', 'too_large', 'forbidden') || (error instanceof Error && error.name === 'ZodError');
    if (hopeless) throw new PermanentError('the bus will never take this message', { cause: error });
    throw error;
  }
}
