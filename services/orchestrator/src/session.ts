import type { z } from 'zod';
import type { Bus } from '@megabot/bus/port.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import { turnCheckpoint, turnFinish } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { AbortError, retry } from '@megabot/lifecycle/backoff.ts';
import type { ChatCheckpoint, RunCheckpoint } from './checkpoint.ts';

/** One attempt at one turn: its lease, and calls to the neighbours that outlast their short absences. */
export interface TurnSession {
  /** Aborts when the lease is lost or the process stops. */
  readonly signal: AbortSignal;
  /** Calls an endpoint, again while its service is away for a moment. @throws ServiceError, AbortError */
  call<E extends Endpoint>(endpoint: E, request: z.input<E['request']>): Promise<z.infer<E['reply']>>;
  checkpoint(state: 'running' | 'waiting', checkpoint: ChatCheckpoint | z.infer<typeof RunCheckpoint>): Promise<void>;
  finish(status: 'done' | 'failed', text: string): Promise<void>;
}

/** About twenty seconds; after that the turn is left to be taken up again. */
const patience = { minMs: 100, maxMs: 2_000, attempts: 14 };
/** Beyond this an answer helps nobody, and would not fit where it has to go. */
const answerLimit = 400_000;

export function createSession(options: { turnId: string; lease: string; signal: AbortSignal }, bus: Bus): TurnSession {
  const { turnId, lease, signal } = options;
  const call: TurnSession['call'] = async (endpoint, request) => {
    const outcome = await retry(async () => {
      try {
        return { ok: true as const, reply: await bus.call(endpoint, request, { signal }) };
      } catch (error) {
        if (signal.aborted) throw new AbortError('the turn is no longer ours', { cause: error });
        if (isServiceError(error, 'unavailable', 'timeout', 'no_responders', 'disconnected')) throw error;
        // `retry` repeats whatever it does not know, so anything final leaves it as a value.
        return { ok: false as const, error };
      }
    }, { ...patience, signal });
    if (!outcome.ok) throw outcome.error;
    return outcome.reply;
  };
  return {
    signal,
    call,
    async checkpoint(state, checkpoint) {
      await call(turnCheckpoint, { turnId, lease, state, checkpoint });
    },
    async finish(status, text) {
      await call(turnFinish, { turnId, lease, status, text: text.slice(0, answerLimit) });
    },
  };
}

/** The turn is not ours to go on with: taken over, cancelled, or the process stops. Nothing is to be said about it. */
export function isDropped(error: unknown): boolean {
  return error instanceof AbortError || isServiceError(error, 'lease_lost', 'turn_ended');
}
