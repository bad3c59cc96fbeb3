import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { FastifyInstance } from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';
import { createUiServer } from './app.ts';

/** The gateway as far as this service knows one: it notes what reaches it. */
const seen: IncomingMessage[] = [];
const answer: RequestListener = (request, response) => {
  seen.push(request);
  if (request.url === '/api/v1/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    return;
  }
  request.pipe(response.writeHead(request.url === '/api/v1/refused' ? 503 : 200, { 'content-type': 'application/json', 'set-cookie': 'session=1; HttpOnly', etag: '"v1"' }));
};
const gateway = createServer(answer);
const sockets = new WebSocketServer({ noServer: true });
let upgrades = 0;
gateway.on('upgrade', (request, socket, head) => {
  seen.push(request);
  upgrades += 1;
  if (request.headers.cookie !== 'session=1') return socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on('message', (data: Buffer) => (data.toString() === 'leave' ? ws.close(4401, 'session_invalid') : ws.send(`echo ${data.toString()}`)));
    ws.send('welcome');
  });
});

let dist: string;
let server: FastifyInstance;
let origin: string;
let port: number;

before(async () => {
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  dist = await mkdtemp(join(tmpdir(), 'ui-dist-'));
  await mkdir(join(dist, 'assets'));
  await writeFile(join(dist, 'index.html'), '<!doctype html><title>app</title>');
  await writeFile(join(dist, 'assets', 'index-abc.js'), 'export {};');
  server = await createUiServer({ gatewayUrl: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, dist }, { logger: silentLogger() });
  origin = await server.listen({ host: '127.0.0.1', port: 0 });
  port = Number(new URL(origin).port);
});
after(async () => {
  await server.close();
  gateway.closeAllConnections();
  gateway.close();
  await rm(dist, { recursive: true });
});

/** `fetch` does not let a caller set `Host`. */
const raw = (path: string, headers: Record<string, string>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => httpRequest({ host: '127.0.0.1', port, path, headers }, resolve).on('error', reject).end());
/** The open socket after its first message, or the status it was refused with. */
const connect = (path: string, headers: Record<string, string> = {}): Promise<{ ws: WebSocket; first: string } | number> =>
  new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    ws.once('message', (data: Buffer) => resolve({ ws, first: data.toString() }));
    ws.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    ws.once('error', reject);
  });
const next = (ws: WebSocket): Promise<string> => new Promise((resolve) => ws.once('message', (data: Buffer) => resolve(data.toString())));

describe('the app is served so that it can load and call nothing but its own origin', () => {
  it('gives the page strict headers and never from a cache', async () => {
    const response = await fetch(`${origin}/`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-security-policy'), "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'");
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(response.headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin');
  });
  it('lets hashed assets stay in the cache for ever', async () => {
    assert.equal((await fetch(`${origin}/assets/index-abc.js`)).headers.get('cache-control'), 'public, max-age=31536000, immutable');
  });
  it('answers what is not there, or outside of the app, with 404', async () => {
    for (const path of ['/nothing', '/assets/', '/metrics', '/..%2fpackage.json']) assert.equal((await fetch(origin + path)).status, 404, path);
  });
  it('says that it lives', async () => assert.equal((await fetch(`${origin}/livez`)).status, 200));
  it('says so where the app is not built, and proxies all the same', async () => {
    const bare = await createUiServer({ gatewayUrl: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, dist: join(dist, 'missing') }, { logger: silentLogger() });
    assert.match((await bare.inject('/')).body, /not built/);
    assert.equal((await bare.inject('/health')).statusCode, 200);
    await bare.close();
  });
});

describe('the gateway is reached through the same origin', () => {
  it('sees Host, Origin and cookie as the browser sent them, and nothing added', async () => {
    const response = await raw('/api/v1/conversations?x=1', { host: 'megabot.example:5173', origin: 'http://megabot.example:5173', cookie: 'session=1', 'if-match': '"v1"' });
    response.resume();
    const last = seen.at(-1);
    assert.equal(last?.url, '/api/v1/conversations?x=1');
    assert.equal(last.headers.host, 'megabot.example:5173');
    assert.equal(last.headers.origin, 'http://megabot.example:5173');
    assert.equal(last.headers.cookie, 'session=1');
    assert.equal(last.headers['if-match'], '"v1"');
    assert.deepEqual(Object.keys(last.headers).filter((name) => name.startsWith('x-forwarded') || name === 'forwarded'), []);
    assert.equal(response.headers.etag, '"v1"');
    assert.deepEqual(response.headers['set-cookie'], ['session=1; HttpOnly']);
  });
  it('gets bodies as they are, broken JSON and wrong types too: judging them is its task', async () => {
    for (const [type, body] of [['application/json', '{"text": broken'], ['text/plain', 'words']] as const) {
      const response = await fetch(`${origin}/api/v1/memory`, { method: 'POST', headers: { 'content-type': type }, body });
      assert.equal(await response.text(), body);
    }
  });
  it('is asked once: a 503 is passed on, not repeated', async () => {
    const before = seen.length;
    assert.equal((await fetch(`${origin}/api/v1/refused`)).status, 503);
    assert.equal(seen.length, before + 1);
  });
  it('streams events while the answer goes on', async () => {
    const response = await fetch(`${origin}/api/v1/events`);
    const reader = response.body?.getReader();
    const chunk = await reader?.read();
    assert.equal(new TextDecoder().decode(chunk?.value), 'data: first\n\n');
    await reader?.cancel();
  });
});

describe('the socket is joined to the gateway’s', () => {
  it('with Host and Origin unchanged, both ways, until either end closes', async () => {
    const opened = await connect('/ws', { host: 'megabot.example:5173', origin: 'http://megabot.example:5173', cookie: 'session=1' });
    assert.ok(typeof opened !== 'number');
    const { ws, first } = opened;
    assert.equal(seen.at(-1)?.headers.host, 'megabot.example:5173');
    assert.equal(seen.at(-1)?.headers.origin, 'http://megabot.example:5173');
    assert.equal(first, 'welcome');
    ws.send('hello');
    assert.equal(await next(ws), 'echo hello');
    const closed = new Promise((resolve) => ws.once('close', (code, reason) => resolve([code, reason.toString()])));
    ws.send('leave');
    assert.deepEqual(await closed, [4401, 'session_invalid']);
  });
  it('and a refusal keeps its status', async () => assert.equal(await connect('/ws'), 401));
  it('but for no other path', async () => {
    const before = upgrades;
    assert.equal(await connect('/api/v1/events', { cookie: 'session=1' }), 404);
    assert.equal(upgrades, before);
  });
});

describe('a gateway that is down', () => {
  it('is a clear 502 for requests and for the socket, and the page itself still loads', async (test) => {
    const alone = await createUiServer({ gatewayUrl: 'http://127.0.0.1:1', dist }, { logger: silentLogger() });
    test.after(() => alone.close());
    const at = await alone.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${at}/api/v1/conversations`);
    assert.equal(response.status, 502);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const body = (await response.json()) as { code: string; hint: string };
    assert.equal(body.code, 'unavailable');
    assert.match(body.hint, /make logs s=gateway/);
    const refused = await new Promise((resolve) => new WebSocket(`${at.replace('http', 'ws')}/ws`).once('unexpected-response', (_request, answer_) => resolve(answer_.statusCode)).once('error', () => undefined));
    assert.equal(refused, 502);
    assert.equal((await fetch(`${at}/`)).status, 200);
  });
});
