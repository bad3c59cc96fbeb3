import { randomBytes, type KeyObject } from 'node:crypto';
import type { AuditEntry, AuditHead } from '@megabot/contracts/audit.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { isDatabaseError, type Sql } from '@megabot/postgres/database.ts';
import { storableText } from '@megabot/postgres/values.ts';
import { chainHash, publicKeyId, signHead, textHashOf, type Erasable } from './audit/chain.ts';
import { lastHead, readEnd } from './audit/read.ts';
import { redact } from './redact.ts';
import { shortened } from './reply-size.ts';

/** What happened, in the words of the log. */
export type AuditEvent =
  | 'judged' | 'decided' | 'decision_refused' | 'approval_expired' | 'approval_cancelled' | 'permit_issued' | 'claimed' | 'claim_refused' | 'reported' | 'run_ended'
  | 'submission_refused' | 'report_refused' | 'permit_key_changed' | 'turn_cancelled' | 'cancel_refused' | 'policy_edited' | 'edit_refused' | 'configuration_read' | 'lockdown' | 'unlocked'
  | 'session_opened' | 'session_refused' | 'session_ended' | 'text_forgotten' | 'forget_refused'
  | 'approval_edited' | 'grant_revoked' | 'not_asked' | 'codes_enrolled' | 'codes_confirmed' | 'codes_removed' | 'codes_refused';

export interface NewAuditEntry {
  readonly event: AuditEvent;
  readonly principal?: string | null;
  readonly channel?: string | null;
  readonly conversation?: string | null;
  readonly verdict?: string | null;
  /** Redacted before it is stored, since a pattern may hold a secret as well. */
  readonly rule?: string | null;
  /** Ids of what it is about, and numbers. */
  readonly subject?: Readonly<Record<string, string>>;
  /** Redacted before it is stored, and erasable. */
  readonly text?: string | null;
  /** SHA-256, in hexadecimal, of the exact bytes that it is about: action, plan or output. Erasable, as the text is. */
  readonly digest?: string | null;
}

/** Of one entry's text: what a person can read, and no more than a page of them can carry. */
const maxTextBytes = 64 * 1024;

export interface AuditWriter {
  /**
   * Appends entries within the caller's transaction. The head stays locked until that ends, so that entries stand in the order
   * of commits, whichever replica writes; it must be the last lock that a transaction takes. Resolves to the head if it was
   * signed with them: the caller announces it after the commit.
   * @throws ServiceError `unavailable` if the log does not continue where it ended: without it nothing may be decided
   */
  append(sql: Sql, now: number, entries: readonly NewAuditEntry[]): Promise<AuditHead | null>;
  /** Signs the log as it stands, unless that is done already or the last signature is younger than `olderThan` milliseconds. */
  sign(sql: Sql, now: number, olderThan?: number): Promise<AuditHead | null>;
  /** Exports a signed head to the service's log, where whoever owns the database cannot change it. */
  announce(head: AuditHead): void;
}

export interface AuditWriterOptions {
  readonly privateKey: KeyObject;
  readonly publicKey: string;
  /** Entries between two signatures. */
  readonly signEvery: number;
  readonly logger: Logger;
}

export function createAuditWriter({ privateKey, publicKey, signEvery, logger }: AuditWriterOptions): AuditWriter {
  async function signAt(sql: Sql, now: number, end: { seq: number; hash: string }): Promise<AuditHead> {
    const head = signHead(privateKey, publicKey, { ...end, at: now });
    await sql.query('INSERT INTO interlock.audit_heads (seq, hash, at, public_key, signature) VALUES ($1, $2, $3, $4, $5)', [head.seq, head.hash, head.at, head.publicKey, head.signature]);
    return head;
  }

  return {
    async append(sql, now, entries) {
      if (entries.length === 0) return null;
      const before = await readEnd(sql, 'FOR UPDATE');
      const end = await insert(sql, now, entries, before);
      return Math.floor(end.seq / signEvery) > Math.floor(before.seq / signEvery) ? await signAt(sql, now, end) : null;
    },
    async sign(sql, now, olderThan = 0) {
      const end = await readEnd(sql, 'FOR UPDATE');
      const last = await lastHead(sql);
      if (end.seq === (last?.seq ?? 0) || (last && now - last.at < olderThan)) return null;
      return await signAt(sql, now, end);
    },
    announce({ seq, hash, at, publicKey: by, signature }) {
      // A field called "signature" would be masked in the log.
      logger.info({ seq, hash, at, headSignature: signature, publicKeyId: publicKeyId(by) }, 'audit head signed');
    },
  };
}

