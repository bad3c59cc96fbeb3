import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { owner, startInterlock } from './testing/harness.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;

describe('a permit', () => {
  test('is claimed once; the same claim again gets the same grant, any other is refused', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls');
    const permit = await it.permit();
    const claims = await Promise.allSettled([it.claim(permit), it.claim(permit, { instance: 'sandbox-2', nonce: 'another-nonce-entirely' })]);
    assert.equal(claims.filter((claim) => claim.status === 'fulfilled').length, 1);
    const first = await it.claim(permit);
    assert.deepEqual(await it.claim(permit), first);
    await it.restart();
    assert.deepEqual(await it.claim(permit), first);
    await assert.rejects(it.claim(permit, { nonce: 'a-nonce-of-another-try' }), code('permit_claimed'));
    await it.report(permit);
    await assert.rejects(it.claim(permit), code('permit_claimed'));
    const events = (await it.audit()).map((entry) => entry.event);
    assert.equal(events.filter((event) => event === 'claimed').length, 1);
    assert.ok(events.includes('claim_refused'));
  });

  test('is refused when it is unknown, for another run, or for other bytes', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls');
    const permit = await it.permit();
    await assert.rejects(it.claim(permit, { permitId: 'other' }), code('permit_unknown'));
    await assert.rejects(it.claim(permit, { runId: 'other' }), code('permit_unknown'));
    await assert.rejects(it.claim(permit, { planHash: '0'.repeat(64) }), code('plan_mismatch'));
    await it.claim(permit);
  });

  test('expires in seconds, is issued anew and voided before, until the run is given up', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { key } = await it.submit('ls');
    const first = await it.permit();
    it.advance(9_999);
    await it.sweep();
    assert.equal(it.permitsWaiting(), 0);
    it.advance(1);
    await assert.rejects(it.claim(first), code('permit_expired'));
    await it.sweep();
    const second = await it.permit();
    assert.equal(second.claims.runId, first.claims.runId);
    await assert.rejects(it.claim(first), code('permit_void'));
    for (let waited = 0; waited < 300_000; waited += 11_000) {
      it.advance(11_000);
      await it.sweep();
    }
    const state = await it.status(key);
    assert.equal(state.run?.status, 'expired');
    assert.equal(state.settled, true);
    await it.hears('settled', (payload) => payload.key === key);
  });

  test('survives a restart between the verdict and the claim', async () => {
    await using it = await startInterlock();
    const { approvalId, key } = await it.ask('make');
    await it.restart();
    await it.decide(approvalId, 'approve');
    await it.restart();
    const permit = await it.permit();
    await it.claim(permit);
    await it.restart();
    await it.report(permit);
    assert.deepEqual(await it.report(permit), { recorded: false });
    assert.equal((await it.status(key)).run?.status, 'exited');
  });

  test('does not outlive a rule that let the command run, nor a new deny', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls', 'cat'] } });
    const { key } = await it.submit('ls');
    const permit = await it.permit();
    await it.writeFile('policies: {allow: [cat]}\n');
    await assert.rejects(it.claim(permit), code('permit_void'));
    assert.equal((await it.status(key)).run?.status, 'refused');
    const { approvalId, key: approvedKey } = await it.ask('make');
    await it.decide(approvalId, 'approve');
    await it.writeFile('policies: {deny: [make]}\n');
    await assert.rejects(it.claim(await it.permit()), code('permit_void'));
    assert.equal((await it.status(approvedKey)).run?.status, 'refused');
  });
});

describe('a run', () => {
  test('is given up when its executor falls silent, is not repeated, and lets the next one start', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { key } = await it.submit('ls');
    await it.submit('ls two');
    const permit = await it.permit();
    await it.claim(permit);
    it.advance(14_000);
    assert.deepEqual(await it.beat([permit.claims.runId]), { epoch: 0, lockdown: false, stop: [] });
    it.advance(14_000);
    assert.equal((await it.sweep()).interruptedRuns, 0);
    it.advance(1_000);
    assert.equal((await it.sweep()).interruptedRuns, 1);
    assert.equal((await it.status(key)).run?.status, 'interrupted');
    assert.deepEqual((await it.beat([permit.claims.runId])).stop, [permit.claims.runId]);
    await assert.rejects(it.report(permit, { workspaceRevision: 'late' }), code('run_ended'));
    assert.equal((await it.permit()).plan.argv.at(-1), "'ls' 'two'");
    it.advance(10_000);
    await it.sweep();
    assert.equal((await it.permit()).plan.workspaceRevision, 'late');
  });

  test('is not given up because the interlock itself was away', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { key } = await it.submit('ls');
    const permit = await it.permit();
    await it.claim(permit);
    it.advance(60_000);
    await it.restart();
    assert.equal((await it.sweep()).interruptedRuns, 0);
    await it.beat([permit.claims.runId]);
    await it.report(permit);
    assert.equal((await it.status(key)).run?.status, 'exited');
  });

  test('is reported by the executor that claimed it and nobody else', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls');
    const permit = await it.permit();
    await assert.rejects(it.report(permit), code('permit_unknown'));
    await it.claim(permit);
    await assert.rejects(it.report(permit, {}, 'sandbox-2'), code('permit_unknown'));
    assert.deepEqual((await it.beat([permit.claims.runId], 'sandbox-2')).stop, [permit.claims.runId]);
    await it.report(permit, { output: 'a\0b\ud800' });
  });
});

