import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { neutralText } from '@megabot/contracts/neutral-text.ts';
import { appendOutput, tailOf } from './output.ts';

describe('the output of a run is shown, never obeyed', () => {
  const cases: readonly [name: string, text: string, shown: string][] = [
    ['colours vanish', '\u001B[1;31mred\u001B[0m', 'red'],
    ['clearing the screen is spelled out', 'a\u001B[2Jb', 'a\\u{1B}[2Jb'],
    ['a title change is spelled out', '\u001B]0;owned\u0007', '\\u{1B}]0;owned\\u{7}'],
    ['the eight-bit introducer is spelled out', '\u009B2J', '\\u{9B}2J'],
    ['a link cannot hide its address', '\u001B]8;;http://x\u001B\\y', '\\u{1B}]8;;http://x\\u{1B}\\y'],
    ['a carriage return cannot overwrite', 'visible\rhidden', 'visible\nhidden'],
    ['Windows line ends are line ends', 'a\r\nb', 'a\nb'],
    ['backspace cannot erase', 'rm\u0008\u0008ls', 'rm\\u{8}\\u{8}ls'],
    ['direction changes are spelled out', 'a\u202Eb', 'a\\u{202E}b'],
    ['tabs and line breaks stay', 'a\tb\n', 'a\tb\n'],
  ];
  for (const [name, text, shown] of cases) it(name, () => assert.equal(neutralText(text), shown));

  it('joins chunks of one stream, so that a sequence cut in two is recognised', () => {
    const segments = appendOutput(appendOutput([], 'stdout', 'a\u001B[3'), 'stdout', '1mb');
    assert.equal(segments.length, 1);
    assert.equal(neutralText(segments[0]?.text ?? ''), 'ab');
  });

  it('keeps standard output and standard error apart, in the order they came', () => {
    const segments = appendOutput(appendOutput(appendOutput([], 'stdout', '1'), 'stderr', '2'), 'stdout', '3');
    assert.deepEqual(segments.map((segment) => segment.stream), ['stdout', 'stderr', 'stdout']);
  });

  it('shows the end of long output and counts what is left out', () => {
    const { segments, dropped } = tailOf([{ stream: 'stdout', text: 'aaaa' }, { stream: 'stderr', text: 'bbbb' }], 5);
    assert.equal(dropped, 3);
    assert.deepEqual(segments, [{ stream: 'stdout', text: 'a' }, { stream: 'stderr', text: 'bbbb' }]);
  });
});
