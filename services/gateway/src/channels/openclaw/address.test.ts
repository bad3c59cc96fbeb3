import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { lookup } from 'node:dns';
import { createNearLookup, isReadableUnderway, parseAddress } from './address.ts';
import { LinkFailure } from './failure.ts';

const allowed = [
  'ws://127.0.0.1:18789', 'ws://127.8.8.8:1', 'ws://localhost:18789/', 'ws://[::1]:18789', 'ws://host.docker.internal:18789', 'ws://10.1.2.3:18789',
  'ws://172.16.0.1', 'ws://172.31.255.255', 'ws://192.168.1.5:18789', 'ws://[fd00::1]:18789', 'ws://[fe80::1]', 'ws://[::ffff:10.0.0.1]', 'ws://100.64.0.1', 'wss://192.168.1.5',
];
for (const url of allowed) test(`${url} is near enough for clear text`, () => assert.equal(parseAddress(url, { localOnly: true }).secure, url.startsWith('wss:')));

const forbidden = [
  'ws://example.com:18789', 'ws://8.8.8.8', 'ws://172.32.0.1', 'ws://172.15.0.1', 'ws://11.0.0.1', 'ws://100.128.0.1', 'ws://[2001:db8::1]', 'ws://[::ffff:8.8.8.8]', 'ws://127.0.0.1.example.com', 'ws://localhost.example.com',
  'ws://0.0.0.0:1', 'ws://user:secret@127.0.0.1', 'ws://127.0.0.1/?token=x', 'http://127.0.0.1:18789', 'unix:/x', '127.0.0.1:18789', '', 'ws+unix:relative.sock', 'ws+unix:/a:/b', 'ws://10.example', 'wss://example.com',
  // Decimal and octal spellings are normalised before they are judged.
  'ws://134744072', 'ws://0x8080808', 'ws://010.8.8.8', 'ws://0', 'ws://[::]', 'ws://[::7f00:1]', 'ws://[64:ff9b::a00:1]', 'ws://[::ffff:0:a00:1]', 'ws://[fec0::1]', 'ws://[2002:7f00:1::]',
  // A dot at the end is another name, and letters that fold to the allowed ones were folded before.
  'ws://localhost.:1', 'ws://host.docker.internal.', 'ws://host.docker.internal@example.com', 'ws://example.com#@127.0.0.1', 'ws://example.com\\@127.0.0.1', 'ws://127.0.0.1:1@example.com', 'wss://user@10.0.0.1',
  'ws+unix:/a#b', 'ws+unix:/a%2e', 'ws+unix:/a b', 'ws+unix://host/a', 'ws+unix:/a\n', 'WS+UNIX:/a',
];
for (const url of forbidden) {
  test(`${JSON.stringify(url)} is refused for good, and the refusal says what is allowed`, () => {
    assert.throws(() => parseAddress(url, { localOnly: true }), (error: unknown) => error instanceof LinkFailure && error.problem.final && error.problem.mend.includes('ws://127.0.0.1:18789') && !error.message.includes('secret'));
  });
}

test('a Unix socket is dialled by its path, however many slashes it is spelled with', () => {
  assert.equal(parseAddress('ws+unix:/run/megabot/openclaw.sock', { localOnly: true }).url, 'ws+unix:/run/megabot/openclaw.sock:/');
  assert.equal(parseAddress('ws+unix:///run/megabot/openclaw.sock', { localOnly: true }).url, 'ws+unix:/run/megabot/openclaw.sock:/');
});

test('TLS to another network needs local_only: false, and clear text never goes there', () => {
  assert.equal(parseAddress('wss://gateway.example.com/', { localOnly: false }).secure, true);
  assert.throws(() => parseAddress('ws://gateway.example.com/', { localOnly: false }), LinkFailure);
});

const resolving = (...addresses: string[]): typeof lookup => ((_name: string, _options: object, done: (error: null, found: object[]) => void) => done(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))) as unknown as typeof lookup;
const found = async (...addresses: string[]): Promise<unknown> =>
  await new Promise((resolve, reject) => createNearLookup(resolving(...addresses))('host.docker.internal', { all: true }, (error, list) => (error ? reject(error) : resolve(list))));

test('a name that is allowed is dialled only where it means something near, whoever answers for it', async () => {
  assert.deepEqual(await found('192.168.65.2', 'fd00::1'), [{ address: '192.168.65.2', family: 4 }, { address: 'fd00::1', family: 6 }]);
  for (const addresses of [['8.8.8.8'], ['127.0.0.1', '8.8.8.8'], ['::ffff:808:808'], ['0.0.0.0'], ['2001:db8::1'], []]) await assert.rejects(found(...addresses), Error, addresses.join());
});

test('clear text to another machine is known as such, however near it is', () => {
  const readable = (url: string): boolean => isReadableUnderway(parseAddress(url, { localOnly: true }).shown);
  for (const url of ['ws://192.168.1.5:18789', 'ws://10.0.0.1', 'ws://100.64.0.1', 'ws://[fd00::1]', 'ws://[fe80::1]', 'ws://169.254.1.1', 'ws://[::ffff:10.0.0.1]']) assert.equal(readable(url), true, url);
  for (const url of ['ws://127.0.0.1', 'ws://127.9.9.9', 'ws://localhost', 'ws://[::1]:1', 'ws://[::ffff:127.0.0.1]', 'ws://host.docker.internal', 'ws+unix:/x.sock', 'wss://192.168.1.5']) assert.equal(readable(url), false, url);
});
