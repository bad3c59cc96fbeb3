import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { neutralText } from './neutral-text.ts';

const table: readonly (readonly [string, string, string])[] = [
  ['text, tabs and lines stay', 'one\ttwo\nthree é 日本 🦊', 'one\ttwo\nthree é 日本 🦊'],
  ['colours go', '\u001B[31mred\u001B[0m', 'red'],
  ['what would write to the clipboard is spelled out', '\u001B]52;c;ZXZpbA==\u0007', '\\u{1B}]52;c;ZXZpbA==\\u{7}'],
  ['what would clear the screen is spelled out', '\u001B[2J', '\\u{1B}[2J'],
  ['a line is not written over', 'denied\rapproved\r\nx', 'denied\napproved\nx'],
  ['no text is turned around or hidden', 'a\u202Eb\u200Bc\uFEFF', 'a\\u{202E}b\\u{200B}c\\u{FEFF}'],
  ['no second kind of escape', '\u009B2J\u0000\u007F', '\\u{9B}2J\\u{0}\\u{7F}'],
];

suite('output that is shown', () => {
  for (const [promise, output, shown] of table) test(promise, () => assert.equal(neutralText(output), shown));
});
