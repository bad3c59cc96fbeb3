import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NetworkGrant, NetworkHost } from '@megabot/contracts/network.ts';
import { requestTarget, TargetRefused, tunnelTarget } from './target.ts';

/** Spellings that some program or other takes for this machine, for a private address, or for another host than it seems. */
const tricks = [
  '', '.', 'localhost', 'localhost.', 'nats', 'gateway', 'x.localhost', 'printer.local', 'metadata.google.internal', 'router.lan', 'nas.home.arpa', 'a.onion',
  '127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.0.0.1', '127.0.0.0x1', '1.1.1.1', '1.1.1.1.', '0', '0.0.0.0',
  '[::1]', '[::ffff:127.0.0.1]', '::1', '[fe80::1%25eth0]', '[2606:4700::1111]',
  'user@granted.example', 'user:pass@granted.example', 'granted.example@evil.example', 'granted.example:80@evil.example', 'granted.example\\@evil.example',
  'granted.example..', '.granted.example', 'granted..example', 'gränted.example', 'granted。example', 'ｇranted.example', 'granted%2eexample', 'granted.example%00.evil.example',
  'granted.example\u0000', 'granted.example\t', ' granted.example', 'granted.example ', 'granted_.example_', '*.example', '-a.example', 'a-.example', `${'a'.repeat(64)}.example`, `${'a.'.repeat(127)}example`,
];

suite('the target of a tunnel', () => {
  test('is a public host name at port 443', () => {
    assert.deepEqual(tunnelTarget('granted.example:443', 'granted.example:443'), { host: 'granted.example', port: 443, path: null });
  });
  test('has one spelling: letter case and a trailing dot make no other host', () => {
    for (const spelling of ['GRANTED.Example:443', 'granted.example.:443']) assert.equal(tunnelTarget(spelling, undefined).host, 'granted.example');
    assert.equal(tunnelTarget('xn--bcher-kva.example:443', undefined).host, 'xn--bcher-kva.example');
  });
  for (const trick of tricks) test(`is refused: ${JSON.stringify(trick)}`, () => assert.throws(() => tunnelTarget(`${trick}:443`, undefined), TargetRefused));
  for (const target of ['granted.example:22', 'granted.example:80', 'granted.example:25', 'granted.example', 'granted.example:', 'granted.example:0443x', 'granted.example:65979', 'granted.example:-1', 'https://granted.example:443', '/', '*']) {
    test(`is refused: ${target}`, () => assert.throws(() => tunnelTarget(target, undefined), TargetRefused));
  }
  test('is refused when the header Host names another', () => {
    for (const host of ['evil.example:443', 'evil.example', 'granted.example:22', 'granted.example, evil.example', '']) {
      assert.throws(() => tunnelTarget('granted.example:443', host), TargetRefused, host);
    }
    assert.equal(tunnelTarget('granted.example:443', 'granted.example').host, 'granted.example');
  });
});

suite('the target of a request in the open', () => {
  test('is a public host name at port 80, with path and query', () => {
    assert.deepEqual(requestTarget('http://Granted.example:80/a?b=c', 'granted.example'), { host: 'granted.example', port: 80, path: '/a?b=c' });
    assert.equal(requestTarget('http://granted.example', 'granted.example').path, '/');
    assert.equal(requestTarget('http://granted.example?x', 'granted.example').path, '/?x');
  });
  for (const trick of tricks) test(`is refused: ${JSON.stringify(trick)}`, () => assert.throws(() => requestTarget(`http://${trick}/`, trick), TargetRefused));
  for (const target of [
    '/', '*', '//evil.example/', 'https://granted.example/', 'ftp://granted.example/', 'http:/granted.example', 'http:granted.example', 'http:\\\\granted.example\\', 'http://granted.example\\.evil.example/',
    'http://granted.example:8080/', 'http://granted.example:22/', 'http://granted.example/#x', 'http://granted.example/a b', 'http://granted.example/\u00e4', 'http://granted.example/a\r\nHost: evil.example', 'http://', 'http:///', 'http://granted.example:80:80/',
  ]) {
    test(`is refused: ${JSON.stringify(target)}`, () => assert.throws(() => requestTarget(target, 'granted.example'), TargetRefused));
  }
  test('is refused when the header Host names another, or there is none', () => {
    for (const host of ['evil.example', 'granted.example:8080', 'granted.example@evil.example', undefined]) assert.throws(() => requestTarget('http://granted.example/', host), TargetRefused, host ?? 'none');
  });
});

suite('a grant of network', () => {
  for (const trick of [...tricks, 'Granted.example', 'granted.example.', 'granted.example:443', 'https://granted.example']) {
    test(`names no host as ${JSON.stringify(trick)}`, () => assert.equal(NetworkHost.safeParse(trick).success, false));
  }
  test('names hosts as they are compared', () => {
    for (const host of ['pypi.org', 'files.pythonhosted.org', 'xn--bcher-kva.example', 'a.b.c.d.example']) assert.equal(NetworkHost.safeParse(host).success, true, host);
  });
  test('is nothing, the internet, or one to 32 hosts, and says nothing beside', () => {
    const good = ['none', 'internet', { hosts: ['pypi.org'] }];
    const bad = ['all', '', { hosts: [] }, { hosts: ['pypi.org', '127.0.0.1'] }, { hosts: Array.from({ length: 33 }, (_, index) => `h${index}.example`) }, { hosts: ['pypi.org'], ports: [22] }, ['pypi.org'], null];
    assert.deepEqual([...good, ...bad].map((grant) => NetworkGrant.safeParse(grant).success), [...good.map(() => true), ...bad.map(() => false)]);
  });
});
