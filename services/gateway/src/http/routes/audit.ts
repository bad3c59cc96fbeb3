import { Readable } from 'node:stream';
import type { Bus } from '@megabot/bus/port.ts';
import { auditEndLine, AuditEntry, AuditForgetting, auditLines } from '@megabot/contracts/audit.ts';
import { auditExport, auditForget, auditList, auditVerify } from '@megabot/contracts/endpoints/interlock.ts';
import { z } from 'zod';
import { actorOf } from '../guard.ts';
import { nextCursor, pageOf, PageQuery } from '../paging.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** The append-only record of decisions. */
export function registerAuditRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['audit'];
  app.get('/api/v1/audit', { schema: { tags, summary: 'Entries; the first page is the newest, its cursor leads to older ones', querystring: PageQuery, response: { 200: z.object({ entries: z.array(AuditEntry), nextCursor: z.string().nullable() }) } } }, async (request) => {
    const page = await bus.call(auditList, pageOf(request.query));
    return { entries: page.entries, nextCursor: nextCursor(page.entries, page.hasMore) };
  });

  app.post('/api/v1/audit/verify', { schema: { tags, summary: 'Check the chain of hashes and its signatures from its beginning', response: { 200: auditVerify.reply } } }, async () => await bus.call(auditVerify, {}));

  app.get('/api/v1/audit/export', { exposeHeadRoute: false, schema: { tags, summary: 'The whole log as JSON lines, signed to its end; the last line says how many entries there are', produces: ['application/x-ndjson'] } }, async (_request, reply) => {
    // The first page before the headers: what fails here is still a problem with a status.
    const first = await bus.call(auditExport, {});
    void reply.header('content-type', 'application/x-ndjson; charset=utf-8').header('cache-control', 'no-store').header('content-disposition', 'attachment; filename="megabot-audit.jsonl"');
    return await reply.send(Readable.from(pages(bus, first), { objectMode: false, highWaterMark: 64 * 1024 }));
  });

  app.delete('/api/v1/audit/texts', { schema: { tags, summary: 'Erase the texts of a conversation, of an action, or before a moment; that is recorded, and the chain still verifies', body: AuditForgetting, response: { 200: auditForget.reply } } }, async (request) =>
    await bus.call(auditForget, { actor: actorOf(request), what: request.body }));
}

/** One page in memory at a time, and the next is asked for when the client has taken it. */
async function* pages(bus: Bus, first: z.infer<(typeof auditExport)['reply']>): AsyncGenerator<string> {
  const { through } = first;
  for (let page = first; ; ) {
    yield auditLines(page.entries, page.heads);
    const last = page.entries.at(-1)?.seq;
    if (!page.hasMore || last === undefined) break;
    page = await bus.call(auditExport, { after: last, through });
  }
  yield auditEndLine(through);
}
