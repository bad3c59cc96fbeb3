import assert from 'node:assert/strict';
import type { AuditVerification } from '@megabot/contracts/audit.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { chainHash } from '../audit/chain.ts';
import type { Witness } from '../audit/check.ts';
import { readRecords } from '../audit/read.ts';
import { verifyAudit } from '../audit/verify.ts';
import type { startInterlock } from './harness.ts';

type Running = Pick<Awaited<ReturnType<typeof startInterlock>>, 'db' | 'permitPublicKey'>;

/** What verifying says after an attack by somebody who may do everything in the database; undone afterwards. */
export async function afterAttack(it: Running, attack: string | ((sql: Sql) => Promise<void>), witnesses: readonly Witness[] = [], publicKeys: readonly string[] = [it.permitPublicKey]): Promise<AuditVerification> {
  const undo = new Error('undo');
  let found: AuditVerification | undefined;
  await it.db
    .transaction(async (sql) => {
      await sql.query("SET LOCAL session_replication_role = 'replica'");
      if (typeof attack === 'string') await sql.query(attack);
      else await attack(sql);
      found = await verifyAudit(sql, { publicKeys, witnesses });
      throw undo;
    })
    .catch((error: unknown) => assert.equal(error, undo));
  assert.ok(found);
  return found;
}

/** Gives the entries from `from` on new hashes, as somebody would who knows how the log is made. */
export async function rehash(sql: Sql, from: number): Promise<void> {
  const records = await readRecords(sql, { after: 0, limit: 1_000 });
  let previousHash = '';
  for (const record of records) {
    const hash = record.seq < from ? record.hash : chainHash({ ...record, previousHash });
    if (record.seq >= from) await sql.query('UPDATE interlock.audit SET previous_hash = $2, hash = $3 WHERE seq = $1', [record.seq, previousHash, hash]);
    previousHash = hash;
  }
  await sql.query('UPDATE interlock.audit_head SET hash = $1', [previousHash]);
}
