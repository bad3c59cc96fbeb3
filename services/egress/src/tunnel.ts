import type { Socket } from 'node:net';
import { canonicalHost } from '@megabot/contracts/network.ts';
import { maxHelloBytes, serverNameOf } from './client-hello.ts';
import type { Connection } from './connection.ts';

/**
 * Joins a command's connection to the one that was let through. It has to begin with TLS for the very host that was asked for:
 * so a tunnel carries no other protocol, and a front that serves many hosts at one address serves no other.
 */
export async function tunnel(client: Socket, head: Buffer, connection: Connection, limits: { readonly headMs: number; readonly idleMs: number }): Promise<void> {
  const { upstream, target, signal } = connection;
  const stop = (): void => void client.destroy();
  client.once('close', () => connection.end('closed'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted || client.destroyed) {
    connection.end('closed');
    return stop();
  }
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  const hello = await firstBytes(client, head, limits.headMs);
  const said = serverNameOf(hello);
  const name = typeof said === 'string' ? undefined : canonicalHost(said.name);
  if (name !== target.host) {
    connection.end(name === undefined ? 'the tunnel does not begin with TLS and the name of its host' : `the tunnel was asked for ${target.host}, its TLS for ${name}`, 'refused');
    return stop();
  }
  const idle = (): void => connection.end('idle');
  upstream.setTimeout(limits.idleMs, idle);
  client.setTimeout(limits.idleMs, idle);
  upstream.write(hello);
  client.pipe(upstream);
  upstream.pipe(client);
}

/** What came until it can be said what it is, or until it is too late or too much. */
async function firstBytes(client: Socket, head: Buffer, ms: number): Promise<Buffer> {
  let bytes = head;
  return await new Promise<Buffer>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      client.off('data', more).off('end', finish).off('close', finish);
      client.pause();
      resolve(bytes);
    };
    const more = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= maxHelloBytes || serverNameOf(bytes) !== 'incomplete') finish();
    };
    const timer = setTimeout(finish, ms);
    client.on('data', more).once('end', finish).once('close', finish);
    more(Buffer.alloc(0));
  });
}
