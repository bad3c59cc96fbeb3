import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { nuid } from '@nats-io/transport-node';
import { followerTable } from '@megabot/contracts/consumers.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { consumerName, eventSubject, queueSubject } from '@megabot/contracts/subjects.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { callEndpoint, serveEndpoints } from './nats-calls.ts';
import { openConnection, watchConnection } from './nats-connection.ts';
import { consumeDurably } from './nats-consume.ts';
import { createNatsEventLog, listenLive, readOrLeaveOut } from './nats-events.ts';
import { publishDurably } from './nats-publish.ts';
import { createOwned } from './owned.ts';
import type { Bus, EventLog } from './port.ts';
import { requireCall, requireEnqueue, requireEventLog, requireFollow, requireListen, requirePublish, requireServe, requireWork } from './rights.ts';
import { requireConversationToken } from './subject-token.ts';
import { decodePayload, encodePayload } from './wire.ts';

export interface NatsBusOptions {
  readonly service: ServiceName;
  readonly servers: string | readonly string[];
  /** This service's nkey seed; the server knows its public half and its permissions. */
  readonly nkeySeed: string;
  readonly logger: Logger;
  readonly connectDeadlineMs: number;
  /** How long a shutdown waits for handlers in hand before it aborts them. */
  readonly drainMs?: number;
}

const flushMs = 1_000;

/** The bus over NATS and JetStream, as one service's user. @throws ServiceError `disconnected` after the deadline. */
export async function connectNats(options: NatsBusOptions): Promise<Bus> {
  const { service, logger, drainMs = 4_000 } = options;
  const nc = await openConnection({ ...options, user: service });
  const link = watchConnection(nc, logger);
  const js = jetstream(nc);
  const { own, stopAll } = createOwned();
  const closing = new AbortController();
  let closed: Promise<void> | undefined;
  let manager: Promise<JetStreamManager> | undefined;
  // Without `checkAPI: false` it would ask for the account's state, which no service may.
  const log = createNatsEventLog(link, () => (manager ??= jetstreamManager(nc, { checkAPI: false })), logger);
  const eventLog: EventLog = {
    async info() {
      requireEventLog(service);
      return await log.info();
    },
    async read(since, limit) {
      requireEventLog(service);
      return await log.read(since, limit);
    },
  };
  const common = { drainMs, signal: closing.signal, consumer: consumerName(service) };

  const bus: Bus = {
    service,
    eventLog,
    get connected() {
      return link.connected;
    },
    async call(endpoint, request, callOptions = {}) {
      requireCall(service, endpoint);
      return (await callEndpoint(link, service, endpoint, request, callOptions)) as never;
    },
    async serve(bindings, { version = '0.1.0' } = {}) {
      for (const { endpoint } of bindings) requireServe(service, endpoint);
      return own(await serveEndpoints(link, bindings, { service, version, logger, drainMs }));
    },
    async enqueue(queue, payload, id) {
      requireEnqueue(service, queue);
      await publishDurably(link, js, queueSubject(queue), encodePayload(queue.payload, payload, queue.name), id, `add to ${queue.stream}`);
    },
    async work(queue, { concurrency, retryMs = 1_000 }, handler) {
      requireWork(service, queue);
      const settings = { ...common, stream: queue.stream, concurrency, prefetch: 1, ack: 'explicit', maxDeliver: queue.maxDeliver, retryMs } as const;
      return own(await consumeDurably(link, js, settings, (message, delivery) => handler(decodePayload(queue.payload, message.string(), queue.name) as never, delivery), logger));
    },
    async publish(event, payload, { conversation, id = nuid.next() } = {}) {
      requirePublish(service, event);
      requireConversationToken(conversation);
      await publishDurably(link, js, eventSubject(event, conversation), encodePayload(event.payload, payload, event.topic), id, `publish ${event.topic}`);
    },
    async listen(event, handler) {
      requireListen(service, event);
      return own(await listenLive(link, event, handler, logger));
    },
    async follow(handler) {
      requireFollow(service);
      const ack = followerTable.find((follower) => follower.service === service)?.ack ?? 'explicit';
      // Explicit: the consumer lets one event at a time be unacknowledged, which is what keeps their order among replicas.
      const settings = { ...common, stream: 'EVENTS', concurrency: 1, prefetch: ack === 'none' ? 256 : 1, ack, maxDeliver: Number.POSITIVE_INFINITY, retryMs: 1_000 } as const;
      return own(
        await consumeDurably(link, js, settings, async (message, delivery) => {
          const envelope = readOrLeaveOut(message.subject, message.string(), message.seq, logger);
          if (envelope !== undefined) await handler(envelope, delivery);
        }, logger),
      );
    },
    async close() {
      closed ??= (async () => {
        closing.abort();
        await stopAll();
        // Nothing is left to send but acknowledgements and replies; a server that is gone must not hold up the end.
        await Promise.race([nc.flush().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, flushMs).unref())]);
        await nc.close();
      })();
      await closed;
    },
    async [Symbol.asyncDispose]() {
      await bus.close();
    },
  };
  if (nc.isClosed()) throw new ServiceError('disconnected', 'NATS closed the connection at once');
  return bus;
}
