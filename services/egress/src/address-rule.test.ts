import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createAddressRule, isAddressRange } from './address-rule.ts';

suite('an address that a name resolved to', () => {
  const rule = createAddressRule(['11.22.33.0/24', '2a00:1234::/32']);
  const refused: Readonly<Record<string, readonly string[]>> = {
    'this machine': ['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '::1', '::'],
    'private': ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fd12:3456::1'],
    'link-local, where clouds keep their metadata': ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'fec0::1'],
    'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
    'multicast or broadcast': ['224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1'],
    'reserved or for documentation': ['240.0.0.1', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '100::1', '3fff::1', '5f00::1'],
    'an IPv4 address inside an IPv6 address': ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::1', '2002:7f00:1::', '2001:0:4136:e378::1', '::ffff:0:127.0.0.1'],
    'of a cloud to its guests': ['168.63.129.16', 'fd00:ec2::254'],
    'named by the operator': ['11.22.33.44', '2a00:1234::5'],
    'no address': ['', 'example.com', '1.2.3', '0x7f.0.0.1', '127.1', '1.2.3.4.5', '1.2.3.4 '],
  };
  for (const [what, addresses] of Object.entries(refused)) {
    for (const address of addresses) test(`is refused when it is ${what}: ${JSON.stringify(address)}`, () => assert.equal(rule.allows(address), false));
  }
  for (const address of ['1.1.1.1', '8.8.8.8', '11.22.34.1', '100.63.255.255', '100.128.0.0', '172.32.0.1', '192.169.0.1', '2606:4700::1111', '2a01:4f8::1']) {
    test(`is allowed when it is public: ${address}`, () => assert.equal(rule.allows(address), true));
  }
});

test('a range is an address with or without the length of a prefix, and nothing else', () => {
  assert.deepEqual(['1.2.3.4', '1.2.3.0/24', '2a00::/16', '1.2.3.4/33', '2a00::/129', 'x/8', '1.2.3.4/', '1.2.3.4/8/8', 'fe80::1%eth0/64'].map(isAddressRange), [true, true, true, false, false, false, false, false, false]);
});
