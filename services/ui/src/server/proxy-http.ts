import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import type { FastifyInstance } from 'fastify';
import { createBodies, defaultBodyLimits, type BodyLimits } from './bodies.ts';
import { bodyTooLarge, crowdedOut, gatewayUnreachable, problem } from './problem.ts';

/** The gateway's routes that a browser may reach through this origin; `/metrics` and the rest stay inside. */
const prefixes = ['/api', '/v1', '/traces', '/health', '/openapi.json'] as const;

/** Of one connection and not of the message: each side has its own (RFC 9110 §7.6.1). */
const hopByHop: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect']);

/** The gateway answers a request that waits for a run within two minutes. */
const answerMs = 150_000;

interface ProxyOptions {
  readonly gatewayUrl: string;
  readonly bodyLimits?: Partial<BodyLimits> | undefined;
}

/**
 * Hands these paths to the gateway and streams the answers back, server-sent events included. `Host` and `Origin` stay as
 * they came and nothing is added. Bodies are read whole first. Answers 502 with a problem while the gateway does not answer.
 */
export async function proxyHttp(server: FastifyInstance, options: ProxyOptions): Promise<void> {
  const bodies = createBodies({ ...defaultBodyLimits, ...options.bodyLimits });
  const gateway = new URL(options.gatewayUrl);
  const tls = gateway.protocol === 'https:';
  // Without a bound of its own: event streams last for hours, and the gateway limits its connections itself.
  const agent = tls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const send = tls ? httpsRequest : httpRequest;
  server.addHook('onClose', async () => agent.destroy());

  // Judging a body is the gateway's task, so none is parsed here, and none is waited for before the handler.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));

  for (const prefix of prefixes) {
    for (const url of [prefix, `${prefix}/*`]) {
      server.all(url, async (request, reply) => {
        const body = await bodies.read(request.raw);
        if (body.kind === 'broken') return reply.hijack();
        if (body.kind !== 'whole') {
          // What is left of the body must not be read as the next request.
          void reply.header('connection', 'close');
          return body.kind === 'too_large' ? problem(reply, 413, bodyTooLarge) : problem(reply, 503, crowdedOut);
        }
        reply.hijack();
        const outward = send({
          protocol: gateway.protocol, hostname: gateway.hostname.replace(/^\[|\]$/g, ''), port: gateway.port, agent, setHost: false,
          method: request.method, path: request.raw.url ?? '/', headers: forwarded(request.raw.headers, body.bytes), timeout: answerMs,
        });
        outward.once('timeout', () => outward.destroy(new Error('the gateway did not answer in time')));
        outward.once('response', (response) => passOn(response, reply.raw));
        outward.once('error', (error) => {
          if (reply.raw.destroyed) return;
          request.log.warn({ err: error }, 'the gateway did not answer');
          if (reply.raw.headersSent) reply.raw.destroy();
          else problem(rawReply(reply.raw), 502, gatewayUnreachable);
        });
        // Nobody is left to hear the answer.
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) outward.destroy();
        });
        outward.end(body.bytes);
        return reply;
      });
    }
  }
}

function forwarded(headers: IncomingHttpHeaders, body: Buffer): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const kept: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) if (!hopByHop.has(name) && !named.has(name)) kept[name] = value;
  const had = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return had ? { ...kept, 'content-length': String(body.length) } : kept;
}

function passOn(response: IncomingMessage, browser: ServerResponse): void {
  response.socket.setTimeout(0);
  const headers: string[] = [];
  for (let index = 0; index + 1 < response.rawHeaders.length; index += 2) {
    const name = response.rawHeaders[index] ?? '';
    if (!hopByHop.has(name.toLowerCase())) headers.push(name, response.rawHeaders[index + 1] ?? '');
  }
  browser.writeHead(response.statusCode ?? 502, response.statusMessage, headers);
  // The first event may be minutes away.
  browser.flushHeaders();
  response.pipe(browser);
  response.on('error', () => browser.destroy());
  response.on('aborted', () => browser.destroy());
}

/** A reply that Fastify has let go of, in the form that a problem is written to. */
const rawReply = (response: ServerResponse) => ({
  code: (status: number) => (response.statusCode = status),
  header: (name: string, value: string) => response.setHeader(name, value),
  send: (body: string) => response.end(body),
});
