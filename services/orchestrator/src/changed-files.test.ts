import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedFileLines } from './changed-files.ts';

test('the files that a run changed are named with what became of them, twenty at most', () => {
  assert.deepEqual(changedFileLines({}), []);
  assert.deepEqual(changedFileLines({ changedFiles: { total: 0, files: [] } }), []);
  const files = [{ path: 'a', size: 3, change: 'added' as const }, { path: 'b', size: 4, change: 'changed' as const }, { path: 'c', size: 5, change: 'removed' as const }];
  assert.deepEqual(changedFileLines({ changedFiles: { total: 3, files } }), ['a (new, 3 bytes)', 'b (changed, 4 bytes)', 'c (removed)']);
  const many = Array.from({ length: 100 }, (_, index) => ({ path: `f${index}`, size: 1, change: 'added' as const }));
  assert.deepEqual(changedFileLines({ changedFiles: { total: 250, files: many } }).slice(19), ['f19 (new, 1 bytes)', 'and 230 more']);
});

test('a name that is made to deceive stays on its line and moves no cursor', () => {
  const [line = ''] = changedFileLines({ changedFiles: { total: 1, files: [{ path: 'a\n\u001b[2J```\r\u202Eb', size: 1, change: 'added' }] } });
  assert.doesNotMatch(line, /[\n\r\u001b\u202E]/);
});
