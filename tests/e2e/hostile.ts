import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { deriveFernetKey } from '@megabot/crypto/fernet.ts';
import { authProof, newNonce } from '@megabot/crypto/handshake.ts';
import { createSecureChannel, type SecureChannel } from '@megabot/crypto/secure-channel.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import type { Stack } from '@megabot/testing/stack.ts';
import { WebSocket } from 'ws';
import { http, openTalk, type Doors, type Talk } from './talk.ts';

const run = promisify(execFile);

interface RawSocket {
  readonly socket: WebSocket;
  readonly received: string[];
  readonly closed: Promise<{ code: number; ms: number }>;
  next(): Promise<string>;
}

/** The native socket without any of the client's manners. */
function rawSocket(doors: Doors, options: { origin?: string; host?: string } = {}): RawSocket {
  const began = performance.now();
  const socket = new WebSocket(doors.wsUrl, { ...(options.origin === undefined ? {} : { origin: options.origin }), ...(options.host === undefined ? {} : { headers: { host: options.host } }) });
  const received: string[] = [];
  let arrived = (): void => {};
  let taken = 0;
  socket.on('message', (data: Buffer) => {
    received.push(data.toString('utf8'));
    arrived();
  });
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; ms: number }>((resolve) => socket.on('close', (code) => resolve({ code, ms: performance.now() - began })));
  return {
    socket,
    received,
    closed,
    async next() {
      const index = taken++;
      while (received[index] === undefined) {
        await Promise.race([new Promise<void>((resolve) => (arrived = resolve)), closed.then(({ code }) => Promise.reject(new Error(`closed with ${code}`)))]);
      }
      return received[index];
    },
  };
}

/** A raw socket that has proved the token; its frames are the test's to write. */
async function provedSocket(doors: Doors): Promise<RawSocket & { channel: SecureChannel }> {
  const raw = rawSocket(doors);
  const hello = JSON.parse(await raw.next()) as { nonce: string; encryption: { salt: string } };
  const serverNonce = Buffer.from(hello.nonce, 'base64url');
  const clientNonce = newNonce();
  const key = await deriveFernetKey(doors.password, Buffer.from(hello.encryption.salt, 'base64url'));
  const channel = createSecureChannel({ role: 'client', key, serverNonce, clientNonce });
  raw.socket.send(auth(doors.token, serverNonce, clientNonce));
  channel.open(await raw.next());
  return { ...raw, channel };
}

const auth = (token: string, serverNonce: Buffer, clientNonce: Buffer): string =>
  JSON.stringify({ type: 'auth', protocol: 1, nonce: clientNonce.toString('base64url'), proof: authProof(token, serverNonce, clientNonce).toString('base64url') });

/** Writes bytes to a port and resolves with what came back when the other side hangs up, or after `waitMs`. */
async function rawBytes(url: string, bytes: Uint8Array | string, waitMs = 5_000): Promise<{ answer: string; hungUp: boolean }> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    const end = (hungUp: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ answer, hungUp });
    };
    const timer = setTimeout(() => end(false), waitMs);
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('error', () => end(true));
    socket.on('close', () => end(true));
    socket.write(bytes);
  });
}

/** A request with any Host, which `fetch` would not send. */
async function requestWith(url: string, headers: Record<string, string>): Promise<number> {
  return await new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject).end();
  });
}

