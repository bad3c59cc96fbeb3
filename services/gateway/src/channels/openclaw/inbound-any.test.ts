import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bridgeChat, bridgeSeen } from '@megabot/contracts/endpoints/bridge.ts';
import { Principal } from '@megabot/contracts/principal.ts';
import { createDoctor } from './doctor.ts';
import { readInbound } from './inbound.ts';
import { bridgePrincipal, chatKey, messageKey } from './types.ts';

const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer(), fc.double(), fc.constantFrom(null, undefined, '', '1001', 'x'.repeat(300), '\ud800', '\0'));
const often = (...usual: readonly unknown[]) => fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...usual) }, anything);
const row = fc.record({
  role: often('user'), content: fc.oneof(anything, fc.array(fc.record({ type: often('text'), text: anything }), { maxLength: 3 })), timestamp: anything,
  __openclaw: fc.record({
    id: anything, senderName: anything, senderId: often('1001', 'a:b', '@x:example.org', '%', '\u6f22'.repeat(128), '\u{1F600}'.repeat(64)),
    senderIdentity: fc.record({ accountId: often('default', 'second'), senderKind: often('human') }), transport: fc.record({ channel: often('telegram', 'discord'), messageId: often('7', 7) }),
    media: fc.oneof(fc.constant(undefined), fc.array(fc.record({ contentType: anything, fileName: anything, sizeBytes: anything }), { maxLength: 2 })),
  }),
});
const sessionKey = fc.oneof(
  fc.constantFrom('agent:main:main', 'agent:main:telegram:group:-100:topic:7'),
  fc.tuple(fc.constantFrom('agent:main:telegram:group:', 'agent:main:telegram:direct:', 'agent:x:', 'agent:main:discord:channel:'), fc.string({ unit: 'binary', maxLength: 140 })).map((parts) => parts.join('')),
);

test('whatever a gateway sends as a row, it is ignored, or every store takes what is made of it', () => {
  let messages = 0;
  fc.assert(fc.property(sessionKey, row, (key, raw) => {
    createDoctor(() => 0).read(key, [raw]);
    const read = readInbound(key, raw);
    if (read.kind !== 'message') return;
    messages += 1;
    const { message } = read;
    const { platform, account, kind, chat, thread } = message;
    const address = { platform, account, kind, chat, ...(thread === undefined ? {} : { thread }) };
    const holder = { bridge: 'openclaw', holder: 'gateway-1' };
    assert.ok(Principal.safeParse(bridgePrincipal(message)).success);
    assert.ok(bridgeSeen.request.safeParse({ ...holder, keys: [messageKey(message)] }).success);
    assert.ok(bridgeChat.request.safeParse({ ...holder, chatKey: chatKey(message), address, sessionKey: message.sessionKey, title: 't' }).success);
    assert.ok(message.text.isWellFormed() && Number.isSafeInteger(message.at));
    for (const name of [message.sender.name, ...message.attachments.map((attachment) => attachment.name ?? '')]) assert.doesNotMatch(name, /[\p{C}\p{Zl}\p{Zp}]/u);
  }), { numRuns: 3_000 });
  assert.ok(messages > 50, `only ${messages} of them were messages`);
});
