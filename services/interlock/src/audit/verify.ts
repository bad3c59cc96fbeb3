import type { AuditVerification } from '@megabot/contracts/audit.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { createChainCheck, type ChainCheck, type CheckOptions } from './check.ts';
import { lastHead, readEnd, readHeads, readRecords } from './read.ts';

const pageSize = 200;

/**
 * Walks the log in the database from its beginning, a page at a time, and says where it breaks first. Entries that are added
 * meanwhile do no harm: how far the log must go at least is read before.
 */
export async function verifyAudit(sql: Sql, options: CheckOptions): Promise<AuditVerification> {
  const end = await readEnd(sql, '');
  const signed = await lastHead(sql);
  const check = createChainCheck(options);
  while (await checkPage(sql, check)) {
    // the next page
  }
  if (signed && signed.seq > check.seq) check.head(signed);
  return check.end(end);
}

/** Whether there may be more behind it. */
async function checkPage(sql: Sql, check: ChainCheck): Promise<boolean> {
  const after = check.seq;
  const records = await readRecords(sql, { after, limit: pageSize });
  const last = records.at(-1);
  if (!last) return false;
  const heads = new Map((await readHeads(sql, { after, through: last.seq })).map((head) => [head.seq, head]));
  for (const record of records) {
    const head = heads.get(record.seq);
    if (!check.entry(record) || (head && !check.head(head))) return false;
    heads.delete(record.seq);
  }
  return true;
}
