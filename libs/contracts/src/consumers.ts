import type { Event } from './endpoint.ts';
import type { ServiceName } from './services.ts';
import { serviceNames } from './services.ts';
import { eventTable } from './table.ts';

/**
 * How a follower acknowledges. `explicit`: an event is delivered again until its handler resolves. `none`: delivered once,
 * without the round trip of an acknowledgement; for a door whose clients catch up from the log themselves.
 */
export type FollowerAck = 'explicit' | 'none';

/** A service that follows events, with one durable consumer that its replicas share. */
export interface Follower {
  readonly service: ServiceName;
  readonly events: readonly Event[];
  readonly ack: FollowerAck;
  /** How long a replica may hold an event without a sign of life. */
  readonly ackWaitMs: number;
}

const withoutAck: readonly ServiceName[] = ['gateway'];

/** Every service that an event names as its follower. */
export const followerTable: readonly Follower[] = serviceNames
  .map((service) => ({ service, events: eventTable.filter((event) => event.followers.includes(service)) }))
  .filter(({ events }) => events.length > 0)
  .map(({ service, events }) => ({ service, events, ack: withoutAck.includes(service) ? 'none' : 'explicit', ackWaitMs: 10_000 }));

/** Services that may read the whole log of events by sequence: the door that lets clients catch up. */
export const eventLogReaders: readonly ServiceName[] = ['gateway'];

/** How long the streams remember an id, so that publishing it again stores nothing. */
export const duplicateWindowMs = 5 * 60_000;

/** The largest message on the bus, headers included; the server's `max_payload`. */
export const maxMessageBytes = 8 * 1024 * 1024;
