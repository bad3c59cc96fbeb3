import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ActionOf } from '@megabot/contracts/action.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { startInterlock } from '../testing/harness.ts';
import { shell } from './shell.ts';

type Shell = ActionOf<'shell'>;
const plain: Shell = { kind: 'shell', command: 'curl https://pypi.org' };
const hosts: Shell = { ...plain, network: { hosts: ['pypi.org'] } };
const internet: Shell = { ...plain, network: 'internet' };
const fed: Shell = { ...plain, stdin: 'rm -rf .\n' };
const place = { conversation: 'c', workspaceRevision: 'r', sandbox: { image: 'i', wall_seconds: 1, memory_mb: 16, pids: 8, cpus: 1, output_kb: 1, workspace_mb: 1, network: 'ask' as const } };

suite('a shell command', () => {
  test('has in its plan what it may reach and what it is given, and its plan says what it was', () => {
    for (const action of [plain, hosts, internet, fed]) assert.deepEqual(shell.actionOf(shell.plan(action, place, {})), action);
    assert.deepEqual([plain, hosts, internet].map((action) => shell.plan(action, place, {}).network), ['none', { hosts: ['pypi.org'] }, 'internet']);
  });
  test('with network or input is no low risk, and the whole internet is a high one', () => {
    assert.deepEqual([{ ...hosts, command: 'ls' }, { ...fed, command: 'ls' }, { ...internet, command: 'ls' }, { ...plain, command: 'ls' }].map((action) => shell.risk(action)), ['medium', 'medium', 'high', 'low']);
  });
  test('leaves in the audit log what it asked for, and not what it was given', () => {
    assert.match(shell.summary(hosts), /asks for network: pypi\.org/);
    assert.match(shell.summary(fed), /9 bytes on standard input \(SHA-256 [0-9a-f]{64}\)/);
    assert.doesNotMatch(shell.summary(fed), /rm -rf/);
  });
});

suite('the policy and what a command asks for beside its words', () => {
  const submitted = async (action: Shell, setup: Parameters<typeof startInterlock>[0]) => {
    await using it = await startInterlock(setup);
    const outcome = await it.submit(action);
    const { approvals } = await it.call(it.gateway, interlock.approvalsList, {});
    return { outcome, approval: approvals[0] };
  };
  const ask = 'sandbox:\n  network: ask\n';

  test('no rule gives network or input, not even "*": a person is asked, and is shown them', async () => {
    for (const allow of [['curl'], ['*']]) {
      const { outcome, approval } = await submitted(hosts, { policy: { allow }, settings: ask });
      assert.equal(outcome.decision, 'ask');
      assert.deepEqual(approval?.network, { hosts: ['pypi.org'] });
      assert.ok(approval?.reasons.some((reason) => reason.includes('pypi.org')));
      const input = await submitted(fed, { policy: { allow }, settings: ask });
      assert.deepEqual([input.outcome.decision, input.approval?.stdin, input.approval?.network], ['ask', 'rm -rf .\n', 'none']);
    }
    assert.equal((await submitted(plain, { policy: { allow: ['curl'] }, settings: ask })).outcome.decision, 'allow');
  });
  test('a deny rule denies it all the same', async () => {
    assert.equal((await submitted(internet, { policy: { deny: ['curl'] }, settings: ask })).outcome.decision, 'deny');
  });
  test('where network is off, which is how it is at first, nobody is asked', async () => {
    const { outcome } = await submitted(hosts, { policy: { allow: ['curl'] } });
    assert.ok(outcome.decision === 'deny' && /sandbox\.network is off/.test(outcome.reasons.join(' ')));
  });
  test('input that is no text, or too much to look at, is denied', async () => {
    for (const stdin of ['a\0b', '\ud800', '\u0001'.repeat(200_000)]) assert.equal((await submitted({ ...plain, stdin }, {})).outcome.decision, 'deny');
  });
});
