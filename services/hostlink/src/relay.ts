import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Logger } from '@megabot/observability/logger.ts';

export interface RelayOptions {
  /** Where clients connect: the path of a Unix socket, made anew. */
  readonly socket: string;
  /** The port on 127.0.0.1 that they reach there, and nothing else. */
  readonly port: number;
  /** Connections at a time; more are closed at once. */
  readonly maxConnections?: number;
}

export interface Relay {
  close(): Promise<void>;
}

/** How long the host's listener may take to answer; it is on this machine. */
const connectMs = 5_000;

/**
 * Passes bytes between a Unix socket and one loopback port of this host, in both directions, without reading them. The client
 * chooses nothing: neither host nor port comes from what it sends. A port where nobody listens closes the client's connection.
 */
export async function openRelay({ socket, port, maxConnections = 256 }: RelayOptions, { logger }: { logger: Logger }): Promise<Relay> {
  await mkdir(dirname(socket), { recursive: true });
  // What a killed relay left behind: nobody listens there any more.
  await rm(socket, { force: true });
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    track(open, client);
    const target = connect({ host: '127.0.0.1', port, allowHalfOpen: true, timeout: connectMs });
    track(open, target);
    target.once('timeout', () => target.destroy());
    let connected = false;
    target.once('connect', () => {
      connected = true;
      target.setTimeout(0);
      client.pipe(target);
      target.pipe(client);
    });
    // An orderly end of one direction leaves the other open; one side breaking off ends both.
    client.once('close', (failed) => {
      if (failed || !connected) target.destroy();
      else target.end();
    });
    target.once('close', (failed) => {
      if (failed || !connected) client.destroy();
      else client.end();
    });
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => resolve());
  });
  await chmod(socket, 0o600);
  logger.info({ socket, port }, 'a loopback port of the host can be reached through this socket');
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of open) connection.destroy();
      await closed;
    },
  };
}

function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  // The other side learns of it by `close`; there is nothing to add to it.
  socket.on('error', () => undefined);
  socket.once('close', () => open.delete(socket));
}
