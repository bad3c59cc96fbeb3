import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import type { ServiceName } from './services.ts';

/**
 * One remote procedure, as one value: client, server, subject, NATS permissions and documentation derive from it.
 * `callers` may call it and nobody else; `errors` are the codes its handler may answer with, besides the bus's own.
 */
export interface Endpoint<Request extends z.ZodType = z.ZodType, Reply extends z.ZodType = z.ZodType> {
  readonly service: ServiceName;
  readonly name: string;
  readonly version: 1;
  readonly request: Request;
  readonly reply: Reply;
  readonly errors: readonly ErrorCode[];
  readonly callers: readonly ServiceName[];
  readonly timeoutMs: number;
}

export function defineEndpoint<Request extends z.ZodType, Reply extends z.ZodType>(
  definition: Omit<Endpoint<Request, Reply>, 'version' | 'timeoutMs'> & { timeoutMs?: number },
): Endpoint<Request, Reply> {
  return { version: 1, timeoutMs: 5_000, ...definition };
}

/** A durable work queue: one publisher, one consuming service, each message to one replica until it is acknowledged. */
export interface Queue<Payload extends z.ZodType = z.ZodType> {
  readonly stream: 'TURNS' | 'GUEST_TURNS' | 'RUNS';
  readonly consumer: ServiceName;
  readonly name: string;
  readonly publisher: ServiceName;
  readonly payload: Payload;
  /** How long a consumer may hold a message without a sign of life before another gets it. */
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
}

export const defineQueue = <Payload extends z.ZodType>(queue: Queue<Payload>): Queue<Payload> => queue;

/** A fact that one service announces; kept in the stream `EVENTS` for days. `key` says which field ends the subject. */
export interface Event<Payload extends z.ZodType = z.ZodType> {
  readonly service: ServiceName;
  readonly topic: string;
  readonly payload: Payload;
  /** Services that may listen to it as it happens, every replica. */
  readonly listeners: readonly ServiceName[];
  /** Services that follow it durably, each event to one replica until it is acknowledged. */
  readonly followers: readonly ServiceName[];
}

export const defineEvent = <Payload extends z.ZodType>(event: Event<Payload>): Event<Payload> => event;
