import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle } from '@megabot/bus/port.ts';
import { bridgeChat } from '@megabot/contracts/endpoints/bridge.ts';
import { decide } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { PlatformSettings } from '@megabot/contracts/settings.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { IncomingMessage } from '../../messages.ts';
import type { Answer } from '../openclaw/outbound.ts';
import type { InboundMessage } from '../openclaw/types.ts';
import { createBridgeDoor } from './door.ts';

const settings: PlatformSettings = { enabled: true, allowFrom: ['1001', '007'], admins: ['1001'], approvals: 'code', maxRisk: 'low', ratePerMinute: 20 };
let serial = 0;
const message = (from: string, text = 'hello', change: Partial<InboundMessage> = {}): InboundMessage => ({
  platform: 'telegram', account: 'default', kind: 'direct', chat: from, sender: { id: from, name: `Person ${from}` }, platformMessageId: String(serial++),
  text, truncated: false, attachments: [], at: 1_000, sessionKey: 'agent:main:main', ...change,
});

/** The door with services that only note what they are asked. */
async function openDoor() {
  const logger = silentLogger();
  const hub = createInProcessHub();
  const [sent, taken, attempts]: [Answer[], IncomingMessage[], string[]] = [[], [], []];
  let now = 1_000_000;
  await hub.bus('memory', { logger }).serve([handle(bridgeChat, async ({ chatKey, address, sessionKey }) => ({ conversation: 'c1', chatKey, address, sessionKey }))]);
  await hub.bus('interlock', { logger }).serve([handle(decide, async ({ actor }) => {
    attempts.push(actor.principal);
    throw new ServiceError('not_entitled', 'No.');
  })]);
  const known = new Set<string>();
  const make = () => createBridgeDoor({
    bus: hub.bus('gateway', { logger }), holder: { bridge: 'openclaw', holder: 'gateway-1' }, logger, clock: () => now,
    rules: { read: async () => ({ localOnly: true, platform: (name) => (name === 'telegram' ? settings : undefined) }), invalidate: () => undefined },
    intake: {
      async accept(incoming) {
        taken.push(incoming);
        return { messageId: 'm', turnId: 't', duplicate: false };
      },
    },
    async send(answer) {
      if (known.has(answer.id)) return;
      known.add(answer.id);
      sent.push(answer);
    },
    onConversation: () => undefined,
  });
  return {
    sent, taken, attempts, make,
    door: make(),
    advance: (ms: number): void => {
      now += ms;
    },
    [Symbol.asyncDispose]: async () => await hub.close(),
  };
}

test('a stranger is told once, also after a restart, and never in a group', async () => {
  await using it = await openDoor();
  for (let n = 0; n < 5; n++) await it.door.take(message('6666'));
  for (let n = 0; n < 5; n++) await it.make().take(message('6666'));
  await it.door.take(message('7777', 'hello', { kind: 'group', chat: '-100' }));
  assert.deepEqual(it.sent.map(({ to }) => to.chat), ['6666']);
  assert.equal(it.taken.length, 0);
});

test('ids are compared as they are written: no number, case, blank, wildcard or look-alike lets anybody in', async () => {
  await using it = await openDoor();
  for (const id of ['7', '07', '1001.0', '+1001', '01001', '\uff11001', '1001\u0301', '*', 'telegram:1001', '1e3', '0x3e9']) await it.door.take(message(id));
  assert.equal(it.taken.length, 0);
  for (const id of ['1001', '007']) await it.door.take(message(id));
  assert.equal(it.taken.length, 2);
  for (const platform of ['__proto__', 'constructor', 'Telegram', 'telegram2']) await it.door.take(message('1001', 'x', { platform }));
  assert.equal(it.taken.length, 2);
});

test('a crowd of strangers writes into the stores no faster than a few, and keeps no listed person out', async () => {
  await using it = await openDoor();
  for (let n = 0; n < 6_000; n++) await it.door.take(message(`s${n}`, n % 2 === 0 ? 'let me in' : '!approve abcdef 123456'));
  assert.ok(it.sent.length <= 40, `${it.sent.length} refusals`);
  assert.ok(it.attempts.length > 0 && it.attempts.length <= 80, `${it.attempts.length} attempts`);
  await it.door.take(message('1001'));
  assert.equal(it.taken.length, 1);
  // It goes on for the others later.
  it.advance(120_000);
  await it.door.take(message('s5999'));
  assert.ok(it.sent.some(({ to }) => to.chat === 's5999'));
});

test('who writes too fast is told so once a minute, not for each message', async () => {
  await using it = await openDoor();
  for (let n = 0; n < 500; n++) await it.door.take(message('1001'));
  assert.deepEqual([it.taken.length, it.sent.length], [20, 1]);
  assert.match(it.sent[0]?.text ?? '', /only 20 messages a minute/);
  it.advance(60_000);
  for (let n = 0; n < 100; n++) await it.door.take(message('1001'));
  assert.deepEqual([it.taken.length, it.sent.length], [40, 2]);
});

test('a person is as fast in all accounts and chats together, since a gateway can invent as many of them as it likes', async () => {
  await using it = await openDoor();
  for (let n = 0; n < 200; n++) await it.door.take(message('1001', 'hello', { account: `a${n}`, kind: 'group', chat: `-${n}`, thread: String(n) }));
  assert.equal(it.taken.length, 20);
  assert.ok(it.sent.length <= 10, `${it.sent.length} notices`);
});
