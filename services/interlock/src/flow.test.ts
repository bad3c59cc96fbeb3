import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalHash, signedBytes } from '@megabot/contracts/canonical.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { signingContexts } from '@megabot/contracts/ticket.ts';
import { verifyText } from '@megabot/crypto/ed25519.ts';
import { owner, shell, startInterlock } from './testing/harness.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;

describe('submitting', () => {
  test('an allowed command gets a permit for exactly its bytes at once, is claimed, reported and settled', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const outcome = await it.submit('ls  -la "a b"');
    assert.equal(outcome.decision, 'allow');
    const permit = await it.permit();
    // As the rules read it, so that no second reading can differ; what was asked for stays beside it.
    assert.deepEqual(permit.plan.argv, ['bash', '--noprofile', '--norc', '-c', "'ls' '-la' 'a b'"]);
    assert.equal(permit.plan.kind === 'shell' && permit.plan.command, 'ls  -la "a b"');
    assert.equal(permit.plan.network, 'none');
    assert.equal(permit.claims.planHash, canonicalHash(permit.plan));
    assert.ok(verifyText(it.permitPublicKey, signedBytes(signingContexts.permit, permit.claims), permit.signature));
    const { grant, grantSignature } = await it.claim(permit);
    assert.ok(verifyText(it.permitPublicKey, signedBytes(signingContexts.claim, grant), grantSignature));
    assert.equal((await it.status(outcome.key)).run?.status, 'running');
    assert.deepEqual(await it.report(permit), { recorded: true });
    const state = await it.status(outcome.key);
    assert.equal(state.settled, true);
    assert.equal(state.run?.output, 'done\n');
    await it.hears('settled', (payload) => payload.key === outcome.key);
    await it.hears('run', (payload) => payload.status === 'exited');
  });

  test('what no rule covers waits for a person, and what is denied is settled at once', async () => {
    await using it = await startInterlock({ policy: { deny: ['rm -rf'] } });
    const asked = await it.ask('make build');
    const event = await it.hears('approval');
    assert.equal((event.approval as { id: string }).id, asked.approvalId);
    assert.equal((event.approval as { command: string }).command, 'make build');
    const denied = await it.submit('sudo rm -rf /');
    assert.equal(denied.decision, 'deny');
    assert.equal(denied.decision === 'deny' && denied.rule, 'rm -rf');
    assert.equal((await it.status(denied.key)).settled, true);
    assert.equal(it.permitsWaiting(), 0);
  });

  test('the same key always gets the first outcome, also at the same time and after a restart; another action is a conflict', async () => {
    await using it = await startInterlock();
    const turnId = newId();
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => it.submit('make', { turnId })));
    assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1);
    await it.restart();
    assert.deepEqual(await it.submit('make', { turnId }), outcomes[0]);
    await assert.rejects(it.submit('make clean', { turnId }), code('conflict'));
    assert.equal((await it.call(it.gateway, interlock.approvalsList, {})).approvals.length, 1);
  });

  test('a ticket that the gateway did not sign, or that is for another turn, is refused', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const ticket = it.ticket('turn1');
    const forged = { ...ticket, claims: { ...ticket.claims, principal: 'device:other' } };
    await assert.rejects(it.call(it.orchestrator, interlock.submit, { action: shell('ls'), ticket: forged, key: 'turn1:0:0' }), code('ticket_invalid'));
    await assert.rejects(it.call(it.orchestrator, interlock.submit, { action: shell('ls'), ticket, key: 'turn2:0:0' }), code('ticket_invalid'));
  });

  test('rules do not run what a stranger asked for', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls', '*'] } });
    assert.equal((await it.submit('ls', { trust: 'untrusted' })).decision, 'ask');
  });

  test('a flood of approvals ends in a denial that says why', async () => {
    await using it = await startInterlock({ approvals: { max_pending: 3 } });
    for (let index = 0; index < 3; index++) await it.ask(`make ${index}`);
    const outcome = await it.submit('make more');
    assert.equal(outcome.decision, 'deny');
    assert.match(outcome.decision === 'deny' ? outcome.reasons.join() : '', /waiting already/);
    assert.equal((await it.submit('make', { conversation: 'other' })).decision, 'ask');
  });

  test('"*" in the allow list is said each time', async () => {
    await using it = await startInterlock({ policy: { allow: ['*'] } });
    const outcome = await it.submit('make | cat');
    assert.equal(outcome.decision === 'allow' && outcome.warnings.length, 1);
    await it.hears('warning');
    assert.ok((await it.policy()).warnings.length > 0);
  });

  test('files are written only when a person has seen them', async () => {
    await using it = await startInterlock({ policy: { allow: ['*'], deny: ['/workspace/.env'] } });
    const { approvalId } = await it.ask({ kind: 'file_write', files: [{ path: 'a.txt', content: 'hello' }] });
    const approval = await it.call(it.gateway, interlock.approvalsGet, { approvalId });
    assert.match(approval.command, /a\.txt[\s\S]*hello/);
    await it.decide(approvalId, 'approve');
    const permit = await it.permit();
    assert.deepEqual(permit.plan.files, [{ path: 'a.txt', content: 'hello' }]);
    assert.deepEqual(permit.plan.argv, []);
    assert.equal((await it.submit({ kind: 'file_write', files: [{ path: '.env', content: '' }] })).decision, 'deny');
    assert.equal((await it.submit({ kind: 'file_write', files: [{ path: 'nul', content: 'a\0b' }] })).decision, 'deny');
  });
});

