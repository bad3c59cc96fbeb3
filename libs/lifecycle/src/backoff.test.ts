import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortError, backoffDelay, PermanentError, retry } from './backoff.ts';

const quick = { minMs: 1, maxMs: 2, attempts: 5 };

test('work is repeated until it succeeds, and told which attempt it is', async () => {
  const attempts: number[] = [];
  const result = await retry(async (attempt) => {
    attempts.push(attempt);
    if (attempt < 3) throw new Error('not yet');
    return 'done';
  }, quick);
  assert.deepEqual([result, attempts], ['done', [1, 2, 3]]);
});

test('the last error is thrown when the attempts are used up', async () => {
  await assert.rejects(retry(async (attempt) => { throw new Error(`failure ${attempt}`); }, quick), /failure 5/);
});

test('a permanent failure is not repeated', async () => {
  let calls = 0;
  await assert.rejects(retry(async () => { calls++; throw new PermanentError('never'); }, quick), PermanentError);
  assert.equal(calls, 1);
});

test('an abort ends the wait with its own type', async () => {
  const controller = new AbortController();
  const work = retry(async () => { throw new Error('again'); }, { ...quick, minMs: 60_000, maxMs: 60_000, signal: controller.signal, onRetry: () => controller.abort() });
  await assert.rejects(work, AbortError);
});

test('delays grow to the bound and keep at least half of it', () => {
  const delays = [1, 2, 3, 10].map((attempt) => backoffDelay(attempt, { minMs: 100, maxMs: 1_000, random: () => 0 }));
  assert.deepEqual(delays, [50, 100, 200, 500]);
  assert.equal(backoffDelay(10, { minMs: 100, maxMs: 1_000, random: () => 1 }), 1_000);
});
