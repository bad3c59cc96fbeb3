import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clock, duration, timeLeft, timeLeftTick } from './time.ts';

describe('time left until an approval expires', () => {
  const cases: readonly [ms: number, words: string | null][] = [
    [-1, null], [0, null], [1, '1 s'], [59_000, '59 s'], [60_000, '1 min 00 s'], [245_000, '4 min 05 s'], [600_000, '10 min'],
    [3_599_000, '59 min'], [3_600_000, '1 h 00 min'], [7_500_000, '2 h 05 min'], [72 * 3_600_000, '3 days'],
  ];
  for (const [ms, words] of cases) it(`${ms} ms reads ${String(words)}`, () => assert.equal(timeLeft(1_000_000 + ms, 1_000_000), words));
  it('is looked at each second near the end, and rarely before', () => {
    assert.equal(timeLeftTick(60_000, 0), 1_000);
    assert.equal(timeLeftTick(3_600_000, 0), 15_000);
  });
});

describe('moments and stretches', () => {
  const now = new Date(2026, 10, 22, 15, 0).getTime();
  it('shows the time alone for today, the day for this year, the year before that', () => {
    assert.equal(clock(new Date(2026, 10, 22, 9, 5).getTime(), now), '09:05');
    assert.equal(clock(new Date(2026, 10, 3, 9, 5).getTime(), now), '3 Nov 09:05');
    assert.equal(clock(new Date(2025, 10, 3, 9, 5).getTime(), now), '3 Nov 2025');
  });
  it('writes durations in the unit a person would use', () => assert.deepEqual([12, 2_440, 185_000].map(duration), ['12 ms', '2.4 s', '3 min 05 s']));
});
