import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayScript } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { channelRow } from '@megabot/testing/openclaw/scripted-sessions.ts';
import { startTestBridge, until, untilState } from './testing/bridge.ts';

const memoryMiB = (): number => (process.memoryUsage().heapUsed + process.memoryUsage().external) / 1_048_576;

const dense: readonly (readonly [string, string])[] = [
  ['brackets in brackets', '['.repeat(2_000_000) + ']'.repeat(2_000_000)],
  ['a million objects', `[${'{},'.repeat(1_300_000)}{}]`],
];
for (const [what, payload] of dense) {
  test(`a frame within the limit that would unfold to many times its size (${what}) is not parsed`, async () => {
    const frame = `{"type":"event","event":"presence","payload":${payload}}`;
    const before = memoryMiB();
    let most = 0;
    await using bridge = await startTestBridge({ script: { welcomed: (socket) => socket.send(frame) } });
    await until('its end', () => {
      most = Math.max(most, memoryMiB());
      return bridge.states.some(({ reason }) => reason === 'frame_too_large');
    });
    assert.ok(most - before < 60, `${most - before} MiB more`);
    assert.equal(bridge.link.status().counters.events_dropped, 0);
    bridge.gateway.script.welcomed = undefined;
    bridge.link.retry();
    await untilState(bridge, 'connected');
  });
}

/** A frame as a server writes it. */
const frame = (opcode: number, payload: Buffer, last = true): Buffer => Buffer.concat([Buffer.from([(last ? 0x80 : 0) | opcode, payload.length]), payload]);

test('pings of a gateway that never reads the pongs end the connection before they fill the memory', async () => {
  const many = Buffer.concat(Array.from({ length: 400 }, () => frame(0x9, Buffer.alloc(125))));
  const script: GatewayScript = {
    welcomed(_socket, raw) {
      raw.pause();
      flood(raw, many);
    },
  };
  const before = memoryMiB();
  await using bridge = await startTestBridge({ script, link: { limits: { framesPerSecond: 1e6, frameBurst: 1e9 } } });
  await until('the end', () => bridge.states.filter(({ state }) => state === 'waiting').length >= 3);
  assert.ok(memoryMiB() - before < 60);
});

const floods: readonly (readonly [string, Buffer])[] = [
  ['pongs that nobody asked for', frame(0xa, Buffer.alloc(0))],
  ['empty messages', frame(0x1, Buffer.alloc(0))],
  ['binary messages', frame(0x2, Buffer.from('{}'))],
];
for (const [what, one] of floods) {
  test(`a flood of ${what} ends the connection, and it is not redialled at once`, async () => {
    const many = Buffer.concat(Array.from({ length: 500 }, () => one));
    await using bridge = await startTestBridge({ script: { welcomed: (_socket, raw) => flood(raw, many) } });
    await until('the end', () => bridge.states.some(({ reason }) => reason === 'flooded'), 20_000);
    const waiting = bridge.states.find(({ reason }) => reason === 'flooded');
    assert.ok((waiting?.nextTryAt ?? 0) - (waiting?.since ?? 0) >= 29_000);
  });
}

function flood(raw: Duplex, bytes: Buffer): void {
  const timer = setInterval(() => (raw.destroyed ? clearInterval(timer) : raw.write(bytes)), 1);
}

test('a message in a hundred pieces, a compressed one, and one that is masked end the connection', async () => {
  const pieces = Buffer.concat([frame(0x1, Buffer.from('{'), false), ...Array.from({ length: 100 }, () => frame(0x0, Buffer.from(' '), false)), frame(0x0, Buffer.from('}'))]);
  const compressed = frame(0x41, Buffer.from([0xaa, 0x56, 0x2a]));
  const masked = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]);
  for (const bytes of [pieces, compressed, masked]) {
    await using bridge = await startTestBridge({ script: { welcomed: (_socket, raw) => void raw.write(bytes) } });
    await until('the end', () => bridge.states.some(({ reason }) => reason === 'broken_frames'));
  }
});

test('a gateway that greets with a body, interim answers or endless headers instead of an upgrade is let go in time', async () => {
  for (const head of ['HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\nX: ']) {
    const drips = head.startsWith('HTTP/1.1 404') ? '5\r\nhello\r\n' : head.startsWith('HTTP/1.1 103') ? head : 'x'.repeat(100);
    await using server = await startRaw((raw) => {
      raw.write(head);
      const timer = setInterval(() => (raw.destroyed ? clearInterval(timer) : raw.write(drips)), 2);
    });
    await using bridge = await startTestBridge({ start: false, link: { url: server.url, limits: { handshakeMs: 150 } } });
    bridge.link.start();
    await until('an end', () => bridge.states.some(({ state }) => state === 'waiting' || state === 'refused'));
    await bridge.link.close();
    await until('the closed socket', () => server.open === 0);
  }
});

async function startRaw(serve: (raw: Duplex) => void): Promise<AsyncDisposable & { readonly url: string; readonly open: number }> {
  const { createServer } = await import('node:net');
  const sockets = new Set<Duplex & { destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket)).once('data', () => serve(socket));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    url: `ws://127.0.0.1:${address.port}`,
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await delay(0);
    },
  };
}

test('a history without an end of large pages is read only so far back as the memory bears, and what was read is taken', async () => {
  const text = 'x'.repeat(60_000);
  const script: GatewayScript = {
    answer({ method, params }) {
      if (method !== 'chat.history') return undefined;
      const offset = Number(params['offset'] ?? 0);
      const messages = Array.from({ length: 50 }, (_, row) => ({ ...channelRow({ text, from: '1001', messageId: `m${offset}-${row}` }), junk: text.slice(0, 10_000) }));
      return { payload: { messages, hasMore: true, nextOffset: offset + 50, deltaCursor: 'c1' } };
    },
  };
  await using bridge = await startTestBridge({ script, link: { limits: { bytesPerSecond: 1e9, byteBurst: 1e9 } } });
  await untilState(bridge, 'connected');
  bridge.gateway.broadcast('session.message', { sessionKey: 'agent:main:main', message: {} });
  await until('what was read', () => bridge.taken.length > 100, 30_000);
  const reads = bridge.gateway.requests.filter(({ method }) => method === 'chat.history').length;
  assert.ok(reads <= 4, `${reads} pages`);
});
