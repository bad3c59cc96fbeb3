import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { owner, startInterlock } from '../testing/harness.ts';
import { lastHead } from './read.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;
const verify = async (it: Awaited<ReturnType<typeof startInterlock>>) => await it.call(it.gateway, interlock.auditVerify, {});

describe('forgetting', () => {
  test('erases texts, salts and digests of a conversation, says so in the log, and leaves the chain verifiable', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls /private/diary', { conversation: 'private' });
    await it.submit('ls /tmp', { conversation: 'other' });
    const { texts } = await it.call(it.gateway, interlock.auditForget, { actor: owner, what: { conversation: 'private' } });
    assert.ok(texts > 0);
    const entries = await it.audit();
    assert.doesNotMatch(JSON.stringify(entries), /diary/);
    assert.deepEqual(await it.db.query("SELECT t.seq FROM interlock.audit_text t JOIN interlock.audit a ON a.seq = t.seq WHERE a.conversation = 'private'"), []);
    assert.ok(entries.some((entry) => entry.text === 'ls /tmp'));
    const said = entries.at(-1);
    assert.deepEqual([said?.event, said?.principal, said?.subject], ['text_forgotten', 'owner', { conversation: 'private', texts: String(texts) }]);
    assert.deepEqual([(await verify(it)).ok, (await verify(it)).entries], [true, entries.length]);
  });

  test('of one action, or of all that is old; asked for a second time there is nothing left to do or to record', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { key } = await it.submit('ls one');
    await it.submit('ls two', { conversation: 'second' });
    assert.equal((await it.call(it.gateway, interlock.auditForget, { actor: owner, what: { key } })).texts > 0, true);
    assert.deepEqual((await it.audit()).filter((entry) => entry.event === 'judged').map((entry) => entry.text), [null, 'ls two']);
    it.advance(1_000);
    await it.submit('ls three', { conversation: 'third' });
    await it.call(it.gateway, interlock.auditForget, { actor: owner, what: { before: it.now() } });
    assert.deepEqual((await it.audit()).filter((entry) => entry.event === 'judged').map((entry) => entry.text), [null, null, 'ls three']);
    const length = (await it.audit()).length;
    assert.equal((await it.call(it.gateway, interlock.auditForget, { actor: owner, what: { key } })).texts, 0);
    assert.equal((await it.audit()).length, length);
    assert.equal((await verify(it)).ok, true);
  });

  test('is the owner\'s alone; whoever else tries is recorded', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const { key } = await it.submit('ls one');
    const device = { principal: 'device:x', trust: 'paired', channel: 'ui' } as const;
    await assert.rejects(it.call(it.gateway, interlock.auditForget, { actor: device, what: { key } }), code('not_entitled'));
    const last = (await it.audit()).at(-1);
    assert.deepEqual([last?.event, last?.principal, last?.verdict], ['forget_refused', 'device:x', 'not_entitled']);
  });

  test('what was erased afterwards is not excused by an earlier forgetting', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.submit('ls one', { conversation: 'c' });
    await it.call(it.gateway, interlock.auditForget, { actor: owner, what: { conversation: 'c' } });
    await it.submit('ls two', { conversation: 'c' });
    assert.equal((await verify(it)).ok, true);
    const later = (await it.audit()).findLast((entry) => entry.event === 'judged');
    await it.db.query('DELETE FROM interlock.audit_text WHERE seq = $1', [later?.seq]);
    assert.equal((await verify(it)).firstBreak?.seq, later?.seq);
  });
});

describe('the head is signed', () => {
  test('every so many entries, however many come at once, and when the interlock stops', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] }, limits: { auditSignEvery: 5 } });
    for (let index = 0; index < 6; index++) await it.submit(`ls ${index}`, { conversation: `c${index}` });
    const { length } = await it.audit();
    const signed = (await it.db.query<{ seq: number }>('SELECT seq FROM interlock.audit_heads ORDER BY seq')).map((head) => head.seq);
    assert.equal(signed.length, Math.floor(length / 5));
    signed.forEach((seq, index) => assert.ok(seq >= (index + 1) * 5 && seq < (index + 2) * 5, String(seq)));
    await it.restart();
    assert.ok(((await lastHead(it.db))?.seq ?? 0) >= length);
    assert.equal((await verify(it)).ok, true);
  });
});

test('a log that was cut behind the interlock\'s back is not continued: nothing is decided without it', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'] } });
  await it.submit('ls one');
  await it.db.transaction(async (sql) => {
    await sql.query("SET LOCAL session_replication_role = 'replica'");
    await sql.query('DELETE FROM interlock.audit_text; DELETE FROM interlock.audit WHERE seq = (SELECT max(seq) FROM interlock.audit)');
  });
  await assert.rejects(it.submit('ls two'), (error: unknown) => code('unavailable')(error) && /audit log does not continue/.test(String(error)));
  assert.deepEqual((await it.db.query('SELECT id FROM interlock.runs')).length, 1);
});

test('an entry that another hand has put at the end is not built upon, and is found', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'] } });
  await it.submit('ls one');
  const end = (await it.audit()).length;
  // As the role of the service may: it follows the last entry, but its own hash is invented.
  await it.db.query(
    `INSERT INTO interlock.audit (seq, at, event, principal, verdict, subject, previous_hash, hash)
     SELECT seq + 1, 1, 'decided', 'owner', 'approved', '{}', hash, repeat('0', 64) FROM interlock.audit_head`,
  );
  await assert.rejects(it.submit('ls two'), code('unavailable'));
  assert.deepEqual((await verify(it)).firstBreak, { seq: end + 1, problem: 'The entry was changed.' });
});
