import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { bridgeChat, bridgeLease } from '@megabot/contracts/endpoints/bridge.ts';
import { conversationsCreate, conversationsGet, conversationsList, conversationsUpdate, messagesList, ping } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { outboxTableSql } from '@megabot/postgres/outbox.ts';
import { startMemory, type Harness } from './testing/harness.ts';

describe('conversations', () => {
  let m: Harness;
  before(async () => {
    m = await startMemory();
  });
  after(async () => await m.close());
  const notFound = (error: unknown) => isServiceError(error, 'not_found');

  it('have a default one that exists as soon as somebody asks for it', async () => {
    const conversation = await m.gateway.call(conversationsGet, { id: 'default' });
    assert.equal(conversation.mode, 'ask');
    assert.deepEqual((await m.gateway.call(conversationsList, {})).conversations.map(({ id }) => id), ['default']);
    assert.deepEqual(await m.gateway.call(messagesList, { conversation: 'default' }), { messages: [], hasMore: false });
  });

  it('take their title from the first message, unless they were given one', async () => {
    const unnamed = await m.gateway.call(conversationsCreate, {});
    const named = await m.gateway.call(conversationsCreate, { title: 'Taxes', mode: 'plan' });
    await m.send('How do I prune roses?\nThey are old.', { conversation: unnamed.id });
    await m.send('Another question', { conversation: unnamed.id });
    await m.send('hello', { conversation: named.id });
    assert.equal((await m.gateway.call(conversationsGet, { id: unnamed.id })).title, 'How do I prune roses?');
    const read = await m.gateway.call(conversationsGet, { id: named.id });
    assert.deepEqual([read.title, read.mode], ['Taxes', 'plan']);
  });

  it('are listed with the last used first', async () => {
    const { id } = await m.gateway.call(conversationsCreate, { title: 'old' });
    m.advance(1_000);
    await m.gateway.call(conversationsCreate, { title: 'new' });
    m.advance(1_000);
    await m.send('hello', { conversation: id });
    assert.equal((await m.gateway.call(conversationsList, {})).conversations[0]?.id, id);
  });

  it('change their mode, the default one too', async () => {
    assert.equal((await m.gateway.call(conversationsUpdate, { id: 'default', mode: 'build' })).mode, 'build');
    assert.equal((await m.gateway.call(conversationsUpdate, { id: 'default', title: 'Home' })).mode, 'build');
    await assert.rejects(m.gateway.call(conversationsUpdate, { id: 'nowhere', mode: 'ask' }), notFound);
    await assert.rejects(m.gateway.call(conversationsGet, { id: 'nowhere' }), notFound);
    await assert.rejects(m.gateway.call(messagesList, { conversation: 'nowhere' }), notFound);
  });

  it('are read in pages, forward, backward, and from the end, each message once and in order', async () => {
    const { id } = await m.gateway.call(conversationsCreate, {});
    const sent = Array.from({ length: 7 }, (_, n) => `message ${n}`);
    for (const text of sent) await m.send(text, { conversation: id });
    const newest = await m.gateway.call(messagesList, { conversation: id, limit: 3 });
    assert.deepEqual(newest.messages.map(({ text }) => text), sent.slice(4));
    assert.equal(newest.hasMore, true);
    const older = await m.gateway.call(messagesList, { conversation: id, before: newest.messages[0]?.seq ?? 0, limit: 3 });
    assert.deepEqual(older.messages.map(({ text }) => text), sent.slice(1, 4));
    const oldest = await m.gateway.call(messagesList, { conversation: id, before: older.messages[0]?.seq ?? 0, limit: 3 });
    assert.deepEqual([oldest.messages.map(({ text }) => text), oldest.hasMore], [sent.slice(0, 1), false]);
    const forward = await m.gateway.call(messagesList, { conversation: id, after: oldest.messages[0]?.seq ?? 0, limit: 3 });
    assert.deepEqual(forward.messages.map(({ text }) => text), sent.slice(1, 4));
    assert.equal(forward.messages[0]?.principal, 'owner');
  });

  it('of long messages are read in shorter pages, rather than in a reply that is too large', async () => {
    const { id } = await m.gateway.call(conversationsCreate, {});
    for (let n = 0; n < 40; n += 1) await m.send(`${n} ${'é'.repeat(60_000)}`, { conversation: id });
    const page = await m.gateway.call(messagesList, { conversation: id, after: 0, limit: 200 });
    assert.ok(page.messages.length > 0 && page.messages.length < 40 && page.hasMore);
  });

  it('are reported as served by the health check', async () => {
    assert.equal((await m.gateway.call(ping, {})).ok, true);
  });

  it('lie beside an outbox of the form that the library works on', async () => {
    const migration = await readFile(new URL('../migrations/0003-outbox.sql', import.meta.url), 'utf8');
    assert.ok(migration.endsWith(outboxTableSql('memory')));
  });
});

