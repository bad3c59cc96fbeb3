import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** A request would go to this machine, to its network, or to no machine of the internet at all. */
export class NotPublicError extends Error {
  override readonly name = 'NotPublicError';
}

/** Addresses that are no place of the public internet (IANA's registries of special-purpose addresses). */
const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24],
  ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) special.addSubnet(network, prefix, 'ipv4');
/** All of IPv6 that is given out lies here; what lies elsewhere (loopback, private, link-local, mapped IPv4) is not public. */
const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');
for (const [network, prefix] of [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]] as const) special.addSubnet(network, prefix, 'ipv6');

/** Whether an IP address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  switch (isIP(bare)) {
    case 4:
      return !special.check(bare, 'ipv4');
    case 6:
      return unicast.check(bare, 'ipv6') && !special.check(bare, 'ipv6');
    default:
      return false;
  }
}

/** Refuses a URL whose host is an address that is not public; names are judged when they are looked up. @throws NotPublicError */
export function requirePublicLiteral(url: URL): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(host, host);
}

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/**
 * A `lookup` for the socket that connects: the addresses checked are the addresses connected to, so that a name which changes its
 * mind between two look-ups gains nothing. One address that is not public refuses all.
 */
export function publicLookup(resolve: Resolve = systemResolve): LookupFunction {
  return (hostname, options, callback) => {
    const answer = async (): Promise<readonly LookupAddress[]> => {
      const addresses = await resolve(hostname);
      const inner = addresses.find(({ address }) => !isPublicAddress(address));
      if (inner) throw notPublic(hostname, inner.address);
      return addresses;
    };
    answer().then(
      (addresses) => {
        const [first] = addresses;
        if (!first) callback(Object.assign(new Error(`no address for ${hostname}`), { code: 'ENOTFOUND' }), '');
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
    );
  };
}

const systemResolve: Resolve = async (hostname) =>
  await new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses);
    });
  });

const notPublic = (host: string, address: string): NotPublicError =>
  new NotPublicError(host === address ? `${host} is not an address of the public internet` : `${host} resolves to ${address}, which is not an address of the public internet`);
