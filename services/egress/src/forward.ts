import { request as requestTo, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Refusal } from './admission.ts';
import type { Connection } from './connection.ts';

export const forwardedMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Headers that speak of this connection and not of the message (RFC 9110 §7.6.1), and what is for the proxy alone. */
const ofTheConnection: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'proxy-authentication-info', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'host',
]);

/**
 * Sends a request on over its connection, written anew from what was read: one host, one length, nothing of the command's own
 * framing. Redirects go back to the command, whose next request is judged like any other.
 */
export function forward(request: IncomingMessage, response: ServerResponse, connection: Connection, idleMs: number): void {
  const { upstream, target, signal } = connection;
  const failed = (): void => {
    connection.end('broken off');
    if (response.headersSent) response.destroy();
    else answer(response, { status: 502, message: `${target.host} gave no answer that can be read` });
  };
  response.once('close', () => connection.end('closed'));
  const framing = framingOf(request);
  if (!framing) {
    connection.end('a request whose length cannot be told', 'refused');
    return answer(response, { status: 400, message: 'the length of the request cannot be told' });
  }
  const outgoing = requestTo({
    method: request.method ?? 'GET',
    path: target.path ?? '/',
    headers: { ...messageHeaders(request), ...framing, host: target.host, connection: 'close' },
    setHost: false,
    maxHeaderSize: 16_384,
    createConnection: () => upstream,
  });
  signal.addEventListener('abort', () => {
    outgoing.destroy();
    if (!response.writableEnded) request.socket.destroy();
  }, { once: true });
  outgoing.setTimeout(idleMs, failed);
  outgoing.on('error', failed);
  // Nothing was asked to change its protocol.
  outgoing.on('upgrade', failed);
  outgoing.once('response', (reply) => {
    reply.on('error', failed);
    try {
      response.writeHead(reply.statusCode ?? 502, messageHeaders(reply));
    } catch {
      return failed();
    }
    reply.pipe(response);
  });
  if ('content-length' in framing || 'transfer-encoding' in framing) request.pipe(outgoing);
  else outgoing.end();
}

export function answer(response: ServerResponse, { status, message }: Refusal): void {
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close', ...(status === 407 ? { 'proxy-authenticate': 'Basic realm="megabot"' } : {}) });
  response.end(`egress: ${message}\n`);
}

/** How the body's end is told, stated by us: Node itself would write a GET's body with no word about its length. */
function framingOf(request: IncomingMessage): Readonly<Record<string, string>> | undefined {
  const { 'transfer-encoding': coding, 'content-length': length } = request.headers;
  if (coding !== undefined) return length === undefined && coding.toLowerCase() === 'chunked' ? { 'transfer-encoding': 'chunked' } : undefined;
  return length === undefined ? {} : { 'content-length': length };
}

/** The headers of a message, without those of its connection and those that the connection's header names. */
function messageHeaders(message: IncomingMessage): Record<string, string[]> {
  const named = (message.headersDistinct['connection'] ?? []).flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
  const dropped = new Set([...ofTheConnection, ...named, ...(message.headers['transfer-encoding'] === undefined ? [] : ['content-length'])]);
  const kept = Object.entries(message.headersDistinct).filter(([name]) => !dropped.has(name));
  return Object.fromEntries(kept.map(([name, values]) => [name, values ?? []]));
}
