import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { problem } from './problem.ts';

/** Everything the app may load or call comes from its own origin; `data:` images are its icon. */
export const contentSecurityPolicy = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
  "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'",
].join('; ');

const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>MegaBot</title>
<h1>The app is not built yet</h1><p>Run <code>npm run build -w services/ui</code> and reload this page. The API behind this address works already.</p></html>`;

/** Serves the built app: hashed assets for ever, the page itself never from a cache. */
export async function serveApp(server: FastifyInstance, options: { readonly dist: string }): Promise<void> {
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(securityHeaders);
  });
  server.setNotFoundHandler((_request, reply) =>
    problem(reply, 404, { code: 'not_found', title: 'There is nothing here', detail: 'This address is neither part of the app nor of the API.', hint: 'Open / for the app.' }),
  );
  if (!existsSync(join(options.dist, 'index.html'))) {
    server.get('/', (_request, reply) => reply.code(503).type('text/html; charset=utf-8').header('cache-control', 'no-store').send(notBuilt));
    return;
  }
  await server.register(fastifyStatic, {
    root: options.dist,
    cacheControl: false,
    setHeaders: (reply, path) => {
      const hashed = path.startsWith(join(options.dist, 'assets'));
      void reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-store');
    },
  });
}
