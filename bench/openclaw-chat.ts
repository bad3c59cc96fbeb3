import { randomUUID } from 'node:crypto';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import { WebSocket } from 'ws';
import type { ChatTarget } from './chat.ts';

interface Inbound {
  readonly type?: string;
  readonly id?: string;
  readonly ok?: boolean;
  readonly event?: string;
  readonly error?: unknown;
  readonly payload?: { readonly runId?: string; readonly state?: string; readonly message?: unknown };
}

const timeoutMs = 30_000;

/**
 * A connection to an OpenClaw gateway as its own backend clients make it: the challenge, `connect` with the shared token and
 * the scopes to read and write, then `chat.send` until the `chat` event with state `final` (protocol 4).
 */
export async function connectOpenClaw(name: string, options: { url: string; token: string }): Promise<ChatTarget> {
  const socket = new WebSocket(options.url, { perMessageDeflate: false, handshakeTimeout: timeoutMs, maxPayload: 32 * 1_048_576 });
  const watchers = new Set<(frame: Inbound) => void>();
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as Inbound;
    for (const watcher of watchers) watcher(frame);
  });
  socket.on('error', () => {});

  const next = async (what: string, is: (frame: Inbound) => boolean): Promise<Inbound> =>
    await new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
        socket.off('close', gone);
      };
      const look = (frame: Inbound): void => {
        if (!is(frame)) return;
        stop();
        resolve(frame);
      };
      const gone = (): void => {
        stop();
        reject(new Error(`${name} closed the connection before ${what}`));
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`${name}: ${what} did not come`));
      }, timeoutMs);
      watchers.add(look);
      socket.on('close', gone);
    });

  const request = async (method: string, params: object): Promise<Inbound> => {
    const id = randomUUID();
    const answer = next(`the answer to ${method}`, (frame) => frame.type === 'res' && frame.id === id);
    socket.send(JSON.stringify({ type: 'req', id, method, params }));
    const frame = await answer;
    if (frame.ok !== true) throw new Error(`${name} refused ${method}: ${JSON.stringify(frame.error).slice(0, 400)}`);
    return frame;
  };

  await next('its challenge', (frame) => frame.event === 'connect.challenge');
  await request('connect', {
    minProtocol: 4,
    maxProtocol: 4,
    client: { id: 'gateway-client', version: '0.1.0', platform: 'linux', mode: 'backend' },
    role: 'operator',
    scopes: ['operator.read', 'operator.write'],
    auth: { token: options.token },
  });

  return {
    name,
    async ask() {
      const runId = randomUUID();
      const ended = next('its final answer', (frame) => frame.event === 'chat' && frame.payload?.runId === runId && ['final', 'error', 'aborted'].includes(frame.payload.state ?? ''));
      const started = performance.now();
      await request('chat.send', { sessionKey: 'main', message: uniqueWord(), idempotencyKey: runId });
      const acceptedMs = performance.now() - started;
      const final = await ended;
      const finalMs = performance.now() - started;
      // Its model is not ours to script, so what it says cannot be checked: only that it said something.
      if (final.payload?.state !== 'final' || final.payload.message === undefined) throw new Error(`${name} did not answer: ${JSON.stringify(final).slice(0, 400)}`);
      return { acceptedMs, finalMs };
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.close(1000);
      const timer = setTimeout(() => socket.terminate(), 2_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
