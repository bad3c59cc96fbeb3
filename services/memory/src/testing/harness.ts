import { createInProcessHub } from '@megabot/bus/in-process.ts';
import type { Bus } from '@megabot/bus/port.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import * as memoryEndpoints from '@megabot/contracts/endpoints/memory.ts';
import { settled } from '@megabot/contracts/events.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { guestTurns, turns } from '@megabot/contracts/queues.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';
import type { z } from 'zod';
import { createMemory, type Memory, type MemoryOptions } from '../app.ts';

type FinalEvent = { turnId: string; status: string; text: string; messageId: string };

/** The memory service over an embedded database, with the buses of its neighbours and a clock that the test moves. */
export async function startMemory(options: MemoryOptions = {}, open: () => Promise<Database> = openMigrated) {
  const db = await open();
  const hub = createInProcessHub();
  const logger = silentLogger();
  const bus = (name: 'gateway' | 'orchestrator' | 'interlock'): Bus => hub.bus(name, { logger });
  const [gateway, orchestrator, interlock] = [bus('gateway'), bus('orchestrator'), bus('interlock')];
  let time = 1_700_000_000_000;
  const start = async (): Promise<Memory> =>
    await createMemory({ sweepEveryMs: 3_600_000, ...options }, { bus: hub.bus('memory', { logger }), db, logger, clock: () => time });
  let memory = await start();

  const queued: string[] = [];
  const finals: FinalEvent[] = [];
  const guestsQueued: string[] = [];
  await orchestrator.work(turns, { concurrency: 1 }, async ({ turnId }) => void queued.push(turnId));
  await orchestrator.work(guestTurns, { concurrency: 1 }, async ({ turnId }) => void guestsQueued.push(turnId));
  await gateway.follow(async ({ event, payload }) => {
    if (event.topic === 'final') finals.push(payload as FinalEvent);
  });

  const call = async <E extends Endpoint>(from: Bus, endpoint: E, request: z.input<E['request']>): Promise<z.infer<E['reply']>> => await from.call(endpoint, request);
  return {
    db,
    hub,
    gateway,
    orchestrator,
    interlock,
    /** Turn ids in the order in which the orchestrator got them. */
    queued,
    /** The same of turns of people behind a messenger. */
    guestsQueued,
    finals,
    advance(ms: number): void {
      time += ms;
    },
    sweep: async () => await memory.sweep(),
    /** Stops the service and starts it anew on the same database. */
    async restart(): Promise<void> {
      await memory.close();
      memory = await start();
    },
    stopMemory: async () => await memory.close(),
    async send(text: string, extra: { conversation?: string; messageKey?: string; command?: string; reply?: string; turnId?: string; guest?: string } = {}) {
      const { conversation = 'default', turnId = newId(), messageKey = newId(), guest, ...rest } = extra;
      const claims = { turnId, conversation, principal: guest ?? 'owner', trust: guest === undefined ? 'owner' as const : 'untrusted' as const, issuedAt: time };
      return await call(gateway, memoryEndpoints.append, { conversation, messageKey, text, ticket: { claims, signature: 'unchecked' }, ...rest });
    },
    claim: async (turnId: string, replica = 'replica-1') => await call(orchestrator, memoryEndpoints.turnClaim, { turnId, replica }),
    heartbeat: async (turnId: string, lease: string) => await call(orchestrator, memoryEndpoints.turnHeartbeat, { turnId, lease }),
    checkpoint: async (turnId: string, lease: string, state: 'running' | 'waiting', checkpoint: z.input<typeof memoryEndpoints.turnCheckpoint.request>['checkpoint'] = null) =>
      await call(orchestrator, memoryEndpoints.turnCheckpoint, { turnId, lease, state, checkpoint }),
    finish: async (turnId: string, lease: string, text: string, status: 'done' | 'failed' = 'done') =>
      await call(orchestrator, memoryEndpoints.turnFinish, { turnId, lease, status, text }),
    turn: async (turnId: string) => await call(gateway, memoryEndpoints.turnGet, { turnId }),
    settle: async (turnId: string, call_ = 0, conversation = 'default') =>
      await interlock.publish(settled, { conversation, turnId, key: `${turnId}:0:${call_}` }, { conversation, id: newId() }),
    async close(): Promise<void> {
      await memory.close();
      await hub.close();
      await db[Symbol.asyncDispose]();
    },
  };
}

export type Harness = Awaited<ReturnType<typeof startMemory>>;

const openMigrated = async (): Promise<Database> => await openMemoryDatabase({ schema: 'memory', migrations: new URL('../../migrations/', import.meta.url) });

/** Waits until `condition` holds; what travels over the bus arrives soon, not at once. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error(`never came: ${what}`);
}
