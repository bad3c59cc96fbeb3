import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Stopped } from './deadline.ts';
import { createPool, type PoolOptions } from './pool.ts';
import { idleTargets } from './pool-size.ts';

const plenty = 2 ** 40;
const never = new AbortController().signal;

/** A pool over boxes that are numbers, each finished when the test says so. */
function poolOf(options: PoolOptions, change: { freeBytes?: () => number; freshMs?: number } = {}) {
  let clock = 0;
  let made = 0;
  const building: { readonly kind: { kind: string }; finish(): void; fail(): void }[] = [];
  const discarded: number[] = [];
  const kill = new Map<number, () => void>();
  const pool = createPool<{ kind: string }, { id: number; ended: Promise<void>; freshUntil: number }>({ refillDelayMs: 0, ...options }, {
    build: async (kind) =>
      await new Promise((resolve, reject) => {
        building.push({
          kind,
          finish: () => {
            const id = made++;
            resolve({ id, freshUntil: clock + (change.freshMs ?? 1e9), ended: new Promise<void>((end) => kill.set(id, end)) });
          },
          fail: () => reject(new Error('no engine')),
        });
      }),
    discard: (box) => void discarded.push(box.id),
    freeBytes: change.freeBytes ?? (() => plenty),
    clock: () => clock,
    onBuildFailed: () => undefined,
  });
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 10; turns++) await turn();
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (let turns = 0; turns < 10; turns++) await turn();
  };
  const finishAll = async (): Promise<void> => {
    for (let one = building.shift(); one; one = building.shift()) {
      one.finish();
      await settle();
    }
  };
  return { pool, building, discarded, kill, settle, finishAll, pass: (ms: number) => (clock += ms) };
}
const a = { kind: 'a' };
const b = { kind: 'b' };

