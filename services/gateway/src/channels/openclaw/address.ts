import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { refused, type LinkFailure } from './failure.ts';

export interface GatewayAddress {
  /** What the WebSocket library dials. */
  readonly url: string;
  /** The same without user, password and query, for logs and people. */
  readonly shown: string;
  readonly secure: boolean;
}

/**
 * Reads `OPENCLAW_URL`. Clear text goes to loopback, `host.docker.internal`, private addresses and Unix sockets
 * (`ws+unix:/path/to.sock`) alone, since the device token and everybody's messages cross it. `wss:` may go further only where
 * `local_only` is false. Other names are refused unseen, and what the two mean is judged when it is dialled: `createNearLookup`.
 * @throws LinkFailure, final, saying what is allowed.
 */
export function parseAddress(text: string, options: { localOnly: boolean }): GatewayAddress {
  if (text.startsWith('ws+unix:')) return unixAddress(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) throw badAddress('OPENCLAW_URL is not a ws:, wss: or ws+unix: address.');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') throw badAddress('OPENCLAW_URL must hold no user, password, query or fragment: an address ends up in logs.');
  const near = isNear(url.hostname);
  if (url.protocol === 'ws:' && !near) throw badAddress(`OPENCLAW_URL would send the device token and messages in clear text to ${url.hostname}.`);
  if (url.protocol === 'wss:' && !near && options.localOnly) throw badAddress(`OPENCLAW_URL names ${url.hostname}, which is not on this machine or its network, and local_only is true.`);
  return { url: url.href, shown: url.href, secure: url.protocol === 'wss:' };
}

/** Whether what goes to this address, as `parseAddress` shows it, can be read by whoever is in the network between. */
export function isReadableUnderway(shown: string): boolean {
  const host = shown.startsWith('ws://') ? new URL(shown).hostname : 'localhost';
  return !(host === 'localhost' || host === 'host.docker.internal' || host === '[::1]' || host.startsWith('127.') || /^\[::ffff:7f[0-9a-f]{2}:/.test(host));
}

function unixAddress(text: string): GatewayAddress {
  const path = text.slice('ws+unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (!/^\/(?!\/)[\w./@+-]+$/.test(path)) throw badAddress('OPENCLAW_URL names a Unix socket by something else than an absolute path of plain characters.');
  return { url: `ws+unix:${path}:/`, shown: `ws+unix:${path}`, secure: false };
}

const badAddress = (message: string) =>
  refused('address_not_allowed', message, 'Use ws://127.0.0.1:18789, ws://host.docker.internal:18789, a private address, ws+unix:/path/to.sock, or wss: with local_only: false.');

/**
 * Looks a name up for a connection in clear text, and gives no address that is not near. A resolver of the network that one is in
 * may answer whatever it likes for `host.docker.internal`; the address that is judged is the one that is dialled.
 */
export function createNearLookup(resolve: typeof lookup = lookup): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) return done(error ?? new Error('the name has no address'), []);
      if (!addresses.every(({ address }) => isNear(address))) return done(Object.assign(new Error('the name means an address that is not near'), { code: farAddress }), []);
      if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}
export const farAddress = 'ERR_FAR_ADDRESS';

export const nameMeansFar = (): LinkFailure => badAddress('OPENCLAW_URL would send the device token and messages in clear text: its name means an address outside this machine and its network.');

/** Loopback, link-local and private networks (RFC 1918, RFC 4193, RFC 3927, RFC 6598), and the two names that mean the host. */
function isNear(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === 'host.docker.internal') return true;
  if (isIP(host) === 4) return nearIPv4(host);
  if (isIP(host) !== 6) return false;
  // URL has normalised it: ::ffff:10.0.0.1 reads ::ffff:a00:1.
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
    return nearIPv4([high >> 8, high & 255, low >> 8, low & 255].join('.'));
  }
  return host === '::1' || /^f[cd][0-9a-f]{2}:/.test(host) || /^fe[89ab][0-9a-f]:/.test(host);
}

function nearIPv4(host: string): boolean {
  const [a = -1, b = -1] = host.split('.').map(Number);
  return a === 127 || a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168) || (a === 169 && b === 254) || (a === 100 && b >= 64 && b <= 127);
}
