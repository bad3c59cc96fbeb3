import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventFrame } from '../event-frames.ts';
import { createAcceptedFirst } from './accepted-first.ts';

const frame = (seq: number, turnId: string): EventFrame => ({ type: 'delta', seq, turnId, attempt: 1, index: 0, text: '', conversation: 'default' });
const notice = (seq: number): EventFrame => ({ type: 'notice', seq, text: '' });

function start() {
  const sent: number[] = [];
  return { sent, keeper: createAcceptedFirst(({ seq }) => sent.push(seq)) };
}

test('events of other turns pass while a message is being stored', () => {
  const { sent, keeper } = start();
  keeper.begin('a');
  keeper.event(frame(1, 'b'));
  keeper.event(notice(2));
  assert.deepEqual(sent, [1, 2]);
});

test('an event of the turn waits, and what comes after it waits too', () => {
  const { sent, keeper } = start();
  keeper.begin('a');
  keeper.event(frame(1, 'a'));
  keeper.event(frame(2, 'b'));
  assert.deepEqual(sent, []);
  keeper.end('a');
  keeper.event(frame(3, 'b'));
  assert.deepEqual(sent, [1, 2, 3]);
});

test('two messages on their way: each releases only what stands before the other', () => {
  const { sent, keeper } = start();
  keeper.begin('a');
  keeper.begin('b');
  for (const [index, turnId] of ['a', 'b', 'a'].entries()) keeper.event(frame(index + 1, turnId));
  keeper.end('a');
  assert.deepEqual(sent, [1]);
  keeper.end('b');
  assert.deepEqual(sent, [1, 2, 3]);
});

test('a flood is let go in order instead of filling the memory', () => {
  const { sent, keeper } = start();
  keeper.begin('a');
  for (let seq = 1; seq <= 501; seq++) keeper.event(frame(seq, 'a'));
  assert.deepEqual(sent, Array.from({ length: 501 }, (_, index) => index + 1));
});
