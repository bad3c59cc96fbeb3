import { FernetError, openFernet, sealFernet, type FernetKey } from './fernet.ts';
import { sessionId } from './handshake.ts';

/**
 * The encrypted frames of one connection (docs/protocol.md). Each is a Fernet token around
 * `{"s": session, "d": direction, "n": number, "body": frame}`. The key is the same for every connection,
 * so it is the envelope that refuses a frame of another connection (s), one thrown back (d),
 * and one repeated, dropped or reordered (n); the token's age refuses one kept for later.
 */
export interface SecureChannel {
  /** The next frame to send: one Fernet token. `body` is anything JSON can hold. */
  seal(body: unknown): string;
  /**
   * The body of the next frame received.
   * @throws {ChannelError} The connection is to be closed with 4400: after one refusal every frame is refused.
   */
  open(frame: string): unknown;
}

export interface SecureChannelOptions {
  readonly role: 'server' | 'client';
  readonly key: FernetKey;
  readonly serverNonce: Uint8Array;
  readonly clientNonce: Uint8Array;
  /** Milliseconds since 1970; the system's clock by default. */
  readonly clock?: () => number;
}

export type ChannelErrorCode =
  | 'plaintext'
  | 'bad_token'
  | 'stale_token'
  | 'bad_envelope'
  | 'wrong_session'
  | 'wrong_direction'
  | 'wrong_number'
  | 'closed';

export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: ChannelErrorCode;

  constructor(code: ChannelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const maxAgeSeconds = 60;
const maxSkewSeconds = 60;

type Direction = 'c2s' | 's2c';

interface Expectation {
  readonly session: string;
  readonly direction: Direction;
  readonly number: number;
}

/** Starts both directions of a connection at frame 0. Frames have to be opened in the order they arrive. */
export function createSecureChannel(options: SecureChannelOptions): SecureChannel {
  const { role, key, serverNonce, clientNonce, clock = Date.now } = options;
  const session = sessionId(serverNonce, clientNonce);
  const outgoing: Direction = role === 'server' ? 's2c' : 'c2s';
  const incoming: Direction = role === 'server' ? 'c2s' : 's2c';
  let sent = 0;
  let received = 0;
  let refused = false;

  return {
    seal(body) {
      const envelope = JSON.stringify({ s: session, d: outgoing, n: sent, body });
      sent += 1;
      return sealFernet(key, Buffer.from(envelope, 'utf8'), clock());
    },
    open(frame) {
      if (refused) throw new ChannelError('closed', 'an earlier frame of this connection was refused');
      try {
        const plaintext = openToken(key, frame, clock());
        const body = openEnvelope(plaintext, { session, direction: incoming, number: received });
        received += 1;
        return body;
      } catch (error) {
        refused = true;
        throw error;
      }
    },
  };
}

function openToken(key: FernetKey, frame: string, now: number): string {
  // Every clear frame is a JSON object, and no token begins with a brace.
  if (/^\s*\{/.test(frame)) throw new ChannelError('plaintext', 'this connection is encrypted and the frame is not');
  try {
    const plaintext = openFernet(key, frame, { now, maxAgeSeconds, maxSkewSeconds });
    return new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
  } catch (cause) {
    if (!(cause instanceof FernetError)) throw new ChannelError('bad_envelope', 'the plaintext is not UTF-8', { cause });
    const stale = cause.code === 'too_old' || cause.code === 'from_future';
    throw new ChannelError(stale ? 'stale_token' : 'bad_token', 'the frame is no acceptable Fernet token', { cause });
  }
}

function openEnvelope(plaintext: string, expected: Expectation): unknown {
  const envelope = parseObject(plaintext);
  if (!Object.hasOwn(envelope, 'body')) throw new ChannelError('bad_envelope', 'the envelope has no body');
  if (envelope['s'] !== expected.session) throw new ChannelError('wrong_session', 'the frame belongs to another connection');
  if (envelope['d'] !== expected.direction) throw new ChannelError('wrong_direction', 'the frame was sent the other way');
  if (envelope['n'] !== expected.number) throw new ChannelError('wrong_number', 'the frame is not the next one');
  return envelope['body'];
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ChannelError('bad_envelope', 'the plaintext is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null) throw new ChannelError('bad_envelope', 'the plaintext is no object');
  return value as Record<string, unknown>;
}
