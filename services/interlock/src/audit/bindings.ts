import type { z } from 'zod';
import { handle, type Binding } from '@megabot/bus/port.ts';
import * as endpoints from '@megabot/contracts/endpoints/interlock.ts';
import type { Database } from '@megabot/postgres/database.ts';
import type { AuditWriter } from '../audit.ts';
import { readInForce } from '../configuration/state.ts';
import type { Context } from '../context.ts';
import { requireEntitled } from '../entitlement.ts';
import { recordingRefusals } from '../refusals.ts';
import { fitting } from '../reply-size.ts';
import { toServiceError } from '../transaction.ts';
import { forgetTexts } from './forget.ts';
import { listAudit, readEnd, readHeads, readRecords } from './read.ts';
import { verifyAudit } from './verify.ts';

/** The endpoints of the audit log. */
export function createAuditBindings(context: Context): Binding[] {
  const { db } = context.store;
  return [
    handle(endpoints.auditList, (page) => reading(() => listAudit(db, page))),
    handle(endpoints.auditVerify, () => reading(() => verifyAudit(db, { publicKeys: [context.permitPublicKey, ...context.earlierPublicKeys] }))),
    handle(endpoints.auditExport, (page) => reading(() => exportPage(context, page))),
    handle(endpoints.auditForget, (request) => forget(context, request)),
  ];
}

async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toServiceError(error);
  }
}

/** Signs the log as it stands, so that what is exported is signed to its end. Resolves to how far it goes. */
export async function signHere({ audit, db, clock }: { audit: AuditWriter; db: Database; clock: () => number }): Promise<number> {
  const signed = await db.transaction(async (sql) => ({ head: await audit.sign(sql, clock()), end: await readEnd(sql, '') }));
  if (signed.head) audit.announce(signed.head);
  return signed.end.seq;
}

async function exportPage(context: Context, { after, through: given, limit }: z.infer<(typeof endpoints.auditExport)['request']>): Promise<z.infer<(typeof endpoints.auditExport)['reply']>> {
  const { db } = context.store;
  const through = given ?? (await signHere({ ...context, db }));
  const entries = [...fitting(await readRecords(db, { after, through, limit }))];
  const last = entries.at(-1)?.seq ?? after;
  return { entries, heads: await readHeads(db, { after, through: last }), through, hasMore: entries.length > 0 && last < through };
}

async function forget(context: Context, { actor, what }: z.infer<(typeof endpoints.auditForget)['request']>): Promise<{ texts: number }> {
  const entry = { event: 'forget_refused', principal: actor.principal, channel: actor.channel } as const;
  return await recordingRefusals(context, entry, async () => {
    return await context.transact(async (tx) => {
      requireEntitled(actor, 'erase_texts', (await readInForce(tx)).settings);
      return { texts: await forgetTexts(tx, what, actor) };
    });
  });
}
