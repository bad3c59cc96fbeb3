import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
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