suite('the pool', () => {
  test('gives every box once, whatever comes at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.constant('take'), fc.constant('abort'), fc.constant('finish'), fc.constant('fail'), fc.constant('kill'), fc.constant('tend')), { maxLength: 40 }), async (steps) => {
        const { pool, building, discarded, kill, settle, finishAll } = poolOf({ min: 2, max: 4 });
        const given: number[] = [];
        const taking: Promise<void>[] = [];
        const aborts: AbortController[] = [];
        for (const step of steps) {
          if (step === 'take') {
            const abort = new AbortController();
            aborts.push(abort);
            taking.push(pool.take(a, abort.signal).then(({ box }) => void given.push(box.id), () => undefined));
          } else if (step === 'abort') aborts.shift()?.abort();
          else if (step === 'finish') building.shift()?.finish();
          else if (step === 'fail') building.shift()?.fail();
          else if (step === 'kill') [...kill.values()].at(-1)?.();
          else pool.tend(() => true);
          await turn();
        }
        const closing = pool.close();
        await finishAll();
        await Promise.all([closing, ...taking]);
        await settle();
        assert.equal(new Set(given).size, given.length, 'a box was given twice');
        assert.deepEqual([...given, ...discarded].sort((one, other) => one - other), [...kill.keys()], 'each box was given to a run or removed, once');
      }),
      { numRuns: 60 },
    );
  });

  test('makes a box for a run that finds none, and no more than runs wait for', async () => {
    const { pool, building, finishAll } = poolOf({ min: 0, max: 0 });
    const taken = [pool.take(a, never), pool.take(a, never)];
    assert.equal(building.length, 2);
    await finishAll();
    assert.deepEqual((await Promise.all(taken)).map(({ warm }) => warm), [false, false]);
    assert.equal(pool.idle, 0);
    await pool.close();
  });

  test('gives a waiting box at once, of the same kind alone', async () => {
    const { pool, building, finishAll } = poolOf({ min: 1, max: 4 });
    pool.expect(a);
    await finishAll();
    assert.equal(pool.idle, 1);
    const other = pool.take(b, never);
    assert.deepEqual(building.map(({ kind }) => kind), [b]);
    assert.equal((await pool.take(a, never)).warm, true);
    await finishAll();
    assert.equal((await other).warm, false);
    await pool.close();
  });

  test('builds so many at a time, and gives each to whoever waits longest', async () => {
    const { pool, building, settle } = poolOf({ min: 0, max: 0, building: 2 });
    const order: number[] = [];
    for (let run = 0; run < 5; run++) void pool.take(a, never).then(() => order.push(run));
    for (let round = 0; round < 5; round++) {
      assert.ok(building.length <= 2);
      building.shift()?.finish();
      await settle();
    }
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    await pool.close();
  });

  test('fails a run whose box cannot be made, and the next one may succeed', async () => {
    const { pool, building, finishAll } = poolOf({ min: 0, max: 0 });
    const failing = pool.take(a, never);
    building.shift()?.fail();
    await assert.rejects(failing, /no engine/);
    const next = pool.take(a, never);
    await finishAll();
    await next;
    await pool.close();
  });

  test('does not build ahead again and again where building fails', async () => {
    const { pool, building, settle, pass } = poolOf({ min: 2, max: 4 });
    pool.expect(a);
    while (building.length > 0) {
      building.shift()?.fail();
      await settle();
    }
    pool.tend(() => true);
    assert.equal(building.length, 0);
    pass(60_000);
    pool.tend(() => true);
    assert.equal(building.length, 2);
    const closing = pool.close();
    for (const one of building) one.fail();
    await closing;
  });

  test('grows with runs at once and in succession, and shrinks when they stay away', async () => {
    const { pool, building, finishAll, settle, pass } = poolOf({ min: 1, max: 4 });
    const sizes: number[] = [];
    for (let run = 0; run < 5; run++) {
      const taken = pool.take(a, never);
      await finishAll();
      await taken;
      pool.done(a);
      await settle();
      await finishAll();
      sizes.push(pool.idle);
    }
    assert.deepEqual(sizes, [1, 2, 3, 4, 4]);
    for (let minutes = 0; minutes < 3; minutes++) {
      pass(61_000);
      pool.tend(() => true);
    }
    assert.deepEqual([pool.idle, building.length], [1, 0]);
    await pool.close();
  });

  test('keeps what a run gave up waiting for, for the next', async () => {
    const { pool, finishAll } = poolOf({ min: 1, max: 4 });
    const abort = new AbortController();
    const given = pool.take(a, abort.signal);
    abort.abort();
    await assert.rejects(given, Stopped);
    await finishAll();
    assert.equal((await pool.take(a, never)).warm, true);
    await pool.close();
  });

  test('removes what is too old, what nobody wants any more, and what ended by itself', async () => {
    const { pool, discarded, kill, finishAll, settle, pass } = poolOf({ min: 1, max: 4 }, { freshMs: 1_000 });
    pool.expect(a);
    await finishAll();
    kill.get(0)?.();
    await settle();
    await finishAll();
    pass(2_000);
    pool.tend(() => true);
    await finishAll();
    pool.tend(() => false);
    assert.deepEqual(discarded, [0, 1, 2]);
    await pool.close();
  });

  test('never gives a box that is too old, also before anybody tended it', async () => {
    const { pool, discarded, finishAll, pass } = poolOf({ min: 1, max: 4 }, { freshMs: 1_000 });
    pool.expect(a);
    await finishAll();
    pass(2_000);
    const taken = pool.take(a, never);
    await finishAll();
    assert.deepEqual([(await taken).warm, discarded], [false, [0]]);
    await pool.close();
  });

  test('closed takes no run, and removes what waits and what is being made', async () => {
    const { pool, building, finishAll } = poolOf({ min: 2, max: 4 });
    pool.expect(a);
    building.shift()?.finish();
    await turn();
    const waiting = pool.take(b, never);
    waiting.catch(() => undefined);
    const closing = pool.close();
    await finishAll();
    await closing;
    await assert.rejects(waiting, Stopped);
    await assert.rejects(pool.take(a, never), Stopped);
    assert.equal(pool.idle, 0);
  });
});

suite('the size of the pool', () => {
  const bounds = { min: 2, max: 8, freeBytes: plenty, now: 0 };
  const kind = (peak: number, lastUsedAt = 0, earlierPeak = 0) => ({ peak, earlierPeak, lastUsedAt });
  const table: readonly (readonly [string, readonly ReturnType<typeof kind>[], Partial<typeof bounds>, readonly number[]])[] = [
    ['is the least where nothing happens', [kind(0)], {}, [2]],
    ['follows the runs that came at once', [kind(5)], {}, [5]],
    ['follows those of the minute before', [kind(1, 0, 6)], {}, [6]],
    ['has an end', [kind(50)], {}, [8]],
    ['leaves the rest to other kinds', [kind(5, 10), kind(6, 5)], { now: 10 }, [5, 3]],
    ['gives nothing to a kind forgotten', [kind(1, 700_000), kind(4, 0)], { now: 700_000 }, [2, 0]],
    ['keeps the least for the kind asked for last, however long ago', [kind(0, 0)], { now: 1e9 }, [2]],
    ['is nothing where it is switched off', [kind(5)], { min: 0, max: 0 }, [0]],
    ['shrinks where memory runs low', [kind(8)], { freeBytes: 400 * 2 ** 20 }, [2]],
    ['is nothing where there is none', [kind(8)], { freeBytes: 200 * 2 ** 20 }, [0]],
  ];
  for (const [promise, kinds, change, expected] of table) {
    test(promise, () => {
      const targets = idleTargets(kinds, { ...bounds, ...change });
      assert.deepEqual(kinds.map((one) => targets.get(one)), expected);
    });
  }
});
