import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import { canonicalHash } from '@megabot/contracts/canonical.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { owner, shell, startInterlock } from '../testing/harness.ts';

const device = { principal: 'device:x', trust: 'paired', channel: 'native' } as const;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('the log of an approved command says who asked, who decided, by which policy, how long it took, what ran and how it ended', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] } });
  const { approvalId, key, turnId } = await it.ask('make --token hunter2 all', { conversation: 'work' });
  it.advance(4_000);
  await it.decide(approvalId, 'approve', { reason: 'it builds' });
  const permit = await it.permit();
  await it.claim(permit);
  it.advance(2_000);
  await it.report(permit, { exitCode: 3, output: 'no rule to make target\n' });
  const entries = await it.audit();
  const { version } = await it.policy();
  const only = (event: string): AuditEntry => {
    const found = entries.filter((entry) => entry.event === event && entry.subject['key'] === key);
    assert.equal(found.length, 1, event);
    return found[0]!;
  };

  const judged = only('judged');
  assert.deepEqual([judged.principal, judged.conversation, judged.verdict, judged.rule], ['owner', 'work', 'ask', null]);
  assert.deepEqual([judged.subject['turnId'], judged.subject['kind'], judged.subject['policy'], judged.subject['approvalId']], [turnId, 'shell', version, approvalId]);
  assert.match(judged.subject['micros'] ?? '', /^\d+$/);
  assert.match(judged.text ?? '', /^make --token \[redacted\] all\nBecause: ./);
  assert.doesNotMatch(JSON.stringify(entries), /hunter2/);
  assert.equal(judged.digest, canonicalHash(shell('make --token hunter2 all')));

  const decided = only('decided');
  const runId = permit.claims.runId;
  assert.deepEqual([decided.principal, decided.channel, decided.verdict, decided.text], ['owner', 'ui', 'approved', 'it builds']);
  assert.deepEqual([decided.subject['approvalId'], decided.subject['runId'], decided.subject['scope'], decided.subject['policy'], decided.subject['waitedMs']], [approvalId, runId, 'once', version, '4000']);
  assert.equal(decided.digest, permit.claims.planHash);

  const claimed = only('claimed');
  assert.deepEqual([claimed.subject['runId'], claimed.subject['permitId'], claimed.subject['source'], claimed.subject['policy'], claimed.subject['instance']], [runId, permit.claims.permitId, 'approval', version, 'sandbox-1']);
  assert.deepEqual([claimed.text, claimed.digest], ['make --token [redacted] all', permit.claims.planHash]);

  const ended = only('run_ended');
  assert.deepEqual([ended.verdict, ended.subject['runId'], ended.subject['exit'], ended.subject['driver'], ended.subject['ranMs']], ['exited', runId, '3', 'docker', '2000']);
  assert.equal(ended.digest, sha256('no rule to make target\n'));
  const inChain = JSON.stringify(entries.map(({ text: _text, digest: _digest, ...chained }) => chained));
  for (const guessable of [judged.digest, decided.digest, ended.digest]) assert.ok(typeof guessable === 'string' && !inChain.includes(guessable), 'what could be guessed is not in the chain');
});

test('what is denied, refused, expired or cancelled is in the log as well, with whoever tried', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] } });
  await it.submit('rm -rf /');
  const rejected = await it.ask('make one');
  await it.decide(rejected.approvalId, 'reject', { reason: 'not now' });
  const expired = await it.ask('make two', { conversation: 'two' });
  it.advance(3_600_000);
  await assert.rejects(it.decide(expired.approvalId, 'approve'));
  const cancelled = await it.ask('make three', { conversation: 'three' });
  await it.call(it.gateway, interlock.cancelTurn, { turnId: cancelled.turnId, actor: owner });
  await assert.rejects(it.decide(cancelled.approvalId, 'approve'));
  await assert.rejects(it.decide('zzzzzz', 'approve'));
  await assert.rejects(it.call(it.gateway, interlock.policyEdit, { actor: device, edit: { op: 'add', list: 'allow', pattern: '*' } }));
  await assert.rejects(it.call(it.gateway, interlock.unlock, { actor: device }));
  const turnId = newId();
  const forged = it.ticket(turnId);
  await assert.rejects(it.call(it.orchestrator, interlock.submit, { action: shell('ls'), ticket: { ...forged, signature: it.ticket(newId()).signature }, key: `${turnId}:0:0` }));
  await it.submit('ls', { conversation: 'four' });
  const permit = await it.permit();
  await assert.rejects(it.claim(permit, { planHash: 'f'.repeat(64) }));
  await assert.rejects(it.report(permit));

  const said = (await it.audit()).map((entry) => `${entry.event} ${entry.verdict} ${entry.principal}`);
  for (const wanted of [
    'judged deny owner', 'decided rejected owner', 'approval_expired expired null', 'decision_refused approval_unknown owner', 'approval_cancelled cancelled null',
    'decision_refused approval_decided owner', 'edit_refused not_entitled device:x', 'submission_refused ticket_invalid null', 'claim_refused plan_mismatch null', 'report_refused permit_unknown null',
  ]) assert.ok(said.includes(wanted), `${wanted} is not in:\n${said.join('\n')}`);
  const denied = (await it.audit()).find((entry) => entry.verdict === 'deny');
  assert.deepEqual([denied?.rule, denied?.text?.split('\n')[0]], ['rm -rf', 'rm -rf /']);
  const mismatch = (await it.audit()).find((entry) => entry.verdict === 'plan_mismatch');
  assert.equal(mismatch?.digest, 'f'.repeat(64), 'which bytes it tried');
});

test('a secret in a rule of the policy is taken out as well', async () => {
  await using it = await startInterlock();
  await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'allow', pattern: 'deploy --token hunter2' } });
  await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'replace', policy: { allow: ['deploy --token hunter3'], deny: [] } } });
  await it.submit('deploy --token hunter3 now');
  assert.doesNotMatch(JSON.stringify(await it.audit()), /hunter[23]/);
});