describe('deciding', () => {
  test('an approval runs once, whoever else decides at the same time', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask('make');
    const results = await Promise.allSettled([it.decide(approvalId, 'approve'), it.decide(approvalId, 'approve'), it.decide(approvalId, 'reject')]);
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    for (const result of results) if (result.status === 'rejected') assert.ok(code('approval_decided')(result.reason));
    const decided = await it.hears('decided');
    assert.equal(decided.approvalId, approvalId);
  });

  test('unknown, unclear, decided and expired ids are four different answers', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask('make');
    await assert.rejects(it.decide('zzzzzzzzzz', 'approve'), code('approval_unknown'));
    await it.db.query("UPDATE interlock.approvals SET id = 'samesame1' WHERE id = $1", [approvalId]);
    const second = await it.ask('make two');
    await it.db.query("UPDATE interlock.approvals SET id = 'samesame2' WHERE id = $1", [second.approvalId]);
    await assert.rejects(it.decide('samesame', 'approve'), (error: { code?: string; details?: { candidates?: unknown[] } }) => error.code === 'approval_ambiguous' && error.details?.candidates?.length === 2);
    await it.decide('samesame1', 'reject', { reason: 'not today' });
    // Now the prefix means the only one that still waits.
    assert.equal((await it.call(it.gateway, interlock.approvalsGet, { approvalId: 'SAMESAME' })).id, 'samesame2');
    await assert.rejects(it.decide('samesame1', 'approve'), code('approval_decided'));
    it.advance(16 * 60_000);
    await assert.rejects(it.decide('samesame2', 'approve'), code('approval_expired'));
    assert.equal((await it.status(second.key)).approval?.status, 'expired');
  });

  test('what nobody decides expires, which is not a rejection', async () => {
    await using it = await startInterlock();
    const { approvalId, key } = await it.ask('make');
    it.advance(15 * 60_000 - 1);
    assert.equal((await it.sweep()).expiredApprovals, 0);
    it.advance(1);
    assert.equal((await it.sweep()).expiredApprovals, 1);
    const state = await it.status(key);
    assert.equal(state.approval?.status, 'expired');
    assert.equal(state.settled, true);
    await it.hears('settled', (payload) => payload.key === key);
    await assert.rejects(it.decide(approvalId, 'reject'), code('approval_expired'));
  });

  test('the decision says who made it, and from where', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask('make');
    const { approval } = await it.decide(approvalId, 'approve', { actor: { principal: 'device:x', trust: 'paired', channel: 'native' } });
    assert.deepEqual([approval.decidedBy, approval.decidedChannel], ['device:x', 'native']);
  });

  test('what is denied by the time of the decision is rejected by the system', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask('make');
    await it.writeFile('policies: {deny: [make]}\n');
    const { approval, runId } = await it.decide(approvalId, 'approve');
    assert.equal(approval.status, 'rejected');
    assert.equal(approval.decidedBy, undefined);
    assert.equal(runId, null);
  });

  test('"for this conversation" holds for exactly this command, here, for a day, and not against a deny', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask('make | cat');
    await it.decide(approvalId, 'approve', { scope: 'conversation' });
    assert.equal((await it.submit('make | cat')).decision, 'allow');
    assert.equal((await it.submit('make | cat ')).decision, 'ask');
    assert.equal((await it.submit('make | cat', { conversation: 'other' })).decision, 'ask');
    it.advance(86_400_001);
    assert.equal((await it.submit('make | cat')).decision, 'ask');
    await it.writeFile('policies: {deny: [make]}\n');
    assert.equal((await it.submit('make | cat')).decision, 'deny');
  });

  test('"always" adds exactly this command to the allow list, or says why it cannot', async () => {
    await using it = await startInterlock();
    await it.decide((await it.ask('npm test')).approvalId, 'approve', { scope: 'always' });
    assert.match(await it.readFile(), /"=npm test"/);
    assert.equal((await it.submit('npm test')).decision, 'allow');
    assert.equal((await it.submit('npm test x')).decision, 'ask');
    const unclear = await it.ask('npm test | cat');
    await assert.rejects(it.decide(unclear.approvalId, 'approve', { scope: 'always' }), code('bad_request'));
    const fed = await it.ask({ kind: 'shell', command: 'npm ci', stdin: 'yes' });
    await assert.rejects(it.decide(fed.approvalId, 'approve', { scope: 'always' }), code('bad_request'));
    assert.equal((await it.status(unclear.key)).approval?.status, 'pending');
  });
});

