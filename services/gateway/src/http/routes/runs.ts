import { runGet, runOutput } from '@megabot/contracts/endpoints/interlock.ts';
import { Id } from '@megabot/contracts/ids.ts';
import { Run } from '@megabot/contracts/run.ts';
import { z } from 'zod';
import type { HttpApp, HttpServices } from '../services.ts';
import { asBody, attachment } from './attachment.ts';

/** What ran, and what it printed. */
export function registerRunRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['runs'];
  const params = z.object({ id: Id });
  const output = { description: 'Output', content: { 'text/plain': { schema: z.string() }, 'application/octet-stream': { schema: z.string() } } };
  app.get('/api/v1/runs/:id', { schema: { tags, summary: 'One run', params, response: { 200: Run } } }, async (request) => await bus.call(runGet, { runId: request.params.id }));
  app.get('/api/v1/runs/:id/output', { schema: { tags, summary: 'What a run printed: plain text, or its standard output byte for byte where that is no text', params, response: { 200: output } } }, async (request, reply) => {
    const { output, binary } = await bus.call(runOutput, { runId: request.params.id });
    if (binary !== null) return await attachment(reply, 'output.bin').send(asBody(Buffer.from(binary, 'base64')));
    // Output is whatever a command wrote, as it wrote it: never to be shown as a page, and made harmless by whoever shows it.
    return await reply.type('text/plain; charset=utf-8').header('content-disposition', 'attachment; filename="output.txt"').serializer((text) => String(text)).send(output);
  });
}
