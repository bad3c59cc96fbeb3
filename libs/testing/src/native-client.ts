import { randomBytes } from 'node:crypto';
import { decodeBase64url } from '@megabot/crypto/base64url.ts';
import { deriveFernetKey, pbkdf2Iterations, saltBytes, type FernetKey } from '@megabot/crypto/fernet.ts';
import { authProof, constantTimeEquals, newNonce, nonceBytes, welcomeProof } from '@megabot/crypto/handshake.ts';
import { createSecureChannel, type SecureChannel } from '@megabot/crypto/secure-channel.ts';
import { HelloFrame, ServerFrame, WelcomeFrame, type ClientFrame } from '@megabot/contracts/frames.ts';
import type { z } from 'zod';
import { WebSocket } from 'ws';

export interface NativeClientOptions {
  /** `ws://host:port` of the native socket. */
  readonly url: string;
  readonly token: string;
  /** Where one is given, a server that does not encrypt is refused. */
  readonly password?: string;
  /** Catch up from here right after the welcome. */
  readonly resume?: { readonly since: number; readonly epoch: string };
  readonly timeoutMs?: number;
}

export interface NativeClient {
  readonly epoch: string;
  readonly principal: string;
  /** Where the server's live events begin: what came before is had by `resume`. */
  readonly resumeFrom: number;
  /** The highest `seq` seen; `resumeFrom` before any. */
  readonly lastSeq: number;
  /** Every frame since the welcome, oldest first. */
  readonly seen: readonly ServerFrame[];
  /** Set once the connection is gone. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  send(frame: z.input<typeof ClientFrame>): void;
  /** Sends a message under a new id and resolves when it is stored. */
  message(text: string, conversation?: string): Promise<Extract<ServerFrame, { type: 'accepted' }>>;
  /** The first frame, seen already or yet to come, of which `is` holds. @throws where it does not come in time. */
  next<T extends ServerFrame>(is: (frame: ServerFrame) => frame is T, timeoutMs?: number): Promise<T>;
  next(is: (frame: ServerFrame) => boolean, timeoutMs?: number): Promise<ServerFrame>;
  /** Every frame since the welcome, those seen already first, until the connection closes. */
  frames(): AsyncGenerator<ServerFrame>;
  close(): Promise<void>;
}

const defaultTimeoutMs = 20_000;

/**
 * Connects to the native socket as docs/protocol.md says: proves the token, has the server prove it, and encrypts where a
 * password is given. @throws where the server fails its proof, weakens the encryption, or closes before the welcome.
 */
