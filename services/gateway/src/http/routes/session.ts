import { unlock } from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { SessionReply, SessionRequest } from '@megabot/contracts/http.ts';
import { PolicyView } from '@megabot/contracts/policy.ts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sessionCookie } from '../../authentication.ts';
import { writeCookie } from '../../cookies.ts';
import { checkSignInCode } from '../../sign-in-code.ts';
import { actorOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const wrongToken = { message: 'The token is wrong.', hint: 'Enter the token of this MegaBot: MEGABOT_AUTH_TOKEN, or the file secrets/auth_token.' };
const wrongCode = { message: 'The sign-in link is not one of this MegaBot, or it is older than 15 minutes.', hint: 'Print a new link: make up, or sign in with the token.' };

// The one body that is read of somebody who has proved nothing.
const longestSignIn = 4_096;

/** Sign-in, sign-out, and what the owner has to enter the token again for. */
export function registerSessionRoutes(app: HttpApp, services: HttpServices): void {
  const { authentication, sessions, clock, options, events, bus } = services;
  const tags = ['session'];

  const cookie = (request: FastifyRequest, value: string, maxAgeSeconds: number): string =>
    writeCookie(sessionCookie, value, { maxAgeSeconds, secure: isHttps(request, options.publicOrigins) });

  app.post('/api/v1/session', { config: { open: true }, bodyLimit: longestSignIn, schema: { tags, summary: 'Sign in with the token, or with the one-time code of a sign-in link', body: SessionRequest, response: { 200: SessionReply } } }, async (request, reply) => {
    const { body } = request;
    const code = 'code' in body ? checkSignInCode(body.code, options.token, clock()) : undefined;
    const right = 'code' in body ? code !== undefined : authentication.tokenMatches(body.token);
    if (!right) throw await authentication.failed('auth_failed', request.ip, 'code' in body ? wrongCode : wrongToken);
    const session = await sessions.create('owner', code?.codeId).catch(async (error: unknown) => {
      if (isServiceError(error, 'code_used')) await authentication.failed('code_used', request.ip);
      throw error;
    });
    events.sessionOpened(code ? 'code' : 'token');
    void reply.header('set-cookie', cookie(request, session.secret, Math.floor((session.expiresAt - clock()) / 1_000))).header('cache-control', 'no-store');
    return { principal: 'owner', expiresAt: session.expiresAt };
  });

  app.get('/api/v1/session', { schema: { tags, summary: 'Who is signed in', response: { 200: z.object({ principal: z.string() }) } } }, (request) => ({ principal: actorOf(request).principal }));

  app.delete('/api/v1/session', { schema: { tags, summary: 'Sign out; open sockets of the session are closed', response: { 204: z.null() } } }, async (request, reply) => {
    const secret = request.proven?.sessionSecret;
    if (secret !== undefined) await sessions.end(secret);
    return await reply.header('set-cookie', cookie(request, '', 0)).code(204).send(null);
  });

  app.post('/api/v1/unlock', { schema: { tags, summary: 'Lift a lockdown, by entering the token again', body: z.object({ token: z.string().min(1).max(512) }), response: { 200: PolicyView } } }, async (request) => {
    if (!authentication.tokenMatches(request.body.token)) throw await authentication.failed('auth_failed', request.ip, wrongToken);
    return await bus.call(unlock, { actor: actorOf(request) });
  });
}

// Behind a TLS tunnel the request itself is plain HTTP; what the browser sees is the origin.
function isHttps(request: FastifyRequest, publicOrigins: readonly string[]): boolean {
  if (request.headers.origin !== undefined) return request.headers.origin.startsWith('https://');
  return publicOrigins.some((origin) => origin.startsWith('https://') && new URL(origin).host === request.headers.host);
}
