import { z } from 'zod';

/** Refused whatever a resolver says of them: names of this machine, of the project and of a private network (RFC 6761, 6762, 8375). */
const privateSuffixes = ['localhost', 'local', 'internal', 'intranet', 'lan', 'home', 'corp', 'private', 'home.arpa', 'invalid', 'test', 'onion', 'alt'];

/**
 * The one spelling of a host that network may be granted to: lower case, ASCII (a name in another script as its `xn--` form),
 * at least two labels, no address, no trailing dot. Undefined for anything else, so that two spellings are never two hosts.
 */
export function canonicalHost(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name.length > 253 || !/^(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return undefined;
  // Programs take a name whose last label is a number, also `0x7f`, for an IPv4 address (WHATWG URL, "ends in a number").
  if (/\.(?:\d+|0x[0-9a-f]*)$/.test(name)) return undefined;
  if (privateSuffixes.some((suffix) => name.endsWith(`.${suffix}`))) return undefined;
  return name;
}

/** A host by its canonical name, for instance `pypi.org`. Subdomains are hosts of their own. */
export const NetworkHost = z
  .string()
  .max(253)
  .refine((text) => canonicalHost(text) === text, { message: 'must be a public host name in lower case such as "pypi.org": no address, no port, no wildcard, other scripts as "xn--…"' });

/** The network that an action asks for: every public host, or these hosts and no others. Ports 80 and 443 alone. */
export const NetworkRequest = z.union([z.literal('internet'), z.object({ hosts: z.array(NetworkHost).min(1).max(32) }).strict()]);
export type NetworkRequest = z.infer<typeof NetworkRequest>;

/** What of the internet a run may reach. */
export const NetworkGrant = z.union([z.literal('none'), NetworkRequest]);
export type NetworkGrant = z.infer<typeof NetworkGrant>;

/** A grant in words, as a person is shown it before deciding. */
export function describeNetwork(network: NetworkGrant): string {
  if (network === 'none') return 'no network';
  if (network === 'internet') return 'the whole internet';
  return network.hosts.join(', ');
}
