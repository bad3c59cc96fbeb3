import { ServiceError } from '@megabot/contracts/errors.ts';
import type { FastifyRequest } from 'fastify';
import { GatewayError } from '../error-table.ts';
import type { HttpApp, HttpServices } from './services.ts';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Before anything of the body is read: is the request meant for us, from a page of ours, and by whom. */
export function registerGuard(app: HttpApp, services: HttpServices): void {
  const { guard, authentication, strangers, events } = services;
  app.decorateRequest('proven', null);

  const refuse = (code: 'foreign_host' | 'foreign_origin', request: FastifyRequest): never => {
    events.refused(code, request.ip, 'http');
    throw new GatewayError(code);
  };

  app.addHook('onRequest', async (request) => {
    if (!guard.hostAllowed(request.headers.host) || !guard.hostAllowed(targetHost(request))) refuse('foreign_host', request);
    const { origin } = request.headers;
    if (origin !== undefined && !guard.originAllowed(origin)) refuse('foreign_origin', request);
    if (request.is404 || request.routeOptions.config.open === true) return;
    request.proven = await authentication.prove(request.headers, request.ip);
    strangers.proven(request.raw.socket);
    // Cookies ignore ports, so a page of another program on this machine sends ours along; its Origin gives it away.
    if (request.proven.sessionSecret !== undefined && !safeMethods.has(request.method) && origin === undefined) refuse('foreign_origin', request);
  });
}

/** The host that the request is for: one in the target itself, as for a proxy, goes before `Host` (RFC 9112 §3.2.2). */
function targetHost(request: FastifyRequest): string | undefined {
  const target = request.raw.url ?? '';
  return /^[/*]/.test(target) ? request.headers.host : URL.parse(target)?.host;
}

/** The actor of a route that is not open. */
export function actorOf(request: FastifyRequest) {
  if (request.proven === null) throw new GatewayError('unauthenticated');
  return request.proven.actor;
}

/** The owner, of a route for them alone. @throws ServiceError `not_entitled` */
export function ownerOf(request: FastifyRequest) {
  const actor = actorOf(request);
  if (actor.trust !== 'owner') throw new ServiceError('not_entitled', 'Only the owner may do that.', { hint: 'Sign in with the token of this MegaBot.' });
  return actor;
}
