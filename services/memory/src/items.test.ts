import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exportItems, forget, recall, remember } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import type { NewMemoryItem } from '@megabot/contracts/memory-item.ts';
import { startMemory, type Harness } from './testing/harness.ts';

describe('long-term memory', () => {
  let m: Harness;
  before(async () => {
    m = await startMemory();
  });
  after(async () => await m.close());
  const store = async (space: string, ...items: (string | NewMemoryItem)[]) =>
    (await m.gateway.call(remember, { space, items: items.map((item) => (typeof item === 'string' ? { text: item } : item)) })).ids;
  const find = async (space: string, query: string, extra: { k?: number; at?: number } = {}) => (await m.gateway.call(recall, { space, query, ...extra })).items;
  const texts = async (space: string, query: string) => (await find(space, query)).map((item) => item.text);
  const rows = async (space: string) => (await m.db.query('SELECT id FROM memory.items WHERE space = $1', [space])).length;

  it('finds an item by any of the words, in any of their forms', async () => {
    await store('forms', 'The cat is called Miso', 'The backup runs at three', 'Nothing of interest');
    assert.deepEqual(await texts('forms', 'what is the name my cats are called, and who fed them?'), ['The cat is called Miso']);
    assert.deepEqual(await texts('forms', 'running a backup'), ['The backup runs at three']);
  });

  it('puts what matches more words first, at most k', async () => {
    await store('ranked', 'red car', 'red car parked by the old house', 'a house');
    const items = await find('ranked', 'red car house', { k: 2 });
    assert.deepEqual(items.map((item) => item.text), ['red car parked by the old house', 'red car']);
    assert.ok((items[0]?.score ?? 0) > (items[1]?.score ?? 0));
  });

  it('says which words of the query an item matches', async () => {
    await store('why', 'The backups were running');
    const [item] = await find('why', 'Is the Backup running today?');
    assert.equal(item?.why, 'matches "backup", "running"');
  });

  it('finds other languages, names and numbers as written, and by their beginning', async () => {
    await store('written', 'Der Schlüssel liegt im Schrank', 'IBAN ends in 4711', 'это мой кот');
    assert.deepEqual(await texts('written', 'Schlüss'), ['Der Schlüssel liegt im Schrank']);
    assert.deepEqual(await texts('written', '4711'), ['IBAN ends in 4711']);
    assert.deepEqual(await texts('written', 'кот'), ['это мой кот']);
  });

  it('finds nothing, rather than failing, for words without meaning or with operators and quotes', async () => {
    await store('odd', "it's a plain item with a back\\slash");
    for (const query of ['the', '???', "' | !", "O'Reilly & (co) <-> :*", '\\', '"', '%', 'https://example.org/x?y=1', '💥']) assert.ok(Array.isArray(await texts('odd', query)), query);
    assert.deepEqual(await texts('odd', "'plain"), ["it's a plain item with a back\\slash"]);
  });

  it('finds the answer that follows a matching question, and says so', async () => {
    await store('chain', { text: 'Which restaurant did you like?', externalId: 'q1' }, { text: 'Kaskade, by the river', externalId: 'a1', previousExternalId: 'q1' }, 'unrelated');
    const items = await find('chain', 'restaurant');
    assert.deepEqual(items.map((item) => [item.externalId, item.why]), [['q1', 'matches "restaurant"'], ['a1', 'follows an item that matches']]);
  });

  it('never crosses from one space into another', async () => {
    await store('mine', { text: 'secret garden', externalId: 'x' });
    await store('yours', { text: 'secret garden', externalId: 'x', previousExternalId: 'x' });
    assert.equal((await find('mine', 'secret garden')).length, 1);
    assert.deepEqual(await texts('nobody', 'secret garden'), []);
    await m.gateway.call(forget, { space: 'mine' });
    assert.equal((await find('yours', 'secret garden')).length, 1);
  });

  it('answers as of a time', async () => {
    await store('time', { text: 'lives in Bern', at: 1_000 }, { text: 'lives in Graz', at: 2_000 });
    assert.deepEqual((await find('time', 'lives', { at: 1_500 })).map((item) => item.text), ['lives in Bern']);
  });

  it('replaces an item of the same external id, and keeps its id', async () => {
    const [first] = await store('replace', { text: 'old wording', externalId: 'e' });
    const [second] = await store('replace', { text: 'new phrase', externalId: 'e' });
    assert.equal(second, first);
    assert.deepEqual(await texts('replace', 'wording'), []);
    assert.deepEqual(await texts('replace', 'phrase'), ['new phrase']);
    const [a, b] = await store('replace', { text: 'one', externalId: 'twice' }, { text: 'two', externalId: 'twice' });
    assert.equal(a, b);
    assert.deepEqual(await texts('replace', 'two'), ['two']);
  });

  it('forgets for good, and counts without forgetting', async () => {
    const [one, two, three] = await store('gone', 'canary one', { text: 'canary two', externalId: 'e2' }, { text: 'canary three', session: 's' }, 'canary four');
    assert.deepEqual(await m.gateway.call(forget, { space: 'gone', externalIds: ['e2'], session: 's', dryRun: true }), { count: 2, ids: [two ?? '', three ?? ''].toSorted((a, b) => (a < b ? -1 : 1)) });
    assert.equal(await rows('gone'), 4);
    await m.gateway.call(forget, { ids: [one ?? ''] });
    await m.gateway.call(forget, { space: 'gone', externalIds: ['e2'] });
    await m.gateway.call(forget, { space: 'gone', session: 's' });
    assert.deepEqual(await texts('gone', 'canary'), ['canary four']);
    assert.equal((await m.gateway.call(forget, { space: 'gone' })).count, 1);
    assert.equal(await rows('gone'), 0);
  });

  it('refuses to forget without a word on what, and an empty list forgets nothing', async () => {
    await store('careful', 'keep me');
    await assert.rejects(m.gateway.call(forget, {}), (error: unknown) => isServiceError(error, 'bad_request'));
    assert.equal((await m.gateway.call(forget, { space: 'careful', ids: [] })).count, 0);
    assert.equal(await rows('careful'), 1);
  });

  it('exports all of a space, page by page, as it was given', async () => {
    const given = { text: 'exported', externalId: 'x1', kind: 'fact', session: 's1', author: 'me', at: 1_234, previousExternalId: 'x0' };
    await store('export', given, ...Array.from({ length: 24 }, (_, n) => `item ${n}`));
    const all = [];
    let after: string | null = '';
    while (after !== null) {
      const page: { items: { text: string }[]; next: string | null } = await m.gateway.call(exportItems, { space: 'export', after, limit: 10 });
      all.push(...page.items);
      after = page.next;
    }
    assert.equal(new Set(all.map((item) => item.text)).size, 25);
    const { id, space, createdAt, ...rest } = all.find((item) => item.text === 'exported') as unknown as Record<string, unknown>;
    assert.deepEqual(rest, given);
    assert.equal(space, 'export');
    assert.ok(id && createdAt);
  });

  it('answers with fewer items than asked for, rather than with a message that is too large', async () => {
    await store('large', ...Array.from({ length: 400 }, (_, n) => ({ text: `needle ${n} ${'x'.repeat(16_000)}` })));
    const page = await m.gateway.call(exportItems, { space: 'large', limit: 1_000 });
    assert.ok(page.items.length < 400 && page.next !== null);
    assert.equal((await find('large', 'needle', { k: 100 })).length, 100);
  });
});
