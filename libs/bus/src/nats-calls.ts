import { headers, type Msg } from '@nats-io/transport-node';
import { Svcm, type Service } from '@nats-io/services';
import { AbortError } from '@megabot/lifecycle/backoff.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { serviceNames, type ServiceName } from '@megabot/contracts/services.ts';
import { endpointSubject, endpointWildcard, inboxPrefix, queueGroup } from '@megabot/contracts/subjects.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createInflight } from './inflight.ts';
import type { Link } from './nats-connection.ts';
import { toServiceError } from './nats-errors.ts';
import { carrierOf, outgoingHeaders, timeoutOf } from './nats-headers.ts';
import type { Binding, Stoppable } from './port.ts';
import { mayCall } from './rights.ts';
import { extractTrace, inSpan, SpanKind } from './tracing.ts';
import { answer, decodeReply, encode, readWireError } from './wire.ts';

/** The header by which NATS micro, and so its tools, tell an error from a reply; the error itself is in the body. */
const errorHeader = 'Nats-Service-Error-Code';
const maxDeadlineMs = 10 * 60_000;

/** Calls an endpoint: one message there, one back. */
export async function callEndpoint(link: Link, caller: ServiceName, endpoint: Endpoint, request: unknown, options: { timeoutMs?: number; signal?: AbortSignal }): Promise<unknown> {
  const { signal } = options;
  if (signal?.aborted) throw new AbortError('aborted before the call');
  const what = `${endpoint.service}.${endpoint.name}`;
  const timeout = options.timeoutMs ?? endpoint.timeoutMs;
  const body = encode(request);
  return await inSpan(`call ${what}`, SpanKind.CLIENT, async () => {
    const send = async (): Promise<Msg> => await link.nc.request(endpointSubject(endpoint, caller), body, { timeout, headers: outgoingHeaders(timeout) });
    let reply: Msg;
    try {
      reply = await link.guarded(what, signal === undefined ? send : () => untilAborted(send(), signal));
    } catch (error) {
      if (error instanceof AbortError) throw error;
      throw toServiceError(error, what);
    }
    if (reply.headers?.has(errorHeader)) throw readWireError(reply.string());
    return decodeReply(endpoint, reply.string());
  });
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new AbortError('the caller no longer waits'));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Who really sent a request. A subject alone does not prove it: a replier, a stream or the server itself can be made to
 * publish on a foreign subject by naming it as a reply. None of them can also choose the reply subject of what it publishes,
 * so subject and reply together do.
 */
export function provenCaller(endpoint: Endpoint, message: { subject: string; reply?: string }): ServiceName | undefined {
  return serviceNames.find(
    (name) => message.subject === endpointSubject(endpoint, name) && mayCall(name, endpoint) && (message.reply?.startsWith(`${inboxPrefix(name)}.`) ?? false),
  );
}

/** Registers a service with NATS micro and serves its endpoints in the queue group of the contracts. */
export async function serveEndpoints(link: Link, bindings: readonly Binding[], deps: { service: ServiceName; version: string; logger: Logger; drainMs: number }): Promise<Stoppable> {
  const { service: name, version, logger, drainMs } = deps;
  const inflight = createInflight();
  // The package is built against an older copy of the same client interface, which it only uses to subscribe and respond.
  const service = await new Svcm(link.nc as never).add({ name, version, queue: queueGroup });
  for (const binding of bindings) {
    service.addEndpoint(binding.endpoint.name, {
      subject: endpointWildcard(binding.endpoint),
      // The package reports a refused subscription by stopping the service, and lets a rejection pass unhandled.
      handler: (error, message) => {
        if (error === null) void inflight.run((controller) => serveOne(binding, message as unknown as Msg, controller, logger));
      },
    });
  }
  await requireAccepted(link, service);

  let stopping = false;
  void service.stopped.then((error) => {
    if (!stopping) logger.error({ err: error }, 'this service no longer answers on the bus');
  });
  return {
    async stop() {
      stopping = true;
      await service.stop();
      await inflight.drain(drainMs);
    },
  };
}

/** Resolves when the server has taken the subscriptions. @throws ServiceError `forbidden` if it refused one. */
async function requireAccepted(link: Link, service: Service): Promise<void> {
  await link.guarded('serve', () => link.nc.flush()).catch((error: unknown) => {
    throw toServiceError(error, 'serve');
  });
  if (!service.isStopped) return;
  throw new ServiceError('forbidden', 'NATS refused a subscription of this service', { cause: await service.stopped });
}

/** Serves one request. Never rejects. */
async function serveOne(binding: Binding, message: Msg, controller: AbortController, logger: Logger): Promise<void> {
  const { endpoint } = binding;
  const what = `${endpoint.service}.${endpoint.name}`;
  const caller = provenCaller(endpoint, message);
  if (caller === undefined) {
    // Answering would publish wherever the forged message says.
    logger.warn({ endpoint: what, subject: message.subject }, 'dropped a request whose caller is not proved');
    return;
  }
  const deadline = setTimeout(() => controller.abort(), timeoutOf(message.headers, maxDeadlineMs));
  try {
    const serve = () => answer(binding, message.string(), { caller, signal: controller.signal }, logger);
    const outcome = await inSpan(`serve ${what}`, SpanKind.SERVER, serve, extractTrace(carrierOf(message.headers)));
    if (outcome.ok) message.respond(outcome.body);
    else {
      const flagged = headers();
      flagged.set(errorHeader, outcome.error.code);
      message.respond(JSON.stringify(outcome.error), { headers: flagged });
    }
  } catch (error) {
    logger.error({ err: error, endpoint: what }, 'an answer could not be sent');
  } finally {
    clearTimeout(deadline);
  }
}
