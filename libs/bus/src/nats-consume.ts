import type { Consumer, ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { StreamName } from '@megabot/contracts/subjects.ts';
import { AbortError, retry } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createInflight } from './inflight.ts';
import type { Link } from './nats-connection.ts';
import { carrierOf } from './nats-headers.ts';
import type { Delivery, Stoppable } from './port.ts';
import { extractTrace, inSpan, SpanKind } from './tracing.ts';

export interface ConsumeOptions {
  readonly stream: StreamName;
  readonly consumer: string;
  /** Handlers at a time. */
  readonly concurrency: number;
  /** Messages asked for ahead of the handler; more than one only where nothing is acknowledged. */
  readonly prefetch: number;
  readonly ack: 'explicit' | 'none';
  readonly maxDeliver: number;
  readonly retryMs: number;
  readonly drainMs: number;
  /** Ends the wait for a consumer that is not made yet. */
  readonly signal: AbortSignal;
}
type Handle = (message: JsMsg, delivery: Delivery) => Promise<void>;

/**
 * Takes messages from a durable consumer that `init` makes, waiting for it as long as it takes. Each slot asks for its next
 * message only when its handler is done, so that none grows old in a buffer while its acknowledgement is due.
 */
export async function consumeDurably(link: Link, js: JetStreamClient, options: ConsumeOptions, handle: Handle, logger: Logger): Promise<Stoppable> {
  const consumer = await findConsumer(link, js, options, logger);
  const inflight = createInflight();
  const open = new Set<ConsumerMessages>();
  const stop = new AbortController();

  const slot = async (): Promise<void> => {
    while (!stop.signal.aborted && !link.nc.isClosed()) {
      try {
        // `bind`: after a reconnection ask again at once, instead of asking for the consumer's state and backing off.
        const messages = await consumer.consume({ max_messages: options.prefetch, expires: 10_000, bind: true });
        open.add(messages);
        void report(messages, options, logger);
        for await (const message of messages) await take(message);
        open.delete(messages);
      } catch (error) {
        logger.error({ err: error, stream: options.stream }, 'consuming failed; starting again');
        await pause(500, stop.signal);
      }
    }
  };
  const take = async (message: JsMsg): Promise<void> => {
    if (stop.signal.aborted) {
      if (options.ack === 'explicit') message.nak();
      return;
    }
    await inflight.run((controller) => handleOne(message, controller.signal, options, handle, logger));
  };
  const slots = Array.from({ length: options.concurrency }, slot);

  return {
    async stop() {
      stop.abort();
      for (const messages of open) void messages.close();
      inflight.abort();
      await inflight.drain(options.drainMs);
      // A handler that never ends keeps its slot; the message goes to another replica when its wait is over.
      if (inflight.size === 0) await Promise.all(slots);
    },
  };
}

async function findConsumer(link: Link, js: JetStreamClient, { stream, consumer, signal }: ConsumeOptions, logger: Logger): Promise<Consumer> {
  const onRetry = (error: unknown, attempt: number): void => {
    if (attempt % 20 === 1) logger.info({ err: error, stream, consumer, attempt }, 'the consumer is not there yet; trying again');
  };
  try {
    return await retry(() => link.guarded(`consume ${stream}`, () => js.consumers.get(stream, consumer)), { minMs: 100, maxMs: 1_000, attempts: Number.POSITIVE_INFINITY, signal, onRetry });
  } catch (error) {
    if (error instanceof AbortError) throw new ServiceError('disconnected', 'the bus was closed while it waited for a stream', { cause: error });
    throw error;
  }
}

/** Runs the handler and settles the message by its outcome. Never rejects. */
async function handleOne(message: JsMsg, signal: AbortSignal, options: ConsumeOptions, handle: Handle, logger: Logger): Promise<void> {
  const attempt = message.info.deliveryCount;
  const explicit = options.ack === 'explicit';
  const delivery: Delivery = { attempt, signal, working: () => explicit && message.working() };
  try {
    await inSpan(`consume ${options.stream}`, SpanKind.CONSUMER, () => handle(message, delivery), extractTrace(carrierOf(message.headers)));
    if (explicit) message.ack();
  } catch (error) {
    logger.warn({ err: error, stream: options.stream, seq: message.seq, attempt }, 'handling a message failed');
    if (!explicit) return;
    try {
      if (attempt >= options.maxDeliver) {
        message.term('failed for the last time');
        logger.error({ stream: options.stream, seq: message.seq, attempt }, 'a queued message failed for the last time and is dropped');
      } else message.nak(signal.aborted ? undefined : options.retryMs);
    } catch (inner) {
      logger.warn({ err: inner, stream: options.stream, seq: message.seq }, 'the outcome of a message could not be told; it comes again');
    }
  }
}

async function report(messages: ConsumerMessages, { stream }: ConsumeOptions, logger: Logger): Promise<void> {
  for await (const status of messages.status()) {
    if (status.type === 'next' || status.type === 'heartbeat' || status.type === 'debug') continue;
    if (status.type === 'discard') continue;
    logger.warn({ stream, status: status.type }, 'the consumer reports a problem');
  }
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await retry(async (attempt) => {
    if (attempt === 1) throw new Error('wait');
  }, { minMs: ms, maxMs: ms, attempts: 2, signal }).catch(() => undefined);
};
