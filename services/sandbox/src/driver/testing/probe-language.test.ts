import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { holds, type ProbeOutcome } from './probe-language.ts';

const outcome: ProbeOutcome = { outcome: 'exited', exitCode: 3, output: 'one\ntwo a/b\n', shown: 'one', truncated: false, seconds: 2, gone: true };

const table: readonly (readonly [string, boolean, Partial<ProbeOutcome>?])[] = [
  ['exit=3', true], ['exit=0', false], ['exit!=0', true], ['exit!=3', false], ['exit!=0', true, { exitCode: null }],
  ['out~/^two/m', true], ['out~/^two/', false], ['out!~/three/', true], ['out!~/ONE/i', false],
  ['out~/a\\/b/', true], ['out!~/x|a/b|c\\/d/', false], ['out!~/x|srv/probe|c\\/d/', true], ['out~/one|x & y/', true], ['out!~/a|b/ & exit=3', false],
  ['exit=0 | exit=3 & out~/two/', true], ['exit=0 & out~/two/ | exit=3', true], ['exit=0 & out~/two/ | exit=4', false],
  ['time<3s', true], ['time<2s', false], ['timeout', false], ['timeout & time<8s', true, { outcome: 'timeout' }],
  ['truncated', false], ['gone', true], ['sanitized', true], ['sanitized', false, { shown: 'a\x1b[2J' }], ['sanitized', false, { shown: 'a\rb' }],
];

suite('the language of expectations', () => {
  for (const [expectation, expected, change] of table) {
    test(`${expectation} is ${expected}${change ? ` where ${JSON.stringify(change)}` : ''}`, () => {
      assert.equal(holds(expectation, { ...outcome, ...change }), expected);
    });
  }

  test('knows no other word', () => {
    assert.throws(() => holds('exit~3', outcome), /exit~3/);
    assert.throws(() => holds('', outcome));
  });
});
