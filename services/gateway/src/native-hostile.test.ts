import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { events } from '@megabot/contracts/events.ts';
import type { HelloFrame } from '@megabot/contracts/frames.ts';
import { authProof, newNonce } from '@megabot/crypto/handshake.ts';
import { connectNative, openRaw, type RawClient } from './testing/native-client.ts';
import { startTestGateway, testPassword, testToken, type TestGateway } from './testing/test-gateway.ts';

const url = (megabot: TestGateway): string => `ws://127.0.0.1:${megabot.gateway.wsPort}`;
const connectOwner = async (megabot: TestGateway) => await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
const stillServed = async (client: Awaited<ReturnType<typeof connectOwner>>): Promise<void> => {
  client.send({ type: 'ping' });
  assert.equal((await client.frame('pong')).type, 'pong');
};

async function authFor(raw: RawClient, token: string): Promise<string> {
  const hello = JSON.parse(await raw.text()) as HelloFrame;
  const nonce = newNonce();
  return JSON.stringify({ type: 'auth', protocol: 1, nonce: nonce.toString('base64url'), proof: authProof(token, Buffer.from(hello.nonce, 'base64url'), nonce).toString('base64url') });
}

describe('before the handshake', () => {
  for (const [name, sent] of [
    ['garbage text', '\u0000\ufffd{{{'],
    ['JSON of the wrong type', '[1,2,3]'],
    ['a message instead of auth', JSON.stringify({ type: 'message', id: randomUUID(), text: 'hi' })],
    ['auth of another protocol', JSON.stringify({ type: 'auth', protocol: 2, nonce: 'x', proof: 'y' })],
    ['auth that is far too long', JSON.stringify({ type: 'auth', protocol: 1, padding: 'x'.repeat(10_000) })],
  ] as const) {
    test(`${name} closes with 4400`, async () => {
      await using megabot = await startTestGateway();
      await using owner = await connectOwner(megabot);
      await using raw = await openRaw(url(megabot));
      raw.socket.send(sent);
      assert.equal((await raw.closed()).code, 4400);
      await stillServed(owner);
    });
  }

  test('a wrong token closes with 4401, late, and gets nothing encrypted', async () => {
    await using megabot = await startTestGateway({ limits: { failureDelayMs: 40 } });
    await using raw = await openRaw(url(megabot));
    raw.socket.send(await authFor(raw, 'another-token-of-enough-characters'));
    await using owner = await connectOwner(megabot);
    await stillServed(owner);
    const { code, reason } = await raw.closed();
    assert.deepEqual([code, reason.split(':')[0]], [4401, 'auth_failed']);
  });

  test('a proof made for another connection does not hold', async () => {
    await using megabot = await startTestGateway();
    await using first = await openRaw(url(megabot));
    const auth = await authFor(first, testToken);
    await using second = await openRaw(url(megabot));
    await second.text();
    second.socket.send(auth);
    assert.equal((await second.closed()).code, 4401);
  });

  test('who does not shake hands in time is closed', async () => {
    await using megabot = await startTestGateway({ limits: { handshakeMs: 60 } });
    await using owner = await connectOwner(megabot);
    await using raw = await openRaw(url(megabot));
    const { code, reason } = await raw.closed();
    assert.deepEqual([code, reason.split(':')[0]], [4410, 'handshake_timeout']);
    await stillServed(owner);
  });

  test('a handshake that only waits does not keep the owner out: the one that waits longest makes room', async () => {
    await using megabot = await startTestGateway({ limits: { maxUnauthenticated: 3 } });
    const idle = [await openRaw(url(megabot)), await openRaw(url(megabot)), await openRaw(url(megabot))];
    await using owner = await connectOwner(megabot);
    assert.equal((await idle[0]?.closed())?.code, 4429);
    await stillServed(owner);
    for (const raw of idle) await raw[Symbol.asyncDispose]();
  });

  test('a page of another origin does not even get hello; one of ours does', async () => {
    await using megabot = await startTestGateway();
    await assert.rejects(openRaw(url(megabot), { origin: 'https://evil.example' }), /403/);
    await assert.rejects(openRaw(url(megabot), { origin: 'null' }), /403/);
    await using raw = await openRaw(url(megabot), { origin: megabot.origin });
    assert.match(await raw.text(), /"hello"/);
  });

  test('a name that was rebound to our address is refused', async () => {
    await using megabot = await startTestGateway();
    await assert.rejects(openRaw(url(megabot), { headers: { host: `evil.example:${megabot.gateway.wsPort}` } }), /403/);
  });

  test('a slow request is cut off, and garbage instead of HTTP is answered and closed', async () => {
    await using megabot = await startTestGateway({ limits: { headersMs: 60 } });
    await using owner = await connectOwner(megabot);
    const slow = connect(megabot.gateway.wsPort, '127.0.0.1');
    slow.on('error', () => {});
    slow.write('GET / HTTP/1.1\r\nHost: 127');
    const garbage = connect(megabot.gateway.wsPort, '127.0.0.1');
    garbage.on('error', () => {});
    garbage.write(randomBytes(512));
    garbage.resume();
    slow.resume();
    await Promise.all([once(slow, 'close'), once(garbage, 'close')]);
    await stillServed(owner);
  });
});

