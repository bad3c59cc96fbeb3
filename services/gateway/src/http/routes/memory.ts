import * as memory from '@megabot/contracts/endpoints/memory.ts';
import { ForgetRequest, RecallRequest, RememberRequest } from '@megabot/contracts/http.ts';
import { MemoryItem, MemorySpace } from '@megabot/contracts/memory-item.ts';
import { z } from 'zod';
import { GatewayError } from '../../error-table.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const exportLimit = 1_000;

/** Long-term memory: remember, recall, forget, take away. */
export function registerMemoryRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['memory'];

  app.post('/api/v1/memory', { schema: { tags, summary: 'Remember', body: RememberRequest, response: { 201: memory.remember.reply } } }, async (request, reply) => {
    const { items, space } = request.body;
    return await reply.code(201).send(await bus.call(memory.remember, { items, ...(space === undefined ? {} : { space }) }));
  });

  app.post('/api/v1/memory/recall', { schema: { tags, summary: 'Recall what fits a question', body: RecallRequest, response: { 200: memory.recall.reply } } }, async (request) => {
    const { query, k, space, at } = request.body;
    return await bus.call(memory.recall, { query, ...(k === undefined ? {} : { k }), ...(space === undefined ? {} : { space }), ...(at === undefined ? {} : { at }) });
  });

  app.delete('/api/v1/memory', { schema: { tags, summary: 'Forget what is named; `dryRun` only counts it', body: ForgetRequest, response: { 200: memory.forget.reply } } }, async (request) => {
    const { ids, externalIds, session, space, dryRun } = request.body;
    if (ids === undefined && externalIds === undefined && session === undefined && space === undefined) throw new GatewayError('bad_request', 'body: name ids, externalIds, a session or a space');
    return await bus.call(memory.forget, {
      ...(ids === undefined ? {} : { ids }),
      ...(externalIds === undefined ? {} : { externalIds }),
      ...(session === undefined ? {} : { session }),
      ...(space === undefined ? {} : { space }),
      ...(dryRun === undefined ? {} : { dryRun }),
    });
  });

  app.get(
    '/api/v1/memory/export',
    { schema: { tags, summary: 'Everything remembered in a space, page by page', querystring: z.object({ space: MemorySpace.optional(), cursor: z.string().max(128).optional() }), response: { 200: z.object({ items: z.array(MemoryItem), nextCursor: z.string().nullable() }) } } },
    async (request) => {
      const { space, cursor } = request.query;
      const page = await bus.call(memory.exportItems, { limit: exportLimit, ...(space === undefined ? {} : { space }), ...(cursor === undefined ? {} : { after: cursor }) });
      return { items: page.items, nextCursor: page.next };
    },
  );
}
