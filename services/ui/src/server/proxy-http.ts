import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance } from 'fastify';
import { gatewayUnreachable, problem } from './problem.ts';

/** The gateway's routes that a browser may reach through this origin; `/metrics` and the rest stay inside. */
const prefixes = ['/api', '/v1', '/traces', '/health', '/openapi.json'] as const;

/**
 * Hands these paths to the gateway and streams the answers back, server-sent events included. `Host` and `Origin` stay as
 * they came and nothing is added. Answers 502 with a problem body while the gateway does not answer.
 */
export async function proxyHttp(server: FastifyInstance, options: { readonly gatewayUrl: string }): Promise<void> {
  for (const prefix of prefixes) {
    await server.register(httpProxy, {
      upstream: options.gatewayUrl,
      prefix,
      rewritePrefix: prefix,
      disableRequestLogging: true,
      // An event stream may be silent for as long as nothing happens.
      undici: { bodyTimeout: 0, headersTimeout: 150_000, connections: 64 },
      replyOptions: {
        // A repeated request is the browser's decision; a 503 of the gateway is news for the person, not something to hide.
        retryDelay: () => null,
        rewriteRequestHeaders: (request, headers) => ({ ...headers, host: request.headers.host ?? '' }),
        onError: (reply, { error }) => {
          reply.request.log.warn({ err: error }, 'the gateway did not answer');
          problem(reply, 502, gatewayUnreachable);
        },
      },
    });
  }
}