export async function connectNative(options: NativeClientOptions): Promise<NativeClient> {
  const { token, password, timeoutMs = defaultTimeoutMs } = options;
  const socket = new WebSocket(options.url, { handshakeTimeout: timeoutMs, maxPayload: 16 * 1_048_576 });
  const incoming: string[] = [];
  const listeners = new Set<() => void>();
  let closed: NativeClient['closed'];
  let decode: ((text: string) => unknown) | undefined = undefined;
  let failure: Error | undefined;
  const seen: ServerFrame[] = [];
  let lastSeq = 0;

  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  const take = (text: string): void => {
    if (!decode) {
      incoming.push(text);
      return;
    }
    try {
      const frame = ServerFrame.parse(decode(text));
      if ('seq' in frame) lastSeq = Math.max(lastSeq, frame.seq);
      seen.push(frame);
    } catch (cause) {
      failure = new Error('the server sent a frame that the protocol does not know', { cause });
      socket.close(4400);
    }
  };
  socket.on('message', (data: Buffer) => {
    take(data.toString('utf8'));
    wake();
  });
  socket.on('close', (code, reason) => {
    closed = { code, reason: reason.toString('utf8') };
    wake();
  });
  socket.on('error', (error) => {
    failure ??= error;
    wake();
  });

  /** Resolves with what `found` gives as soon as it gives something. */
  const until = async <T>(what: string, found: () => T | undefined, ms: number): Promise<T> =>
    await new Promise<T>((resolve, reject) => {
      const look = (): void => {
        const value = found();
        if (value === undefined && !closed && !failure) return;
        clearTimeout(timer);
        listeners.delete(look);
        if (value !== undefined) resolve(value);
        else reject(new Error(`the connection ended (${closed?.code ?? 'no code'} ${closed?.reason ?? ''}) before ${what}`, { cause: failure }));
      };
      const timer = setTimeout(() => {
        listeners.delete(look);
        reject(new Error(`${what} did not come within ${ms} ms; seen: ${JSON.stringify(seen.slice(-8))}`));
      }, ms);
      listeners.add(look);
      look();
    });

  const open = (channel: SecureChannel | undefined, text: string): unknown => (channel ? channel.open(text) : JSON.parse(text));
  const shakeHands = async (): Promise<{ welcome: WelcomeFrame; channel: SecureChannel | undefined }> => {
    const hello = HelloFrame.parse(JSON.parse(await until('hello', () => incoming.shift(), timeoutMs)));
    const serverNonce = requireBytes(hello.nonce, nonceBytes);
    const clientNonce = newNonce();
    const key = await keyFor(hello, password);
    const channel = key && createSecureChannel({ role: 'client', key, serverNonce, clientNonce });
    socket.send(JSON.stringify({
      type: 'auth',
      protocol: 1,
      nonce: clientNonce.toString('base64url'),
      proof: authProof(token, serverNonce, clientNonce).toString('base64url'),
      client: { name: 'megabot-testing', version: '0.1.0' },
    }));
    const welcome = WelcomeFrame.parse(open(channel, await until('welcome', () => incoming.shift(), timeoutMs)));
    if (!constantTimeEquals(welcome.proof ?? '', welcomeProof(token, serverNonce, clientNonce).toString('base64url'))) {
      throw new Error('the server did not prove that it knows the token');
    }
    return { welcome, channel };
  };
  const { welcome, channel } = await shakeHands().catch((error: unknown) => {
    socket.terminate();
    throw error;
  });
  lastSeq = welcome.resumeFrom;
  decode = (text) => open(channel, text);
  for (const text of incoming.splice(0)) take(text);

  const client: NativeClient = {
    epoch: welcome.epoch,
    principal: welcome.principal,
    resumeFrom: welcome.resumeFrom,
    get lastSeq() {
      return lastSeq;
    },
    get seen() {
      return seen;
    },
    get closed() {
      return closed;
    },
    send(frame) {
      socket.send(channel ? channel.seal(frame) : JSON.stringify(frame));
    },
    async message(text, conversation = 'default') {
      const id = crypto.randomUUID();
      client.send({ type: 'message', id, conversation, text });
      const answer = await client.next((frame) => (frame.type === 'accepted' && frame.id === id) || (frame.type === 'error' && frame.ref === id));
      if (answer.type !== 'accepted') throw new Error(`the message was refused: ${JSON.stringify(answer)}`);
      return answer;
    },
    async next(is: (frame: ServerFrame) => boolean, ms = timeoutMs) {
      return (await until('the awaited frame', () => seen.find((frame) => is(frame)), ms)) as never;
    },
    async *frames() {
      for (let index = 0; ; index++) {
        const frame = await until('a frame', () => seen[index], 2 ** 31 - 1).catch((error: unknown) => {
          if (closed) return undefined;
          throw error;
        });
        if (!frame) return;
        yield frame;
      }
    },
    async close() {
      if (closed) return;
      socket.close(1000);
      const timer = setTimeout(() => socket.terminate(), 2_000);
      await until('the close', () => closed, 5_000);
      clearTimeout(timer);
    },
  };
  if (options.resume) client.send({ type: 'resume', ...options.resume });
  return client;
}

/** @throws where the server offers less than the password calls for. */
async function keyFor(hello: HelloFrame, password: string | undefined): Promise<FernetKey | undefined> {
  if (password === undefined || password === '') {
    if (hello.encryption.required) throw new Error('the server requires encryption, and no password was given');
    return undefined;
  }
  if (!hello.encryption.required) throw new Error('the server does not encrypt, and a password was given: refused');
  if (hello.encryption.iterations !== pbkdf2Iterations) throw new Error('the server asks for another number of iterations: refused');
  return await cachedKey(password, requireBytes(hello.encryption.salt, saltBytes));
}

const keys = new Map<string, Promise<FernetKey>>();
async function cachedKey(password: string, salt: Uint8Array): Promise<FernetKey> {
  const name = JSON.stringify([password, Buffer.from(salt).toString('hex')]);
  const known = keys.get(name) ?? deriveFernetKey(password, salt);
  keys.set(name, known);
  return await known;
}

function requireBytes(text: string, length: number): Buffer {
  const bytes = decodeBase64url(text, length);
  if (!bytes) throw new Error(`the server sent something else than ${length} bytes in base64url`);
  return bytes;
}

/** Something that no earlier test has said. */
export const uniqueWord = (): string => randomBytes(6).toString('hex');
