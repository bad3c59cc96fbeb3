import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { methodsOfTheRealOne } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { allowedMethods, connectFrame, requestFrame, scopes, type AllowedMethod } from './allowed-methods.ts';

test('five methods and no other', () => {
  assert.deepEqual([...allowedMethods].sort(), ['chat.history', 'chat.send', 'send', 'sessions.messages.subscribe', 'sessions.subscribe']);
});

const others = [...methodsOfTheRealOne.filter((method) => !(allowedMethods as readonly string[]).includes(method)), 'connect', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'SEND', 'send ', 'send\u0000', 'gateway.subscribe'];
for (const method of others) {
  test(`${JSON.stringify(method)} cannot be sent, whatever the types were told`, () => assert.throws(() => requestFrame('1', method as 'send', {} as never), TypeError));
}

const widened: readonly (readonly [AllowedMethod, object])[] = [
  ['chat.send', { sessionKey: 'main', message: 'x', idempotencyKey: 'k', suppressCommandInterpretation: true, systemInputProvenance: { kind: 'internal_system' } }],
  ['chat.send', { sessionKey: 'main', message: '/config', idempotencyKey: 'k' }],
  ['send', { channel: 'telegram', accountId: 'default', to: '1', message: 'x', idempotencyKey: 'k', mediaUrl: 'file:///etc/passwd' }],
  ['send', { channel: 'telegram', accountId: 'default', to: '1', message: 'x' }],
  ['sessions.messages.subscribe', { key: 'main', includeApprovals: true }],
  ['chat.history', { sessionKey: 'x'.repeat(600) }],
];
for (const [method, params] of widened) test(`${method} takes no ${Object.keys(params).at(-1)} beyond its table`, () => assert.throws(() => requestFrame('1', method, params as never)));

test('the handshake asks for reading and writing alone', () => {
  const frame = JSON.parse(connectFrame('1', { version: '1', token: 't', device: { id: 'i', publicKey: 'p', signature: 's', signedAt: 1, nonce: 'n' } })) as { params: { scopes: string[]; caps: string[]; role: string } };
  assert.deepEqual([frame.params.scopes, frame.params.role, frame.params.caps], [['operator.read', 'operator.write'], 'operator', ['session-scoped-events']]);
  assert.equal(scopes.length, 2);
});

test('frames are made in one file and written to the socket in another, in one line', () => {
  const sources = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).map((name) => ({ name, text: readFileSync(`${import.meta.dirname}/${name}`, 'utf8') }));
  const naming = (pattern: RegExp): string[] => sources.flatMap(({ name, text }) => [...text.matchAll(pattern)].map(() => name));
  assert.deepEqual(naming(/type: 'req'/g), ['allowed-methods.ts', 'allowed-methods.ts']);
  assert.deepEqual(naming(/as RequestFrame/g), ['allowed-methods.ts', 'allowed-methods.ts']);
  assert.deepEqual(naming(/socket\.send\(/g), ['connection.ts']);
  assert.deepEqual(naming(/new WebSocket\(/g), ['connection.ts']);
});
