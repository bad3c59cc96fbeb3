import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bridgeWords, counterWords, undeliveredWords } from './bridge-words.ts';

const now = 1_900_000_000_000;

describe('a bridge in words', () => {
  for (const [state, says] of [['off', /Nothing leaves/], ['standby', /Another process/], ['connecting', /rest of MegaBot work/], ['connected', /you listed are answered/], ['waiting', /tried again by itself.*rest of MegaBot work/], ['refused', /not tried again by itself.*mend this first/]] as const) {
    it(`${state} says what works and what comes next`, () => assert.match(bridgeWords({ state }, now).meaning, says));
  }
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
  it('shows counters that it knows, also of a gateway that counts more', () => assert.deepEqual(counterWords({ messages: 4, unheard_of: 9, attempts_failed: 0 }), [['Messages taken', 4], ['Failed attempts', 0]]));
});
