import { AbortError } from '@megabot/lifecycle/backoff.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { queueSubject } from '@megabot/contracts/subjects.ts';
import { queueTable } from '@megabot/contracts/table.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createEventLog, type StoredEvent } from './in-process-events.ts';
import { createWorkQueue } from './in-process-queue.ts';
import { createInflight, type Inflight } from './inflight.ts';
import { createOwned } from './owned.ts';
import type { Binding, Bus, EventEnvelope } from './port.ts';
import { requireCall, requireEnqueue, requireEventLog, requireFollow, requireListen, requirePublish, requireServe, requireWork } from './rights.ts';
import { requireConversationToken } from './subject-token.ts';
import { extractTrace, injectTrace, inSpan, SpanKind } from './tracing.ts';
import { answer, decodePayload, decodeReply, encode, encodePayload, fromWireError, type Outcome } from './wire.ts';

export interface HubOptions {
  /** Events kept for clients that catch up. */
  readonly maxEvents?: number;
  readonly maxEventBytes?: number;
  /** Instead of the waits of the contracts; for tests. */
  readonly ackWaitMs?: number;
  /** How long a shutdown waits for handlers in hand before it aborts them. */
  readonly drainMs?: number;
}

/** All services' buses in one process. What crosses is JSON text, as on the wire, so that no object is ever shared. */
export interface InProcessHub {
  bus(service: ServiceName, deps: { logger: Logger }): Bus;
  close(): Promise<void>;
}

interface Server {
  readonly binding: Binding;
  readonly inflight: Inflight;
  readonly logger: Logger;
}

const endpointName = (endpoint: Endpoint): string => `${endpoint.service}.${endpoint.name}`;

