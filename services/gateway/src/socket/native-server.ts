import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { closeCode, closeReason, errorTable, type PublicCode } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';
import { maxFrameBytes, type GatewayLimits } from '../options.ts';
import type { OriginGuard } from '../origin-guard.ts';
import { createStrangers } from '../strangers.ts';
import { ClosingError, rawText, type Connections } from './connection.ts';
import { startHandshake, type HandshakeOptions } from './handshake.ts';

export interface NativeServer {
  readonly port: number;
  readonly unauthenticated: number;
  close(): Promise<void>;
}

// An `auth` frame has some 250 bytes; nobody who has proved nothing may send more than this.
const longestAuth = 4_096;

/** The native WebSocket (18790). Owns every connection until its handshake is done. */
export async function startNativeServer(
  options: { listen: string; port: number; limits: GatewayLimits; handshake: HandshakeOptions },
  deps: { connections: Connections; guard: OriginGuard; events: GatewayEvents },
): Promise<NativeServer> {
  const { limits } = options;
  const { connections, guard, events } = deps;
  /** Oldest first. */
  const unauthenticated = new Set<WebSocket>();

  const strangers = createStrangers(limits.maxStrangers);

  const greet = (socket: WebSocket, raw: Duplex, from: string): void => {
    // The newest is served and the oldest makes room: a handshake takes milliseconds, so who holds on longest is the one
    // that means to keep others out.
    for (const oldest of unauthenticated) {
      if (unauthenticated.size < limits.maxUnauthenticated) break;
      turnAway(oldest, 'too_many_connections', from);
    }
    unauthenticated.add(socket);
    const handshake = startHandshake(options.handshake);
    const late = setTimeout(() => turnAway(socket, 'handshake_timeout', from), limits.handshakeMs);
    socket.once('close', () => {
      clearTimeout(late);
      unauthenticated.delete(socket);
    });
    socket.once('message', (data, isBinary) => {
      if (!unauthenticated.has(socket)) return;
      try {
        if (isBinary) throw new ClosingError('binary_frame');
        const text = rawText(data);
        if (text.length > longestAuth) throw new ClosingError('handshake_invalid');
        const { client, codec, proof } = handshake.finish(text);
        clearTimeout(late);
        unauthenticated.delete(socket);
        strangers.proven(raw);
        connections.open(socket, { actor: { principal: 'owner', trust: 'owner', channel: 'native' }, codec, client, proof });
      } catch (error) {
        const code = error instanceof ClosingError ? error.code : 'internal';
        // Only this connection waits; its place among the unauthenticated stays taken meanwhile.
        void delay(code === 'auth_failed' ? limits.failureDelayMs : 0).then(() => turnAway(socket, code, from));
      }
    });
    socket.send(JSON.stringify(handshake.hello));
  };

  const turnAway = (socket: WebSocket, code: PublicCode, from: string): void => {
    if (!unauthenticated.delete(socket)) return;
    events.refused(code, from, 'native');
    socket.close(closeCode(code), closeReason(code));
    setTimeout(() => socket.terminate(), 1_000).unref();
  };

  const server = createServer({ connectionsCheckingInterval: Math.min(1_000, limits.headersMs), headersTimeout: limits.headersMs, requestTimeout: limits.headersMs, keepAliveTimeout: 1_000 }, (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain; charset=utf-8', upgrade: 'websocket', connection: 'close' }).end('This port speaks WebSocket; see docs/protocol.md. The HTTP interface has a port of its own.\n');
  });
  server.maxConnections = limits.maxConnections;
  server.on('connection', (socket) => strangers.admit(socket));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes, perMessageDeflate: false, maxFragments: 1_024, maxBufferedChunks: 8_192 });

  server.on('upgrade', (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    const from = request.socket.remoteAddress ?? 'unknown';
    const refusal = refusalOf(request, guard);
    if (refusal) {
      events.refused(refusal, from, 'native');
      return refuseUpgrade(raw, refusal);
    }
    sockets.handleUpgrade(request, raw, head, (socket) => {
      socket.on('error', () => {
        // The library has closed it already, with the code that says why (1009, 1007, 1002).
      });
      greet(socket, raw, from);
    });
  });
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });

  server.listen(options.port, options.listen);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get unauthenticated() {
      return unauthenticated.size;
    },
    async close() {
      for (const socket of unauthenticated) turnAway(socket, 'shutting_down', 'shutdown');
      server.close();
      await delay(50);
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
    },
  };
}

function refusalOf(request: IncomingMessage, guard: OriginGuard): PublicCode | undefined {
  if (!guard.hostAllowed(request.headers.host)) return 'foreign_host';
  // Browsers always send it; a page elsewhere must not even reach the handshake.
  const origin = request.headers.origin;
  if (origin !== undefined && !guard.originAllowed(origin)) return 'foreign_origin';
  return undefined;
}

/** Refuses an upgrade as an RFC 9457 problem, before there is a WebSocket. */
export function refuseUpgrade(raw: Duplex, code: PublicCode): void {
  const { status, title, hint } = errorTable[code];
  const body = JSON.stringify({ type: `urn:megabot:error:${code}`, title, status, detail: title, code, hint });
  raw.on('error', () => raw.destroy());
  raw.end(`HTTP/1.1 ${status} Refused\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}
