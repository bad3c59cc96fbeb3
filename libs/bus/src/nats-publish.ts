import type { JetStreamClient } from '@nats-io/jetstream';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { AbortError, PermanentError, retry } from '@megabot/lifecycle/backoff.ts';
import type { Link } from './nats-connection.ts';
import { toServiceError } from './nats-errors.ts';
import { outgoingHeaders } from './nats-headers.ts';

const giveUpAfterMs = 5_000;
const attemptMs = 2_000;

/**
 * Puts a message into a stream; resolves when the stream has it on disk. A lost connection, a missing stream or a late answer
 * is tried again with the same id, which the stream stores once, for five seconds.
 * @throws ServiceError `disconnected`, `timeout`, `unavailable` or `forbidden`: the message may or may not be stored.
 */
export async function publishDurably(link: Link, js: JetStreamClient, subject: string, body: string, id: string, what: string): Promise<void> {
  const headers = outgoingHeaders();
  let last: ServiceError | undefined;
  const attempt = async (): Promise<void> => {
    try {
      await link.guarded(what, () => js.publish(subject, body, { msgID: id, timeout: attemptMs, headers }));
    } catch (error) {
      last = toServiceError(error, what);
      if (last.code === 'forbidden' || last.code === 'internal') throw new PermanentError(last.message, { cause: last });
      throw last;
    }
  };
  const options = { minMs: 25, maxMs: 400, attempts: Number.POSITIVE_INFINITY };
  try {
    // The first attempt nearly always succeeds, and needs no timer of its own.
    await attempt().catch(async (error: unknown) => {
      if (error instanceof PermanentError) throw error;
      await retry(attempt, { ...options, signal: AbortSignal.timeout(giveUpAfterMs) });
    });
  } catch (error) {
    if (last !== undefined) throw last;
    throw error instanceof AbortError ? new ServiceError('timeout', `no answer in time: ${what}`) : error;
  }
}
