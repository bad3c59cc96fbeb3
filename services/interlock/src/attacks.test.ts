import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Action } from '@megabot/contracts/action.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { owner, startInterlock } from './testing/harness.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;
const stranger = { principal: 'bridge:telegram:default:1001', trust: 'untrusted', channel: 'bridge' } as const;
const files = (...contents: string[]): Action => ({ kind: 'file_write', files: contents.map((content, index) => ({ path: `f${index}`, content })) });

describe('a grant whose answer was lost is not given again', () => {
  test('once the turn is cancelled', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { turnId } = await it.submit('ls');
    const permit = await it.permit();
    await it.claim(permit);
    await it.call(it.gateway, interlock.cancelTurn, { turnId, actor: owner });
    await assert.rejects(it.claim(permit), code('permit_claimed'));
  });

  test('once a lockdown came in between, although it was lifted', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls');
    const permit = await it.permit();
    await it.claim(permit);
    await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } });
    await it.call(it.gateway, interlock.unlock, { actor: owner });
    await assert.rejects(it.claim(permit), code('permit_claimed'));
  });
});

test('every refusal is in the audit log: of decisions, edits, submissions, reports and sign-ins', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'] } });
  const { approvalId, key, turnId } = await it.ask('make');
  const piped = await it.ask('make | tee x');
  await it.decide(approvalId, 'approve');
  const refused: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ['decision_refused', 'not_entitled', () => it.decide(approvalId, 'approve', { actor: stranger })],
    ['decision_refused', 'approval_unknown', () => it.decide('zzzzzz', 'approve')],
    ['decision_refused', 'bad_request', () => it.decide(piped.approvalId, 'approve', { scope: 'always' })],
    ['decision_refused', 'approval_decided', () => it.decide(approvalId, 'reject')],
    ['edit_refused', 'not_entitled', () => it.call(it.gateway, interlock.policyEdit, { actor: stranger, edit: { op: 'remove', list: 'deny', pattern: 'x' } })],
    ['edit_refused', 'policy_invalid', () => it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'allow', pattern: 'a;b' } })],
    ['edit_refused', 'not_entitled', () => it.call(it.gateway, interlock.unlock, { actor: stranger })],
    ['submission_refused', 'conflict', () => it.submit('make other', { key, turnId })],
    ['submission_refused', 'ticket_invalid', () => it.submit('make', { key: `${newId()}:0:0` })],
    ['report_refused', 'permit_unknown', () => it.call(it.sandbox, interlock.report, { permitId: 'p', runId: 'r', instance: 'i\0\ud800', report: { status: 'exited', exitCode: 0, signal: null, output: '', truncated: false, droppedBytes: 0, driver: 'd', detail: null, workspaceRevision: null, startedAt: 0, endedAt: 0 } })],
  ];
  for (const [event, verdict, attempt] of refused) {
    await assert.rejects(attempt(), code(verdict), event);
    const last = (await it.audit()).at(-1);
    assert.deepEqual([last?.event, last?.verdict], [event, verdict]);
  }
  const session = { secretHash: '0'.repeat(64), principal: 'owner', codeId: 'c', expiresAt: it.now() + 1_000 };
  await it.call(it.gateway, interlock.sessionCreate, session);
  await assert.rejects(it.call(it.gateway, interlock.sessionCreate, { ...session, secretHash: '1'.repeat(64) }), code('code_used'));
  assert.equal((await it.audit()).at(-1)?.event, 'session_refused');
  assert.equal((await it.call(it.gateway, interlock.auditVerify, {})).ok, true);
});

describe('what is too large or no text', () => {
  test('is denied for a reason, never left without an answer', async () => {
    await using it = await startInterlock();
    // Half a character at the end of the path and the other half at the beginning of the content.
    const split: Action = { kind: 'file_write', files: [{ path: 'a\ud83d', content: '\ude00' }] };
    for (const action of [split, files('\ud800'), files('a\0'), files(...Array.from({ length: 32 }, () => 'x'.repeat(20_000))), files('\u0001'.repeat(100_000))]) {
      const outcome = await it.submit(action);
      assert.equal(outcome.decision, 'deny');
      assert.equal((await it.status(outcome.key)).settled, true);
    }
  });

  test('does not keep a turn from hearing of its actions, nor the lists from being read', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] }, approvals: { max_pending: 100 } });
    const turnId = newId();
    const keys = [0, 1, 2].map((index) => `${turnId}:0:${index}`);
    for (const key of keys) {
      await it.submit('ls', { turnId, key });
      const permit = await it.permit();
      await it.claim(permit);
      await it.report(permit, { output: `begin${'\u0001'.repeat(450_000)}end` });
    }
    const { actions } = await it.call(it.orchestrator, interlock.status, { keys });
    assert.ok(actions.every(({ run, settled }) => settled && run?.output.startsWith('begin') && run.output.endsWith('end')));
    assert.equal((await it.call(it.gateway, interlock.runGet, { runId: actions[0]?.run?.id ?? '' })).output.length, 450_008);

    for (let index = 0; index < 12; index++) await it.ask(files('\u0001'.repeat(80_000)), { conversation: `c${index}` });
    const { approvals } = await it.call(it.gateway, interlock.approvalsList, { status: 'pending' });
    assert.ok(approvals.length > 3 && approvals.length < 12);
    for (let index = 0; index < 80; index++) await it.submit(`ls "${'é'.repeat(30_000)}${index}"`, { conversation: 'c' });
    const page = await it.call(it.gateway, interlock.auditList, { limit: 500, after: 0 });
    assert.equal(page.hasMore, true);
    assert.equal(page.entries[0]?.seq, 1);
  });
});

test('a deny that stands in the file already, not read yet, is in force when the edit is answered', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'] } });
  await writeFile(it.file, 'policies: {allow: [ls], deny: ["*"]}\n');
  const { policy } = await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } });
  assert.equal(policy.lockdown, true);
  assert.equal((await it.submit('ls')).decision, 'deny');
});

test('one row that nothing can be done about holds up neither the others nor the leases', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'] } });
  const poisoned = await it.ask('make a');
  await it.db.query(`UPDATE interlock.approvals SET plan = '{"kind": "shell"}' WHERE id = $1`, [poisoned.approvalId]);
  const { approvalId } = await it.ask('make b', { conversation: 'other' });
  const { key } = await it.submit('ls', { conversation: 'third' });
  await it.claim(await it.permit());
  it.advance(3_600_000);
  await it.sweep();
  assert.equal((await it.call(it.gateway, interlock.approvalsGet, { approvalId })).status, 'expired');
  assert.equal((await it.status(key)).run?.status, 'interrupted');
});
