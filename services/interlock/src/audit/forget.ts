import type { AuditForgetting } from '@megabot/contracts/audit.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { Tx } from '../transaction.ts';

/**
 * Erases redacted texts, their salts and digests for good, and records that in the same transaction. What stays is who decided
 * what about which ids; a hash whose salt is gone gives nothing away. Resolves to the number of texts that were erased.
 */
export async function forgetTexts(tx: Tx, what: AuditForgetting, by: { readonly principal: string; readonly channel: string }): Promise<number> {
  const texts = await erase(tx, what);
  if (texts > 0) {
    const subject = Object.fromEntries(Object.entries(what).map(([name, value]) => [name, String(value)]));
    tx.record({ event: 'text_forgotten', principal: by.principal, channel: by.channel, subject: { ...subject, texts: String(texts) } });
  }
  return texts;
}

async function erase(sql: Sql, what: AuditForgetting): Promise<number> {
  const [where, value] = 'conversation' in what ? ['a.conversation = $1', what.conversation] : 'key' in what ? ["a.subject ->> 'key' = $1", what.key] : ['a.at < $1', what.before];
  const [row] = await sql.query<{ count: number }>(
    `WITH gone AS (DELETE FROM interlock.audit_text t USING interlock.audit a WHERE a.seq = t.seq AND ${where} RETURNING t.seq) SELECT count(*) AS count FROM gone`,
    [value],
  );
  return row?.count ?? 0;
}
