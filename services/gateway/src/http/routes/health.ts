import { z } from 'zod';
import { GatewayError } from '../../error-table.ts';
import { HealthReport } from '../../health.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** Liveness, readiness, health and metrics. Strangers learn one word. */
export function registerHealthRoutes(app: HttpApp, services: HttpServices): void {
  const tags = ['health'];
  const Word = z.object({ status: z.string() });
  app.get('/livez', { config: { open: true }, schema: { tags, summary: 'The process answers', response: { 200: Word } } }, () => ({ status: 'ok' }));
  app.get('/readyz', { config: { open: true }, schema: { tags, summary: 'The gateway can take requests', response: { 200: Word } } }, () => {
    if (!services.bus.connected) throw new GatewayError('disconnected');
    return { status: 'ready' };
  });
  app.get(
    '/health',
    { config: { open: true }, schema: { tags, summary: 'Every service; without a token or session only the status', response: { 200: z.union([HealthReport, z.object({ status: z.enum(['ok', 'degraded']) })]) } } },
    async (request) => {
      const { authorization, cookie } = request.headers;
      const known = authorization !== undefined ? await services.authentication.prove({ authorization }, request.ip) : await services.authentication.proveCookie(cookie).catch(() => undefined);
      const report = await services.health.report();
      return known ? report : { status: report.status };
    },
  );
  app.get('/metrics', { schema: { tags, summary: 'Counters in the text format of Prometheus', produces: ['text/plain'], response: { 200: z.string() } } }, async (_request, reply) =>
    await reply.type('text/plain; version=0.0.4; charset=utf-8').serializer((text) => String(text)).send(services.metrics.render()),
  );
}
