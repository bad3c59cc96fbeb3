import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { ServiceError } from '@megabot/contracts/errors.ts';

/** What a failure of the client library means in the words of the contracts; `what` names the attempt. */
export function toServiceError(error: unknown, what: string): ServiceError {
  if (error instanceof ServiceError) return error;
  const cause = error instanceof errors.RequestError && error.cause !== undefined ? error.cause : error;
  if (cause instanceof errors.PermissionViolationError) {
    return new ServiceError('forbidden', `NATS refused: ${what}`, { hint: 'What a service may do on the bus is written in libs/contracts.', cause: error });
  }
  if (cause instanceof errors.NoRespondersError) return new ServiceError('no_responders', `nobody answers: ${what}`, { cause: error });
  if (cause instanceof errors.TimeoutError) return new ServiceError('timeout', `no answer in time: ${what}`, { cause: error });
  if (isDisconnection(cause)) return new ServiceError('disconnected', `the bus is not connected: ${what}`, { cause: error });
  if (cause instanceof JetStreamError || cause instanceof JetStreamApiError || noStreamTakesIt(cause)) {
    return new ServiceError('unavailable', `the stream did not take it: ${what}`, { cause: error });
  }
  return new ServiceError('internal', `the bus failed: ${what}`, { cause: error });
}

// The client calls it "jetstream is not enabled" and keeps what it saw as the cause: the stream is not made yet.
const noStreamTakesIt = (error: unknown): boolean => error instanceof Error && error.cause instanceof errors.RequestError && error.cause.isNoResponders();

const isDisconnection = (error: unknown): boolean =>
  error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError || error instanceof errors.ConnectionError ||
  // A request that was in flight when the client closed.
  (error instanceof errors.RequestError && error.message === 'connection closed');
