import { randomBytes } from 'node:crypto';
import { followerTable, type Follower } from '@megabot/contracts/consumers.ts';
import type { Event } from '@megabot/contracts/endpoint.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createDedupe } from './dedupe.ts';
import { createInflight } from './inflight.ts';
import { holdLease, type LeaseEnd } from './lease.ts';
import type { Delivery, Stoppable } from './port.ts';
import type { Carrier } from './tracing.ts';

/** An event as the log keeps it: its payload as JSON text, so that no reader shares an object with another. */
export interface StoredEvent {
  readonly seq: number;
  readonly event: Event;
  readonly body: string;
  readonly carrier: Carrier;
}

type Hear = (body: string, carrier: Carrier) => void;
interface Replica {
  readonly handle: (stored: StoredEvent, delivery: Delivery) => Promise<void>;
  readonly logger: Logger;
  readonly inflight: ReturnType<typeof createInflight>;
}
/** A service's durable place in the log, shared by its replicas. */
interface Group {
  readonly follower: Follower;
  readonly replicas: Replica[];
  next: number;
  attempt: number;
  running: boolean;
  retry: NodeJS.Timeout | undefined;
}

const retryMs = 1_000;

/** The log of events in memory, its listeners and its followers. The oldest events leave when `maxEvents` is reached. */
export function createEventLog(options: { maxEvents: number; maxBytes: number; ackWaitMs: number | undefined; drainMs: number }) {
  const epoch = randomBytes(9).toString('base64url');
  const dedupe = createDedupe();
  const log: StoredEvent[] = [];
  const listeners = new Map<Event, Set<Hear>>();
  let lastSeq = 0;
  let bytes = 0;
  const groups = new Map<ServiceName, Group>(
    followerTable.map((follower) => [follower.service, { follower, replicas: [], next: 1, attempt: 0, running: false, retry: undefined }]),
  );
  const firstSeq = (): number => log[0]?.seq ?? lastSeq + 1;
  const at = (seq: number): StoredEvent | undefined => log[seq - firstSeq()];

  /** The next event that the group follows; moves its place over the ones it does not, and over those that are gone. */
  function nextFor(group: Group): StoredEvent | undefined {
    group.next = Math.max(group.next, firstSeq());
    for (;;) {
      const stored = at(group.next);
      if (stored === undefined || group.follower.events.includes(stored.event)) return stored;
      group.next++;
    }
  }

  /** Delivers one event after another to a free replica, until there is none of either. */
  async function pump(group: Group): Promise<void> {
    if (group.running || group.retry !== undefined) return;
    group.running = true;
    for (;;) {
      const replica = group.replicas.find((candidate) => candidate.inflight.size === 0);
      const stored = replica === undefined ? undefined : nextFor(group);
      if (replica === undefined || stored === undefined) break;
      const end = await deliver(group, replica, stored);
      if (end === 'done' || group.follower.ack === 'none') {
        group.next = stored.seq + 1;
        group.attempt = 0;
      } else if (end === 'failed' && group.replicas.includes(replica)) {
        group.retry = setTimeout(() => {
          group.retry = undefined;
          void pump(group);
        }, retryMs);
        break;
      }
    }
    group.running = false;
  }

  async function deliver(group: Group, replica: Replica, stored: StoredEvent): Promise<LeaseEnd> {
    const attempt = ++group.attempt;
    return await new Promise<LeaseEnd>((resolve) => {
      const hold = async ({ signal }: AbortController): Promise<void> => {
        const work = async (working: () => void): Promise<void> => {
          await Promise.resolve();
          await replica.handle(stored, { attempt, working, signal });
        };
        const onError = (error: unknown): void => replica.logger.warn({ err: error, seq: stored.seq, attempt }, 'handling an event failed');
        const lease = holdLease(options.ackWaitMs ?? group.follower.ackWaitMs, work, onError);
        if ((await lease.end) === 'expired') resolve('expired');
        await lease.settled;
        ended = await lease.end;
      };
      let ended: LeaseEnd = 'failed';
      // Resolved only when the replica is free again, unless its lease expired: the next event may be its own.
      void replica.inflight.run(hold).then(() => {
        resolve(ended);
        if (ended === 'expired') void pump(group);
      });
    });
  }

  return {
    info: () => ({ epoch, firstSeq: firstSeq(), lastSeq }),
    read(since: number, limit: number): StoredEvent[] {
      const from = Math.max(since + 1, firstSeq()) - firstSeq();
      return log.slice(from, from + limit);
    },
    publish(event: Event, body: string, carrier: Carrier, id: string | undefined): void {
      if (id !== undefined && !dedupe.claim(id)) return;
      log.push({ seq: ++lastSeq, event, body, carrier });
      bytes += body.length;
      while (log.length > options.maxEvents || (bytes > options.maxBytes && log.length > 1)) bytes -= log.shift()?.body.length ?? 0;
      for (const hear of listeners.get(event) ?? []) queueMicrotask(() => hear(body, carrier));
      for (const group of groups.values()) if (group.replicas.length > 0) void pump(group);
    },
    listen(event: Event, hear: Hear): Stoppable {
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(hear));
      return {
        stop: async () => {
          all.delete(hear);
        },
      };
    },
    follow(service: ServiceName, handle: Replica['handle'], logger: Logger): Stoppable {
      const group = groups.get(service);
      if (group === undefined) throw new Error(`${service} follows no event`);
      const replica: Replica = { handle, logger, inflight: createInflight() };
      group.replicas.push(replica);
      void pump(group);
      return {
        async stop() {
          const index = group.replicas.indexOf(replica);
          if (index >= 0) group.replicas.splice(index, 1);
          replica.inflight.abort();
          await replica.inflight.drain(options.drainMs);
          void pump(group);
        },
      };
    },
    close(): void {
      for (const group of groups.values()) {
        clearTimeout(group.retry);
        group.replicas.length = 0;
      }
    },
  };
}
