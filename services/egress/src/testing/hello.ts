import { createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';

/** The first bytes that this Node's own TLS sends to a server of this name. */
export async function helloFor(servername: string | undefined): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.once('data', (bytes) => {
        socket.destroy();
        server.close();
        resolve(bytes);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address !== 'object' || address === null) return reject(new Error('no address'));
      connect({ host: '127.0.0.1', port: address.port, ...(servername === undefined ? {} : { servername }) }).on('error', () => undefined);
    });
  });
}
