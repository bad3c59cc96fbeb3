import { z } from 'zod';
import { errorTable, GatewayError, publicFailure } from '../../error-table.ts';
import { createEventStream } from '../../event-stream.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const endGraceMs = 1_000;

const Headers = z.object({ 'last-event-id': z.string().max(256).optional() });

/** The frames as server-sent events (WHATWG HTML §9.2). The id of each is `epoch:seq`, so that a browser resumes by itself. */
export function registerEventRoutes(app: HttpApp, services: HttpServices): void {
  const { hub, limits, sessions, events, signal } = services;

  // Fastify would run this for HEAD too, which has no body to stream.
  app.get('/api/v1/events', { exposeHeadRoute: false, schema: { tags: ['events'], summary: 'Events as they happen; Last-Event-ID brings what was missed', headers: Headers, produces: ['text/event-stream'] } }, async (request, reply) => {
    const lastId = request.headers['last-event-id'];
    const from = lastId === undefined ? undefined : parseEventId(lastId, hub.epoch);
    const raw = reply.raw;
    reply.hijack();
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'keep-alive' });

    const write = (frame: { readonly type: string; readonly seq?: number; readonly [field: string]: unknown }): void => {
      if (raw.writableEnded || raw.destroyed) return;
      const id = frame.seq === undefined ? '' : `id: ${hub.epoch}:${frame.seq}\n`;
      raw.write(`${id}event: ${frame.type}\ndata: ${JSON.stringify(frame)}\n\n`);
      if (raw.writableLength > limits.maxBufferedBytes) {
        events.refused('slow_consumer', request.ip, 'http');
        raw.destroy();
      }
    };
    const stream = createEventStream(hub, {
      send: write,
      flushed: async () => {
        if (raw.writableEnded || raw.destroyed) return false;
        if (!raw.writableNeedDrain) return true;
        return await new Promise((resolve) => {
          const done = (): void => {
            raw.off('drain', done).off('close', done);
            resolve(!raw.destroyed);
          };
          raw.once('drain', done).once('close', done);
        });
      },
    });
    const heartbeat = setInterval(() => raw.write(': still here\n\n'), limits.pingMs);
    const stop = (): void => {
      clearInterval(heartbeat);
      unwatch();
      unfollow();
      stream.stop();
      signal.removeEventListener('abort', end);
    };
    const end = (): void => {
      stop();
      raw.end();
      // Who does not read what was sent is not waited for.
      const timer = setTimeout(() => raw.destroy(), endGraceMs);
      timer.unref();
      raw.once('finish', () => clearTimeout(timer));
    };
    const secret = request.proven?.sessionSecret;
    const unwatch = secret === undefined ? () => {} : sessions.watch(secret, end);
    const unfollow = hub.onNewEpoch(end);
    signal.addEventListener('abort', end, { once: true });
    raw.once('close', stop);

    write({ type: 'welcome', epoch: hub.epoch, resumeFrom: stream.resumeFrom, principal: request.proven?.actor.principal });
    await (from === undefined ? stream.release() : stream.resume(from.seq, from.epoch)).catch((error: unknown) => {
      const { code, message, hint } = publicFailure(error);
      if (errorTable[code].status >= 500) events.failed(code, error, 'GET /api/v1/events');
      write({ type: 'error', code, message, hint });
    });
  });
}

/** `epoch:seq` as we gave it, or a bare number of the present epoch. */
function parseEventId(text: string, epoch: string): { epoch: string; seq: number } {
  const match = /^(?:(.*):)?(\d{1,15})$/.exec(text);
  if (!match) throw new GatewayError('bad_request', 'Last-Event-ID: must be the id of an event');
  return { epoch: match[1] ?? epoch, seq: Number(match[2]) };
}
