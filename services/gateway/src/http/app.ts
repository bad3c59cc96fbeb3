import fastify from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { newId } from '@megabot/contracts/ids.ts';
import { GatewayError, publicFailure } from '../error-table.ts';
import { maxFrameBytes } from '../options.ts';
import { registerGuard } from './guard.ts';
import { registerNotFound } from './method-not-allowed.ts';
import { registerOpenApi } from './openapi.ts';
import { answerUnreadable, createErrorHandler, sendProblem } from './problems.ts';
import { registerActionRoutes } from './routes/actions.ts';
import { registerApprovalRoutes } from './routes/approvals.ts';
import { registerAuditRoutes } from './routes/audit.ts';
import { registerBridgeRoutes } from './routes/bridges.ts';
import { registerConversationRoutes } from './routes/conversations.ts';
import { registerEventRoutes } from './routes/events.ts';
import { registerFileRoutes } from './routes/files.ts';
import { registerHealthRoutes } from './routes/health.ts';
import { registerMemoryRoutes } from './routes/memory.ts';
import { registerOneTimeCodeRoutes } from './routes/one-time-codes.ts';
import { registerPolicyRoutes } from './routes/policy.ts';
import { registerRunRoutes } from './routes/runs.ts';
import { registerSessionRoutes } from './routes/session.ts';
import { registerTurnRoutes } from './routes/turns.ts';
import type { HttpApp, HttpServices } from './services.ts';

/** The HTTP interface with all its routes; it listens nowhere yet. */
export async function createHttpApp(services: HttpServices): Promise<HttpApp> {
  const { limits, events, strangers } = services;
  const app: HttpApp = fastify({
    logger: false,
    bodyLimit: maxFrameBytes,
    requestTimeout: limits.requestMs,
    forceCloseConnections: true,
    genReqId: () => newId(),
    routerOptions: { maxParamLength: 256 },
    http: {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
      maxHeaderSize: 16_384,
      // Any other protocol is an offer, which may be passed over (RFC 9110 §7.8).
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, publicFailure(new GatewayError('bad_request', 'the path cannot be read', { cause: error }))),
  }).withTypeProvider<ZodTypeProvider>();
  app.server.maxConnections = limits.maxConnections;
  app.server.on('connection', (socket) => strangers.admit(socket));
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(events));
  // A form can send text/plain across origins without being asked; JSON alone is read.
  app.removeContentTypeParser('text/plain');

  app.addHook('onSend', async (_request, reply) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer').header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  });
  app.addHook('onResponse', async (_request, reply) => events.requestAnswered(reply.statusCode));
  registerNotFound(app);
  await registerOpenApi(app, services.options.version);
  registerGuard(app, services);
  for (const register of [
    registerHealthRoutes, registerSessionRoutes, registerConversationRoutes, registerTurnRoutes, registerActionRoutes, registerApprovalRoutes,
    registerRunRoutes, registerFileRoutes, registerPolicyRoutes, registerAuditRoutes, registerMemoryRoutes, registerEventRoutes,
    registerBridgeRoutes, registerOneTimeCodeRoutes,
  ]) register(app, services);
  return app;
}
