import type { AuditHead } from '@megabot/contracts/audit.ts';
import type { Database } from '@megabot/postgres/database.ts';
import type { AuditWriter } from '../audit.ts';
import { lastHead, readEnd } from './read.ts';

/**
 * Where the log was signed by another key so far, records the change and signs the log with ours at once: from there on an earlier
 * key signs nothing that counts. What the entry says of the earlier key vouches for nothing: which keys were ours is known outside
 * of the database alone.
 */
export async function recordKeyChange({ audit, db, clock, publicKey }: { audit: AuditWriter; db: Database; clock: () => number; publicKey: string }): Promise<AuditHead | null> {
  const head = await db.transaction(async (sql) => {
    // Replicas that start together see one after the other what was signed last.
    await readEnd(sql, 'FOR UPDATE');
    const last = await lastHead(sql);
    if (last === undefined || last.publicKey === publicKey) return null;
    const appended = await audit.append(sql, clock(), [{ event: 'permit_key_changed', subject: { from: last.publicKey, to: publicKey } }]);
    return appended ?? (await audit.sign(sql, clock()));
  });
  if (head) audit.announce(head);
  return head;
}
