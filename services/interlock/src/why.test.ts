import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { code, device, type Running } from './testing/messenger.ts';

const why = (it: Running, id: string) => it.call(it.gateway, interlock.why, { id });

describe('why something was judged as it was', () => {
  test('is answered from what was recorded then, not from the policy of now', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] } });
    const { version } = await it.policy();
    const allowed = await it.submit('ls -la');
    const denied = await it.submit('sudo rm -rf /');
    const asked = await it.ask('make');
    await it.writeFile('policies: {allow: [make]}\n');

    const ran = await why(it, allowed.decision === 'allow' ? allowed.runId : '');
    assert.deepEqual([ran.decision, ran.rule, ran.policyVersion, ran.text, ran.run?.status, ran.approval], ['allow', 'ls', version, 'ls -la', 'due', null]);
    const refused = await why(it, denied.turnId);
    assert.deepEqual([refused.decision, refused.rule, refused.policyVersion, refused.text], ['deny', 'rm -rf', version, 'sudo rm -rf /']);
    const waits = await why(it, asked.approvalId.slice(0, 8));
    assert.deepEqual([waits.decision, waits.kind, waits.approval?.id, waits.policyVersion], ['ask', 'shell', asked.approvalId, version]);
    assert.ok(waits.reasons.length > 0);
    await assert.rejects(why(it, 'zzzzzz'), code('not_found'));
  });

  test('holds no secret of the command', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask('curl -H "Authorization: Bearer abcdefghijkl" --password hunter2hunter2 x');
    await it.decide(approvalId, 'reject');
    assert.doesNotMatch(JSON.stringify(await why(it, approvalId)), /abcdefghijkl|hunter2/);
    for (const table of ['actions', 'approvals']) assert.doesNotMatch(JSON.stringify(await it.db.query(`SELECT * FROM interlock.${table}`)), /abcdefghijkl|hunter2/, table);
  });
});

describe('what a person is shown of an approval', () => {
  test('holds what it may use, and what it sees', async () => {
    await using it = await startInterlock({ file: 'sandbox: {wall_seconds: 7}\n' });
    const { approvalId } = await it.ask('make');
    const approval = await it.call(it.gateway, interlock.approvalsGet, { approvalId });
    assert.equal(approval.limits?.wallMs, 7_000);
    assert.match(approval.mounts?.join(' ') ?? '', /\/workspace/);
    assert.equal(approval.expiresAt - approval.createdAt, 15 * 60_000);
  });

  test('expires after the time of the settings', async () => {
    await using it = await startInterlock({ approvals: { expire_minutes: 2 } });
    const { approvalId, key } = await it.ask('make');
    it.advance(120_000);
    await assert.rejects(it.decide(approvalId, 'approve'), code('approval_expired'));
    const state = await it.status(key);
    assert.deepEqual([state.approval?.status, state.approval?.decidedBy], ['expired', undefined]);
  });
});

describe('what is allowed for a conversation', () => {
  test('is listed with its end, holds for the time of the settings, and can be taken back', async () => {
    await using it = await startInterlock({ approvals: { conversation_grant_minutes: 30 } });
    const { approvalId } = await it.ask('make');
    const { approval } = await it.decide(approvalId, 'approve', { scope: 'conversation', actor: device });
    assert.equal(approval.grantExpiresAt, it.now() + 30 * 60_000);
    assert.deepEqual((await it.policy()).grants, [{ id: approvalId, conversation: 'default', command: 'make', grantedBy: 'device:phone', grantedAt: it.now(), expiresAt: it.now() + 30 * 60_000 }]);
    assert.equal((await it.submit('make')).decision, 'allow');

    const view = await it.call(it.gateway, interlock.grantRevoke, { id: approvalId.slice(0, 6), actor: owner });
    assert.deepEqual(view.grants, []);
    assert.equal((await it.submit('make')).decision, 'ask');
    assert.equal((await it.audit()).some((entry) => entry.event === 'grant_revoked' && entry.principal === 'owner'), true);
    await assert.rejects(it.call(it.gateway, interlock.grantRevoke, { id: approvalId, actor: owner }), code('not_found'));
  });

  test('ends by itself, and with a lockdown', async () => {
    await using it = await startInterlock({ approvals: { conversation_grant_minutes: 30 } });
    const grant = async () => await it.decide((await it.ask('make')).approvalId, 'approve', { scope: 'conversation' });
    await grant();
    it.advance(30 * 60_000);
    assert.deepEqual((await it.policy()).grants, []);
    await grant();
    await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } });
    await it.call(it.gateway, interlock.unlock, { actor: owner });
    assert.deepEqual((await it.policy()).grants, []);
  });
});
