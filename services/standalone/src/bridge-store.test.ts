import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import * as endpoints from '@megabot/contracts/endpoints/bridge.ts';
import { append, conversationsGet } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { createBusBridgeStore } from '@megabot/gateway/channels/bus-bridge-store.ts';
import { bridgeStoreCompliance } from '@megabot/gateway/channels/openclaw/store-compliance.ts';
import { createMemory } from '@megabot/memory/app.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';

const ttlMs = 30_000;

/** The gateway's bus with a memory service behind it, and a clock that the test moves. */
async function openServices() {
  const logger = silentLogger();
  const db = await openMemoryDatabase({ schema: 'memory', migrations: new URL('../../memory/migrations/', import.meta.url) });
  const hub = createInProcessHub();
  let now = 1_700_000_000_000;
  const memory = await createMemory({ sweepEveryMs: 3_600_000 }, { bus: hub.bus('memory', { logger }), db, logger, clock: () => now });
  return {
    bus: hub.bus('gateway', { logger }),
    advance: (ms: number): void => {
      now += ms;
    },
    async [Symbol.asyncDispose]() {
      await memory.close();
      await hub.close();
      await db[Symbol.asyncDispose]();
    },
  };
}

bridgeStoreCompliance('the store in memory', async () => {
  const services = await openServices();
  const open = async () => {
    const holder = { bridge: 'openclaw', holder: 'gateway-1' };
    assert.deepEqual(await services.bus.call(endpoints.bridgeLease, { ...holder, ttlMs }), { held: true });
    return createBusBridgeStore(services.bus, holder);
  };
  return { store: await open(), reopen: open, [Symbol.asyncDispose]: async () => await services[Symbol.asyncDispose]() };
});

test('one process at a time holds a bridge; who lost it can write nothing more', async () => {
  await using services = await openServices();
  const { bus } = services;
  const lease = async (holder: string, release = false) => (await bus.call(endpoints.bridgeLease, { bridge: 'openclaw', holder, ttlMs, release })).held;
  const [first, second] = ['gateway-1', 'gateway-2'].map((holder) => createBusBridgeStore(bus, { bridge: 'openclaw', holder }));
  assert.ok(first && second);
  await assert.rejects(first.markSeen('k', 1), (error) => isServiceError(error, 'lease_lost'));
  const taken = await Promise.all([lease('gateway-1'), lease('gateway-2')]);
  assert.deepEqual(taken.toSorted(), [false, true]);
  if (taken[1]) assert.equal(await lease('gateway-2', true), false);
  assert.equal(await lease('gateway-1'), true);
  await first.markSeen('k', 1);
  services.advance(ttlMs + 1);
  await assert.rejects(first.markSeen('k2', 1), (error) => isServiceError(error, 'lease_lost'));
  assert.equal(await lease('gateway-2'), true);
  assert.equal(await lease('gateway-1'), false);
  assert.deepEqual([...(await second.seen(['k', 'k2']))], ['k']);
});

test('a chat has one conversation, and people who share no chat share no conversation', async () => {
  await using services = await openServices();
  const { bus } = services;
  const holder = { bridge: 'openclaw', holder: newId() };
  await bus.call(endpoints.bridgeLease, { ...holder, ttlMs });
  const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
  const chat = async (chatKey: string, sessionKey: string) => await bus.call(endpoints.bridgeChat, { ...holder, chatKey, address, sessionKey, title: 'Ada on telegram' });
  const first = await chat('telegram:default:direct:1001', 's1');
  const again = await chat('telegram:default:direct:1001', 's2');
  const other = await chat('telegram:default:direct:1002', 's1');
  assert.equal(again.conversation, first.conversation);
  assert.notEqual(other.conversation, first.conversation);
  assert.equal((await bus.call(conversationsGet, { id: first.conversation })).title, 'Ada on telegram');
  const found = await bus.call(endpoints.bridgeChatOf, { bridge: 'openclaw', conversation: first.conversation });
  assert.deepEqual([found.chat?.chatKey, found.chat?.sessionKey], ['telegram:default:direct:1001', 's2']);
  assert.deepEqual(await bus.call(endpoints.bridgeChatOf, { bridge: 'openclaw', conversation: 'default' }), { chat: null });
});

