import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitText } from './split.ts';

const withoutSpace = (text: string): string => text.replace(/\s/g, '');

test('a text within the limit stays whole', () => assert.deepEqual(splitText('one\n\ntwo', 100), ['one\n\ntwo']));
test('paragraphs stay whole where they fit', () => assert.deepEqual(splitText(`${'a'.repeat(30)}\n\n${'b'.repeat(30)}\n\n${'c'.repeat(30)}`, 70), [`${'a'.repeat(30)}\n\n${'b'.repeat(30)}`, 'c'.repeat(30)]));
test('a long paragraph is cut between lines, then sentences, then words, then anywhere', () => {
  assert.deepEqual(splitText(`${'a'.repeat(30)}\n${'b'.repeat(30)}`, 40), ['a'.repeat(30), 'b'.repeat(30)]);
  assert.deepEqual(splitText(`${'a'.repeat(20)}. ${'b'.repeat(9)} ${'c'.repeat(20)}`, 40), [`${'a'.repeat(20)}.`, `${'b'.repeat(9)} ${'c'.repeat(20)}`]);
  assert.deepEqual(splitText(`${'a'.repeat(30)} ${'b'.repeat(30)}`, 40), ['a'.repeat(30), 'b'.repeat(30)]);
  assert.deepEqual(splitText('a'.repeat(90), 40), ['a'.repeat(40), 'a'.repeat(40), 'a'.repeat(10)]);
});
test('nothing but white space gives no part at all', () => assert.deepEqual(splitText(' \n ', 10), []));
test('no character is lost or cut in half, and no part is empty or too long', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '\n', '\n\n', '. ') }), fc.integer({ min: 4, max: 30 }), (text, max) => {
    const parts = splitText(text, max);
    assert.equal(withoutSpace(parts.join('')), withoutSpace(text));
    for (const part of parts) {
      assert.ok(part.length > 0 && part.length <= max);
      assert.ok(part.isWellFormed());
    }
  }));
});
