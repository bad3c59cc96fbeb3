import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { helloFor } from './testing/hello.ts';
import { raw, startHarness, statusOf, type Harness, type HeldGrant } from './testing/harness.ts';

const site = '93.184.216.34';

suite('a tunnel', () => {
  let harness: Harness;
  let hello: Buffer;
  /** What the site was sent, connection by connection. */
  let received: Buffer[];
  let sockets: Socket[];
  before(async () => {
    hello = await helloFor('granted.example');
    harness = await startHarness({ proxyLimits: { connections: 50, headMs: 300, idleMs: 400 }, grantLimits: { connections: 3, bytes: 2 ** 20, quarantineMs: 0 } });
    harness.names.set('granted.example', () => [site]);
    await harness.serveTcp(`${site}:443`, (socket) => {
      const at = received.push(Buffer.alloc(0)) - 1;
      sockets.push(socket);
      socket.on('error', () => undefined).on('data', (chunk) => {
        received[at] = Buffer.concat([received[at] ?? Buffer.alloc(0), chunk]);
        socket.write('answer');
      });
    });
  });
  after(async () => await harness.close());
  const fresh = (): void => {
    received = [];
    sockets = [];
  };
  const head = (held: HeldGrant, host = 'granted.example'): string => `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\nProxy-Authorization: ${held.authorization}\r\n\r\n`;
  /** Opens a tunnel, as far as the proxy lets it, and leaves it open. */
  const opened = async (held: HeldGrant): Promise<Socket> => {
    const socket = connect({ host: held.reply.address, port: held.reply.port });
    socket.on('error', () => undefined).write(Buffer.concat([Buffer.from(head(held)), hello]));
    await new Promise<void>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.includes('answer') || !text.startsWith('HTTP/1.1 200')) resolve();
      });
    });
    return socket;
  };
  const closed = async (socket: Socket): Promise<void> => {
    if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  };

  for (const [how, pieces] of Object.entries({ 'in one piece': 1, 'in small pieces': 40 })) {
    test(`carries TLS for the host that was asked for, sent ${how}, both ways and unchanged`, async () => {
      fresh();
      const held = await harness.grant({ hosts: ['granted.example'] });
      const socket = connect({ host: held.reply.address, port: held.reply.port });
      let back = '';
      socket.on('data', (chunk) => (back += chunk.toString('latin1')));
      socket.write(head(held));
      for (let at = 0; at < hello.length; at += Math.ceil(hello.length / pieces)) {
        socket.write(hello.subarray(at, at + Math.ceil(hello.length / pieces)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      while (!back.includes('answer')) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.write('more');
      while (!received[0]?.toString('latin1').endsWith('more')) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(Buffer.concat([hello, Buffer.from('more')]).equals(received[0] ?? Buffer.alloc(0)));
      assert.match(back, /^HTTP\/1\.1 200 [^]*\r\n\r\nanswer/);
      socket.destroy();
      assert.deepEqual((await held.end()).hosts.map(({ host, connections, refused }) => [host, connections, refused]), [['granted.example', 1, 0]]);
    });
  }

  for (const [what, bytes] of Object.entries({
    'TLS for another host of the same address': async () => await helloFor('evil.example'),
    'TLS without a name': async () => await helloFor(undefined),
    'HTTP': async () => Buffer.from('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n'),
    'SSH': async () => Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    'a hello that never ends': async () => (await helloFor('granted.example')).subarray(0, 100),
    'nothing at all': async () => Buffer.alloc(0),
  })) {
    test(`that carries ${what} is closed, and the site is sent nothing`, async () => {
      fresh();
      const held = await harness.grant({ hosts: ['granted.example', 'evil.example'] });
      await raw(held, Buffer.concat([Buffer.from(head(held)), await bytes()]), 3_000);
      const { hosts } = await held.end();
      assert.deepEqual([hosts.map(({ host, connections, refused }) => [host, connections, refused]), Buffer.concat(received).length], [[['granted.example', 0, 1]], 0]);
    });
  }

  const endings: Record<string, (held: HeldGrant) => Promise<unknown>> = { 'with its run': (held) => held.end(), 'with the sandbox': (held) => held.drop() };
  for (const [how, end] of Object.entries(endings)) {
    test(`ends ${how}`, async () => {
      fresh();
      const held = await harness.grant('internet');
      const socket = await opened(held);
      await end(held);
      await Promise.all([closed(socket), closed(sockets[0] ?? assert.fail())]);
    });
  }

  test('ends when the time of its run is up, and its network is not given to another before the sandbox says so', async () => {
    fresh();
    const held = await harness.grant('internet', 300);
    const other = await harness.grant('internet');
    await closed(await opened(held));
    assert.deepEqual((await harness.ask({ runId: 'third', network: 'internet', lifetimeMs: 1_000 })).reply, { ok: false, reason: 'busy' });
    await held.end();
    await (await harness.grant('internet')).end();
    await other.end();
  });

  test('on which nothing moves is closed', async () => {
    fresh();
    const held = await harness.grant('internet');
    await closed(await opened(held));
    await held.end();
  });

  test('is refused beyond the number that a run may have, and let in again once there is room', async () => {
    fresh();
    const held = await harness.grant('internet');
    const three = await Promise.all([1, 2, 3].map(async () => await opened(held)));
    assert.equal(statusOf(await raw(held, head(held))), 429);
    three[0]?.destroy();
    await closed(sockets[0] ?? assert.fail());
    while (statusOf(await raw(held, head(held), 200)) === 429) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const socket of three) socket.destroy();
    await held.end();
  });

  test('ends when its run has moved more bytes than it may, and so does every later one', async () => {
    fresh();
    const held = await harness.grant('internet');
    const socket = await opened(held);
    const flood = setInterval(() => socket.write(Buffer.alloc(256 * 1024)), 10);
    await closed(socket);
    clearInterval(flood);
    const answer = await raw(held, head(held));
    assert.equal(statusOf(answer), 403);
    assert.match(answer, /used up/);
    await held.end();
  });
});
