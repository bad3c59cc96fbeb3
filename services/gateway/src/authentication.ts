import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '@megabot/contracts/principal.ts';
import { constantTimeEquals } from '@megabot/crypto/handshake.ts';
import { readCookie } from './cookies.ts';
import { GatewayError, type PublicCode } from './error-table.ts';
import type { GatewayEvents } from './events.ts';
import type { Sessions } from './sessions.ts';
import { createBucketPerKey } from './token-bucket.ts';

export const sessionCookie = 'megabot_session';

/** Whom a request proves to be, and by what. */
export interface Proven {
  readonly actor: Actor;
  /** The secret of the cookie, where it was the cookie. */
  readonly sessionSecret: string | undefined;
}

export interface RequestHeaders {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
}

export interface Authentication {
  /** @throws GatewayError `unauthenticated` or `rate_limited`; ServiceError when the session cannot be checked now. */
  prove(headers: RequestHeaders, from: string): Promise<Proven>;
  /** Undefined without a cookie that holds. */
  proveCookie(cookie: string | undefined): Promise<Proven | undefined>;
  tokenMatches(candidate: string): boolean;
  /** Makes a failure slow and counts it; the error to throw. */
  failed(code: PublicCode, from: string, said?: { message: string; hint: string }): Promise<GatewayError>;
}

/**
 * Only failures are slowed down and limited: whoever has the right token is served whatever others on the same address do,
 * and 22 random characters are not found by trying.
 */
export function createAuthentication(options: { token: string; failureDelayMs: number; failuresPerMinute: number; clock: () => number }, deps: { sessions: Sessions; events: GatewayEvents }): Authentication {
  const failures = createBucketPerKey(options.failuresPerMinute / 60, options.failuresPerMinute, options.clock);
  let waiting = 0;

  const authentication: Authentication = {
    tokenMatches: (candidate) => constantTimeEquals(candidate, options.token),
    async failed(code, from, said) {
      const limited = !failures.take(from);
      deps.events.refused(limited ? 'rate_limited' : code, from, 'http');
      // The wait itself must not become a way to fill the memory.
      if (waiting < 64) {
        waiting += 1;
        await delay(options.failureDelayMs).finally(() => (waiting -= 1));
      }
      return limited ? new GatewayError('rate_limited', 'too many failed attempts', { hint: 'Wait a minute.' }) : new GatewayError(code, said?.message, said);
    },
    async proveCookie(cookie) {
      const secret = readCookie(cookie, sessionCookie);
      if (secret === undefined) return undefined;
      const principal = await deps.sessions.check(secret);
      if (principal === undefined) return undefined;
      return { actor: { principal, trust: principal === 'owner' ? 'owner' : 'paired', channel: 'ui' }, sessionSecret: secret };
    },
    async prove(headers, from) {
      if (headers.authorization !== undefined) {
        const [scheme = '', token = '', ...rest] = headers.authorization.split(' ');
        if (scheme.toLowerCase() === 'bearer' && rest.length === 0 && authentication.tokenMatches(token)) {
          return { actor: { principal: 'owner', trust: 'owner', channel: 'http' }, sessionSecret: undefined };
        }
        throw await authentication.failed('unauthenticated', from, { message: 'The token is wrong.', hint: 'Send "Authorization: Bearer <token>" with the token of this MegaBot.' });
      }
      const proven = await authentication.proveCookie(headers.cookie);
      if (!proven) throw new GatewayError('unauthenticated');
      return proven;
    },
  };
  return authentication;
}
