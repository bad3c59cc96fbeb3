import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createUiServer } from './app.ts';
import type { BodyLimits } from './server/bodies.ts';

interface Ui extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  /** Requests that reached the gateway, with their bodies. */
  readonly seen: { readonly request: IncomingMessage; readonly body: string }[];
  /** A socket of a client that speaks by hand. */
  dial(): Promise<Socket>;
}

/** The UI service before a gateway that answers whatever is complete, as the real one does. */
async function startUi(bodyLimits: Partial<BodyLimits> = {}): Promise<Ui> {
  const seen: { request: IncomingMessage; body: string }[] = [];
  const gateway = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ request, body });
      response.writeHead(200, { 'content-type': 'text/plain', connection: 'keep-alive', 'keep-alive': 'timeout=72' }).end(`got ${body.length}`);
    });
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const server = await createUiServer({ gatewayUrl: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, dist: '/nonexistent', bodyLimits }, { logger: silentLogger() });
  const origin = await server.listen({ host: '127.0.0.1', port: 0 });
  const port = Number(new URL(origin).port);
  const dialled: Socket[] = [];
  return {
    port, origin, seen,
    async dial() {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      dialled.push(socket);
      await once(socket, 'connect');
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of dialled) socket.destroy();
      await server.close();
      gateway.closeAllConnections();
      await new Promise<void>((resolve) => gateway.close(() => resolve()));
    },
  };
}

/** Everything that comes until the server closes, or until `enough` was in it. */
async function heard(socket: Socket, enough?: RegExp): Promise<string> {
  let all = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    all += chunk.toString();
    if (enough?.test(all)) break;
  }
  return all;
}

const slowSignIn = 'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"token":';

test('slow bodies of strangers keep nobody from the gateway', { timeout: 15_000 }, async () => {
  await using ui = await startUi();
  for (let count = 0; count < 80; count++) (await ui.dial()).write(slowSignIn);
  const response = await fetch(`${ui.origin}/api/v1/conversations`);
  assert.equal(response.status, 200);
  const posted = await fetch(`${ui.origin}/api/v1/conversations`, { method: 'POST', body: '{}' });
  assert.equal(posted.status, 200);
  assert.deepEqual(ui.seen.map(({ request }) => request.url), ['/api/v1/conversations', '/api/v1/conversations'], 'an unfinished body does not reach the gateway');
});

test('where too many bodies are unfinished, the one that began first makes room and is told so', { timeout: 15_000 }, async () => {
  await using ui = await startUi({ maxUnfinished: 3 });
  const first = await ui.dial();
  first.write(slowSignIn);
  const others = await Promise.all([ui.dial(), ui.dial()]);
  for (const other of others) other.write(slowSignIn);
  const answers = await Promise.all([1, 2, 3].map(async () => (await fetch(`${ui.origin}/api/v1/memory`, { method: 'POST', body: 'whole' })).status));
  assert.deepEqual(answers, [200, 200, 200]);
  const told = await heard(first);
  assert.match(told, /^HTTP\/1\.1 503 /);
  assert.match(told, /"code":"rate_limited".*Send it again/s);
});

test('the bytes that wait are bounded too', { timeout: 15_000 }, async () => {
  await using ui = await startUi({ maxTotalBytes: 10_000 });
  const slow = await ui.dial();
  slow.write(`POST /api/v1/memory HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(8_000)}`);
  assert.equal(await (await fetch(`${ui.origin}/api/v1/memory`, { method: 'POST', body: 'y'.repeat(6_000) })).text(), 'got 6000');
  assert.match(await heard(slow), /^HTTP\/1\.1 503 /);
});

for (const [how, headers] of [['with a length', { 'content-length': '2000000' }], ['in chunks', {}]] as const) {
  test(`a body over 1 MiB ${how} is answered with 413 and what to do, not with a gateway that is down`, async () => {
    await using ui = await startUi();
    const request = httpRequest({ host: '127.0.0.1', port: ui.port, path: '/api/v1/memory', method: 'POST', headers });
    request.end(Buffer.alloc(2_000_000, 120));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 413);
    const problem = JSON.parse(await text(response)) as { code: string; detail: string; hint: string };
    assert.equal(problem.code, 'too_large');
    assert.match(`${problem.detail} ${problem.hint}`, /1 MiB.*nothing was done.*Send less/s);
    assert.equal(ui.seen.length, 0);
  });
}

test('a body of exactly 1 MiB passes, whole', async () => {
  await using ui = await startUi();
  assert.equal(await (await fetch(`${ui.origin}/api/v1/memory`, { method: 'POST', body: 'x'.repeat(1_048_576) })).text(), 'got 1048576');
});

test('whoever asks first whether to send is told to, and served', async () => {
  await using ui = await startUi();
  const request = httpRequest({ host: '127.0.0.1', port: ui.port, path: '/api/v1/memory', method: 'POST', headers: { expect: '100-continue', 'content-length': '5' } });
  request.flushHeaders();
  await once(request, 'continue');
  request.end('hello');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.deepEqual([response.statusCode, await text(response)], [200, 'got 5']);
  assert.equal(ui.seen[0]?.request.headers.expect, undefined);
});

test('whoever asks first with a body that is too long is refused before sending it', async () => {
  await using ui = await startUi();
  const request = httpRequest({ host: '127.0.0.1', port: ui.port, path: '/api/v1/memory', method: 'POST', headers: { expect: '100-continue', 'content-length': '5000000' } });
  let continued = false;
  request.on('continue', () => (continued = true));
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.deepEqual([response.statusCode, continued], [413, false]);
  request.destroy();
});

test('Connection: close is the wish of this client alone: its connection ends, and the gateway does not hear of it', { timeout: 15_000 }, async () => {
  await using ui = await startUi();
  const socket = await ui.dial();
  socket.write('GET /api/v1/conversations HTTP/1.1\r\nHost: localhost\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n');
  const answer = await heard(socket);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /\r\nconnection: close\r\n/i);
  const [seen] = ui.seen;
  assert.deepEqual([seen?.request.headers['x-hop'], seen?.request.headers['x-end']], [undefined, '2']);
  assert.notEqual(seen?.request.headers.connection, 'close');
});

test('a client that leaves in the middle of its body leaves nothing behind', { timeout: 15_000 }, async () => {
  await using ui = await startUi({ maxUnfinished: 1 });
  const leaving = await ui.dial();
  leaving.write(slowSignIn);
  leaving.destroy();
  assert.equal((await fetch(`${ui.origin}/api/v1/memory`, { method: 'POST', body: 'whole' })).status, 200);
  assert.equal(ui.seen.length, 1);
});
