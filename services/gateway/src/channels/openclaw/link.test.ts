import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { delayAfter } from './link.ts';

const bounds = { minMs: 500, maxMs: 30_000 };

suite('the wait before another attempt', () => {
  test('doubles up to its end where the gateway says nothing', () => {
    for (const [failures, ceiling] of [[1, 500], [2, 1_000], [7, 30_000], [100, 30_000]] as const) {
      const delay = delayAfter({}, failures, bounds);
      assert.ok(delay >= ceiling / 2 && delay <= ceiling, `${failures}: ${delay}`);
    }
  });

  test('stays near the time that a starting gateway names, however often it was asked', () => {
    const delay = delayAfter({ retryAfterMs: 500 }, 50, bounds);
    assert.ok(delay >= 1_000 && delay <= 2_000, String(delay));
  });

  test('is never shorter than the named time, and does not hammer a gateway that names none worth the name', () => {
    assert.ok(delayAfter({ retryAfterMs: 30_000 }, 1, bounds) >= 30_000);
    assert.ok(delayAfter({ retryAfterMs: 60_000 }, 9, bounds) === 60_000);
    assert.ok(delayAfter({ retryAfterMs: 0 }, 50, bounds) >= 1_000);
  });
});
