import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { admit, type AdmissionDeps, type Refusal } from './admission.ts';
import { forward, forwardedMethods, answer } from './forward.ts';
import type { Slot } from './grants.ts';
import { requestTarget, tunnelTarget } from './target.ts';
import { tunnel } from './tunnel.ts';

export interface ProxyLimits {
  /** Connections from one network, with a grant or without. */
  readonly connections: number;
  /** For the head of a request, and for the first bytes of a tunnel, in milliseconds. */
  readonly headMs: number;
  /** A connection on which nothing moves for this long is closed. */
  readonly idleMs: number;
}

/**
 * The proxy as one network sees it; it listens nowhere yet. Node's parser is strict: a head that could be read in two ways,
 * lengths that disagree, and heads over 16 KiB are refused before anything here sees them.
 */
export function createProxy(slot: Slot, limits: ProxyLimits, deps: AdmissionDeps): Server {
  const server = createServer(
    { maxHeaderSize: 16_384, headersTimeout: limits.headMs, keepAliveTimeout: 5_000, connectionsCheckingInterval: Math.min(1_000, limits.headMs), insecureHTTPParser: false, requireHostHeader: true },
    (request, response) => {
      const onRequest = async (): Promise<void> => {
        if (!forwardedMethods.has(request.method ?? '')) return answer(response, { status: 405, message: `the method ${request.method ?? ''} is not passed on` });
        const admission = await admit(request, slot, () => requestTarget(request.url ?? '', hostOf(request)), deps);
        if ('refusal' in admission) answer(response, admission.refusal);
        else forward(request, response, admission.connection, limits.idleMs);
      };
      onRequest().catch(() => request.socket.destroy());
    },
  );
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    client.on('error', () => undefined);
    const onConnect = async (): Promise<void> => {
      const admission = await admit(request, slot, () => tunnelTarget(request.url ?? '', request.headers.host === undefined ? undefined : hostOf(request)), deps);
      if ('refusal' in admission) refuseTunnel(client, admission.refusal);
      else await tunnel(client, head, admission.connection, limits);
    };
    onConnect().catch(() => client.destroy());
  });
  server.on('clientError', (error: Error & { code?: string }, client: Socket) => {
    if (error.code === 'ECONNRESET' || !client.writable) return void client.destroy();
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
    client.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  server.maxConnections = limits.connections;
  return server;
}

/** The header Host, if there is exactly one; what two of them mean is for nobody to guess. */
function hostOf(request: IncomingMessage): string {
  const hosts = request.headersDistinct['host'] ?? [];
  return hosts.length === 1 ? (hosts[0] ?? '') : '';
}

/** Programs show the status line of a refused tunnel and nothing of its body, so the reason stands in both. */
function refuseTunnel(client: Socket, { status, message }: Refusal): void {
  const body = `egress: ${message}\n`;
  const challenge = status === 407 ? 'Proxy-Authenticate: Basic realm="megabot"\r\n' : '';
  client.end(`HTTP/1.1 ${status} ${message}\r\n${challenge}Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  // Whoever does not read the answer does not keep the connection either.
  client.setTimeout(5_000, () => client.destroy());
}