async function insert(sql: Sql, now: number, entries: readonly NewAuditEntry[], before: { seq: number; hash: string }): Promise<{ seq: number; hash: string }> {
  const rows: AuditEntry[] = [];
  const erasables: ({ seq: number } & Erasable)[] = [];
  let { seq, hash: previousHash } = before;
  for (const entry of entries) {
    seq += 1;
    const erasable = erasableOf(entry);
    if (erasable) erasables.push({ seq, ...erasable });
    const chained = {
      seq,
      at: now,
      event: entry.event,
      // As the database will give it back: the hash is taken over that.
      principal: stored(entry.principal),
      channel: stored(entry.channel),
      conversation: stored(entry.conversation),
      verdict: stored(entry.verdict),
      rule: entry.rule === null || entry.rule === undefined ? null : storableText(redact(entry.rule)),
      subject: Object.fromEntries(Object.entries(entry.subject ?? {}).map(([name, value]) => [name, storableText(value)])),
      textHash: erasable ? textHashOf(erasable) : null,
      previousHash,
    };
    previousHash = chainHash(chained);
    rows.push({ ...chained, text: null, hash: previousHash });
  }
  await insertRows(sql, rows);
  if (erasables.length > 0) {
    await sql.query(
      'INSERT INTO interlock.audit_text (seq, salt, text, digest) SELECT seq, salt, text, digest FROM jsonb_to_recordset($1::jsonb) AS entry (seq bigint, salt text, text text, digest text)',
      [JSON.stringify(erasables)],
    );
  }
  const end = { seq, hash: previousHash };
  await sql.query('UPDATE interlock.audit_head SET seq = $1, hash = $2', [end.seq, end.hash]);
  return end;
}

async function insertRows(sql: Sql, rows: readonly AuditEntry[]): Promise<void> {
  try {
    await sql.query(
      `INSERT INTO interlock.audit (seq, at, event, principal, channel, conversation, verdict, rule, subject, text_hash, previous_hash, hash)
       SELECT seq, at, event, principal, channel, conversation, verdict, rule, subject, "textHash", "previousHash", hash
       FROM jsonb_to_recordset($1::jsonb) AS entry (seq bigint, at bigint, event text, principal text, channel text, conversation text, verdict text, rule text,
         subject jsonb, "textHash" text, "previousHash" text, hash text) ORDER BY seq`,
      [JSON.stringify(rows)],
    );
  } catch (error) {
    // Refused by the database: the last entry is gone, or another one stands where this belongs. Both are tampering.
    if (isDatabaseError(error) && (error.sqlState === 'AU001' || (error.code === 'unique' && error.constraint === 'audit_pkey'))) {
      throw new ServiceError('unavailable', 'The audit log does not continue where it ended: somebody has changed it. Nothing is decided without it.', {
        hint: 'Look where it breaks with make audit-verify, and restore the database from a backup.', cause: error,
      });
    }
    throw error;
  }
}

function erasableOf({ text = null, digest = null }: NewAuditEntry): Erasable | null {
  if (text === null && digest === null) return null;
  return { salt: randomBytes(16).toString('hex'), text: text === null ? null : storableText(shortened(redact(text), maxTextBytes)), digest };
}

const stored = (text: string | null | undefined): string | null => (text === null || text === undefined ? null : storableText(text));
