import type { z } from 'zod';
import type { Bus } from '@megabot/bus/port.ts';
import { claim } from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { PermanentError, retry } from '@megabot/lifecycle/backoff.ts';

/**
 * Claims a permit, once: asks again with the same nonce when an answer was lost, and the interlock then repeats its grant.
 * Not beyond `expiresAt`. @throws what the interlock refused it for
 */
export async function claimOnce(
  bus: Bus,
  request: z.input<(typeof claim)['request']>,
  until: { readonly expiresAt: number; readonly clock: () => number; readonly signal: AbortSignal },
): Promise<z.infer<(typeof claim)['reply']>> {
  const ask = async () => {
    try {
      return await bus.call(claim, request, { timeoutMs: 2_000 });
    } catch (error) {
      const mayMend = isServiceError(error, 'timeout', 'disconnected', 'no_responders', 'unavailable') && until.clock() < until.expiresAt;
      if (mayMend || !isServiceError(error)) throw error;
      throw new PermanentError(error.code, { cause: error });
    }
  };
  return await retry(ask, { minMs: 50, maxMs: 500, attempts: 20, signal: until.signal });
}
