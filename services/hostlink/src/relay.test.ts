import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openRelay, type Relay } from './relay.ts';

suite('the relay to a loopback port', () => {
  let directory: string;
  let host: Server;
  let port: number;
  let relay: Relay;
  let onConnection: (socket: Socket) => void;
  const socketPath = (): string => join(directory, 'models', 'x.sock');
  const client = async (): Promise<Socket> => {
    const socket = connect({ path: socketPath(), allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hostlink-'));
    host = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    }).listen(0, '127.0.0.1');
    await once(host, 'listening');
    port = (host.address() as AddressInfo).port;
    relay = await openRelay({ socket: socketPath(), port, maxConnections: 4 }, { logger: silentLogger() });
  });
  beforeEach(() => {
    onConnection = (socket) => socket.pipe(socket);
  });
  after(async () => {
    await relay.close();
    host.close();
    await rm(directory, { recursive: true });
  });

  test('bytes come through both ways unchanged, and the end of one direction leaves the other open', async () => {
    const bytes = Buffer.alloc(3 * 1024 * 1024, 'abcdefghij');
    const socket = await client();
    const reply = text(socket);
    socket.end(bytes);
    assert.equal(await reply, bytes.toString());
  });

  test('what the host says after the client has ended still arrives', async () => {
    onConnection = (socket) => {
      socket.resume().once('end', () => socket.end('last words'));
    };
    const socket = await client();
    socket.end('question');
    assert.equal(await text(socket), 'last words');
  });

  test('only the owner of the socket may connect', async () => {
    assert.equal((await stat(socketPath())).mode & 0o777, 0o600);
  });

  test('a connection that breaks off on one side breaks off on the other', async () => {
    let atHost: Socket | undefined;
    onConnection = (socket) => {
      atHost = socket.resume();
      socket.write('hello');
    };
    const first = await client();
    await once(first, 'data');
    first.destroy();
    await once(atHost!, 'end');
    atHost!.destroy();
    const second = await client();
    await once(second, 'data');
    atHost!.resetAndDestroy();
    await once(second, 'end');
    second.destroy();
  });

  test('what a client sends never chooses where it goes', async () => {
    const seen: string[] = [];
    onConnection = (socket) => socket.once('data', (data: Buffer) => {
      seen.push(data.toString());
      socket.end();
    });
    const socket = await client();
    const request = 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n';
    socket.write(request);
    await once(socket.resume(), 'end');
    socket.destroy();
    assert.deepEqual(seen, [request]);
  });

  test('more connections than there is room for are closed at once', async () => {
    onConnection = () => undefined;
    const held = await Promise.all([client(), client(), client(), client()]);
    const surplus = await client();
    await once(surplus.resume(), 'end');
    for (const socket of [...held, surplus]) socket.destroy();
  });
});

test('where nobody listens the connection is closed, and a socket left behind is taken over', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hostlink-'));
  const path = join(directory, 'openclaw', '1.sock');
  const placeholder = createServer().listen(0, '127.0.0.1');
  await once(placeholder, 'listening');
  const { port } = placeholder.address() as AddressInfo;
  placeholder.close();
  await once(placeholder, 'close');
  const first = await openRelay({ socket: path, port }, { logger: silentLogger() });
  const socket = connect({ path });
  await once(socket.resume(), 'close');
  await first.close();
  await writeFile(path, 'left behind');
  const second = await openRelay({ socket: path, port }, { logger: silentLogger() });
  assert.ok((await stat(path)).isSocket());
  await second.close();
  await rm(directory, { recursive: true });
});
