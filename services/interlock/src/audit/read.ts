import type { AuditEntry, AuditHead, AuditRecord } from '@megabot/contracts/audit.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { fitting } from '../reply-size.ts';

interface AuditRow extends Record<string, unknown> {
  seq: number;
  at: number;
  event: string;
  principal: string | null;
  channel: string | null;
  conversation: string | null;
  verdict: string | null;
  rule: string | null;
  subject: Record<string, string>;
  text_hash: string | null;
  previous_hash: string;
  hash: string;
  salt: string | null;
  text: string | null;
  digest: string | null;
}

const columns = `a.seq, a.at, a.event, a.principal, a.channel, a.conversation, a.verdict, a.rule, a.subject, a.text_hash, a.previous_hash, a.hash, t.salt, t.text, t.digest
  FROM interlock.audit a LEFT JOIN interlock.audit_text t ON t.seq = a.seq`;

const toRecord = ({ text_hash, previous_hash, ...row }: AuditRow): AuditRecord => ({ ...row, textHash: text_hash, previousHash: previous_hash });

/** A page of the log: forward from `after`, backward from `before`, else the newest; always in ascending order, and no more of it than fits into a reply. */
export async function listAudit(sql: Sql, page: { after?: number | undefined; before?: number | undefined; limit: number }): Promise<{ entries: AuditEntry[]; hasMore: boolean }> {
  const forward = page.after !== undefined;
  const rows = await sql.query<AuditRow>(
    `SELECT ${columns} WHERE a.seq > $1 AND a.seq < $2 ORDER BY a.seq ${forward ? 'ASC' : 'DESC'} LIMIT $3`,
    [page.after ?? 0, page.before ?? Number.MAX_SAFE_INTEGER, page.limit + 1],
  );
  const kept = fitting(rows.slice(0, page.limit).map(toRecord)).map(({ salt: _salt, ...entry }): AuditEntry => entry);
  return { entries: forward ? [...kept] : kept.toReversed(), hasMore: rows.length > kept.length };
}

/** Entries behind `after`, up to `through`, with all that their verification needs. */
export async function readRecords(sql: Sql, page: { after: number; through?: number; limit: number }): Promise<AuditRecord[]> {
  const rows = await sql.query<AuditRow>(`SELECT ${columns} WHERE a.seq > $1 AND a.seq <= $2 ORDER BY a.seq LIMIT $3`, [page.after, page.through ?? Number.MAX_SAFE_INTEGER, page.limit]);
  return rows.map(toRecord);
}

interface HeadRow extends Record<string, unknown> {
  seq: number;
  hash: string;
  at: number;
  public_key: string;
  signature: string;
}

/** The signed heads in a stretch of the log. */
export async function readHeads(sql: Sql, stretch: { after: number; through: number }): Promise<AuditHead[]> {
  const rows = await sql.query<HeadRow>('SELECT seq, hash, at, public_key, signature FROM interlock.audit_heads WHERE seq > $1 AND seq <= $2 ORDER BY seq', [stretch.after, stretch.through]);
  return rows.map(({ public_key, ...head }) => ({ ...head, publicKey: public_key }));
}

/** The signed head that reaches furthest. */
export async function lastHead(sql: Sql): Promise<AuditHead | undefined> {
  const [row] = await sql.query<HeadRow>('SELECT seq, hash, at, public_key, signature FROM interlock.audit_heads ORDER BY seq DESC LIMIT 1');
  if (!row) return undefined;
  const { public_key, ...head } = row;
  return { ...head, publicKey: public_key };
}

export async function readEnd(sql: Sql, lock: '' | 'FOR UPDATE'): Promise<{ seq: number; hash: string }> {
  const [end] = await sql.query<{ seq: number; hash: string }>(`SELECT seq, hash FROM interlock.audit_head ${lock}`);
  if (!end) throw new Error('the audit log has no head');
  return end;
}
