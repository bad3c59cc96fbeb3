import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPlainEnough } from './frame-size.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const limits = { values: 100, depth: 5 };

test('what a person writes never counts, whatever it holds: brackets, commas, quotes and backslashes in a text are text', () => {
  for (const text of ['[{,'.repeat(1_000), '"'.repeat(1_000), '\\'.repeat(1_000), '\\"['.repeat(1_000), '\u{1F600},'.repeat(1_000)]) assert.equal(isPlainEnough(bytes(JSON.stringify({ text, more: [text] })), limits), true);
});

test('more values or levels than the real gateway ever sends are seen before they are made', () => {
  const page = JSON.stringify({ messages: Array.from({ length: 200 }, (_, seq) => ({ role: 'user', content: 'x,[', __openclaw: { transport: { channel: 'telegram', messageId: seq }, senderId: '1' } })) });
  assert.equal(isPlainEnough(bytes(page)), true);
  const half = 2 * 1_048_576;
  for (const dense of ['['.repeat(half), `[${'{},'.repeat(half)}{}]`, `[${'0,'.repeat(half)}0]`, '{"a":'.repeat(half / 3), `{${'"a":0,'.repeat(half / 3)}"b":0}`]) assert.equal(isPlainEnough(bytes(dense)), false, dense.slice(0, 20));
  assert.equal(isPlainEnough(bytes('[[[[[[]]]]]]'), limits), false);
  assert.equal(isPlainEnough(bytes('[[[[[]]]]]'), limits), true);
});
