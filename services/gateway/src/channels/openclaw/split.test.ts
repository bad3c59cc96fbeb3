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

const fenced = (text: string): { inside: string; outside: string } => {
  let [inside, outside, mark] = ['', '', ''];
  for (const line of text.split('\n')) {
    const fence = /^(`{3,}|~{3,})([^`]*)$/.exec(line);
    if (mark === '' && fence?.[1]) mark = fence[1];
    else if (mark !== '' && fence?.[1]?.startsWith(mark) && fence[2] === '') mark = '';
    else if (mark === '') outside += `${line}\n`;
    else inside += `${line}\n`;
  }
  assert.equal(mark, '', `a block is left open in ${JSON.stringify(text)}`);
  return { inside, outside };
};

test('a block of code that is cut is code in every part: nothing in it is read as text, markup or another block', () => {
  const line = 'echo ok <span title="; rm -rf x"> **bold** @everyone';
  for (const fence of ['```', '````', '~~~']) {
    const text = `Approval:\n${fence}sh\n${`${line}\n`.repeat(60)}${fence}\nRisk: low`;
    const parts = splitText(text, 1_500).map(fenced);
    assert.ok(parts.length > 2);
    assert.doesNotMatch(parts.map(({ outside }) => outside).join(''), /echo/);
    assert.equal(parts.map(({ inside }) => inside).join('').split('\n').filter((shown) => shown === line).length, 60);
    assert.match(parts.map(({ outside }) => outside).join(''), /Approval:[^]*Risk: low/);
  }
});

test('what is indented in code stays indented behind a cut', () => {
  const parts = splitText(`\`\`\`py\n${'if x:\n    y()\n'.repeat(30)}\`\`\``, 90);
  for (const part of parts) assert.doesNotMatch(part, /^y\(\)/m);
});

test('parts end, whatever the fences', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '`', '```', '~~~', '\n', '\n```\n', ' ', '````sh\n', '\n\n'), maxLength: 200 }), fc.integer({ min: 4, max: 60 }), (text, max) => {
    for (const part of splitText(text, max)) assert.ok(part.length > 0 && part.length <= max);
  }));
});

test('a letter keeps its accents, and a family stays together', () => {
  const family = '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}';
  for (const unit of ['e\u0301', family, '\u{1F1E6}\u{1F1F9}', '\u0915\u094D\u0937']) for (const part of splitText(unit.repeat(20), 21)) assert.equal(part.length % unit.length, 0, JSON.stringify(part));
  assert.ok(splitText(`a${'\u0301'.repeat(500)}`, 50).every((part) => part.length <= 50));
});
