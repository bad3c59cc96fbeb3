import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from './address.ts';
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
  'ws://134744072',
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
