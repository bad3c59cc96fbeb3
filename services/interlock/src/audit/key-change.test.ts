import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { generateSecret, keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { startInterlock } from '../testing/harness.ts';
import { afterAttack, rehash } from '../testing/tampering.ts';
import { publicKeyId, signHead } from './chain.ts';
import { readHeads, readRecords } from './read.ts';

type Running = Awaited<ReturnType<typeof startInterlock>>;
type Keys = ReturnType<typeof keyPairFromSeed>;

const all = { after: 0, through: Number.MAX_SAFE_INTEGER };
const verify = async (it: Running) => await it.call(it.gateway, interlock.auditVerify, {});
const changes = async (it: Running) => (await it.audit()).filter((entry) => entry.event === 'permit_key_changed');
const work = async (it: Running, name: string): Promise<void> => {
  for (const command of ['ls a', 'ls b', 'ls c']) await it.submit(command, { conversation: `${name}-${command.slice(-1)}` });
};
/** An interlock that worked under one key and was started with another since. */
const rotated = async (earlier?: (first: string) => string[]) => {
  const it = await startInterlock({ policy: { allow: ['ls'] }, limits: { auditSignEvery: 4 } });
  const [first, seed] = [keyPairFromSeed(it.permitSeed), generateSecret()];
  const second = keyPairFromSeed(seed);
  await work(it, 'before');
  await it.restart({ permitSeed: seed, earlierPublicKeys: earlier?.(first.publicKey) ?? [first.publicKey] });
  const [change] = await changes(it);
  await work(it, 'after');
  return { it, first, second, seed, change, keys: [second.publicKey, first.publicKey] };
};
const signAnew = async (sql: Sql, it: Running, key: Keys, places: readonly number[]): Promise<void> => {
  for (const { seq, hash } of (await readRecords(sql, { after: 0, limit: 1_000 })).filter((record) => places.includes(record.seq))) {
    const head = signHead(key.privateKey, key.publicKey, { seq, hash, at: it.now() });
    await sql.query('INSERT INTO interlock.audit_heads (seq, hash, at, public_key, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (seq) DO UPDATE SET hash = $2, at = $3, public_key = $4, signature = $5', [seq, hash, head.at, head.publicKey, head.signature]);
  }
};

const rewrite = async (sql: Sql, it: Running, key: Keys): Promise<void> => {
  await sql.query("UPDATE interlock.audit SET verdict = 'deny' WHERE seq = 2");
  await rehash(sql, 2);
  await signAnew(sql, it, key, (await readHeads(sql, all)).map((head) => head.seq));
};

describe('a change of the permit key', () => {
  test('is recorded once, signed with the new key at once, and the whole log verifies', async () => {
    const { it, first, second, change, keys } = await rotated();
    await using _ = it;
    assert.deepEqual(change?.subject, { from: first.publicKey, to: second.publicKey });
    const heads = await readHeads(it.db, all);
    assert.ok(heads.some((head) => head.publicKey === first.publicKey));
    assert.equal(heads.find((head) => head.publicKey === second.publicKey)?.seq, change.seq);
    const { ok, signedTo } = await verify(it);
    assert.deepEqual([ok, signedTo?.seq], [true, heads.at(-1)?.seq]);
    await it.addReplica();
    await it.restart();
    assert.equal((await changes(it)).length, 1);
    const third = generateSecret();
    await it.restart({ permitSeed: third, earlierPublicKeys: keys });
    assert.deepEqual([(await changes(it)).length, (await verify(it)).ok], [2, true]);
  });

  test('back to an earlier key verifies as well', async () => {
    const { it, second } = await rotated();
    await using _ = it;
    await it.restart({ permitSeed: it.permitSeed, earlierPublicKeys: [second.publicKey] });
    assert.deepEqual([(await changes(it)).length, (await verify(it)).ok], [2, true]);
  });

  test('of which nobody kept the earlier key does not verify, and the place is named', async () => {
    const { it } = await rotated(() => []);
    await using _ = it;
    const { ok, firstBreak } = await verify(it);
    assert.deepEqual([ok, firstBreak], [false, { seq: 5, problem: 'The head is signed by a key that is not ours.' }]);
  });

  test('makes nothing genuine that a stranger had signed before it: the database does not say which keys were ours', async () => {
    const { it, seed, first } = await rotated();
    await using _ = it;
    const [stranger, next] = [keyPairFromSeed(generateSecret()), generateSecret()];
    await it.db.query("SET session_replication_role = 'replica'");
    await rewrite(it.db, it, stranger);
    await it.db.query("SET session_replication_role = 'origin'");
    await it.restart({ permitSeed: next, earlierPublicKeys: [first.publicKey, keyPairFromSeed(seed).publicKey] });
    const { firstBreak } = await verify(it);
    assert.deepEqual(firstBreak, { seq: 5, problem: 'The head is signed by a key that is not ours.' });
  });

  test('of a log that was cut keeps the interlock from nothing that it could do without', async () => {
    const { it, keys } = await rotated();
    await using _ = it;
    await it.db.query("SET session_replication_role = 'replica'");
    for (const table of ['audit_text', 'audit_heads', 'audit']) await it.db.query(`DELETE FROM interlock.${table} WHERE seq > 6`);
    await it.db.query("SET session_replication_role = 'origin'");
    await it.restart({ permitSeed: generateSecret(), earlierPublicKeys: keys });
    assert.match((await verify(it)).firstBreak?.problem ?? '', /end of the log is missing/);
    await assert.rejects(it.submit('ls'), (error) => isServiceError(error, 'unavailable'));
  });

  test('leaves whoever holds the earlier key and the database nothing to write anew', async () => {
    const { it, first, change, keys } = await rotated();
    await using _ = it;
    const heads = await readHeads(it.db, all);
    const last = heads.at(-1)?.seq ?? 0;
    const attack = async (what: (sql: Sql) => Promise<void>, witnesses: Parameters<typeof afterAttack>[2] = []) => (await afterAttack(it, what, witnesses, keys)).firstBreak;
    // All of it, signed by the earlier key from beginning to end.
    assert.match((await attack(async (sql) => await rewrite(sql, it, first)))?.problem ?? '', /signed by an earlier key/);
    // The log cut before the change, and signed by the earlier key as it was then.
    const cut = async (sql: Sql): Promise<void> => {
      for (const table of ['audit_text', 'audit_heads', 'audit']) await sql.query(`DELETE FROM interlock.${table} WHERE seq >= $1`, [change?.seq ?? 0]);
      await sql.query('UPDATE interlock.audit_head SET seq = $1, hash = (SELECT hash FROM interlock.audit WHERE seq = $1)', [(change?.seq ?? 0) - 1]);
    };
    assert.match((await attack(cut))?.problem ?? '', /signed by an earlier key/);
    // What came before the change, with the signatures of the new key left in place.
    const before = async (sql: Sql): Promise<void> => {
      await rewrite(sql, it, first);
      for (const head of heads.filter(({ publicKey }) => publicKey !== first.publicKey)) await sql.query('UPDATE interlock.audit_heads SET hash = $2, at = $3, public_key = $4, signature = $5 WHERE seq = $1', [head.seq, head.hash, head.at, head.publicKey, head.signature]);
    };
    assert.deepEqual(await attack(before), { seq: change?.seq, problem: 'The entry is not the one that was signed.' });
    // One more signature at the end.
    assert.match((await attack(async (sql) => await signAnew(sql, it, first, [last])))?.problem ?? '', /signed by an earlier key/);
    // What an earlier key signed in the log of the service is compared too.
    const [oldest] = heads;
    assert.ok(oldest?.publicKey === first.publicKey);
    assert.equal(await attack(async () => undefined, [{ ...oldest, publicKeyId: publicKeyId(first.publicKey) }]), null);
    const without = async (sql: Sql): Promise<void> => {
      await rewrite(sql, it, first);
      await sql.query('DELETE FROM interlock.audit_heads');
    };
    assert.match((await attack(without, [{ ...oldest, publicKeyId: publicKeyId(first.publicKey) }]))?.problem ?? '', /written anew/);
  });
});
