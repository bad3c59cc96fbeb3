import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutForReading, quoted } from './quoted.ts';

describe('words of somebody else', () => {
  for (const [name, hidden] of [['an override', '\u202E'], ['an isolate', '\u2066'], ['a zero-width space', '\u200B'], ['a line separator', '\u2028'], ['an escape', '\u001B'], ['a tag', '\u{E0041}'], ['a bare carriage return', '\r']] as const) {
    it(`${name} is spelled out`, () => assert.equal(quoted(`a${hidden}b`), `a\\u{${(hidden.codePointAt(0) ?? 0).toString(16).toUpperCase()}}b`));
  }
  it('emoji, joiners, other scripts and line breaks stay as they are', () => {
    const text = '👩‍🚀 می‌خواهم אבגד\u200F naïve\tx\ny';
    assert.equal(quoted(text), text);
  });
  it('are cut at a dozen lines or 900 characters, and not below', () => {
    assert.equal(cutForReading('short\ntext'), null);
    assert.equal(cutForReading('x'.repeat(901)), 900);
    assert.equal(cutForReading('a\n'.repeat(50)), 23);
    assert.equal(cutForReading('a\n'.repeat(11) + 'a'), null);
  });
});
