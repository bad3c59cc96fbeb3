import { request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Logger } from '@megabot/observability/logger.ts';
import { gatewayUnreachable, problemBody } from './problem.ts';

interface UpgradeOptions {
  readonly gatewayUrl: string;
  /** The one path that may be upgraded. */
  readonly path: string;
  readonly logger: Logger;
}

/**
 * Joins the browser's WebSocket to the gateway's, byte by byte: headers, close codes and refusals pass as they are, so the
 * gateway sees the browser's own `Host`, `Origin` and cookie. Any other path is answered with 404.
 */
export function proxyUpgrades(server: Server, options: UpgradeOptions): void {
  const open = new Set<Duplex>();
  server.on('upgrade', (request, browser, head) => {
    browser.on('error', () => browser.destroy());
    if (request.url?.split('?')[0] !== options.path) return refuse(browser, 404, 'Not Found');
    const target = new URL(request.url, options.gatewayUrl);
    const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const outward = send(target, { method: 'GET', headers: request.headers, setHost: false, agent: false });
    browser.once('close', () => outward.destroy());
    outward.once('upgrade', (response, gateway, rest) => {
      open.add(browser);
      browser.once('close', () => open.delete(browser));
      join(browser, gateway, response, head, rest);
    });
    outward.once('response', (response) => passRefusal(browser, response));
    outward.once('error', (error) => {
      if (browser.destroyed) return;
      options.logger.warn({ err: error }, 'the gateway did not take the socket');
      refuse(browser, 502, 'Bad Gateway', problemBody(502, gatewayUnreachable));
    });
    outward.end();
  });
  // Upgraded sockets are no longer the server's own; without this, closing would wait for every browser.
  const close = server.close.bind(server);
  server.close = (callback) => {
    for (const socket of open) socket.destroy();
    return close(callback);
  };
}

function join(browser: Duplex, gateway: Duplex, response: IncomingMessage, head: Buffer, rest: Buffer): void {
  browser.write(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${rawHeaders(response)}\r\n`);
  if (rest.length > 0) browser.write(rest);
  if (head.length > 0) gateway.write(head);
  for (const [one, other] of [[browser, gateway], [gateway, browser]] as const) {
    if ('setTimeout' in one && typeof one.setTimeout === 'function') one.setTimeout(0);
    if ('setNoDelay' in one && typeof one.setNoDelay === 'function') one.setNoDelay(true);
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
    one.pipe(other);
  }
}

function passRefusal(browser: Duplex, response: IncomingMessage): void {
  browser.write(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${rawHeaders(response, 'connection', 'transfer-encoding')}connection: close\r\n\r\n`);
  response.pipe(browser);
}

function rawHeaders(response: IncomingMessage, ...without: string[]): string {
  let text = '';
  for (let index = 0; index + 1 < response.rawHeaders.length; index += 2) {
    const name = response.rawHeaders[index] ?? '';
    if (!without.includes(name.toLowerCase())) text += `${name}: ${response.rawHeaders[index + 1]}\r\n`;
  }
  return text;
}

function refuse(browser: Duplex, status: number, reason: string, body = ''): void {
  browser.end(`HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