/** A bus for services that live in one process: the semantics of the NATS bus, nothing durable beyond the process. */
export function createInProcessHub(options: HubOptions = {}): InProcessHub {
  const drainMs = options.drainMs ?? 4_000;
  const servers = new Map<string, Server[]>();
  const queues = new Map(queueTable.map((queue) => [queueSubject(queue), createWorkQueue(queue, { ackWaitMs: options.ackWaitMs ?? queue.ackWaitMs, drainMs })]));
  const log = createEventLog({ maxEvents: options.maxEvents ?? 10_000, maxBytes: options.maxEventBytes ?? 32 * 1024 * 1024, ackWaitMs: options.ackWaitMs, drainMs });
  const buses = new Set<Bus>();

  /** Hands a request to the next server of the endpoint, and waits at most `timeoutMs` for its outcome. */
  async function request(endpoint: Endpoint, caller: ServiceName, body: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Outcome> {
    const group = servers.get(endpointName(endpoint)) ?? [];
    const server = group.shift();
    if (server === undefined) throw new ServiceError('no_responders', `no ${endpoint.service} answers to ${endpoint.name}`);
    group.push(server);
    return await new Promise<Outcome>((resolve, reject) => {
      let abortHandler: (() => void) | undefined;
      const timer = setTimeout(() => {
        abortHandler?.();
        reject(new ServiceError('timeout', `${endpointName(endpoint)} did not answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const onAbort = (): void => {
        abortHandler?.();
        reject(new AbortError('the caller no longer waits'));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      server.inflight
        .run(async (controller) => {
          abortHandler = () => controller.abort();
          await Promise.resolve();
          return await inSpan(`serve ${endpointName(endpoint)}`, SpanKind.SERVER, () => answer(server.binding, body, { caller, signal: controller.signal }, server.logger));
        })
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
        });
    });
  }

  function register(server: Server): () => void {
    const name = endpointName(server.binding.endpoint);
    const group = servers.get(name) ?? [];
    servers.set(name, group);
    group.push(server);
    return () => {
      const index = group.indexOf(server);
      if (index >= 0) group.splice(index, 1);
    };
  }

  function createBus(service: ServiceName, logger: Logger): Bus {
    const { own, stopAll } = createOwned();
    let closing: Promise<void> | undefined;
    let closed = false;
    const requireOpen = (): void => {
      if (closed) throw new ServiceError('disconnected', 'the bus is closed');
    };
    const envelope = (stored: StoredEvent): EventEnvelope => ({
      event: stored.event,
      payload: decodePayload(stored.event.payload, stored.body, stored.event.topic),
      seq: stored.seq,
    });

    const bus: Bus = {
      service,
      get connected() {
        return !closed;
      },
      async call(endpoint, payload, callOptions = {}) {
        requireOpen();
        requireCall(service, endpoint);
        if (callOptions.signal?.aborted) throw new AbortError('aborted before the call');
        const body = encode(payload);
        return await inSpan(`call ${endpointName(endpoint)}`, SpanKind.CLIENT, async () => {
          const outcome = await request(endpoint, service, body, callOptions.timeoutMs ?? endpoint.timeoutMs, callOptions.signal);
          if (!outcome.ok) throw fromWireError(JSON.parse(JSON.stringify(outcome.error)));
          return decodeReply(endpoint, outcome.body) as never;
        });
      },
      async serve(bindings) {
        requireOpen();
        for (const { endpoint } of bindings) requireServe(service, endpoint);
        const inflight = createInflight();
        const unregister = bindings.map((binding) => register({ binding, inflight, logger }));
        return own({
          async stop() {
            for (const leave of unregister) leave();
            await inflight.drain(drainMs);
          },
        });
      },
      async enqueue(queue, payload, id) {
        requireOpen();
        requireEnqueue(service, queue);
        queues.get(queueSubject(queue))?.add(encodePayload(queue.payload, payload, queue.name), injectTrace(), id);
      },
      async work(queue, { concurrency, retryMs = 1_000 }, handler) {
        requireOpen();
        requireWork(service, queue);
        const work = queues.get(queueSubject(queue));
        if (work === undefined) throw new ServiceError('unavailable', `there is no queue ${queue.stream}`);
        return own(
          work.work({
            concurrency, retryMs, logger,
            handle: (body, carrier, delivery) =>
              inSpan(`work ${queue.stream}`, SpanKind.CONSUMER, () => handler(decodePayload(queue.payload, body, queue.name) as never, delivery), extractTrace(carrier)),
          }),
        );
      },
      async publish(event, payload, { conversation, id } = {}) {
        requireOpen();
        requirePublish(service, event);
        requireConversationToken(conversation);
        log.publish(event, encodePayload(event.payload, payload, event.topic), injectTrace(), id);
      },
      async listen(event, handler) {
        requireOpen();
        requireListen(service, event);
        return own(
          log.listen(event, (body) => {
            try {
              handler(decodePayload(event.payload, body, event.topic) as never);
            } catch (error) {
              logger.error({ err: error, topic: event.topic }, 'a listener failed');
            }
          }),
        );
      },
      async follow(handler) {
        requireOpen();
        requireFollow(service);
        const handle = (stored: StoredEvent, delivery: Parameters<typeof handler>[1]): Promise<void> =>
          inSpan(`follow ${stored.event.topic}`, SpanKind.CONSUMER, () => handler(envelope(stored), delivery), extractTrace(stored.carrier));
        return own(log.follow(service, handle, logger));
      },
      eventLog: {
        async info() {
          requireOpen();
          requireEventLog(service);
          return log.info();
        },
        async read(since, limit) {
          requireOpen();
          requireEventLog(service);
          const events = log.read(since, limit).map(envelope);
          const next = Math.max(events.at(-1)?.seq ?? since, 0);
          return { events, next, done: next >= log.info().lastSeq };
        },
      },
      async close() {
        closing ??= (async () => {
          await stopAll();
          closed = true;
          buses.delete(bus);
        })();
        await closing;
      },
      async [Symbol.asyncDispose]() {
        await bus.close();
      },
    };
    buses.add(bus);
    return bus;
  }

  return {
    bus: (service, { logger }) => createBus(service, logger),
    async close() {
      await Promise.all([...buses].map((bus) => bus.close()));
      for (const queue of queues.values()) queue.close();
      log.close();
    },
  };
}
