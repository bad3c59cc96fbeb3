import type { Binding, Bus } from '@megabot/bus/port.ts';
import { settled } from '@megabot/contracts/events.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { createBindings } from './bindings.ts';
import { startErasing, type ErasingOptions } from './erasing.ts';
import { createMemoryEvents } from './events.ts';
import { createOutbox } from './outbox.ts';
import { wakeTurn } from './queueing.ts';
import { sweepTurns, type SweepLimits } from './sweeper.ts';

export interface MemoryOptions extends Partial<SweepLimits> {
  /** How long a worker may be silent before its turn is given to another. */
  readonly leaseMs?: number;
  readonly sweepEveryMs?: number;
  /** With which it forgets what the assistant proposed and was permitted; without it, such runs are not taken. */
  readonly erasing?: ErasingOptions;
}

export interface MemoryDeps {
  readonly bus: Bus;
  /** Migrated; see `migrations/`. */
  readonly db: Database;
  readonly logger: Logger;
  /** Milliseconds since 1970; the system's clock by default. */
  readonly clock?: () => number;
}

export interface Memory {
  /** Stops intake, publishes what is committed, leaves bus and database open: they are the caller's. */
  close(): Promise<void>;
  /** Takes up what was left behind, as it does by itself every few seconds. */
  sweep(): Promise<void>;
}

/** Starts the memory service on a bus and a database; resolves once it serves. */
export async function createMemory(options: MemoryOptions, deps: MemoryDeps): Promise<Memory> {
  const { bus, db, logger } = deps;
  const clock = deps.clock ?? Date.now;
  const now = (): Date => new Date(clock());
  const lifecycle = new Lifecycle(logger);
  const events = createMemoryEvents(logger);
  const { pump, transact } = createOutbox({ db, bus, logger });
  lifecycle.own('work', 'outbox', async () => await pump.close());

  const limits: SweepLimits = {
    unclaimedMs: options.unclaimedMs ?? 20_000,
    wakeEveryMs: options.wakeEveryMs ?? 60_000,
    maxLapses: options.maxLapses ?? 5,
  };
  const sweep = async (): Promise<void> => {
    await pump.drain();
    events.swept(await sweepTurns(db, transact, now(), limits));
  };

  const bindings: Binding[] = createBindings({ db, transact, now, events, leaseMs: options.leaseMs ?? 15_000 });
  const server = await bus.serve(bindings);
  lifecycle.own('intake', 'endpoints', async () => await server.stop());
  const follower = await bus.follow(async ({ event, payload }) => {
    if (event.topic !== settled.topic) return;
    const { turnId, key } = settled.payload.parse(payload);
    if (await transact(async (tx) => await wakeTurn(tx, now(), turnId))) events.turnWoken({ turnId, key });
  });
  lifecycle.own('intake', 'events', async () => await follower.stop());
  await sweep().catch((error: unknown) => logger.warn({ err: error }, 'the first sweep failed; the next comes soon'));
  lifecycle.every(options.sweepEveryMs ?? 5_000, 'sweeper', sweep);
  if (options.erasing) {
    const erasing = await startErasing(options.erasing, { bus, transact, logger, clock });
    lifecycle.own('intake', 'erasing', async () => await erasing.close());
  }
  events.started({});
  return { close: async () => await lifecycle.close(), sweep };
}
