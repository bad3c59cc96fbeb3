import { createHash, randomBytes } from 'node:crypto';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import { canonicalJson } from '@megabot/contracts/canonical.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { storableText } from '@megabot/postgres/values.ts';
import { redact } from './redact.ts';
import { fitting } from './reply-size.ts';

/** What happened, in the words of the log. */
export type AuditEvent =
  | 'judged' | 'decided' | 'decision_refused' | 'approval_expired' | 'approval_cancelled' | 'permit_issued' | 'claimed' | 'claim_refused' | 'reported' | 'run_ended'
  | 'submission_refused' | 'report_refused' | 'turn_cancelled' | 'policy_edited' | 'edit_refused' | 'configuration_read' | 'lockdown' | 'unlocked'
  | 'session_opened' | 'session_refused' | 'session_ended';

export interface NewAuditEntry {
  readonly event: AuditEvent;
  readonly principal?: string | null;
  readonly channel?: string | null;
  readonly conversation?: string | null;
  readonly verdict?: string | null;
  readonly rule?: string | null;
  /** Ids of what it is about. */
  readonly subject?: Readonly<Record<string, string>>;
  /** Redacted before it is stored. */
  readonly text?: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const textHashOf = (salt: string, text: string): string => sha256(`${salt}\n${text}`);

const stored = (text: string | null | undefined): string | null => (text === null || text === undefined ? null : storableText(text));

type Chained = Omit<AuditEntry, 'text' | 'hash'>;
export const chainHash = (entry: Chained): string => sha256(canonicalJson(entry));

/**
 * Appends entries within the caller's transaction. The head stays locked until that ends, so that entries stand in the order
 * of commits; it must be the last lock that a transaction takes.
 */
export async function appendAudit(sql: Sql, now: number, entries: readonly NewAuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const [head] = await sql.query<{ seq: number; hash: string }>('SELECT seq, hash FROM interlock.audit_head FOR UPDATE');
  if (!head) throw new Error('the audit log has no head');
  let { seq, hash: previousHash } = head;
  const rows: AuditEntry[] = [];
  const texts: { seq: number; salt: string; text: string }[] = [];
  for (const entry of entries) {
    seq += 1;
    const text = entry.text === undefined ? null : storableText(redact(entry.text));
    const salt = randomBytes(16).toString('hex');
    if (text !== null) texts.push({ seq, salt, text });
    const chained: Chained = {
      seq,
      at: now,
      event: entry.event,
      // As the database will give it back: the hash is taken over that.
      principal: stored(entry.principal),
      channel: stored(entry.channel),
      conversation: stored(entry.conversation),
      verdict: stored(entry.verdict),
      rule: stored(entry.rule),
      subject: Object.fromEntries(Object.entries(entry.subject ?? {}).map(([name, value]) => [name, storableText(value)])),
      textHash: text === null ? null : textHashOf(salt, text),
      previousHash,
    };
    previousHash = chainHash(chained);
    rows.push({ ...chained, text: null, hash: previousHash });
  }
  await sql.query(
    `INSERT INTO interlock.audit (seq, at, event, principal, channel, conversation, verdict, rule, subject, text_hash, previous_hash, hash)
     SELECT seq, at, event, principal, channel, conversation, verdict, rule, subject, "textHash", "previousHash", hash
     FROM jsonb_to_recordset($1::jsonb) AS entry (seq bigint, at bigint, event text, principal text, channel text, conversation text, verdict text, rule text,
       subject jsonb, "textHash" text, "previousHash" text, hash text)`,
    [JSON.stringify(rows)],
  );
  if (texts.length > 0) {
    await sql.query('INSERT INTO interlock.audit_text (seq, salt, text) SELECT seq, salt, text FROM jsonb_to_recordset($1::jsonb) AS entry (seq bigint, salt text, text text)', [JSON.stringify(texts)]);
  }
  await sql.query('UPDATE interlock.audit_head SET seq = $1, hash = $2', [seq, previousHash]);
}

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
}

const columns = `a.seq, a.at, a.event, a.principal, a.channel, a.conversation, a.verdict, a.rule, a.subject, a.text_hash, a.previous_hash, a.hash, t.salt, t.text
  FROM interlock.audit a LEFT JOIN interlock.audit_text t ON t.seq = a.seq`;

function toEntry({ text_hash, previous_hash, salt: _salt, ...row }: AuditRow): AuditEntry {
  return { ...row, textHash: text_hash, previousHash: previous_hash };
}

/** A page of the log: forward from `after`, backward from `before`, else the newest; always in ascending order, and no more of it than fits into a reply. */
export async function listAudit(sql: Sql, page: { after?: number | undefined; before?: number | undefined; limit: number }): Promise<{ entries: AuditEntry[]; hasMore: boolean }> {
  const forward = page.after !== undefined;
  const rows = await sql.query<AuditRow>(
    `SELECT ${columns} WHERE a.seq > $1 AND a.seq < $2 ORDER BY a.seq ${forward ? 'ASC' : 'DESC'} LIMIT $3`,
    [page.after ?? 0, page.before ?? Number.MAX_SAFE_INTEGER, page.limit + 1],
  );
  const kept = fitting(rows.slice(0, page.limit).map(toEntry));
  return { entries: forward ? [...kept] : kept.toReversed(), hasMore: rows.length > kept.length };
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly entries: number;
  readonly firstBreak: { readonly seq: number; readonly problem: string } | null;
}

/** Walks the whole chain and says where it breaks first: changed, missing or reordered entries, changed text, a cut-off end. */
export async function verifyAudit(sql: Sql): Promise<AuditVerification> {
  const [head] = await sql.query<{ seq: number; hash: string }>('SELECT seq, hash FROM interlock.audit_head');
  let previous = { seq: 0, hash: '' };
  let entries = 0;
  const broken = (seq: number, problem: string): AuditVerification => ({ ok: false, entries, firstBreak: { seq, problem } });
  for (;;) {
    const rows = await sql.query<AuditRow>(`SELECT ${columns} WHERE a.seq > $1 ORDER BY a.seq LIMIT 500`, [previous.seq]);
    for (const row of rows) {
      if (row.seq !== previous.seq + 1) return broken(previous.seq + 1, 'The entry is missing.');
      const { text, hash, ...chained } = toEntry(row);
      if (chained.previousHash !== previous.hash) return broken(row.seq, 'The entry does not follow the one before it.');
      if (chainHash(chained) !== hash) return broken(row.seq, 'The entry was changed.');
      if (row.salt !== null && text !== null && textHashOf(row.salt, text) !== chained.textHash) return broken(row.seq, 'The text of the entry was changed.');
      if (row.seq === head?.seq && head.hash !== hash) return broken(row.seq, 'The last entry is not the one that was recorded as the last.');
      previous = { seq: row.seq, hash };
      entries += 1;
    }
    if (rows.length === 0) break;
  }
  if (head && previous.seq < head.seq) return broken(previous.seq + 1, 'The end of the log is missing.');
  return { ok: true, entries, firstBreak: null };
}
