import { fileURLToPath } from 'node:url';
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { Logger } from '@megabot/observability/logger.ts';
import { defaultBodyLimits, type BodyLimits } from './server/bodies.ts';
import { proxyHttp } from './server/proxy-http.ts';
import { proxyUpgrades } from './server/proxy-upgrades.ts';
import { serveApp } from './server/serve-app.ts';
import { problem } from './server/problem.ts';

export interface UiServerOptions {
  /** Origin of the gateway, for instance `http://gateway:8000`. */
  readonly gatewayUrl: string;
  /** Folder of the built app; the one `npm run build` writes by default. */
  readonly dist?: string;
  readonly bodyLimits?: Partial<BodyLimits>;
}

const builtApp = fileURLToPath(new URL('../dist', import.meta.url));

/**
 * One origin for the browser: the built app, and behind it the gateway's routes with `Host` and `Origin` as the browser sent
 * them, because the gateway judges both. Holds no secret and decides nothing.
 * Call `listen` on the returned value to open it and `close` to end it, open streams included.
 */
export async function createUiServer(options: UiServerOptions, deps: { logger: Logger }): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = deps.logger;
  const server: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    // Whoever sends a request slower than this holds a connection for nothing. Streams and sockets are answers, and unbounded.
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 },
    // `/health` and `/health/` are not the same to the gateway; nothing is tidied here.
    routerOptions: { ignoreTrailingSlash: false },
  });
  server.get('/livez', () => ({ status: 'ok' }));
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error({ err: error, path: request.url.split('?')[0] }, 'a request failed');
    return problem(reply, status, {
      code: status >= 500 ? 'internal' : 'bad_request',
      title: status >= 500 ? 'The UI service failed' : 'The request cannot be understood',
      detail: status >= 500 ? 'The UI service could not answer this request.' : 'The UI service refused this request because its form is not valid.',
      hint: status >= 500 ? 'Try again; the log of the service "ui" says more.' : 'Check the address and the request.',
    });
  });
  await server.register(proxyHttp, { gatewayUrl: options.gatewayUrl, bodyLimits: options.bodyLimits });
  askBeforeLargeBodies(server.server);
  await server.register(serveApp, { dist: options.dist ?? builtApp });
  proxyUpgrades(server.server, { gatewayUrl: options.gatewayUrl, path: '/ws', logger: deps.logger });
  return server;
}

/** By itself Node tells everybody who asks to go on, also with a body that will be refused. */
function askBeforeLargeBodies(server: FastifyInstance['server']): void {
  server.on('checkContinue', (request, response) => {
    if (Number(request.headers['content-length'] ?? 0) <= defaultBodyLimits.maxBytes) response.writeContinue();
    server.emit('request', request, response);
  });
}
