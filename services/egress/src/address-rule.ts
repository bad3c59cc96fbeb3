import { BlockList, isIP } from 'node:net';

/**
 * Everything that is not an ordinary host of the internet, from the IANA special-purpose registries: private, loopback,
 * link-local (with it every cloud's metadata service), shared (CGNAT), multicast, reserved and documentation ranges.
 * Of IPv6 only global unicast is left, less what carries an IPv4 address inside (mapped, NAT64, 6to4, Teredo).
 */
const specialV4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24',
  '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  // Not special by registry, but inside clouds: Azure's own services for its guests.
  '168.63.129.16/32',
];
const specialV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

/** Tells whether a connection may go to an address. */
export interface AddressRule {
  allows(address: string): boolean;
}

/** @param denied further ranges such as `203.0.113.7/32`: this stack's own networks, and whatever the operator names. */
export function createAddressRule(denied: readonly string[]): AddressRule {
  const special = new BlockList();
  for (const range of [...specialV4, ...specialV6, ...denied]) addRange(special, range);
  const globalUnicast = new BlockList();
  globalUnicast.addSubnet('2000::', 3, 'ipv6');
  return {
    allows(address) {
      switch (isIP(address)) {
        case 4:
          return !special.check(address, 'ipv4');
        case 6:
          // A zone (`%eth0`) names a link of this machine.
          return !address.includes('%') && globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6');
        default:
          return false;
      }
    },
  };
}

function addRange(list: BlockList, range: string): void {
  const [address = '', prefix] = range.split('/');
  const family = isIP(address);
  if (family === 0) throw new Error(`not an address range: ${range}`);
  list.addSubnet(address, prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether a text is a range that `createAddressRule` takes. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest !== undefined || address.includes('%')) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}
