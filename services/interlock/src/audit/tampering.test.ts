import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { generateSecret, keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { startInterlock } from '../testing/harness.ts';
import { afterAttack, rehash } from '../testing/tampering.ts';
import { signHead } from './chain.ts';
import { lastHead, readRecords } from './read.ts';

type Running = Awaited<ReturnType<typeof startInterlock>>;

const cut = (from: number): string =>
  ['audit_text', 'audit_heads', 'audit'].map((table) => `DELETE FROM interlock.${table} WHERE seq >= ${from};`).join(' ');

describe('whoever changes the audit log behind our back is found out, and the place is named', () => {
  let it: Running;
  let length: number;
  before(async () => {
    it = await startInterlock({ policy: { allow: ['ls'] }, limits: { auditSignEvery: 4 } });
    // Each of its own conversation, and so with a permit at once: its entry stands before that of the verdict.
    for (const command of ['ls a', 'ls b', 'make c', 'ls d', 'ls e', 'ls f', 'make g']) await it.submit(command, { conversation: command.slice(-1) });
    length = (await it.audit()).length;
  });
  after(async () => await it?.[Symbol.asyncDispose]());

  test('nothing was changed: it verifies, to the last signature', async () => {
    const verified = await it.call(it.gateway, interlock.auditVerify, {});
    assert.deepEqual(verified, { ok: true, entries: length, firstBreak: null, signedTo: { seq: 12, at: it.now() } });
    assert.equal(length, 13);
  });

  test('the tables refuse it to begin with, from their owner too', async () => {
    for (const statement of [
      "UPDATE interlock.audit SET verdict = 'deny'", 'DELETE FROM interlock.audit', 'TRUNCATE interlock.audit CASCADE', "UPDATE interlock.audit_text SET text = ''",
      "UPDATE interlock.audit_heads SET signature = ''", 'DELETE FROM interlock.audit_heads', 'TRUNCATE interlock.audit_heads', 'UPDATE interlock.audit_head SET seq = seq - 1',
      'UPDATE interlock.audit_head SET seq = seq + 1', "UPDATE interlock.audit_head SET hash = 'x'",
    ]) await assert.rejects(it.db.query(statement), statement);
  });

  test('what would not continue the chain at its end cannot be inserted', async () => {
    const columns = 'at, event, principal, channel, conversation, verdict, rule, subject, text_hash, previous_hash, hash';
    const copied = (seq: string, previous = 'previous_hash'): string =>
      `INSERT INTO interlock.audit (seq, ${columns}) SELECT ${seq}, ${columns.replace('previous_hash', previous)} FROM interlock.audit WHERE seq = 3`;
    for (const statement of [copied('0'), copied('-1'), copied(String(length + 1)), copied(String(length + 2)), copied(String(length + 2), "''"), copied('3')]) await assert.rejects(it.db.query(statement), statement);
  });

  const attacks: readonly (readonly [string, string | ((sql: Sql) => Promise<void>), number, RegExp])[] = [
    ['a verdict was changed', "UPDATE interlock.audit SET verdict = 'deny' WHERE seq = 2", 2, /was changed/],
    ['ids were changed', "UPDATE interlock.audit SET subject = '{}' WHERE seq = 3", 3, /was changed/],
    ['a time was changed', 'UPDATE interlock.audit SET at = at + 1 WHERE seq = 5', 5, /was changed/],
    ['a person was given another name', "UPDATE interlock.audit SET principal = 'device:x' WHERE seq = 2", 2, /was changed/],
    ['the hash of the text was taken away with the text', 'DELETE FROM interlock.audit_text WHERE seq = 3; UPDATE interlock.audit SET text_hash = NULL WHERE seq = 3', 3, /was changed/],
    ['a hash was changed', "UPDATE interlock.audit SET hash = repeat('0', 64) WHERE seq = 4", 4, /was changed/],
    ['a text was changed', "UPDATE interlock.audit_text SET text = 'ls nothing' WHERE seq = 3", 3, /text/],
    ['a digest was changed', "UPDATE interlock.audit_text SET digest = repeat('0', 64) WHERE seq = 3", 3, /text/],
    ['a digest was moved into the text', "UPDATE interlock.audit_text SET salt = 'with digest', text = salt || E'\\n' || digest || E'\\n' || text, digest = NULL WHERE seq = 3", 3, /text/],
    ['a text was put where there was none', "INSERT INTO interlock.audit_text (seq, salt, text) VALUES (1, repeat('0', 32), 'sudo everything')", 1, /text/],
    ['a text was erased without saying so', 'DELETE FROM interlock.audit_text WHERE seq = 3', 3, /gone, and nothing in the log says/],
    ['an entry in the middle was deleted', 'DELETE FROM interlock.audit_text WHERE seq = 3; DELETE FROM interlock.audit WHERE seq = 3', 3, /missing/],
    ['an entry was deleted and the others moved up', 'DELETE FROM interlock.audit_text WHERE seq = 3; DELETE FROM interlock.audit WHERE seq = 3; UPDATE interlock.audit SET seq = seq - 1 WHERE seq > 3', 3, /does not follow/],
    ['the first entry was deleted', 'DELETE FROM interlock.audit WHERE seq = 1', 1, /missing/],
    ['two entries changed places', 'UPDATE interlock.audit SET seq = 1000 WHERE seq = 2; UPDATE interlock.audit SET seq = 2 WHERE seq = 3; UPDATE interlock.audit SET seq = 3 WHERE seq = 1000', 2, /does not follow/],
    ['the end was cut off', cut(13), 13, /end of the log is missing/],
    ['the whole log was emptied', cut(1), 1, /end of the log is missing/],
    ['a signature was replaced by nonsense', "UPDATE interlock.audit_heads SET signature = repeat('A', 86) WHERE seq = 5", 5, /signature of the head is false/],
    ['a signature was taken from another head', 'UPDATE interlock.audit_heads SET signature = (SELECT signature FROM interlock.audit_heads WHERE seq = 8) WHERE seq = 5', 5, /signature of the head is false/],
  ];
  for (const [what, attack, place, problem] of attacks) {
    test(what, async () => {
      const { ok, firstBreak } = await afterAttack(it, attack);
      assert.equal(ok, false);
      assert.equal(firstBreak?.seq, place);
      assert.match(firstBreak.problem, problem);
    });
  }

  test('an old entry was inserted again, at the end and with the recorded end moved on', async () => {
    const { firstBreak } = await afterAttack(it, async (sql) => {
      await sql.query(
        `INSERT INTO interlock.audit SELECT (SELECT max(seq) + 1 FROM interlock.audit), at, event, principal, channel, conversation, verdict, rule, subject, text_hash, previous_hash, hash FROM interlock.audit WHERE seq = 3`,
      );
      await sql.query('UPDATE interlock.audit_head SET seq = seq + 1');
    });
    assert.deepEqual(firstBreak, { seq: length + 1, problem: 'The entry does not follow the one before it.' });
  });

  test('an entry was changed and everything behind it hashed anew: the signed head contradicts', async () => {
    const { firstBreak } = await afterAttack(it, async (sql) => {
      await sql.query("UPDATE interlock.audit SET verdict = 'deny' WHERE seq = 2");
      await rehash(sql, 2);
    });
    assert.deepEqual(firstBreak, { seq: 5, problem: 'The entry is not the one that was signed.' });
  });

  test('… and signed anew by another key: it is not ours', async () => {
    const { firstBreak } = await afterAttack(it, async (sql) => {
      await sql.query("UPDATE interlock.audit SET verdict = 'deny' WHERE seq = 2");
      await rehash(sql, 2);
      const other = keyPairFromSeed(generateSecret());
      for (const { seq, hash } of (await readRecords(sql, { after: 0, limit: 100 })).filter((record) => [5, 8, 12].includes(record.seq))) {
        const head = signHead(other.privateKey, other.publicKey, { seq, hash, at: it.now() });
        await sql.query('UPDATE interlock.audit_heads SET hash = $2, public_key = $3, signature = $4 WHERE seq = $1', [seq, hash, head.publicKey, head.signature]);
      }
    });
    assert.deepEqual(firstBreak, { seq: 5, problem: 'The head is signed by a key that is not ours.' });
  });

  test('the end was cut off, the recorded end moved back and the signatures taken away: the exported heads contradict', async () => {
    const exported = await lastHead(it.db);
    assert.equal(exported?.seq, 12);
    const attack = `${cut(7)} UPDATE interlock.audit_head SET seq = 6, hash = (SELECT hash FROM interlock.audit WHERE seq = 6)`;
    // In the database alone nothing is left that could say so.
    assert.equal((await afterAttack(it, attack)).ok, true);
    const { firstBreak } = await afterAttack(it, attack, [exported]);
    assert.equal(firstBreak?.seq, 7);
    assert.match(firstBreak.problem, /signed up to 12/);
    // The signatures remained: then no other witness is needed.
    const { firstBreak: bySignature } = await afterAttack(it, attack.replace('DELETE FROM interlock.audit_heads WHERE seq >= 7;', ''));
    assert.equal(bySignature?.seq, 7);
  });

  test('the log was made anew from its beginning, signatures taken away: the exported heads contradict', async () => {
    const exported = await lastHead(it.db);
    assert.ok(exported);
    const attack = async (sql: Sql): Promise<void> => {
      await sql.query("UPDATE interlock.audit SET verdict = 'deny' WHERE seq = 2");
      await rehash(sql, 2);
      await sql.query('DELETE FROM interlock.audit_heads');
    };
    assert.equal((await afterAttack(it, attack)).ok, true);
    const { firstBreak } = await afterAttack(it, attack, [exported]);
    assert.equal(firstBreak?.seq, 12);
    assert.match(firstBreak.problem, /written anew/);
  });

  test('a witness that we did not sign proves nothing, and is reported', async () => {
    const other = keyPairFromSeed(generateSecret());
    const false1 = signHead(other.privateKey, other.publicKey, { seq: 500, hash: 'x', at: 1 });
    const { ok, firstBreak } = await afterAttack(it, '', [false1]);
    assert.equal(ok, false);
    assert.match(firstBreak?.problem ?? '', /not signed by our key/);
  });
});
