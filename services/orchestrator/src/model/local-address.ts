import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ModelError } from './port.ts';

/** All addresses of a name, as the system's resolver gives them. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface AddressRule {
  /** Host names, or addresses, that the owner named: they count as local whatever they resolve to. */
  readonly allowedHosts: readonly string[];
}

const local = new BlockList();
local.addSubnet('127.0.0.0', 8, 'ipv4');
local.addSubnet('10.0.0.0', 8, 'ipv4');
local.addSubnet('172.16.0.0', 12, 'ipv4');
local.addSubnet('192.168.0.0', 16, 'ipv4');
// Shared address space (RFC 6598), which Tailscale gives to its machines.
local.addSubnet('100.64.0.0', 10, 'ipv4');
local.addAddress('::1', 'ipv6');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether an IP address is loopback, private (RFC 1918, RFC 4193), shared (RFC 6598) or IPv6 link-local.
 * IPv4 inside IPv6 counts as the IPv4 address it is. IPv4 link-local does not count: clouds keep their metadata there.
 */
export function isLocalAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 0) return false;
  return local.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Refuses a URL's host that is an address and not a local one. A name passes: it is judged when it is looked up,
 * by `checkedLookup`, which a connection to an address never calls.
 * @throws {ModelError} `refused_address`.
 */
export function requireLocalLiteral(hostname: string, rule: AddressRule): void {
  const host = bareHost(hostname);
  if (isIP(host) !== 0 && !isAllowed(host, rule) && !isLocalAddress(host)) throw refusal(host, host);
}

/**
 * A `lookup` for the socket that connects: the addresses checked are the addresses connected to, so a name that
 * changes its mind between two look-ups (DNS rebinding) gains nothing. One address that is not local refuses all.
 */
export function checkedLookup(rule: AddressRule, resolve: Resolve = systemResolve): LookupFunction {
  return (hostname, options, callback) => {
    resolveChecked(hostname, rule, resolve).then(
      (addresses) => {
        const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0);
        const usable = family === 0 ? [...addresses] : addresses.filter((entry) => entry.family === family);
        const first = usable[0];
        if (!first) callback(notFound(hostname), '');
        else if (options.all) callback(null, usable);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
    );
  };
}

async function resolveChecked(hostname: string, rule: AddressRule, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const addresses = await resolve(hostname);
  if (isAllowed(bareHost(hostname), rule)) return addresses;
  const foreign = addresses.find((entry) => !isLocalAddress(entry.address));
  if (foreign) throw refusal(hostname, foreign.address);
  return addresses;
}

async function systemResolve(hostname: string): Promise<readonly LookupAddress[]> {
  return await new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses);
    });
  });
}

function isAllowed(host: string, rule: AddressRule): boolean {
  return rule.allowedHosts.some((allowed) => bareHost(allowed) === host);
}

/** As a URL spells a host, without an IPv6 address's brackets or a name's final dot. */
function bareHost(hostname: string): string {
  return hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function refusal(host: string, address: string): ModelError {
  const what = host === address ? `${host} is` : `${host} resolves to ${address}, which is`;
  return new ModelError('refused_address', `local_only is on, and ${what} neither loopback nor private.`, {
    hint: `Use a model server on this machine or network, or add ${host} to model.allowed_hosts in config/meta-config.yaml.`,
  });
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no usable address for ${hostname}`), { code: 'ENOTFOUND' });
}