describe('conversations of chats of a messenger', () => {
  let m: Harness;
  const holder = { bridge: 'openclaw', holder: 'holder-1' };
  const hear = async (chat: string, more: { title?: string; thread?: string; kind?: 'direct' | 'group' } = {}) => {
    const { title = `telegram: ${chat}`, kind = 'direct', ...thread } = more;
    const address = { platform: 'telegram', account: 'default', kind, chat, ...thread };
    const { conversation } = await m.gateway.call(bridgeChat, { ...holder, chatKey: chat, address, sessionKey: 's', title });
    return { conversation, address };
  };
  before(async () => {
    m = await startMemory();
    await m.gateway.call(bridgeLease, { ...holder, ttlMs: 120_000 });
  });
  after(async () => await m.close());

  it('say which chat it is, the owner’s own say nothing, in the list and alone', async () => {
    const own = await m.gateway.call(conversationsCreate, { title: 'telegram: forged' });
    const ann = await hear('1001');
    const group = await hear('-100', { kind: 'group', thread: '7' });
    assert.ok(!('messenger' in own));
    assert.deepEqual((await m.gateway.call(conversationsGet, { id: ann.conversation })).messenger, ann.address);
    const listed = new Map((await m.gateway.call(conversationsList, {})).conversations.map(({ id, messenger }) => [id, messenger]));
    assert.deepEqual([listed.get(own.id), listed.get(ann.conversation), listed.get(group.conversation)], [undefined, ann.address, group.address]);
  });

  it('still say so when they are renamed or change their mode, to whoever renames them too', async () => {
    const { conversation: id, address } = await hear('1002');
    const renamed = await m.gateway.call(conversationsUpdate, { id, title: 'Taxes', mode: 'plan' });
    assert.deepEqual([renamed.title, renamed.messenger], ['Taxes', address]);
    await m.send('hello', { conversation: id, guest: 'bridge:telegram:default:1002' });
    const read = await m.gateway.call(conversationsGet, { id });
    assert.deepEqual([read.title, read.messenger], ['Taxes', address]);
  });

  it('are listed with one statement, and fit into one reply however much a gateway invents', async (test) => {
    m.advance(1_000);
    const { conversation } = await hear('\u0001'.repeat(256), { title: '\u0001'.repeat(200), thread: '\u0001'.repeat(256) });
    await m.db.query("INSERT INTO memory.conversations (id, title, mode, created_at, updated_at) SELECT 'many' || n, title, mode, created_at, updated_at FROM memory.conversations, generate_series(1, 499) n WHERE id = $1", [conversation]);
    await m.db.query("INSERT INTO memory.bridge_chats (bridge, chat_key, conversation, address, session_key) SELECT bridge, 'many' || n, 'many' || n, address, session_key FROM memory.bridge_chats, generate_series(1, 499) n WHERE conversation = $1", [conversation]);
    const statements = test.mock.method(m.db, 'query').mock;
    const { conversations } = await m.gateway.call(conversationsList, {});
    assert.equal(statements.callCount(), 1);
    assert.deepEqual([conversations.length, conversations.every(({ messenger }) => messenger !== undefined)], [500, true]);
    // A message of the bus holds 8 MiB.
    assert.ok(Buffer.byteLength(JSON.stringify(conversations)) < 8 * 1024 * 1024);
  });
});