describe('on the encrypted channel', () => {
  type Client = Awaited<ReturnType<typeof connectOwner>>;
  const violations: Record<string, (client: Client, megabot: TestGateway) => Promise<void> | void> = {
    'a frame in clear': (client) => client.socket.send(JSON.stringify({ type: 'ping' })),
    'garbage text': (client) => client.socket.send('not a token'),
    'a frame that was already sent': (client) => {
      const frame = client.seal({ type: 'ping' });
      client.socket.send(frame);
      client.socket.send(frame);
    },
    'frames in another order': (client) => {
      const first = client.seal({ type: 'ping' });
      const second = client.seal({ type: 'ping' });
      client.socket.send(second);
      client.socket.send(first);
    },
    'a frame left out': (client) => {
      client.seal({ type: 'ping' });
      client.socket.send(client.seal({ type: 'ping' }));
    },
    'a frame of another connection': async (client, megabot) => {
      await using other = await connectOwner(megabot);
      client.socket.send(other.seal({ type: 'ping' }));
    },
    'a frame thrown back': async (client) => {
      client.send({ type: 'ping' });
      client.socket.send(await client.text());
    },
    'a token with a line break in it': (client) => client.socket.send(client.seal({ type: 'ping' }).replace(/^(.{20})/, '$1\n')),
  };
  for (const [name, violate] of Object.entries(violations)) {
    test(`${name} closes with 4400, and others are not touched`, async () => {
      await using megabot = await startTestGateway();
      await using owner = await connectOwner(megabot);
      await using client = await connectOwner(megabot);
      await violate(client, megabot);
      const { code, reason } = await client.closed();
      assert.deepEqual([code, reason.split(':')[0]], [4400, 'channel_violation']);
      await stillServed(owner);
    });
  }

  test('a wrong password is found out at the first frame', async () => {
    await using megabot = await startTestGateway();
    await assert.rejects(connectNative(megabot.gateway.wsPort, { token: testToken, password: 'another' }), /Fernet/);
  });
});

