import type { z } from 'zod';
import type { Endpoint, Event, Queue } from '@megabot/contracts/endpoint.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';

/** What a handler knows of the call beside its payload. `caller` is proved by the bus, never taken from the message. */
export interface CallContext {
  readonly caller: ServiceName;
  /** Aborts when the caller's deadline has passed or the bus shuts down. */
  readonly signal: AbortSignal;
}

export type Handler<E extends Endpoint> = (request: z.infer<E['request']>, context: CallContext) => Promise<z.input<E['reply']>>;

/** One endpoint with its handler; made by `handle`, so that the types of both agree. */
export interface Binding {
  readonly endpoint: Endpoint;
  readonly handler: (request: never, context: CallContext) => Promise<unknown>;
}

export const handle = <E extends Endpoint>(endpoint: E, handler: Handler<E>): Binding => ({ endpoint, handler });

export interface Delivery {
  /** 1 for the first delivery of the message, more when an earlier consumer died or failed. */
  readonly attempt: number;
  /** Tells the queue that the work goes on, so that nobody else gets the message. */
  working(): void;
  /** Aborts as soon as the consumer stops: save what there is and throw, and another replica gets the message. */
  readonly signal: AbortSignal;
}

export interface EventEnvelope<E extends Event = Event> {
  readonly event: E;
  readonly payload: z.infer<E['payload']>;
  /** The place in `EVENTS`; 0 for a listener, which hears it live and without a place. */
  readonly seq: number;
}

/** A handle that stops taking new messages and waits, for seconds, for the ones in hand. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** The log of all events, for a door that lets clients catch up. */
export interface EventLog {
  /** `epoch` changes when the log was made anew and its numbers mean something else. */
  info(): Promise<{ epoch: string; firstSeq: number; lastSeq: number }>;
  /**
   * Events after `since`, oldest first, at most `limit`; `next` is the place to go on from. Where `since` lies before
   * `firstSeq - 1`, events in between are gone: compare first.
   */
  read(since: number, limit: number): Promise<{ events: EventEnvelope[]; next: number; done: boolean }>;
}

/**
 * The bus as one service holds it. Every failure is a `ServiceError` with a code of the contracts, but for a call that the
 * caller's own `signal` ended: that throws lifecycle's `AbortError`. What the contracts do not grant this service is
 * `forbidden` before anything is sent. A call while disconnected fails at once with `disconnected`; publishing is tried
 * again with the same id for a few seconds first. Nothing is silently dropped.
 */
export interface Bus extends AsyncDisposable {
  readonly service: ServiceName;
  call<E extends Endpoint>(endpoint: E, request: z.input<E['request']>, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<z.infer<E['reply']>>;
  /** Serves endpoints of this service in a queue group; resolves once requests arrive. */
  serve(bindings: readonly Binding[], options?: { version?: string }): Promise<Stoppable>;
  /** Adds to a work queue; resolves when it is durable. The same `id` within minutes is stored once. */
  enqueue<Q extends Queue>(queue: Q, payload: z.input<Q['payload']>, id: string): Promise<void>;
  /**
   * Works on a queue, at most `concurrency` messages at a time. A message is acknowledged when the handler resolves and
   * delivered again (after `retryMs`) when it throws.
   */
  work<Q extends Queue>(queue: Q, options: { concurrency: number; retryMs?: number }, handler: (payload: z.infer<Q['payload']>, delivery: Delivery) => Promise<void>): Promise<Stoppable>;
  /** Announces an event; resolves when it is durable. The same `id` within minutes is stored once. */
  publish<E extends Event>(event: E, payload: z.input<E['payload']>, options?: { conversation?: string; id?: string }): Promise<void>;
  /** Hears events as they happen, in every replica, without durability. */
  listen<E extends Event>(event: E, handler: (payload: z.infer<E['payload']>) => void): Promise<Stoppable>;
  /** Follows all events that name this service as a follower, in order, one at a time; acknowledged when the handler resolves. */
  follow(handler: (envelope: EventEnvelope, delivery: Delivery) => Promise<void>): Promise<Stoppable>;
  readonly eventLog: EventLog;
  readonly connected: boolean;
  /** Stops intake, lets handlers finish, flushes and closes. */
  close(): Promise<void>;
}
