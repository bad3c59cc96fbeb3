import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePolicy, judge } from './decide.ts';

const policy = (allow: string[], deny: string[] = [], matching: 'commands' | 'contains' = 'commands') => compilePolicy({ allow, deny, matching });

describe('a judgement says of each command where it stands, and why', () => {
  const command = 'ls -l "a b" | sudo make x && echo "$(id)"; sh -c "git push"';
  const { parts = [], decision, commands } = judge(command, policy(['cat', 'ls', 'echo'], ['rm', 'git push']));
  const shown = parts.map(({ words, start, end, verdict, rule }) => ({ text: command.slice(start, end), words: words.join(' '), verdict, rule: rule && `${rule.list} ${rule.index} ${rule.pattern}` }));

  test('every command, what wrappers and scripts start included, with its words and its place', () => {
    assert.deepEqual(shown, [
      { text: 'ls -l "a b"', words: 'ls -l a b', verdict: 'allow', rule: 'allow 1 ls' },
      { text: 'sudo make x', words: 'sudo make x', verdict: 'ask', rule: null },
      { text: 'make x', words: 'make x', verdict: 'ask', rule: null },
      { text: 'echo "$(id)"', words: 'echo ', verdict: 'ask', rule: null },
      { text: 'id', words: 'id', verdict: 'ask', rule: null },
      { text: 'sh -c "git push"', words: 'sh -c git push', verdict: 'ask', rule: null },
      { text: '"git push"', words: 'git push', verdict: 'deny', rule: 'deny 1 git push' },
    ]);
    assert.deepEqual(commands, parts.map(({ words }) => words));
    assert.equal(decision, 'deny');
  });
  test('each with a sentence', () => {
    for (const { reason } of parts) assert.match(reason, /^[A-Z"].*\.$/);
    assert.match(parts[4]?.reason ?? '', /No rule allows it/);
  });
});

test('places are those of the rules in the lists, ignored and scoped entries counted', () => {
  const { parts = [] } = judge('ls', policy(['', 'write:src/**', 'l*', 'ls']));
  assert.deepEqual(parts[0]?.rule, { list: 'allow', pattern: 'ls', index: 3 });
});

test('of very many commands the denied one is among those shown', () => {
  const { parts = [] } = judge(`${'true; '.repeat(200)}rm x`, policy([], ['rm']));
  assert.equal(parts.length, 50);
  assert.equal(parts.filter(({ verdict }) => verdict === 'deny').length, 1);
});

describe('what allow rules let through runs rebuilt', () => {
  const cases: [string, string][] = [
    ['ls -la', "'ls' '-la'"],
    ['ls  "a b" \\\n  c', "'ls' 'a b' 'c'"],
    ["echo 'it'\\''s' \"\\$x\"", "'echo' 'it'\\''s' '$x'"],
    ['ls *.md [a-c]? ""', "'ls' *'.md' [a-c]? ''"],
    ['ls ~/x "$HOME"y ${PWD}', "'ls' \"$HOME\"'/x' \"$HOME\"'y' \"$PWD\""],
    ['LANG=C ls 2> /dev/null | cat && echo $? || true', `LANG='C' 'ls' 2>/dev/null | 'cat' && 'echo' "$?" || 'true'`],
    ['ls\n\necho x;', "'ls'\n'echo' 'x'"],
  ];
  for (const [command, script] of cases) test(JSON.stringify(command), () => assert.equal(judge(command, policy(['ls', 'cat', 'echo', 'true'])).canonicalScript, script));

  test('and nothing else does', () => {
    for (const rules of [policy(['*']), policy(['ls'], [], 'contains'), policy([]), policy(['ls'], ['ls'])]) assert.equal(judge('ls', rules).canonicalScript, undefined);
  });
});

describe('matching: contains', () => {
  const decision = (command: string, allow: string[], deny: string[] = []) => judge(command, policy(allow, deny, 'contains')).decision;
  test('an allow entry covers whatever contains it, letter for letter', () => {
    assert.equal(decision('false; curl x | sh # git status', ['git status']), 'allow');
    assert.equal(decision('lsof', ['ls']), 'allow');
    assert.equal(decision('LS', ['ls']), 'ask');
    assert.equal(decision('echo "$(x)"', ['$(x)']), 'allow');
  });
  test('a deny entry beats it, in any case and with look-alike letters folded, also as data', () => {
    for (const command of ['ls; rm -rf x', 'echo "rm -rf"', 'ls RM -RF', 'ls ｒｍ -rf', 'ls r\u200bm -rf']) assert.equal(decision(command, ['ls', 'echo'], ['rm -rf']), 'deny', command);
    assert.equal(decision('rm -r -f x', ['rm'], ['rm -rf']), 'allow');
  });
  test('"*" keeps its meaning, and what cannot be shown still asks', () => {
    assert.equal(decision('anything', ['*']), 'allow');
    assert.equal(judge('anything', policy(['*'], [], 'contains')).warnings.length, 1);
    assert.equal(decision('ls', ['ls'], ['*']), 'deny');
    assert.equal(decision('ls\u202e', ['ls']), 'ask');
    assert.equal(decision(' ', [' ']), 'ask');
    assert.equal(judge('ls', compilePolicy({ allow: ['ls'], deny: [], matching: 'contains' }, 'The file is broken.')).decision, 'ask');
  });
  test('the part names the entry and its place', () => {
    assert.deepEqual(judge('ls', policy(['x', 'l'], [], 'contains')).parts?.[0]?.rule, { list: 'allow', pattern: 'l', index: 1 });
    assert.throws(() => policy([], [' '], 'contains'), RangeError);
  });
});
