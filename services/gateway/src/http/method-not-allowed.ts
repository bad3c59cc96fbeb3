import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorTable } from '../error-table.ts';
import { sendProblem } from './problems.ts';
import type { HttpApp } from './services.ts';

/** 404 for a path that nothing has, 405 with `Allow` for one that has other methods. */
export function registerNotFound(app: HttpApp): void {
  const routes: { pattern: RegExp; methods: readonly string[] }[] = [];
  app.addHook('onRoute', (route) => {
    const pattern = new RegExp(`^${route.url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`);
    routes.push({ pattern, methods: [route.method].flat() });
  });
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = [...new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods))];
    const code = methods.length > 0 ? 'method_not_allowed' : 'not_found';
    if (methods.length > 0) void reply.header('allow', methods.join(', '));
    return sendProblem(reply, { code, message: errorTable[code].title, hint: errorTable[code].hint });
  });
}
