import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffWords, parseDiff } from './diff.ts';

test('a diff becomes lines with their numbers', () => {
  const lines = parseDiff('--- a/notes.md\n+++ b/notes.md\n@@ -3,3 +3,4 @@ heading\n one\n-two\n+2\n+2b\n three\n\\ No newline at end of file\n');
  assert.deepEqual(lines.map(({ kind, text, before, after }) => [kind, text, before, after]), [
    ['file', '--- a/notes.md', null, null], ['file', '+++ b/notes.md', null, null], ['hunk', '@@ -3,3 +3,4 @@ heading', null, null],
    ['same', 'one', 3, 3], ['removed', 'two', 4, null], ['added', '2', null, 4], ['added', '2b', null, 5], ['same', 'three', 5, 6], ['note', '\\ No newline at end of file', null, null],
  ]);
  assert.equal(diffWords(lines), '2 added, 1 removed');
});

test('a line of a file that looks like a header is what it is: a change', () => {
  const lines = parseDiff('--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/fake\n+++ b/fake\n same');
  assert.deepEqual(lines.slice(3).map(({ kind, text }) => [kind, text]), [['removed', '-- a/fake'], ['added', '++ b/fake'], ['same', 'same']]);
});

test('nothing of a text that is no diff is left out', () => {
  const text = 'odd\n+not in a hunk\n@@ broken @@\n\nend';
  assert.deepEqual(parseDiff(text).map((line) => line.text), text.split('\n'));
});