describe('what was approved is what runs', () => {
  test('a change by a run of the same turn is followed, one by another turn asks anew', async () => {
    await using it = await startInterlock();
    const turnId = newId();
    const first = await it.ask('bash edit.sh', { turnId, key: `${turnId}:0:0` });
    const second = await it.ask('bash build.sh', { turnId, key: `${turnId}:0:1` });
    const stranger = await it.ask('bash other.sh');
    await it.decide(first.approvalId, 'approve');
    const permit = await it.permit();
    await it.claim(permit);
    await it.report(permit, { workspaceRevision: 'changed' });

    await it.decide(second.approvalId, 'approve');
    assert.equal((await it.permit()).plan.workspaceRevision, 'changed');

    const before = (await it.call(it.gateway, interlock.approvalsGet, { approvalId: stranger.approvalId })).planHash;
    await assert.rejects(it.decide(stranger.approvalId, 'approve'), code('approval_changed'));
    const shown = await it.hears('approval', (payload) => (payload.approval as { id: string; planHash: string }).id === stranger.approvalId && (payload.approval as { planHash: string }).planHash !== before);
    assert.equal((shown.approval as { status: string }).status, 'pending');
    assert.equal((await it.decide(stranger.approvalId, 'approve')).approval.status, 'approved');
  });

  test('runs of one conversation start one after the other, each on what the one before left', async () => {
    await using it = await startInterlock({ policy: { allow: ['make'] } });
    const one = await it.submit('make one');
    const two = await it.submit('make two');
    const elsewhere = await it.submit('make three', { conversation: 'other' });
    const permits = [await it.permit(), await it.permit()];
    assert.deepEqual(permits.map((permit) => permit.claims.runId), [one, elsewhere].map((outcome) => (outcome.decision === 'allow' ? outcome.runId : '')));
    await it.sweep();
    assert.equal(it.permitsWaiting(), 0);
    await it.claim(permits[0]!);
    await it.report(permits[0]!, { workspaceRevision: 'after-one' });
    const next = await it.permit();
    assert.equal(two.decision === 'allow' && next.claims.runId, two.decision === 'allow' && two.runId);
    assert.equal(next.plan.workspaceRevision, 'after-one');
    assert.equal(next.claims.planHash, canonicalHash(next.plan));
    await it.claim(next);
  });

  test('a workspace that is not what the last run left stops everything that was approved for it', async () => {
    await using it = await startInterlock({ policy: { allow: ['make'] } });
    const one = await it.submit('make one');
    const two = await it.submit('make two');
    const permit = await it.permit();
    await assert.rejects(it.claim(permit, { workspaceRevision: 'lost' }), code('revision_mismatch'));
    assert.equal((await it.status(one.key)).run?.status, 'refused');
    assert.equal((await it.status(two.key)).run?.status, 'refused');
    await it.submit('make three');
    assert.equal((await it.permit()).plan.workspaceRevision, 'lost');
  });

  test('the exact bytes are forgotten when the run has ended, and secrets with them', async () => {
    await using it = await startInterlock();
    const { approvalId, key } = await it.ask('curl -H "Authorization: Bearer abcdefghijkl" x');
    await it.decide(approvalId, 'approve');
    const permit = await it.permit();
    assert.match(permit.plan.argv.join(' '), /abcdefghijkl/);
    await it.claim(permit);
    await it.report(permit);
    assert.doesNotMatch(JSON.stringify(await it.status(key)), /abcdefghijkl/);
    for (const table of ['actions', 'approvals', 'runs', 'audit', 'audit_text']) assert.doesNotMatch(JSON.stringify(await it.db.query(`SELECT * FROM interlock.${table}`)), /abcdefghijkl/, table);
  });
});

test('cancelling a turn ends what waits and is due, stops what runs, and refuses what it still proposes', async () => {
  await using it = await startInterlock({ policy: { allow: ['sleep'] } });
  const turnId = newId();
  const runningOne = await it.submit('sleep 1', { turnId, key: `${turnId}:0:0` });
  const due = await it.submit('sleep 2', { turnId, key: `${turnId}:0:1` });
  const pending = await it.ask('make', { turnId, key: `${turnId}:0:2` });
  const permit = await it.permit();
  await it.claim(permit);
  assert.deepEqual(await it.call(it.gateway, interlock.cancelTurn, { turnId, actor: owner }), { approvals: 1, runs: 2 });
  assert.equal((await it.status(due.key)).run?.status, 'cancelled');
  assert.equal((await it.status(pending.key)).approval?.status, 'cancelled');
  assert.deepEqual((await it.beat([permit.claims.runId])).stop, [permit.claims.runId]);
  await it.report(permit, { status: 'cancelled', exitCode: null });
  assert.equal((await it.status(runningOne.key)).run?.status, 'cancelled');
  assert.equal((await it.submit('sleep 3', { turnId, key: `${turnId}:1:0` })).decision, 'deny');
});