describe('of an authenticated client', () => {
  test('a frame over 1 MiB closes with 1009, in the handshake too', async () => {
    await using megabot = await startTestGateway({ wsPassword: '' });
    await using owner = await connectNative(megabot.gateway.wsPort, { token: testToken });
    for (const connection of [await connectNative(megabot.gateway.wsPort, { token: testToken }), await openRaw(url(megabot))]) {
      await using client = connection;
      client.socket.send('x'.repeat(10 * 1_048_576));
      assert.equal((await client.closed()).code, 1009);
    }
    owner.send({ type: 'ping' });
    await owner.frame('pong');
  });

  test('a binary frame closes with 1003', async () => {
    await using megabot = await startTestGateway();
    await using client = await connectOwner(megabot);
    client.socket.send(Buffer.from('{}'));
    assert.equal((await client.closed()).code, 1003);
  });

  const wrong: [name: string, frame: unknown, path: RegExp][] = [
    ['an unknown type', { type: 'destroy' }, /type/],
    ['no object', [1], /the frame/],
    ['an id that is no uuid', { type: 'message', id: 'x', text: 'hi' }, /id/],
    ['a text that is a number', { type: 'message', id: randomUUID(), text: 5 }, /text/],
    ['an empty text', { type: 'message', id: randomUUID(), text: '' }, /text/],
    ['a conversation that would be a subject', { type: 'message', id: randomUUID(), text: 'hi', conversation: 'a.>' }, /conversation/],
    ['an attachment', { type: 'message', id: randomUUID(), text: 'hi', attachments: [{ name: 'a', mediaType: 'b', data: 'c' }] }, /attachments/],
    ['a decision that is neither', { type: 'decide', approvalId: 'abc', decision: 'maybe' }, /decision/],
    ['a negative place', { type: 'resume', since: -1, epoch: 'e' }, /since/],
  ];
  for (const [name, frame, path] of wrong) {
    test(`${name}: the error names where it is wrong, and the connection stays`, async () => {
      await using megabot = await startTestGateway();
      await using client = await connectOwner(megabot);
      client.send(frame as object);
      const error = await client.frame('error');
      assert.equal(error['code'], 'bad_request');
      assert.match(String(error['message']), path);
      await stillServed(client);
      assert.equal(megabot.fakes.appended.length, 0);
    });
  }

  test('text that is no JSON is refused in clear mode, and the connection stays', async () => {
    await using megabot = await startTestGateway({ wsPassword: '' });
    await using client = await connectNative(megabot.gateway.wsPort, { token: testToken });
    client.socket.send('{{{{');
    assert.equal((await client.frame('error'))['code'], 'bad_request');
    client.send({ type: 'ping' });
    await client.frame('pong');
  });

  test('unknown fields are tolerated', async () => {
    await using megabot = await startTestGateway();
    await using client = await connectOwner(megabot);
    client.send({ type: 'message', id: randomUUID(), text: 'hi', colour: 'blue', principal: 'device:evil' });
    await client.frame('accepted');
    assert.equal(megabot.fakes.tickets[0]?.claims.principal, 'owner');
  });

  test('too many frames are refused one by one with their id, and a client that goes on is closed with 4429', async () => {
    await using megabot = await startTestGateway({ limits: { messagesPerSecond: 1, messageBurst: 2, refusalsBeforeClose: 3 } });
    await using owner = await connectOwner(megabot);
    await using client = await connectOwner(megabot);
    const id = randomUUID();
    for (let count = 0; count < 2; count++) client.send({ type: 'ping' });
    client.send({ type: 'message', id, text: 'hi' });
    const error = await client.frame('error');
    assert.deepEqual([error['code'], error['ref']], ['rate_limited', id]);
    for (let count = 0; count < 10; count++) client.send({ type: 'ping' });
    assert.equal((await client.closed()).code, 4429);
    await stillServed(owner);
  });

  test('a client that does not read is closed with 4408 instead of filling the memory', async () => {
    await using megabot = await startTestGateway({ limits: { maxBufferedBytes: 200_000 } });
    await using owner = await connectOwner(megabot);
    await using client = await connectOwner(megabot);
    // Live from here on: while a client catches up, the log waits for it instead.
    await stillServed(client);
    client.socket.pause();
    let closed = false;
    client.socket.once('close', () => (closed = true));
    const chunk = 'x'.repeat(64_000);
    // What loopback itself buffers is some megabytes.
    for (let index = 0; index < 400; index++) {
      await megabot.fakes.sandboxBus.publish(events.output, { conversation: 'default', runId: 'r', turnId: 't', stream: 'stdout', index, chunk });
      await owner.frame('run');
    }
    const metrics = await (await megabot.request('/metrics')).text();
    assert.match(metrics, /megabot_gateway_refused_total\{code="slow_consumer"\} 1/);
    client.socket.resume();
    await client.closed();
    assert.ok(closed);
  });

  test('a client that answers no ping is closed', async () => {
    await using megabot = await startTestGateway({ limits: { pingMs: 20 } });
    await using raw = await openRaw(url(megabot));
    raw.socket.send(await authFor(raw, testToken));
    await raw.text();
    // The library answers pings by itself unless it is paused.
    raw.socket.pause();
    const deadline = Date.now() + 5_000;
    while (!/megabot_gateway_connections 0/.test(await (await megabot.request('/metrics')).text())) assert.ok(Date.now() < deadline, 'the connection is still there');
  });
});
