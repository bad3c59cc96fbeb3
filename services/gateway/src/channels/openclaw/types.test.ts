import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bridgeSeen } from '@megabot/contracts/endpoints/bridge.ts';
import { Principal } from '@megabot/contracts/principal.ts';
import { channelRow } from '@megabot/testing/openclaw/scripted-sessions.ts';
import { readInbound } from './inbound.ts';
import { bridgePrincipal, chatKey, messageKey, type InboundMessage } from './types.ts';

const read = (key: string, from: string, messageId = '7', channel = 'signal'): InboundMessage => {
  const row = readInbound(key, channelRow({ text: 'hello', from, messageId, channel }));
  assert.ok(row.kind === 'message', JSON.stringify(row));
  return row.message;
};

test('where the sender\'s program chooses the id of a message, nobody can use up somebody else\'s in a group', () => {
  const group = 'agent:main:signal:group:abc';
  assert.notEqual(messageKey(read(group, 'mallory')), messageKey(read(group, 'ann')));
  assert.notEqual(messageKey(read(group, 'a#b', 'c')), messageKey(read(group, 'a', 'b#c')));
  assert.equal(messageKey(read(group, 'ann')), messageKey(read(group, 'ann')));
});

const longest: readonly (readonly [string, string])[] = [
  ['of another script', '\u6f22'.repeat(128)],
  ['of pairs of surrogates', '\u{1F600}'.repeat(64)],
  ['of signs', '%:/?#'.repeat(25)],
];
for (const [what, id] of longest) {
  test(`the longest ids, ${what}, still make keys and a principal that the store takes: one such message holds up nobody`, () => {
    const other = `${id.slice(0, -2)}xy`;
    for (const message of [read(`agent:main:signal:group:${id}:topic:${'t'.repeat(100)}`, id, '7'.repeat(200)), read('agent:main:main', id)]) {
      assert.equal(bridgeSeen.request.safeParse({ bridge: 'openclaw', holder: 'gateway-1', keys: [messageKey(message), chatKey(message)] }).success, true);
      assert.equal(Principal.safeParse(bridgePrincipal(message)).success, true);
      assert.notEqual(messageKey(message), messageKey({ ...message, platformMessageId: '8'.repeat(200) }));
      assert.notEqual(chatKey(message), chatKey({ ...message, chat: other }));
    }
  });
}

test('a person whose id is spelled like a group\'s address is still a person: their answers go to them', () => {
  for (const id of ['group:-100', 'channel:42', 'room:x:topic:7']) {
    const { kind, chat } = read(`agent:main:signal:direct:${id}`, id);
    assert.deepEqual({ kind, chat }, { kind: 'direct', chat: id });
  }
});

test('names that every object has are names like any other', () => {
  for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) assert.equal(bridgePrincipal(read('agent:main:main', id)), `bridge:signal:default:${id}`);
  assert.equal(readInbound('agent:main:main', JSON.parse('{"role":"user","content":"x","__proto__":{"role":"user"},"__openclaw":{"__proto__":{"senderId":"1"},"transport":{"channel":"telegram"}}}')).kind, 'ignored');
});

test('numbers as ids count where they are exact, and are the same as their spelling', () => {
  const row = (messageId: unknown) => {
    const plain = channelRow({ text: 'x', from: '1' });
    const meta = plain['__openclaw'] as Record<string, unknown>;
    return readInbound('agent:main:main', { ...plain, __openclaw: { ...meta, transport: { channel: 'telegram', messageId } } });
  };
  const key = (messageId: unknown): string => {
    const found = row(messageId);
    return found.kind === 'message' ? messageKey(found.message) : found.why;
  };
  assert.equal(key(7), key('7'));
  for (const id of [2 ** 53, 1e308, 1.5, Number.NaN, true, ['7'], { toString: () => '7' }, '']) assert.ok(['unreadable', 'no_sender'].includes(key(id)), String(id));
});