test('answers to people behind the bridge are to be sent until one is stored for them; the owner\'s own are not', async () => {
  await using services = await openServices();
  const { bus } = services;
  const holder = { bridge: 'openclaw', holder: newId() };
  await bus.call(endpoints.bridgeLease, { ...holder, ttlMs });
  const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
  const { conversation } = await bus.call(endpoints.bridgeChat, { ...holder, chatKey: 'k', address, sessionKey: 's', title: 't' });
  const say = async (principal: string, text: string, reply: string, where = conversation) => {
    const claims = { turnId: newId(), conversation: where, principal, trust: 'untrusted' as const, issuedAt: 1 };
    return await bus.call(append, { conversation: where, messageKey: newId(), text, ticket: { claims, signature: 'unchecked' }, reply });
  };
  const first = await say('bridge:telegram:default:1001', '!help', 'the list');
  await say('bridge:telegram:default:1001', '!help', '');
  await say('owner', '!policies', 'the rules');
  await say('owner', '!help', 'elsewhere', 'default');
  const unsent = async () => (await bus.call(endpoints.bridgeUnsent, { bridge: 'openclaw' })).answers.map(({ turnId, text, chat }) => [turnId, text, chat.sessionKey]);
  assert.deepEqual(await unsent(), [[first.turnId, 'the list', 's']]);
  const store = createBusBridgeStore(bus, holder);
  const times = { createdAt: 1, nextTryAt: 1, expiresAt: 2 };
  await store.addAnswer({ id: `turn-${first.turnId}`, address, sessionKey: 's', parts: ['the list'], state: 'pending', nextPart: 0, round: 0, uncertain: false, attempts: 0, ...times });
  assert.deepEqual(await unsent(), []);
});

test('the chats of an id are found in every account and thread, and none that only look alike', async () => {
  await using services = await openServices();
  const { bus } = services;
  const holder = { bridge: 'openclaw', holder: newId() };
  await bus.call(endpoints.bridgeLease, { ...holder, ttlMs });
  const known = [
    { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' }, { platform: 'telegram', account: 'second', kind: 'direct', chat: '1001' },
    { platform: 'telegram', account: 'default', kind: 'group', chat: '-100', thread: '7' }, { platform: 'telegram', account: 'default', kind: 'direct', chat: '10011' },
    { platform: 'signal', account: 'default', kind: 'direct', chat: '1001' },
  ] as const;
  for (const [index, address] of known.entries()) await bus.call(endpoints.bridgeChat, { ...holder, chatKey: `k${index}`, address, sessionKey: `s${index}`, title: `t${index}` });
  const found = async (platform: string, chat: string, bridge = 'openclaw') => (await bus.call(endpoints.bridgeChats, { bridge, platform, chat })).chats.map(({ chatKey, sessionKey, title }) => `${chatKey} ${sessionKey} ${title}`);
  assert.deepEqual(await found('telegram', '1001'), ['k0 s0 t0', 'k1 s1 t1']);
  assert.deepEqual(await found('telegram', '-100'), ['k2 s2 t2']);
  for (const [platform, chat, bridge] of [['telegram', '100'], ['telegram', '%'], ['Telegram', '1001'], ['telegram', '1001', 'other']] as const) assert.deepEqual(await found(platform, chat, bridge), []);
});

test('an approved message is listed as undelivered from the beginning, also behind another one of its chat', async () => {
  await using services = await openServices();
  const holder = { bridge: 'openclaw', holder: newId() };
  await services.bus.call(endpoints.bridgeLease, { ...holder, ttlMs });
  const store = createBusBridgeStore(services.bus, holder);
  const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
  for (const id of ['turn-a', 'run-b-1', 'run-c-1']) await store.addAnswer({ id, address, sessionKey: 's', parts: ['x'], state: 'pending', nextPart: 0, round: 0, uncertain: false, attempts: 0, createdAt: 1, nextTryAt: 1, expiresAt: 2 });
  assert.deepEqual((await store.undelivered(10)).map(({ id }) => id), ['run-c-1', 'run-b-1']);
});
