import { runGet } from '@megabot/contracts/endpoints/interlock.ts';
import { Id } from '@megabot/contracts/ids.ts';
import { Run } from '@megabot/contracts/run.ts';
import { z } from 'zod';
import type { HttpApp, HttpServices } from '../services.ts';

/** What ran, and what it printed. */
export function registerRunRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['runs'];
  const params = z.object({ id: Id });
  app.get('/api/v1/runs/:id', { schema: { tags, summary: 'One run', params, response: { 200: Run } } }, async (request) => await bus.call(runGet, { runId: request.params.id }));
  app.get('/api/v1/runs/:id/output', { schema: { tags, summary: 'What a run printed, as plain text', params, response: { 200: { description: 'Output', content: { 'text/plain': { schema: z.string() } } } } } }, async (request, reply) => {
    const run = await bus.call(runGet, { runId: request.params.id });
    // Output is whatever a command wrote: never to be shown as a page.
    return await reply.type('text/plain; charset=utf-8').header('content-disposition', 'attachment; filename="output.txt"').serializer((text) => String(text)).send(run.output);
  });
}
