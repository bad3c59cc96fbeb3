import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { NatsUser } from '@megabot/contracts/permissions.ts';
import { inboxPrefix } from '@megabot/contracts/subjects.ts';
import { retry } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';

export interface ConnectionOptions {
  readonly user: NatsUser;
  readonly servers: string | readonly string[];
  /** The user's nkey seed. */
  readonly nkeySeed: string;
  readonly logger: Logger;
  /** How long the first connection may take before it is an error. */
  readonly connectDeadlineMs: number;
}

/**
 * A connection that, once made, is made again for ever. The client's own waiting for a first connection never settles where
 * a key is wrong, so the first one is tried again here, until a deadline.
 * @throws ServiceError `disconnected` after the deadline, with what went wrong last as its cause.
 */
export async function openConnection({ user, servers, nkeySeed, logger, connectDeadlineMs }: ConnectionOptions): Promise<NatsConnection> {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(nkeySeed.trim()));
  const deadline = AbortSignal.timeout(connectDeadlineMs);
  let last: unknown;
  const attempt = async (): Promise<NatsConnection> => {
    try {
      return await connect({
        servers: typeof servers === 'string' ? servers : [...servers],
        name: user,
        authenticator,
        inboxPrefix: inboxPrefix(user),
        timeout: 2_000,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 50,
        // Refused once more after a key was changed is no reason to give up: the server may still be reading its users.
        ignoreAuthErrorAbort: true,
        pingInterval: 10_000,
        maxPingOut: 2,
        noAsyncTraces: true,
      });
    } catch (error) {
      last = error;
      throw error;
    }
  };
  const onRetry = (error: unknown, attempts: number): void => {
    if (attempts % 10 === 1) logger.info({ err: error, attempts }, 'NATS cannot be reached yet; trying again');
  };
  try {
    return await retry(attempt, { minMs: 50, maxMs: 500, attempts: Number.POSITIVE_INFINITY, signal: deadline, onRetry });
  } catch (error) {
    const reason = last instanceof Error ? last.message : 'unknown';
    throw new ServiceError('disconnected', `NATS did not accept ${user} within ${connectDeadlineMs} ms (${reason})`, { cause: last ?? error });
  }
}

/** A connection together with whether it stands, so that what cannot be sent fails at once instead of vanishing. */
export interface Link {
  readonly nc: NatsConnection;
  readonly connected: boolean;
  /** Runs `work` unless disconnected, and gives up on it with `disconnected` as soon as the connection is lost. */
  guarded<T>(what: string, work: () => Promise<T>): Promise<T>;
}

/** Watches a connection. The client drops whatever was sent while it is down, and reports it nowhere else. */
export function watchConnection(nc: NatsConnection, logger: Logger): Link {
  let connected = true;
  const losers = new Set<() => void>();
  const lost = (): void => {
    connected = false;
    for (const lose of losers) lose();
  };

  const watch = async (): Promise<void> => {
    for await (const status of nc.status()) {
      switch (status.type) {
        case 'disconnect':
        case 'staleConnection':
          if (connected) logger.warn({ server: nc.getServer() }, 'the connection to NATS is lost');
          lost();
          break;
        case 'reconnect':
          if (!connected) logger.info({ server: nc.getServer() }, 'connected to NATS again');
          connected = true;
          break;
        case 'error':
          logger.error({ err: status.error }, 'NATS refused something or reported an error');
          break;
        case 'slowConsumer':
          logger.warn({ pending: status.pending }, 'messages arrive faster than they are handled');
          break;
        case 'close':
          lost();
          break;
        case 'reconnecting':
        case 'forceReconnect':
        case 'update':
        case 'ldm':
        case 'ping':
          break;
        default:
          status satisfies never;
      }
    }
    lost();
  };
  void watch();

  return {
    nc,
    get connected() {
      return connected && !nc.isClosed();
    },
    async guarded(what, work) {
      const disconnected = (): ServiceError => new ServiceError('disconnected', `the bus is not connected: ${what}`);
      if (!connected || nc.isClosed()) throw disconnected();
      let lose: (() => void) | undefined;
      const loss = new Promise<never>((_, reject) => {
        lose = () => reject(disconnected());
        losers.add(lose);
      });
      try {
        return await Promise.race([work(), loss]);
      } finally {
        if (lose !== undefined) losers.delete(lose);
      }
    },
  };
}
