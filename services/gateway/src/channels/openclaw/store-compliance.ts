import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@megabot/contracts/errors.ts';
import type { BridgeStore, StoredAnswer } from './store.ts';

const answer = (id: string, rest: Partial<StoredAnswer> = {}): StoredAnswer => ({
  id, address: { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' }, sessionKey: 'agent:main:main', parts: ['one', 'two'], state: 'pending',
  nextPart: 0, round: 0, uncertain: false, attempts: 0, createdAt: 1_000, nextTryAt: 1_000, expiresAt: 2_000, ...rest,
});

/** What every store of the bridge keeps to. `open` gives an empty one each time; `reopen` the same data as after a restart. */
export function bridgeStoreCompliance(name: string, open: () => Promise<{ store: BridgeStore; reopen?: () => Promise<BridgeStore> } & AsyncDisposable>): void {
  const check = (promise: string, body: (store: BridgeStore, reopen: () => Promise<BridgeStore>) => Promise<void>): void => {
    test(`${name}: ${promise}`, async () => {
      await using opened = await open();
      await body(opened.store, opened.reopen ?? (async () => opened.store));
    });
  };

  check('the beginning is what it was the first time', async (store, reopen) => {
    assert.equal(await store.begin(5_000), 5_000);
    assert.equal(await (await reopen()).begin(9_000), 5_000);
  });
  check('a session has one cursor, and the newest comes first', async (store, reopen) => {
    await store.saveCursor({ sessionKey: 'a', cursor: 'a1' });
    await store.saveCursor({ sessionKey: 'b', cursor: 'b1' });
    await store.saveCursor({ sessionKey: 'a', cursor: 'a2' });
    assert.deepEqual(await (await reopen()).cursors(), [{ sessionKey: 'a', cursor: 'a2' }, { sessionKey: 'b', cursor: 'b1' }]);
  });
  check('a marked message stays known, and no other is', async (store, reopen) => {
    await store.markSeen('k1', 1_000);
    await store.markSeen('k1', 2_000);
    assert.deepEqual([...(await (await reopen()).seen(['k1', 'k2']))], ['k1']);
    assert.equal((await store.seen([])).size, 0);
  });
  check('however many messages came while nobody listened, which of them are known is answered', async (store) => {
    await store.markSeen('k2999', 1_000);
    assert.deepEqual([...(await store.seen(Array.from({ length: 3_000 }, (_, index) => `k${index}`)))], ['k2999']);
  });
  check('an answer is added once, whatever became of it', async (store, reopen) => {
    assert.equal(await store.addAnswer(answer('x')), true);
    assert.equal(await store.addAnswer(answer('x', { parts: ['other'] })), false);
    await store.saveAnswer(answer('x', { state: 'delivered', nextPart: 2 }));
    const later = await reopen();
    assert.equal(await later.addAnswer(answer('x')), false);
    assert.deepEqual(await later.openAnswers(), []);
  });
  check('open answers come whole: of each chat the oldest that is pending, and all that are held, whose turn is next first', async (store, reopen) => {
    const elsewhere = { address: { platform: 'telegram', account: 'default', kind: 'group', chat: '-100', thread: '7' } } as const;
    for (const added of [answer('x', elsewhere), answer('y'), answer('z'), answer('w', elsewhere)]) await store.addAnswer(added);
    assert.deepEqual((await store.openAnswers()).map(({ id }) => id), ['x', 'y']);
    const changed = answer('x', { ...elsewhere, state: 'held', nextPart: 1, round: 2, uncertain: true, attempts: 3, nextTryAt: 1_500, reason: 'why' });
    await store.saveAnswer(changed);
    assert.deepEqual(await (await reopen()).openAnswers(), [answer('y'), answer('w', elsewhere), changed]);
  });
  check('chats that can never be reached do not keep the answers of others from being found', async (store) => {
    for (let n = 0; n < 600; n++) await store.addAnswer(answer(`stranger-${n}`, { address: { platform: 'telegram', account: 'default', kind: 'direct', chat: String(n) }, attempts: 3, nextTryAt: 9_000 }));
    await store.addAnswer(answer('last', { address: { platform: 'telegram', account: 'default', kind: 'direct', chat: 'friend' } }));
    assert.equal((await store.openAnswers())[0]?.id, 'last');
  });
  check('people see what has failed or waits after a failure, newest first, and nothing else', async (store) => {
    await store.addAnswer(answer('fresh'));
    await store.addAnswer(answer('tried', { attempts: 1, reason: 'no' }));
    await store.addAnswer(answer('failed', { state: 'failed' }));
    await store.addAnswer(answer('arrived', { state: 'delivered', attempts: 4 }));
    await store.addAnswer(answer('held', { state: 'held' }));
    assert.deepEqual((await store.undelivered(10)).map(({ id }) => id), ['held', 'failed', 'tried']);
    assert.deepEqual((await store.undelivered(1)).map(({ id }) => id), ['held']);
  });
  check('pruning forgets what is old and over, never what is open', async (store) => {
    await store.markSeen('old', 1_000);
    await store.markSeen('new', 5_000);
    await store.addAnswer(answer('done', { state: 'delivered', expiresAt: 2_000 }));
    await store.addAnswer(answer('open', { expiresAt: 2_000 }));
    await store.prune(4_000);
    assert.deepEqual([...(await store.seen(['old', 'new']))], ['new']);
    assert.deepEqual((await store.openAnswers()).map(({ id }) => id), ['open']);
    assert.equal(await store.addAnswer(answer('done')), true);
  });
  const conflict = (error: unknown): boolean => isServiceError(error, 'conflict');
  check('what the owner discards is never taken up again, listed or saved over, also by who read it before', async (store, reopen) => {
    await store.addAnswer(answer('x', { attempts: 1 }));
    const [read] = await store.openAnswers();
    assert.ok(read);
    assert.equal((await store.decide('x', 'discard', 1_500)).state, 'discarded');
    await assert.rejects(store.saveAnswer({ ...read, uncertain: true, sendingUntil: 9_000 }), conflict);
    const later = await reopen();
    assert.deepEqual([await later.openAnswers(), await later.undelivered(10)], [[], []]);
    assert.equal(await later.addAnswer(answer('x')), false);
    assert.equal((await later.decide('x', 'discard', 1_600)).state, 'discarded');
    await assert.rejects(later.decide('x', 'retry', 1_600), conflict);
  });
  check('a part that is taken up keeps its answer from being tried, and the last one from being discarded, until its time is over', async (store) => {
    await store.addAnswer(answer('first', { uncertain: true, attempts: 1, sendingUntil: 5_000 }));
    await store.addAnswer(answer('last', { uncertain: true, attempts: 1, nextPart: 1, sendingUntil: 5_000 }));
    for (const id of ['first', 'last']) await assert.rejects(store.decide(id, 'retry', 4_999), conflict);
    await assert.rejects(store.decide('last', 'discard', 4_999), conflict);
    assert.deepEqual((await store.undelivered(5)).length, 2);
    assert.equal((await store.decide('first', 'discard', 4_999)).state, 'discarded');
    assert.equal((await store.decide('last', 'discard', 5_000)).state, 'discarded');
  });
  check('another attempt comes at once and keeps what is known of the parts; a day that is over begins again', async (store, reopen) => {
    await store.addAnswer(answer('waits', { uncertain: true, attempts: 3, round: 2, nextTryAt: 1_900, expiresAt: 2_000 }));
    await store.addAnswer(answer('over', { state: 'failed', ending: 'expired', uncertain: true, nextPart: 1, attempts: 9 }));
    await store.addAnswer(answer('kept', { state: 'held', uncertain: true, attempts: 1, nextTryAt: 1_900 }));
    const [read] = await store.openAnswers();
    for (const id of ['waits', 'over', 'kept']) await store.decide(id, 'retry', 1_500);
    assert.ok(read);
    await assert.rejects(store.saveAnswer(read), conflict);
    const day = 86_400_000;
    const later = await reopen();
    assert.deepEqual((await later.undelivered(5)).map(({ id, state, uncertain, nextPart, round, nextTryAt, expiresAt, ending }) => [id, state, uncertain, nextPart, round, nextTryAt, expiresAt, ending]), [
      ['kept', 'held', true, 0, 0, 1_500, 2_000, undefined], ['over', 'pending', true, 1, 0, 1_500, 1_500 + day, undefined], ['waits', 'pending', true, 0, 2, 1_500, 2_000, undefined],
    ]);
    const [again] = await later.openAnswers();
    assert.ok(again);
    await later.saveAnswer({ ...again, attempts: 4 });
  });
  check('what would come twice, was taken back, has arrived or is unknown is not tried again', async (store) => {
    await store.addAnswer(answer('done', { state: 'delivered' }));
    for (const ending of ['held', 'partial', 'stopped'] as const) await store.addAnswer(answer(ending, { state: 'failed', ending }));
    await store.addAnswer(answer('of-old', { state: 'failed' }));
    for (const id of ['done', 'held', 'partial', 'stopped', 'of-old']) await assert.rejects(store.decide(id, 'retry', 1_500), conflict, id);
    await assert.rejects(store.decide('done', 'discard', 1_500), conflict);
    for (const decision of ['discard', 'retry'] as const) await assert.rejects(store.decide('nobody', decision, 1_500), (error) => isServiceError(error, 'not_found'));
    assert.equal((await store.decide('partial', 'discard', 1_500)).state, 'discarded');
  });
  check('saving an answer that was never added is an error', async (store) => {
    await assert.rejects(store.saveAnswer(answer('nobody')));
  });
}
