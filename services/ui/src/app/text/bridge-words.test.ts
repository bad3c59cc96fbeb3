import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bridgeWords, counterWords, undeliveredKind, undeliveredWords } from './bridge-words.ts';

const now = 1_900_000_000_000;

describe('a bridge in words', () => {
  for (const [state, says] of [['off', /Nothing leaves/], ['standby', /Another process/], ['connecting', /rest of MegaBot work/], ['connected', /you listed are answered/], ['waiting', /tried again by itself.*rest of MegaBot work/], ['refused', /not tried again by itself.*mend this first/]] as const) {
    it(`${state} says what works and what comes next`, () => assert.match(bridgeWords({ state }, now).meaning, says));
  }
  it('does not say that people are answered where nobody is listed', () => {
    const rules = { name: 'telegram', enabled: true, allowFrom: ['1'], admins: [], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 };
    assert.match(bridgeWords({ state: 'connected', platforms: [rules] }, now).meaning, /you listed are answered/);
    for (const platforms of [[], [{ ...rules, allowFrom: [] }], [{ ...rules, enabled: false }]]) assert.match(bridgeWords({ state: 'connected', platforms }, now).meaning, /nobody is answered yet/);
  });
  it('says when it is tried again, and no moment that is over', () => {
    assert.match(bridgeWords({ state: 'waiting', nextTryAt: now + 4_200 }, now).meaning, /by itself, in 5 s\./);
    assert.match(bridgeWords({ state: 'waiting', nextTryAt: now + 600_000 }, now).meaning, /by itself, at \d\d:\d\d/);
    assert.match(bridgeWords({ state: 'waiting', nextTryAt: now - 1 }, now).meaning, /by itself\. /);
  });
  it('tells answers that may still arrive from those that will not', () => {
    const answer = { expiresAt: now + 60_000, attempts: 3 };
    assert.match(undeliveredWords({ ...answer, state: 'pending' }, now), /^Tried again until .*; 3 attempts so far/);
    assert.match(undeliveredWords({ ...answer, state: 'held' }, now), /may still deliver/);
    assert.equal(undeliveredWords({ ...answer, state: 'failed', attempts: 1 }, now), 'Given up after one attempt.');
  });
  it('knows by its id what an answer is about, and says no more of ids that it does not know', () => {
    assert.deepEqual(undeliveredKind('turn-msg-a_B'), { words: 'The answer to a message.', turn: 'msg-a_B' });
    assert.deepEqual(undeliveredKind('approval-k3f9'), { words: 'The announcement of an approval.', approval: 'k3f9' });
    assert.match(undeliveredKind('stranger-x-y').words, /not listed/);
    assert.match(undeliveredKind('run-k3f9-4').words, /message to this chat that was approved/);
    for (const id of ['send-7', 'constructor-1', 'turn', '']) assert.deepEqual(undeliveredKind(id), { words: 'A message.' });
  });
  it('shows counters that it knows, also of a gateway that counts more', () => assert.deepEqual(counterWords({ messages: 4, unheard_of: 9, attempts_failed: 0 }), [['Messages taken', 4], ['Failed sends', 0]]));
});
