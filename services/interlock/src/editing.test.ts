import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { code, device, type Running } from './testing/messenger.ts';

const edit = (it: Running, approvalId: string, command: string, actor = owner) => it.call(it.gateway, interlock.approvalEdit, { approvalId, command, actor });
const got = (it: Running, approvalId: string) => it.call(it.gateway, interlock.approvalsGet, { approvalId });

describe('editing what waits', () => {
  test('ends the old approval, and judges the new text under the same key: what asks is asked anew, of the same requester', async () => {
    await using it = await startInterlock();
    const { approvalId, key, turnId } = await it.ask('npm tset', { principal: 'device:phone', trust: 'paired' });
    const { outcome, approval } = await edit(it, approvalId, 'npm test');
    assert.equal(outcome.decision, 'ask');
    const old = await got(it, approvalId);
    assert.deepEqual([old.status, old.reason, old.decidedBy, old.decidedChannel], ['cancelled', 'edited by owner', 'owner', 'ui']);
    assert.deepEqual([approval?.command, approval?.editedFrom, approval?.requestedBy, approval?.turnId, approval?.status], ['npm test', approvalId, 'device:phone', turnId, 'pending']);
    assert.match(approval?.reasons.join(' ') ?? '', /edited by owner/);
    const state = await it.status(key);
    assert.deepEqual([state.settled, state.approval?.id, state.outcome.decision === 'ask' && state.outcome.approvalId], [false, approval?.id, approval?.id]);
    assert.deepEqual(it.heard.filter((one) => one.topic === 'settled'), []);

    await it.decide(approval?.id ?? '', 'approve');
    const permit = await it.permit();
    assert.match(JSON.stringify(permit.plan), /npm test/);
    await it.claim(permit);
    await it.report(permit);
    const settled = await it.status(key);
    assert.deepEqual([settled.settled, settled.run?.command], [true, 'npm test']);
    // The end of the run redacts its own approval's text, not that of the one it replaced.
    assert.equal((await got(it, approvalId)).command, 'npm tset');
  });

  test('to a denied command is a denial, which settles the action', async () => {
    await using it = await startInterlock({ policy: { deny: ['rm -rf'] } });
    const { approvalId, key } = await it.ask('make');
    const { outcome, approval } = await edit(it, approvalId, 'make; sudo rm -rf /');
    assert.deepEqual([outcome.decision, approval], ['deny', null]);
    assert.equal((await it.status(key)).settled, true);
    await it.hears('settled', (payload) => payload.key === key);
    assert.equal(it.permitsWaiting(), 0);
    await assert.rejects(it.decide(approvalId, 'approve'), code('approval_decided'));
  });

  test('to an allowed command runs it, and nothing of the old text', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { approvalId, key } = await it.ask('ls | tee x');
    const { outcome } = await edit(it, approvalId, 'ls');
    assert.equal(outcome.decision, 'allow');
    const permit = await it.permit();
    assert.doesNotMatch(JSON.stringify(permit.plan), /tee/);
    await it.claim(permit);
    await it.report(permit);
    assert.equal((await it.status(key)).run?.status, 'exited');
    assert.equal(it.permitsWaiting(), 0);
  });

  test('to an allowed command runs what the rules read, not the spelling', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { approvalId } = await it.ask('ls | tee x');
    await edit(it, approvalId, 'ls   -l   notes');
    const { plan } = await it.permit();
    assert.ok(plan.kind === 'shell');
    assert.deepEqual([plan.argv.at(-1), plan.command], ["'ls' '-l' 'notes'", 'ls   -l   notes']);
  });

  test('leaves the key idempotent: the same proposal gets what became of it, another one is a conflict', async () => {
    await using it = await startInterlock();
    const turnId = newId();
    const { approvalId, key } = await it.ask('make', { turnId });
    const { outcome } = await edit(it, approvalId, 'make all');
    const again = await it.submit('make', { turnId, key });
    assert.deepEqual(again.decision === 'ask' && again.approvalId, outcome.decision === 'ask' && outcome.approvalId);
    await assert.rejects(it.submit('make all', { turnId, key }), code('conflict'));
    assert.equal((await it.db.query('SELECT 1 FROM interlock.actions WHERE turn_id = $1', [turnId])).length, 2);
  });

  test('may be done again, and each step can be explained', async () => {
    await using it = await startInterlock();
    const { approvalId, key } = await it.ask('make one');
    const second = (await edit(it, approvalId, 'make two')).approval;
    const third = (await edit(it, second?.id ?? '', 'make three', device)).approval;
    assert.equal(third?.editedFrom, second?.id);
    const why = await it.call(it.gateway, interlock.why, { id: approvalId });
    assert.deepEqual([why.text, why.approval?.status], ['make one', 'cancelled']);
    assert.match((await it.call(it.gateway, interlock.why, { id: third?.id ?? '' })).reasons.join(' '), /device:phone/);
    assert.equal((await it.status(key)).approval?.id, third?.id);
  });

  test('is in the audit log: who edited, what became of it, and who had asked', async () => {
    await using it = await startInterlock();
    const { approvalId, key } = await it.ask('make one', { principal: 'device:desk', trust: 'paired' });
    const { approval } = await edit(it, approvalId, 'make two', device);
    const entries = (await it.audit()).slice(-3);
    assert.deepEqual(entries.map((entry) => [entry.event, entry.principal]), [['approval_cancelled', 'device:phone'], ['approval_edited', 'device:phone'], ['judged', 'device:desk']]);
    assert.deepEqual([entries[1]?.subject.approvalId, entries[1]?.subject.became, entries[1]?.subject.key, entries[1]?.text], [approvalId, approval?.id, key, 'make two']);
    assert.equal((await it.call(it.gateway, interlock.auditVerify, {})).ok, true);
  });

  const refused: readonly (readonly [string, string, (it: Running, approvalId: string) => Promise<unknown>])[] = [
    ['of one that was approved', 'approval_decided', async (it, id) => (await it.decide(id, 'approve'), edit(it, id, 'ls'))],
    ['of one that has expired', 'approval_expired', (it, id) => (it.advance(16 * 60_000), edit(it, id, 'ls'))],
    ['of one whose turn was cancelled', 'approval_decided', async (it, id) => (await it.call(it.gateway, interlock.cancelTurn, { turnId: (await got(it, id)).turnId, actor: owner }), edit(it, id, 'ls'))],
    ['that changes nothing', 'bad_request', (it, id) => edit(it, id, 'make')],
    ['of one that is not there', 'approval_unknown', (it) => edit(it, 'zzzzzz', 'ls')],
    ['by a stranger', 'not_entitled', (it, id) => edit(it, id, 'ls', { principal: 'bridge:telegram:default:1', trust: 'untrusted', channel: 'bridge' })],
  ];
  for (const [what, wanted, attempt] of refused) {
    test(`${what} is refused`, async () => {
      await using it = await startInterlock({ policy: { allow: ['ls'] } });
      const { approvalId } = await it.ask('make');
      const permits = it.permitsWaiting();
      await assert.rejects(attempt(it, approvalId), code(wanted));
      if (wanted !== 'approval_decided') assert.equal(it.permitsWaiting(), permits);
      assert.equal((await it.audit()).at(-1)?.event, 'decision_refused');
    });
  }

  test('and approving at the same moment: one of the two happens', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { approvalId } = await it.ask('make');
    const results = await Promise.allSettled([edit(it, approvalId, 'ls'), it.decide(approvalId, 'approve')]);
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    assert.equal((await it.db.query("SELECT 1 FROM interlock.runs WHERE status = 'due'")).length, 1);
  });
});
