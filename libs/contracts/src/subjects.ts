import type { Endpoint, Event, Queue } from './endpoint.ts';
import type { ServiceName } from './services.ts';

/** The only place where subjects are spelled. The last token of a call names its caller. */
export const endpointSubject = (endpoint: Endpoint, caller: ServiceName): string =>
  `mb.${endpoint.service}.${endpoint.name}.v${endpoint.version}.${caller}`;
export const endpointWildcard = (endpoint: Endpoint): string => `mb.${endpoint.service}.${endpoint.name}.v${endpoint.version}.*`;

export const queueSubject = (queue: Queue): string => `mb.${queue.consumer}.${queue.name}.v1.${queue.publisher}`;

/** Events end with the conversation they belong to, or `all`. */
export const eventSubject = (event: Event, conversation = 'all'): string => `mb.ev.${event.service}.${event.topic}.${conversation}`;
export const eventWildcard = (event: Event): string => `mb.ev.${event.service}.${event.topic}.*`;
export const everyEvent = 'mb.ev.>';

export const inboxPrefix = (service: string): string => `_INBOX_${service}`;

export const streams = {
  TURNS: { name: 'TURNS', retention: 'workqueue' },
  GUEST_TURNS: { name: 'GUEST_TURNS', retention: 'workqueue' },
  RUNS: { name: 'RUNS', retention: 'workqueue' },
  EVENTS: { name: 'EVENTS', retention: 'limits', maxAgeDays: 7 },
} as const;
export type StreamName = keyof typeof streams;

/** The name of a service's durable consumer, on any stream. */
export const consumerName = (service: ServiceName): string => service;
/** The queue group in which every server of a service subscribes. */
export const queueGroup = 'rpc';
