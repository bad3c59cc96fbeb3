import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle } from './lifecycle.ts';

const quiet = { info: () => undefined, error: () => undefined };

test('intake closes before work and work before stores, each in reverse order of opening', async () => {
  const closed: string[] = [];
  const lifecycle = new Lifecycle(quiet);
  for (const [phase, name] of [['stores', 'database'], ['work', 'turns'], ['intake', 'http'], ['intake', 'websocket']] as const) {
    lifecycle.own(phase, name, () => void closed.push(name));
  }
  assert.equal(lifecycle.signal.aborted, false);
  await lifecycle.close();
  assert.deepEqual(closed, ['websocket', 'http', 'turns', 'database']);
  assert.equal(lifecycle.signal.aborted, true);
});

test('what fails or hangs is named and does not keep the rest from closing', async () => {
  const errors: unknown[] = [];
  let stored = false;
  const lifecycle = new Lifecycle({ info: () => undefined, error: (fields) => void errors.push(fields) }, 20);
  lifecycle.own('stores', 'database', () => { stored = true; });
  lifecycle.own('work', 'hangs', () => new Promise(() => undefined));
  lifecycle.own('work', 'fails', () => { throw new Error('broken'); });
  await lifecycle.close();
  assert.equal(stored, true);
  assert.equal(errors.length, 2);
});

test('closing twice closes once', async () => {
  let count = 0;
  const lifecycle = new Lifecycle(quiet);
  lifecycle.own('work', 'once', () => { count++; });
  await Promise.all([lifecycle.close(), lifecycle.close()]);
  assert.equal(count, 1);
});

test('a periodic task never overlaps itself and is waited for', async () => {
  let running = 0;
  let most = 0;
  const lifecycle = new Lifecycle(quiet);
  lifecycle.every(1, 'task', async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running--;
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  await lifecycle.close();
  assert.deepEqual([most, running], [1, 0]);
});
