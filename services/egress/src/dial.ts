import { Resolver } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import type { AddressRule } from './address-rule.ts';

/** The addresses of a host's name, as the resolver has them now. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Why no connection was made, in words for the command that asked. */
export class DialRefused extends Error {
  override readonly name = 'DialRefused';
  readonly status: 403 | 502 | 504;
  constructor(status: 403 | 502 | 504, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * Names by DNS alone, through the resolvers of this container. Not by the system's lookup: that one also reads the hosts file
 * and tries the name below the search domains.
 */
export function createResolver(servers: readonly string[] = []): Resolve {
  return async (host) => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (servers.length > 0) resolver.setServers(servers);
    const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (addresses.length > 0) return addresses;
    const [first] = found;
    throw first.status === 'rejected' ? first.reason : new Error('no address');
  };
}

export interface Dialer {
  /**
   * A connection to a host. Its name is resolved once, each address is judged, and the connection goes to a judged address and
   * nowhere else: a name that means something else a moment later changes nothing.
   * @throws DialRefused
   */
  dial(host: string, port: number, signal: AbortSignal): Promise<Socket>;
}

/** Opens the connection itself; tests put servers of their own behind public addresses. */
export type Open = (address: string, port: number) => Socket;

export interface DialOptions {
  readonly rule: AddressRule;
  readonly resolve: Resolve;
  readonly connectMs: number;
  readonly open?: Open;
}

/** How many of a name's addresses are tried, one after the other. */
const maxTries = 3;

export function createDialer(options: DialOptions): Dialer {
  const { rule, resolve, connectMs, open = (host, port) => connect({ host, port, noDelay: true }) } = options;
  return {
    async dial(host, port, signal) {
      const addresses = await resolve(host).catch((error: unknown) => {
        throw new DialRefused(502, `there is no host of the name ${host}, or it cannot be found now`, { cause: error });
      });
      const allowed = addresses.filter((address) => rule.allows(address));
      if (allowed.length === 0) throw new DialRefused(403, `${host} is not on the public internet: private and local addresses are never reached`);
      let failure: unknown;
      for (const address of allowed.slice(0, maxTries)) {
        if (signal.aborted) break;
        try {
          return await connected(open(address, port), connectMs, signal);
        } catch (error) {
          failure = error;
        }
      }
      throw new DialRefused(failure instanceof TimeoutError ? 504 : 502, `${host} does not answer`, { cause: failure });
    },
  };
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

async function connected(socket: Socket, ms: number, signal: AbortSignal): Promise<Socket> {
  return await new Promise<Socket>((resolve, reject) => {
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.off('connect', ready).off('error', finish);
      if (!error) return resolve(socket);
      // What the socket still has to say about its end concerns nobody.
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const ready = (): void => finish();
    const stop = (): void => finish(new Error('the run has ended'));
    const timer = setTimeout(() => finish(new TimeoutError('no answer in time')), ms);
    socket.once('connect', ready).once('error', finish);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