/** What nobody friendly sends, at each door, while a friendly client goes on beside it. */
export function hostileInput(stack: () => Stack): void {
  suite('hostile input', { concurrency: false }, () => {
    let bystander: Talk;
    let memoryBefore = 0;
    let slowestPong = 0;
    const quiet = new AbortController();
    let beats: Promise<void>;

    before(async () => {
      bystander = await openTalk(stack());
      // The first flood makes the process's heap as large as it gets; what grows after that would grow for ever.
      await flood(stack(), 40);
      memoryBefore = await memoryOf(stack());
      beats = (async () => {
        for (let sent = 1; !quiet.signal.aborted; sent++) {
          const began = performance.now();
          bystander.client.send({ type: 'ping' });
          await bystander.client.next(() => bystander.client.seen.filter((frame) => frame.type === 'pong').length >= sent, 20_000);
          slowestPong = Math.max(slowestPong, performance.now() - began);
          await sleep(250);
        }
      })();
    });

    test('garbage bytes: each door hangs up or answers 400', async () => {
      for (const url of [stack().httpUrl, stack().uiUrl, stack().wsUrl]) {
        const { answer, hungUp } = await rawBytes(url, randomBytes(4_096));
        assert.ok(hungUp || answer.startsWith('HTTP/1.1 400'), `${url}: ${answer.slice(0, 60)}`);
      }
    });

    test('a wrong proof: closed with 4401, and nothing encrypted was sent', async () => {
      const raw = rawSocket(stack());
      const hello = JSON.parse(await raw.next()) as { nonce: string };
      raw.socket.send(auth('a-wrong-token-that-is-long-enough', Buffer.from(hello.nonce, 'base64url'), newNonce()));
      assert.equal((await raw.closed).code, 4401);
      assert.equal(raw.received.length, 1);
    });

    test('garbage instead of auth, and auth of another protocol: closed with 4400', async () => {
      for (const first of ['no json', '{"type":"message"}', '{"type":"auth","protocol":2}', '[]', JSON.stringify({ type: 'auth', protocol: 1, nonce: 'x', proof: 'y' })]) {
        const raw = rawSocket(stack());
        await raw.next();
        raw.socket.send(first);
        assert.equal((await raw.closed).code, 4400, first);
      }
    });

    test('a binary frame: closed with 1003', async () => {
      const raw = await provedSocket(stack());
      raw.socket.send(randomBytes(64));
      assert.equal((await raw.closed).code, 1003);
    });

    test('a frame of 10 MiB, before and after the proof: closed with 1009', async () => {
      const stranger = rawSocket(stack());
      await stranger.next();
      stranger.socket.send('x'.repeat(10 * 1_048_576));
      // The answer may be lost where the connection breaks under what is still being written.
      assert.ok([1009, 1006].includes((await stranger.closed).code));
      const friend = await provedSocket(stack());
      friend.socket.send('x'.repeat(10 * 1_048_576));
      assert.ok([1009, 1006].includes((await friend.closed).code));
    });

    const violations: Record<string, (raw: { socket: WebSocket; channel: SecureChannel }, stale: string) => void> = {
      'a frame that is sent twice': ({ socket, channel }) => {
        const frame = channel.seal({ type: 'ping' });
        socket.send(frame);
        socket.send(frame);
      },
      'two frames in the wrong order': ({ socket, channel }) => {
        const [first, second] = [channel.seal({ type: 'ping' }), channel.seal({ type: 'ping' })];
        socket.send(second);
        socket.send(first);
      },
      'a frame that another connection recorded': ({ socket }, stale) => socket.send(stale),
      'the server\'s own frame thrown back': ({ socket }, stale) => socket.send(stale.toUpperCase()),
      'a frame in clear': ({ socket }) => socket.send('{"type":"ping"}'),
      'a changed byte': ({ socket, channel }) => {
        const frame = channel.seal({ type: 'ping' });
        socket.send(`${frame.slice(0, 60)}${frame[60] === 'A' ? 'B' : 'A'}${frame.slice(61)}`);
      },
    };
    for (const [what, violate] of Object.entries(violations)) {
      test(`${what}: closed with 4400, and nothing of it is carried out`, async () => {
        const other = await provedSocket(stack());
        const stale = other.channel.seal({ type: 'ping' });
        other.socket.terminate();
        const raw = await provedSocket(stack());
        violate(raw, stale);
        assert.equal((await raw.closed).code, 4400);
      });
    }

    test('fields that nobody knows are ignored; wrong types, missing fields and unknown frames are errors, and the connection goes on', async () => {
      const { socket, channel, next } = await provedSocket(stack());
      const answer = async (frame: object): Promise<{ type: string; code?: string; ref?: string }> => {
        socket.send(channel.seal(frame));
        return channel.open(await next()) as { type: string; code?: string; ref?: string };
      };
      assert.equal((await answer({ type: 'ping', extra: { deep: [1] } })).type, 'pong');
      const wrong = [
        { type: 'message', id: 'not a uuid', text: 'x' }, { type: 'message', id: crypto.randomUUID(), text: 7 }, { type: 'message', id: crypto.randomUUID() },
        { type: 'message', id: crypto.randomUUID(), text: '' }, { type: 'message', id: crypto.randomUUID(), text: 'x'.repeat(70_000) }, { type: 'message', id: crypto.randomUUID(), text: 'x', conversation: '../../etc' },
        { type: 'decide', approvalId: '*', decision: 'approve' }, { type: 'decide', approvalId: 'abc', decision: 'yes' }, { type: 'resume', since: -1, epoch: 'x' }, { type: 'no such frame' }, {},
        { type: '__proto__' }, { type: 'message', __proto__: { id: 'x' } }, [], 'text', 5, null,
      ];
      for (const frame of wrong) {
        const { type, code } = await answer(frame as object);
        assert.deepEqual([JSON.stringify(frame).slice(0, 60), type, code], [JSON.stringify(frame).slice(0, 60), 'error', 'bad_request']);
        await sleep(60);
      }
      socket.close();
    });

    test('a message with NUL, lone surrogates and control characters is stored and answered, or refused with an error; it breaks nothing', async () => {
      for (const text of ['a\u0000b', 'a\uD800b', '\u202Etxt.exe', '\u001B[31mred\u001B[0m', '\u{1F600}'.repeat(500)]) {
        const id = crypto.randomUUID();
        bystander.client.send({ type: 'message', id, conversation: bystander.conversation, text });
        const frame = await bystander.client.next((seen) => (seen.type === 'accepted' && seen.id === id) || (seen.type === 'error' && seen.ref === id));
        if (frame.type === 'accepted') await bystander.final(frame.turnId);
        else assert.ok(frame.type === 'error' && frame.code === 'bad_request', JSON.stringify(frame));
      }
    });

    test('a foreign Origin or Host is refused at every door', async () => {
      const bearer = { authorization: `Bearer ${stack().token}` };
      const port = new URL(stack().httpUrl).port;
      for (const host of ['evil.example', `evil.example:${port}`, '192.168.1.10', `127.0.0.1.evil.example:${port}`]) {
        for (const url of [stack().httpUrl, stack().uiUrl]) {
          const status = await requestWith(`${url}/api/v1/policy`, { ...bearer, host });
          assert.ok(status === 403 || status === 421, `${url} with Host ${host}: ${status}`);
        }
        const socket = rawSocket(stack(), { host });
        assert.equal((await socket.closed).code, 1006);
        assert.deepEqual(socket.received, []);
      }
      for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:1`, `http://localhost.evil.example:${port}`]) {
        for (const url of [stack().httpUrl, stack().uiUrl]) assert.equal(await requestWith(`${url}/api/v1/policy`, { ...bearer, origin }), 403, `${url} with Origin ${origin}`);
        const socket = rawSocket(stack(), { origin });
        assert.equal((await socket.closed).code, 1006);
        assert.deepEqual(socket.received, []);
      }
    });

    test('the UI\'s socket opens with neither a session nor a foreign Origin', async () => {
      const session = await fetch(`${stack().uiUrl}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json', origin: stack().uiUrl }, body: JSON.stringify({ token: stack().token }) });
      const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      const status = async (headers: Record<string, string>): Promise<number> =>
        await new Promise((resolve, reject) => {
          const socket = new WebSocket(`${stack().uiUrl.replace('http', 'ws')}/ws`, { headers });
          socket.on('unexpected-response', (_request, response) => {
            resolve(response.statusCode ?? 0);
            socket.terminate();
          });
          socket.on('open', () => {
            resolve(101);
            socket.terminate();
          });
          socket.on('error', reject);
        });
      assert.equal(await status({ cookie, origin: stack().uiUrl }), 101);
      assert.equal(await status({ origin: stack().uiUrl }), 401);
      assert.equal(await status({ cookie, origin: 'https://evil.example' }), 403);
      assert.ok([401, 403].includes(await status({ cookie })));
    });

    test('a body that is too large, not JSON, or of another media type: 413, 400, 415', async () => {
      const post = async (body: string, type: string): Promise<number> =>
        (await fetch(`${stack().httpUrl}/api/v1/conversations`, { method: 'POST', headers: { authorization: `Bearer ${stack().token}`, 'content-type': type }, body })).status;
      assert.equal(await post(JSON.stringify({ title: 'x'.repeat(2 * 1_048_576) }), 'application/json'), 413);
      assert.equal(await post('{"title":', 'application/json'), 400);
      assert.equal(await post('title=x', 'application/x-www-form-urlencoded'), 415);
    });

    test('many connections that never shake hands: the oldest make room, and a friend still gets in', async () => {
      const crowd = Array.from({ length: 150 }, () => rawSocket(stack()));
      await sleep(1_000);
      const talk = await openTalk(stack());
      assert.equal((await talk.ask('in the crowd')).text, 'echo: in the crowd');
      await talk.close();
      for (const raw of crowd) raw.socket.terminate();
      await Promise.all(crowd.map(async (raw) => await raw.closed));
    });

    suite('who keeps a door waiting', { concurrency: 2 }, () => {
      test('no handshake: closed with 4410 after ten seconds', async () => {
        const raw = rawSocket(stack());
        const { code, ms } = await raw.closed;
        assert.equal(code, 4410);
        assert.ok(ms > 9_000 && ms < 14_000, `${ms} ms`);
      });

      test('slow-loris at every door: requests that never end are hung up on, and others are served meanwhile', async () => {
        const sockets: Socket[] = [];
        const hungUp: Promise<void>[] = [];
        for (const url of [stack().httpUrl, stack().uiUrl, stack().wsUrl]) {
          const { hostname, port } = new URL(url);
          for (let index = 0; index < 40; index++) {
            const socket = connect(Number(port), hostname);
            socket.on('error', () => undefined);
            socket.resume();
            socket.write('GET / HTTP/1.1\r\nX-Slow: ');
            const drip = setInterval(() => socket.write('a'), 1_000);
            hungUp.push(new Promise((resolve) => socket.on('close', () => {
              clearInterval(drip);
              resolve();
            })));
            sockets.push(socket);
          }
        }
        assert.equal((await http(stack(), 'GET', '/api/v1/policy')).status, 200);
        assert.equal((await fetch(stack().uiUrl)).status, 200);
        const talk = await openTalk(stack());
        assert.equal((await talk.ask('beside the slow ones')).text, 'echo: beside the slow ones');
        await talk.close();
        const late = await Promise.race([Promise.all(hungUp).then(() => false), sleep(45_000).then(() => true)]);
        const open = sockets.filter((socket) => !socket.destroyed).length;
        for (const socket of sockets) socket.destroy();
        assert.ok(!late, `${open} of ${sockets.length} were still open after 45 seconds`);
      });
    });

    test('a client that sends too much is told so and then closed with 4429', async () => {
      const { socket, channel, closed } = await provedSocket(stack());
      for (let index = 0; index < 400; index++) socket.send(channel.seal({ type: 'ping' }));
      assert.equal((await closed).code, 4429);
    });

    test('beside all of that another client was served, and the gateway holds no more memory than before', async () => {
      quiet.abort();
      await beats;
      assert.equal((await bystander.ask('still here')).text, 'echo: still here');
      assert.equal(bystander.client.closed, undefined);
      assert.ok(slowestPong < 5_000, `a pong took ${Math.round(slowestPong)} ms`);
      const grown = (await memoryOf(stack())) - memoryBefore;
      assert.ok(grown < 48, `the gateway grew by ${Math.round(grown)} MiB`);
      const { startedAt, running } = await stack().container('gateway');
      assert.ok(running && Date.parse(startedAt) < Date.now() - 20_000, 'the gateway never restarted');
    });

    after(async () => {
      quiet.abort();
      await bystander.close();
    });
  });
}

/** Connections that send a large frame each: the most that a stranger can make the gateway hold. */
async function flood(doors: Doors, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const raw = rawSocket(doors);
    await raw.next();
    raw.socket.send('x'.repeat(1_048_000));
    await raw.closed;
  }
}

/** MiB that the gateway's container uses, without the page cache. */
async function memoryOf(stack: Stack): Promise<number> {
  const { id } = await stack.container('gateway');
  const { stdout } = await run('docker', ['stats', '--no-stream', '--format', '{{.MemUsage}}', id]);
  const match = /^([\d.]+)(MiB|GiB|KiB)/.exec(stdout.trim());
  assert.ok(match, stdout);
  return Number(match[1]) * { KiB: 1 / 1_024, MiB: 1, GiB: 1_024 }[match[2] as 'KiB' | 'MiB' | 'GiB'];
}
