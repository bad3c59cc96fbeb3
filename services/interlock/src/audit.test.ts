import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { startInterlock } from './testing/harness.ts';

describe('the audit log', () => {
  test('is read in pages, forward and backward, always in order', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    for (const name of ['a', 'b', 'c', 'd']) await it.submit(`ls ${name}`);
    const all = (await it.audit()).map((entry) => entry.seq);
    const newest = await it.call(it.gateway, interlock.auditList, { limit: 3 });
    assert.deepEqual(newest.entries.map((entry) => entry.seq), all.slice(-3));
    assert.equal(newest.hasMore, true);
    const before = await it.call(it.gateway, interlock.auditList, { limit: 2, before: newest.entries[0]!.seq });
    assert.deepEqual(before.entries.map((entry) => entry.seq), all.slice(-5, -3));
    const after = await it.call(it.gateway, interlock.auditList, { limit: 500, after: all[1]! });
    assert.deepEqual(after.entries.map((entry) => entry.seq), all.slice(2));
    assert.equal(after.hasMore, false);
  });
});

test('a sign-in code opens one session, and an ended or expired session opens nothing', async () => {
  await using it = await startInterlock();
  const secretHash = 'a'.repeat(64);
  const expiresAt = it.now() + 1_000;
  const opened = await it.call(it.gateway, interlock.sessionCreate, { secretHash, principal: 'owner', codeId: 'code', expiresAt });
  const invalid = (error: unknown) => (error as { code?: string }).code === 'session_invalid';
  assert.deepEqual(await it.call(it.gateway, interlock.sessionCheck, { secretHash }), { sessionId: opened.sessionId, principal: 'owner', expiresAt });
  const again = it.call(it.gateway, interlock.sessionCreate, { secretHash: 'b'.repeat(64), principal: 'owner', codeId: 'code', expiresAt });
  await assert.rejects(again, (error: unknown) => (error as { code?: string }).code === 'code_used');
  await assert.rejects(it.call(it.gateway, interlock.sessionCheck, { secretHash: 'b'.repeat(64) }), invalid);
  it.advance(1_000);
  await assert.rejects(it.call(it.gateway, interlock.sessionCheck, { secretHash }), invalid);
  await it.call(it.gateway, interlock.sessionCreate, { secretHash: 'c'.repeat(64), principal: 'owner', expiresAt: expiresAt + 9_000 });
  await it.call(it.gateway, interlock.sessionEnd, { secretHash: 'c'.repeat(64) });
  await assert.rejects(it.call(it.gateway, interlock.sessionCheck, { secretHash: 'c'.repeat(64) }), invalid);
});
