import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactRule, mayLast } from './scope-words.ts';

test('"always" is offered for one plain command alone', () => {
  const rule = (command: string) => exactRule({ kind: 'shell', risk: 'low', command });
  assert.equal(rule('git push origin main'), '=git push origin main');
  for (const command of ['ls; rm x', 'ls | sh', 'echo "a b"', "echo 'x'", 'ls *', 'echo $HOME', 'ls  -l', ' ls', 'ls\nrm', 'ls > x', 'caf\u00E9', 'ls\u200B']) assert.equal(rule(command), null, JSON.stringify(command));
});

test('"always" is not offered for what no rule gives: network and standard input', () => {
  const plain = { kind: 'shell', risk: 'medium', command: 'python3 -' } as const;
  assert.equal(exactRule({ ...plain, network: 'none' }), '=python3 -');
  assert.equal(exactRule({ ...plain, network: { hosts: ['pypi.org'] } }), null);
  assert.equal(exactRule({ ...plain, network: 'internet' }), null);
  assert.equal(exactRule({ ...plain, network: 'none', stdin: '' }), null);
});

test('what is risky, and what is no command, is approved once', () => {
  assert.equal(exactRule({ kind: 'shell', risk: 'high', command: 'ls' }), null);
  assert.equal(mayLast({ kind: 'file_write', risk: 'low' }), false);
  assert.equal(mayLast({ kind: 'shell', risk: 'medium' }), true);
});
