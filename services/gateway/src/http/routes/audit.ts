import { AuditEntry } from '@megabot/contracts/audit.ts';
import { auditList, auditVerify } from '@megabot/contracts/endpoints/interlock.ts';
import { z } from 'zod';
import { nextCursor, pageOf, PageQuery } from '../paging.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** The append-only record of decisions. */
export function registerAuditRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['audit'];
  app.get('/api/v1/audit', { schema: { tags, summary: 'Entries; the first page is the newest, its cursor leads to older ones', querystring: PageQuery, response: { 200: z.object({ entries: z.array(AuditEntry), nextCursor: z.string().nullable() }) } } }, async (request) => {
    const page = await bus.call(auditList, pageOf(request.query));
    return { entries: page.entries, nextCursor: nextCursor(page.entries, page.hasMore) };
  });
  app.post('/api/v1/audit/verify', { schema: { tags, summary: 'Check the chain of hashes from its beginning', response: { 200: auditVerify.reply } } }, async () => await bus.call(auditVerify, {}));
}
