import { createHash, randomBytes } from 'node:crypto';
import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import type { Principal } from '@megabot/contracts/principal.ts';

/** Cookie sessions. The interlock keeps a hash of the secret; here it is only remembered for seconds. */
export interface Sessions {
  create(principal: Principal, codeId: string | undefined): Promise<{ secret: string; expiresAt: number }>;
  /** The principal of a secret, or undefined where the session is over. @throws ServiceError when that cannot be known. */
  check(secret: string): Promise<Principal | undefined>;
  end(secret: string): Promise<void>;
  /** Calls `onOver` once when the session ends or is revoked. Returns the way to stop watching. */
  watch(secret: string, onOver: () => void): () => void;
  stop(): void;
}

interface Known {
  readonly principal: Principal;
  readonly expiresAt: number;
  readonly checkedAt: number;
}

const maxKnown = 1_024;
const looksLikeSecret = /^[A-Za-z0-9_-]{43}$/;

export function createSessions(bus: Bus, options: { sessionMs: number; cacheMs: number; clock: () => number }): Sessions {
  const { clock } = options;
  const known = new Map<string, Known>();
  const watchers = new Map<string, Set<() => void>>();
  let endings = 0;

  const over = (secretHash: string): void => {
    endings += 1;
    known.delete(secretHash);
    for (const onOver of watchers.get(secretHash) ?? []) onOver();
    watchers.delete(secretHash);
  };

  const checkHash = async (secretHash: string): Promise<Principal | undefined> => {
    const now = clock();
    const entry = known.get(secretHash);
    if (entry && entry.expiresAt <= now) {
      over(secretHash);
      return undefined;
    }
    if (entry && now - entry.checkedAt < options.cacheMs) return entry.principal;
    const endingsBefore = endings;
    try {
      const { principal, expiresAt } = await bus.call(interlock.sessionCheck, { secretHash });
      if (expiresAt <= clock()) {
        over(secretHash);
        return undefined;
      }
      // The answer may have been on its way when a session ended, perhaps this one: it is asked for again.
      if (endings !== endingsBefore) return await checkHash(secretHash);
      if (known.size >= maxKnown) known.clear();
      known.set(secretHash, { principal, expiresAt, checkedAt: clock() });
      return principal;
    } catch (error) {
      if (!isServiceError(error, 'session_invalid')) throw error;
      over(secretHash);
      return undefined;
    }
  };

  // A socket outlives the request that opened it, so its session is looked at for as long as it stays.
  const recheck = setInterval(() => {
    for (const secretHash of watchers.keys()) {
      checkHash(secretHash).catch(() => {
        // The interlock is away: nothing that such a client asks for can be done meanwhile anyway.
      });
    }
  }, options.cacheMs);
  recheck.unref();

  return {
    async create(principal, codeId) {
      const secret = randomBytes(32).toString('base64url');
      const expiresAt = clock() + options.sessionMs;
      await bus.call(interlock.sessionCreate, { secretHash: hashOf(secret), principal, expiresAt, ...(codeId === undefined ? {} : { codeId }) });
      return { secret, expiresAt };
    },
    async check(secret) {
      return looksLikeSecret.test(secret) ? await checkHash(hashOf(secret)) : undefined;
    },
    async end(secret) {
      if (!looksLikeSecret.test(secret)) return;
      const secretHash = hashOf(secret);
      await bus.call(interlock.sessionEnd, { secretHash });
      over(secretHash);
    },
    watch(secret, onOver) {
      const secretHash = hashOf(secret);
      const set = watchers.get(secretHash) ?? new Set();
      set.add(onOver);
      watchers.set(secretHash, set);
      return () => {
        set.delete(onOver);
        if (set.size === 0 && watchers.get(secretHash) === set) watchers.delete(secretHash);
      };
    },
    stop: () => clearInterval(recheck),
  };
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
