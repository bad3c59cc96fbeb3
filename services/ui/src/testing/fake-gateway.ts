import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClientFrame, ServerFrame } from '@megabot/contracts/frames.ts';
import { WebSocketServer, type WebSocket } from 'ws';
import { createFakeRoutes, type FakeRoutes } from './fake-routes.ts';
import { createFakeWorld, type FakeWorld } from './fake-world.ts';

export interface FakeGateway extends Pick<FakeRoutes, 'setPolicy' | 'bumpPolicy' | 'messengers' | 'files'> {
  readonly url: string;
  readonly world: FakeWorld;
  /** Requests as they arrived. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  /** Messages by their id: what was sent under it, and how often. */
  readonly sent: ReadonlyMap<string, { readonly text: string; readonly times: number }>;
  /** Ends all sockets and refuses new ones until `online`. */
  offline(): void;
  online(): void;
  close(): Promise<void>;
}

/**
 * A gateway made of scripted data, to develop and test the page without a stack: design §7 as the app uses it. The words of
 * a message choose what happens: see `scriptedAnswers`; `refuse` is refused the first time and stored the second.
 */
export async function startFakeGateway(options: { port?: number; seeded?: boolean } = {}): Promise<FakeGateway> {
  const epoch = randomUUID();
  const sockets = new Set<WebSocket>();
  const requests: { method: string; path: string; headers: IncomingMessage['headers'] }[] = [];
  const sent = new Map<string, { text: string; times: number }>();
  const stored = new Map<string, { messageId: string; turnId: string }>();
  let refusing = false;
  const world = createFakeWorld((frame) => {
    for (const socket of sockets) socket.send(JSON.stringify(frame));
  });
  const routes = createFakeRoutes(world);
  if (options.seeded) world.seed();

  function onFrame(socket: WebSocket, frame: ClientFrame): void {
    const reply = (value: ServerFrame) => socket.send(JSON.stringify(value));
    switch (frame.type) {
      case 'ping':
        return reply({ type: 'pong' });
      case 'resume':
        if (frame.epoch !== epoch) return reply({ type: 'error', code: 'resume_gap', message: 'Another epoch.', hint: 'Read again.' });
        return world.log.slice(frame.since).forEach(reply);
      case 'message': {
        const before = sent.get(frame.id);
        sent.set(frame.id, { text: frame.text, times: (before?.times ?? 0) + 1 });
        if (frame.text.includes('refuse') && !before) return reply({ type: 'error', code: 'unavailable', message: 'The store is away.', hint: 'Send it again.', ref: frame.id });
        const done = stored.get(frame.id) ?? world.begin(frame.conversation, frame.text);
        stored.set(frame.id, done);
        return reply({ type: 'accepted', id: frame.id, ...done });
      }
      case 'decide':
      case 'cancel':
        return reply({ type: 'error', code: 'bad_request', message: 'The app decides and cancels over HTTP.', hint: '' });
    }
  }

  const note = (request: IncomingMessage, method: string) => requests.push({ method, path: request.url ?? '', headers: request.headers });
  const server = createServer((request, response) => {
    note(request, request.method ?? '');
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => routes.handle(request, response, (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>));
  });
  const upgrader = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    note(request, 'UPGRADE');
    if (refusing || !routes.signedIn(request)) return socket.end(`HTTP/1.1 ${refusing ? 503 : 401} Refused\r\nconnection: close\r\n\r\n`);
    upgrader.handleUpgrade(request, socket, head, (ws) => {
      sockets.add(ws);
      ws.on('close', () => sockets.delete(ws));
      ws.on('message', (data: Buffer) => onFrame(ws, JSON.parse(data.toString()) as ClientFrame));
      ws.send(JSON.stringify({ type: 'welcome', connection: 'c1', principal: 'owner', epoch, resumeFrom: world.log.length }));
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, world, requests, sent,
    setPolicy: routes.setPolicy,
    bumpPolicy: routes.bumpPolicy,
    messengers: routes.messengers,
    files: routes.files,
    offline() {
      refusing = true;
      for (const socket of sockets) socket.terminate();
    },
    online() {
      refusing = false;
    },
    async close() {
      world.stop();
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