describe('a lockdown', () => {
  test('stops what waits, what is due and what runs, refuses permits already issued, and lets nothing in', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const runningOne = await it.submit('ls one');
    const permit = await it.permit();
    await it.claim(permit);
    const other = await it.submit('ls', { conversation: 'other' });
    const issued = await it.permit();
    const due = await it.submit('ls two');
    const pending = await it.ask('make');

    const { policy } = await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } });
    assert.equal(policy.lockdown, true);
    assert.deepEqual(await it.hears('lockdown'), { epoch: 1, lockdown: true });
    assert.equal((await it.status(pending.key)).approval?.status, 'cancelled');
    assert.equal((await it.status(due.key)).run?.status, 'cancelled');
    assert.equal((await it.status(other.key)).run?.status, 'cancelled');
    await assert.rejects(it.claim(issued), code('lockdown'));
    assert.deepEqual(await it.beat([permit.claims.runId]), { epoch: 1, lockdown: true, stop: [permit.claims.runId] });
    await it.report(permit, { status: 'cancelled', exitCode: null });
    assert.equal((await it.status(runningOne.key)).run?.status, 'killed_by_lockdown');
    assert.equal((await it.submit('ls')).decision, 'deny');
    await assert.rejects(it.decide(pending.approvalId, 'approve'), code('approval_decided'));
  });

  test('is lifted by the owner alone, and not by a change of the policy', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['*', 'rm -rf'] } });
    assert.equal((await it.policy()).lockdown, true);
    const attempts = [{ op: 'remove', list: 'deny', pattern: '*' }, { op: 'replace', policy: { allow: [], deny: [] } }] as const;
    for (const edit of attempts) {
      const attempt = edit.op === 'replace' ? { op: edit.op, policy: { allow: [], deny: [] } } : edit;
      await assert.rejects(it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: attempt }), code('not_entitled'));
    }
    await assert.rejects(it.call(it.gateway, interlock.unlock, { actor: { principal: 'device:x', trust: 'paired', channel: 'ui' } }), code('not_entitled'));
    const view = await it.call(it.gateway, interlock.unlock, { actor: owner });
    assert.equal(view.lockdown, false);
    assert.deepEqual(view.deny, ['rm -rf']);
    assert.equal((await it.beat([])).epoch, 2);
    assert.equal((await it.submit('ls')).decision, 'allow');
  });

  test('written into the file by hand holds as well', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls');
    const permit = await it.permit();
    await it.writeFile('policies: {deny: ["*"]}\n');
    await assert.rejects(it.claim(permit), code('lockdown'));
  });
});

test('two replicas over one database: one outcome, one decision, one claim, one chain', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'] } });
  await it.addReplica();
  for (let round = 0; round < 6; round++) {
    const { approvalId } = await it.ask(`make ${round}`, { conversation: `c${round}` });
    const decisions = await Promise.allSettled([1, 2, 3].map(() => it.decide(approvalId, 'approve')));
    assert.equal(decisions.filter((decision) => decision.status === 'fulfilled').length, 1);
    const permit = await it.permit();
    const claims = await Promise.allSettled([1, 2, 3].map((one) => it.claim(permit, { nonce: `nonce-number-${one}-of-three`, instance: `sandbox-${one}` })));
    assert.equal(claims.filter((claim) => claim.status === 'fulfilled').length, 1);
  }
  const patterns = Array.from({ length: 8 }, (_, index) => `tool${index}`);
  await Promise.all(patterns.map((pattern) => it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'allow', pattern } })));
  assert.deepEqual(new Set((await it.policy()).allow), new Set(['ls', ...patterns]));
  assert.deepEqual(await it.call(it.gateway, interlock.auditVerify, {}).then(({ ok, firstBreak }) => ({ ok, firstBreak })), { ok: true, firstBreak: null });
});
