import { once } from 'node:events';
import type { HelloFrame } from '@megabot/contracts/frames.ts';
import { deriveFernetKey } from '@megabot/crypto/fernet.ts';
import { authProof, constantTimeEquals, newNonce, welcomeProof } from '@megabot/crypto/handshake.ts';
import { createSecureChannel } from '@megabot/crypto/secure-channel.ts';
import { WebSocket } from 'ws';

export type Frame = Record<string, unknown> & { type: string };

/** A raw socket whose messages and close can be awaited in order. */
export interface RawClient extends AsyncDisposable {
  readonly socket: WebSocket;
  /** The next text message. */
  text(): Promise<string>;
  closed(): Promise<{ code: number; reason: string }>;
}

/** Opens a socket; fails where the upgrade is refused, with the status in the message. */
export async function openRaw(url: string, options: { headers?: Record<string, string>; origin?: string } = {}): Promise<RawClient> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  const texts: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  socket.on('message', (data: Buffer) => {
    const taker = waiting.shift();
    if (taker) taker(data.toString());
    else texts.push(data.toString());
  });
  await once(socket, 'open');
  socket.on('error', () => {});
  return {
    socket,
    async text() {
      const first = texts.shift();
      if (first !== undefined) return first;
      return await Promise.race([
        new Promise<string>((resolve) => waiting.push(resolve)),
        closed.then(({ code, reason }) => {
          throw new Error(`closed with ${code} ${reason} while a frame was awaited`);
        }),
      ]);
    },
    closed: () => closed,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}

export interface NativeClient extends RawClient {
  readonly welcome: Frame;
  send(frame: object): void;
  /** Seals without sending. */
  seal(frame: object): string;
  /** The next frame; with `type`, the next of that type, the others being dropped. */
  frame(type?: string): Promise<Frame>;
}

/** Connects as docs/protocol.md says, with encryption where a password is given. */
export async function connectNative(port: number, options: { token: string; password?: string }): Promise<NativeClient> {
  const raw = await openRaw(`ws://127.0.0.1:${port}`);
  const hello = JSON.parse(await raw.text()) as HelloFrame;
  const serverNonce = Buffer.from(hello.nonce, 'base64url');
  const clientNonce = newNonce();
  const proof = authProof(options.token, serverNonce, clientNonce).toString('base64url');
  raw.socket.send(JSON.stringify({ type: 'auth', protocol: 1, nonce: clientNonce.toString('base64url'), proof, client: { name: 'test', version: '1' } }));

  const channel = options.password === undefined ? undefined : createSecureChannel({ role: 'client', key: await deriveFernetKey(options.password, Buffer.from(hello.encryption.salt, 'base64url')), serverNonce, clientNonce });
  const seal = (frame: object): string => (channel ? channel.seal(frame) : JSON.stringify(frame));
  const frame = async (type?: string): Promise<Frame> => {
    for (;;) {
      const text = await raw.text();
      const opened = (channel ? channel.open(text) : JSON.parse(text)) as Frame;
      if (type === undefined || opened.type === type) return opened;
    }
  };
  const welcome = await frame();
  if (!constantTimeEquals(String(welcome['proof']), welcomeProof(options.token, serverNonce, clientNonce).toString('base64url'))) throw new Error('the server did not prove the token');
  return { ...raw, welcome, seal, frame, send: (value) => raw.socket.send(seal(value)), [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose]() };
}
