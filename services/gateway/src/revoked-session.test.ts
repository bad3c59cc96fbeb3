import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { events } from '@megabot/contracts/events.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createSessions } from './sessions.ts';
import { startTestGateway, testToken, type TestGateway } from './testing/test-gateway.ts';

async function signIn(megabot: TestGateway): Promise<string> {
  const response = await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: megabot.origin } });
  return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}
const signOut = async (megabot: TestGateway, cookie: string): Promise<unknown> =>
  await megabot.request('/api/v1/session', { method: 'DELETE', headers: { cookie, origin: megabot.origin } });

/** A connection whose client does nothing by itself: it answers no close frame and reads only when told. */
async function bareRequest(megabot: TestGateway, lines: readonly string[]): Promise<Socket> {
  const socket = connect(megabot.gateway.httpPort, '127.0.0.1');
  socket.on('error', () => {});
  socket.write([...lines, `Host: 127.0.0.1:${megabot.gateway.httpPort}`, '', ''].join('\r\n'));
  await once(socket, 'data');
  return socket;
}

function textFrame(value: object): Buffer {
  const payload = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

test('a socket that is being closed is not listened to any more, also where the client does not answer the close', async () => {
  await using megabot = await startTestGateway();
  const cookie = await signIn(megabot);
  const socket = await bareRequest(megabot, [
    'GET /ws HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', `Origin: ${megabot.origin}`, `Cookie: ${cookie}`,
  ]);
  socket.write(textFrame({ type: 'message', id: randomUUID(), text: 'one' }));
  while (megabot.fakes.appended.length === 0) await delay(1);
  await signOut(megabot, cookie);
  socket.write(textFrame({ type: 'message', id: randomUUID(), text: 'two' }));
  await once(socket, 'close');
  assert.deepEqual(megabot.fakes.appended.map(({ text }) => text), ['one']);
});

test('a stream whose reader does not read is cut off when its session ends, whatever still waits for it', async () => {
  await using megabot = await startTestGateway({ limits: { maxBufferedBytes: 64 * 1_048_576 } });
  const cookie = await signIn(megabot);
  const socket = await bareRequest(megabot, ['GET /api/v1/events HTTP/1.1', `Cookie: ${cookie}`]);
  socket.pause();
  const say = async (index: number): Promise<void> =>
    await megabot.fakes.sandboxBus.publish(events.output, { conversation: 'default', runId: 'r', turnId: 't', stream: 'stdout', index, chunk: 'x'.repeat(64_000) });
  // Some megabytes more than loopback itself buffers.
  for (let index = 0; index < 300; index++) await say(index);
  await signOut(megabot, cookie);
  for (let index = 300; index < 303; index++) await say(index);
  // A reader that comes after the second it is given finds the connection gone.
  await delay(1_500);
  let received = 0;
  socket.on('data', (data: Buffer) => (received += data.length));
  socket.resume();
  await once(socket, 'close');
  assert.ok(received < 300 * 64_000);
});

test('a session that ends while it is being looked up stays over', async () => {
  const hub = createInProcessHub();
  const interlockBus = hub.bus('interlock', { logger: silentLogger() });
  const over = new Set<string>();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await interlockBus.serve([
    handle(interlock.sessionCheck, async ({ secretHash }) => {
      if (over.has(secretHash)) throw new ServiceError('session_invalid', 'the session is over');
      await held;
      return { principal: 'owner', sessionId: 's', expiresAt: Number.MAX_SAFE_INTEGER };
    }),
    handle(interlock.sessionEnd, async ({ secretHash }) => {
      over.add(secretHash);
      return {};
    }),
  ]);
  const sessions = createSessions(hub.bus('gateway', { logger: silentLogger() }), { sessionMs: 60_000, cacheMs: 10_000, clock: () => 0 });
  const secret = 'a'.repeat(43);
  const lookedUp = sessions.check(secret);
  await sessions.end(secret);
  release();
  assert.equal(await lookedUp, undefined);
  assert.equal(await sessions.check(secret), undefined);
  sessions.stop();
  await hub.close();
});

test('a session that has run out closes its sockets also while the interlock is away', async () => {
  const hub = createInProcessHub();
  const interlockBus = hub.bus('interlock', { logger: silentLogger() });
  const serving = await interlockBus.serve([handle(interlock.sessionCheck, async () => ({ principal: 'owner', sessionId: 's', expiresAt: 1_000 }))]);
  let now = 0;
  const sessions = createSessions(hub.bus('gateway', { logger: silentLogger() }), { sessionMs: 1_000, cacheMs: 5, clock: () => now });
  const secret = 'b'.repeat(43);
  assert.equal(await sessions.check(secret), 'owner');
  const ended = new Promise<void>((resolve) => sessions.watch(secret, resolve));
  await serving.stop();
  now = 1_001;
  await ended;
  sessions.stop();
  await hub.close();
});
