import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oddities, revealInvisible } from './invisible.ts';

const shown = (text: string) => revealInvisible(text).map((piece) => piece.text).join('');

describe('a command is shown so that nothing in it hides', () => {
  const hidden: readonly [name: string, character: string, escape: string][] = [
    ['right-to-left override', '\u202E', '\\u{202E}'],
    ['left-to-right isolate', '\u2066', '\\u{2066}'],
    ['zero-width space', '\u200B', '\\u{200B}'],
    ['zero-width joiner', '\u200D', '\\u{200D}'],
    ['byte order mark', '\uFEFF', '\\u{FEFF}'],
    ['soft hyphen', '\u00AD', '\\u{AD}'],
    ['no-break space', '\u00A0', '\\u{A0}'],
    ['ideographic space', '\u3000', '\\u{3000}'],
    ['line separator', '\u2028', '\\u{2028}'],
    ['escape', '\u001B', '\\u{1B}'],
    ['NUL', '\0', '\\u{0}'],
    ['delete', '\u007F', '\\u{7F}'],
    ['C1 control', '\u009B', '\\u{9B}'],
    ['carriage return', '\r', '\\r'],
    ['tab', '\t', '\\t'],
    ['tag letter', '\u{E0041}', '\\u{E0041}'],
    ['variation selector', '\uFE0F', '\\u{FE0F}'],
    ['Hangul filler', '\u3164', '\\u{3164}'],
    ['Braille blank', '\u2800', '\\u{2800}'],
    ['private use', '\uE000', '\\u{E000}'],
    ['lone surrogate', '\uD800', '\\u{D800}'],
  ];
  for (const [name, character, escape] of hidden) {
    it(`spells out: ${name}`, () => {
      assert.equal(shown(`a${character}b`), `a${escape}b`);
      assert.equal(oddities(`a${character}b`).length, 1);
    });
  }

  it('leaves plain text and line breaks exactly as they are', () => {
    const text = 'find . -name "*.ts" \\\n  | head -3 && echo ~done';
    assert.deepEqual(revealInvisible(text), [{ kind: 'plain', text }]);
    assert.deepEqual(oddities(text), []);
  });

  it('marks letters beyond ASCII, since one may stand for another', () => {
    assert.deepEqual(revealInvisible('rm \u0430bc'), [{ kind: 'plain', text: 'rm ' }, { kind: 'unusual', text: '\u0430' }, { kind: 'plain', text: 'bc' }]);
    assert.match(oddities('rm \u0430bc')[0] ?? '', /^1 character is not plain ASCII/);
  });
});
