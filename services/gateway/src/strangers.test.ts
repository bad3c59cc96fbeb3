import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectNative } from './testing/native-client.ts';
import { startTestGateway, testPassword, testToken } from './testing/test-gateway.ts';

async function idle(port: number, count: number, sent = ''): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}).resume());
  await Promise.all(sockets.map(async (socket) => await once(socket, 'connect')));
  for (const socket of sockets) socket.write(sent);
  return sockets;
}

test('idle connections do not keep the owner out, of either door, and those of the owner stay', async () => {
  await using megabot = await startTestGateway({ limits: { maxStrangers: 8, maxConnections: 16 } });
  const { httpPort, wsPort } = megabot.gateway;
  await using early = await connectNative(wsPort, { token: testToken, password: testPassword });
  const owned = connect(httpPort, '127.0.0.1');
  owned.write(`GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1:${httpPort}\r\nAuthorization: Bearer ${testToken}\r\n\r\n`);
  await once(owned, 'data');
  let lost = false;
  owned.once('close', () => (lost = true));

  const strangers = [...(await idle(wsPort, 40)), ...(await idle(httpPort, 40, `GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${httpPort}\r\n\r\n`))];
  while (strangers.filter((socket) => !socket.closed).length > 16) await delay(5);
  await using late = await connectNative(wsPort, { token: testToken, password: testPassword });
  for (const client of [early, late]) {
    client.send({ type: 'ping' });
    await client.frame('pong');
  }
  assert.equal((await megabot.request('/api/v1/session')).status, 200);
  assert.equal(lost, false);
  for (const socket of [...strangers, owned]) socket.destroy();
});
