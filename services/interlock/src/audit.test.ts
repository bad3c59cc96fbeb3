import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { redact } from './redact.ts';
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

describe('secrets in commands are taken out before anything is kept', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['curl https://user:hunter2@host/x', 'hunter2'],
    ['curl -H "Authorization: Bearer s3cr3t-value"', 's3cr3t-value'],
    ["curl -H 'authorization: basic dXNlcjpwYXNz' x", 'dXNlcjpwYXNz'],
    ['curl -u me:hunter2 x', 'hunter2'],
    ['API_KEY=hunter2 ./run', 'hunter2'],
    ['export DB_PASSWORD="hunter 2"', 'hunter 2'],
    ['tool --token hunter2', 'hunter2'],
    ['tool --api-key=hunter2 x', 'hunter2'],
    ['curl "https://x/y?access_token=hunter2&a=b"', 'hunter2'],
    ['mysql -uroot -phunter2 db', 'hunter2'],
    ['git clone https://ghp_abcdefghijklmnopqrstuvwx@github.com/a/b', 'ghp_abcdefghijklmnopqrstuvwx'],
    ['echo AKIAABCDEFGHIJKLMNOP', 'AKIAABCDEFGHIJKLMNOP'],
    ['echo "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"', 'MIIabc'],
    ['curl -H "Cookie: session=hunter2" x', 'hunter2'],
    ['echo eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc', 'eyJzdWIiOiIxIn0'],
  ];
  for (const [command, secret] of cases) test(command.slice(0, 50), () => assert.ok(!redact(command).includes(secret), redact(command)));
  test('and nothing else is', () => {
    for (const command of ['ls -la', 'git commit -m "add tests"', 'npm run build', 'echo a=b', 'git log --author x', 'cat README.md | head']) assert.equal(redact(command), command);
  });
  test('in time that does not explode', () => {
    for (const part of ['a', 'token', '-', '://', 'auth_', 'A', 'key=', '"', 'Authorization: ']) redact(part.repeat(Math.ceil(65_536 / part.length)));
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
