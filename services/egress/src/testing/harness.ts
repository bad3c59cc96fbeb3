import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { egressGoodbye, EgressReply, EgressSummary, type EgressRequest } from '@megabot/contracts/egress.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { defaultGrantLimits, startEgress, type EgressOptions } from '../app.ts';

/** A run's network as the sandbox holds it. */
export interface HeldGrant {
  readonly reply: EgressReply & { ok: true };
  /** The value of `Proxy-Authorization`. */
  readonly authorization: string;
  /** Ends it as the sandbox does after a run. */
  end(): Promise<EgressSummary>;
  /** The sandbox dies. */
  drop(): Promise<void>;
}

/**
 * The proxy with two networks (127.0.0.1 and 127.0.0.2), an internet of which the test decides what each name resolves to, and
 * servers of the test in place of public addresses. Whatever else it tried to reach is in `dialled` and nobody answers.
 */
export async function startHarness(options: Partial<EgressOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'egress-'));
  const controlPath = join(folder, 'control.sock');
  const names = new Map<string, () => readonly string[]>();
  const servers = new Map<string, number>();
  const resolved: string[] = [];
  const dialled: string[] = [];
  const closers: (() => Promise<void>)[] = [];
  const egress = await startEgress(
    { controlPath, slots: [{ network: 'run-0', address: '127.0.0.1' }, { network: 'run-1', address: '127.0.0.2' }], port: 0, denied: ['11.22.33.0/24'], grantLimits: { ...defaultGrantLimits, quarantineMs: 0 }, ...options },
    {
      logger: silentLogger(),
      resolve: async (host) => {
        resolved.push(host);
        const addresses = names.get(host)?.();
        if (!addresses) throw new Error('ENOTFOUND');
        return addresses;
      },
      open: (address, port) => {
        dialled.push(`${address}:${port}`);
        const local = servers.get(`${address}:${port}`);
        // Nothing of a test leaves this machine: what it has no server for is a port where nobody listens.
        return connect({ host: '127.0.0.1', port: local ?? 1 });
      },
    },
  );
  const serve = async (at: string, server: Server): Promise<void> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve(portOf(server))));
    servers.set(at, port);
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });
  };

  const lines = async (socket: Socket, send: string): Promise<string> =>
    await new Promise((resolve, reject) => {
      let text = '';
      const more = (chunk: Buffer): void => {
        text += chunk.toString();
        if (!text.includes('\n')) return;
        socket.off('data', more);
        resolve(text);
      };
      socket.on('data', more).once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
      if (send !== '') socket.write(send);
    });

  const ask = async (request: unknown): Promise<{ reply: EgressReply; socket: Socket }> => {
    const socket = connect(controlPath);
    socket.on('error', () => undefined);
    return { reply: EgressReply.parse(JSON.parse(await lines(socket, `${JSON.stringify(request)}\n`))), socket };
  };

  return {
    names,
    resolved,
    dialled,
    controlPath,
    ask,
    serveTcp: async (at: string, onConnection: (socket: Socket) => void) => await serve(at, createServer(onConnection)),
    serve,
    serveHttp: async (at: string, onRequest: (request: IncomingMessage, response: ServerResponse) => void) => await serve(at, createHttpServer(onRequest)),
    async grant(network: EgressRequest['network'], lifetimeMs = 60_000): Promise<HeldGrant> {
      const { reply, socket } = await ask({ runId: 'run', network, lifetimeMs });
      if (!reply.ok) throw new Error(`no grant: ${reply.reason}`);
      return {
        reply,
        authorization: `Basic ${Buffer.from(`run:${reply.token}`).toString('base64')}`,
        async end() {
          const summary = lines(socket, '');
          socket.end(egressGoodbye);
          return EgressSummary.parse(JSON.parse(await summary));
        },
        async drop() {
          socket.destroy();
          await new Promise((resolve) => setTimeout(resolve, 20));
        },
      };
    },
    async close() {
      await egress.close();
      for (const closer of closers) await closer();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type Harness = Awaited<ReturnType<typeof startHarness>>;

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** Sends bytes as they are and returns everything that comes back until the other side closes, or `ms` have passed. */
export async function raw(grant: Pick<HeldGrant, 'reply'>, bytes: string | Buffer, ms = 1_500): Promise<string> {
  const socket = connect({ host: grant.reply.address, port: grant.reply.port });
  return await new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    const timer = setTimeout(finish, ms);
    socket.on('data', (chunk) => chunks.push(chunk)).once('end', finish).once('error', finish).once('close', finish);
    socket.write(bytes);
  });
}

/** The status of an HTTP answer; 0 where there was none. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
