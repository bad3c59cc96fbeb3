import { WebSocket, type RawData } from 'ws';
import { createNearLookup, farAddress, nameMeansFar } from './address.ts';
import { connectFrame, requestFrame, type AllowedMethod, type MethodParams, type RequestFrame } from './allowed-methods.ts';
import { LinkFailure, refused, RequestFailure, temporary } from './failure.ts';
import { closeFailure, handshakeFailure, upgradeFailure } from './failures-of-gateway.ts';
import { createFloodGuard, type FloodLimits } from './flood-guard.ts';
import { isPlainEnough } from './frame-size.ts';
import { checkHello } from './hello.ts';
import { Challenge, Frame, type HelloOk } from './protocol.ts';
import type { SignedDevice } from './signature.ts';
import { oneLine } from './trouble-log.ts';

export interface ConnectionLimits extends FloodLimits {
  /** From dialling to an accepted hello-ok, slow drips included. */
  readonly handshakeMs: number;
  readonly requestMs: number;
  readonly maxFrameBytes: number;
  /** Requests that may wait for their answer. */
  readonly maxPending: number;
  /** Bounds for "no frame for twice the gateway's tick": what the gateway says of its tick is not believed beyond them. */
  readonly shortestSilenceMs: number;
  readonly longestSilenceMs: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  handshakeMs: 15_000, requestMs: 30_000, maxFrameBytes: 4 * 1_048_576, framesPerSecond: 500, frameBurst: 5_000,
  bytesPerSecond: 4 * 1_048_576, byteBurst: 48 * 1_048_576, maxPending: 64, shortestSilenceMs: 10_000, longestSilenceMs: 120_000,
};

export interface Connection {
  readonly hello: HelloOk;
  /** The gateway's clock when it greeted us, milliseconds since 1970. */
  readonly greetedAt: number;
  /**
   * Calls one of the allowed methods; resolves with its payload, unchecked.
   * @throws RequestFailure: refused, unanswered within 30 s (it may have been carried out), or never sent.
   */
  request<Method extends AllowedMethod>(method: Method, params: MethodParams[Method]): Promise<unknown>;
  /** Resolves once, when the connection is over; never rejects. */
  readonly ended: Promise<LinkFailure>;
  close(): void;
}

export interface ConnectOptions {
  readonly url: string;
  readonly version: string;
  /** The credential to send, and its signature over this challenge. */
  readonly token: string;
  readonly sign: (challenge: Challenge) => SignedDevice;
  readonly limits: ConnectionLimits;
  /** Events after hello-ok, by name; whatever nobody knows is counted by the receiver and dropped. */
  readonly onEvent: (event: string, payload: unknown) => void;
  /** Frames that are no frames of the protocol. */
  readonly onUnreadable: () => void;
  readonly signal: AbortSignal;
}

interface Pending {
  readonly resolve: (payload: unknown) => void;
  readonly reject: (error: RequestFailure) => void;
  readonly timer: NodeJS.Timeout;
}

/** One life of a WebSocket to OpenClaw: challenge, `connect`, then requests and events until it ends. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { limits } = options;
  const socket = dial(options);
  const pending = new Map<string, Pending>();
  const guard = createFloodGuard(limits, () => performance.now());
  let nextId = 0;
  let phase: 'challenge' | 'hello' | 'life' | 'over' = 'challenge';
  let connectId = '';
  let greetedAt = 0;
  let silence: NodeJS.Timeout | undefined;

  const { promise: ended, resolve: tellEnd } = Promise.withResolvers<LinkFailure>();
  const { promise: hello, resolve: welcome } = Promise.withResolvers<HelloOk>();

  const write = (frame: RequestFrame): void => socket.send(frame);
  const end = (failure: LinkFailure): void => {
    if (phase === 'over') return;
    phase = 'over';
    clearTimeout(late);
    clearTimeout(silence);
    options.signal.removeEventListener('abort', onAbort);
    for (const { reject, timer } of pending.values()) {
      clearTimeout(timer);
      reject(new RequestFailure('unanswered', 'connection_lost', 'the connection ended before the answer'));
    }
    pending.clear();
    // A hostile peer need not answer a close; nothing more is read from it either way.
    socket.terminate();
    tellEnd(failure);
  };
  const onAbort = (): void => end(temporary('closed_here', 'MegaBot closed the connection.', 'MegaBot to connect again'));
  const late = setTimeout(() => end(temporary('handshake_timeout', 'OpenClaw did not finish the handshake in time.', 'OpenClaw to answer in time')), limits.handshakeMs);
  options.signal.addEventListener('abort', onAbort, { once: true });

  const settle = (frame: Extract<Frame, { type: 'res' }>): void => {
    const request = pending.get(frame.id);
    if (!request) return options.onUnreadable();
    pending.delete(frame.id);
    clearTimeout(request.timer);
    if (frame.ok) return request.resolve(frame.payload);
    const { code, message, details } = frame.error;
    request.reject(new RequestFailure('refused', oneLine(code, 64), oneLine(message, 300), details?.partialDelivery === undefined ? details?.code : 'PARTIAL_DELIVERY'));
  };
  const shakeHands = (frame: Frame): void => {
    if (phase === 'challenge') {
      const challenge = Challenge.safeParse(frame.type === 'event' && frame.event === 'connect.challenge' ? frame.payload : undefined);
      if (!challenge.success) throw refused('not_openclaw', 'What answers at OPENCLAW_URL does not begin as OpenClaw does.', 'Set OPENCLAW_URL to the gateway, for instance ws://127.0.0.1:18789.');
      greetedAt = challenge.data.ts;
      connectId = String(nextId++);
      phase = 'hello';
      return write(connectFrame(connectId, { version: options.version, token: options.token, device: options.sign(challenge.data) }));
    }
    // Between `connect` and its answer nothing else counts; above all, no second challenge is ever signed.
    if (frame.type !== 'res' || frame.id !== connectId) return options.onUnreadable();
    if (!frame.ok) throw handshakeFailure(frame.error);
    const accepted = checkHello(frame.payload);
    phase = 'life';
    clearTimeout(late);
    watchSilence(accepted.policy?.tickIntervalMs ?? 30_000);
    welcome(accepted);
  };
  const watchSilence = (tickMs: number): void => {
    const ms = Math.min(Math.max(2 * tickMs, limits.shortestSilenceMs), limits.longestSilenceMs);
    silence = setTimeout(() => end(temporary('silent', 'OpenClaw has gone silent.', 'OpenClaw to take a connection again')), ms);
  };
  const withinBounds = (length: number): boolean => {
    if (phase === 'over') return false;
    if (guard.take(length)) return true;
    end(temporary('flooded', 'OpenClaw sent more than the bridge takes.', 'OpenClaw to send less, for half a minute at least', { retryAfterMs: 30_000 }));
    return false;
  };
  const take = (data: RawData, isBinary: boolean): void => {
    if (!withinBounds(lengthOf(data))) return;
    const frame = isBinary ? undefined : readFrame(bytesOf(data));
    if (!frame) return options.onUnreadable();
    silence?.refresh();
    if (phase !== 'life') return shakeHands(frame);
    if (frame.type === 'res') settle(frame);
    else options.onEvent(frame.event, frame.payload);
  };

  socket.on('message', (data: RawData, isBinary: boolean) => {
    try {
      take(data, isBinary);
    } catch (error) {
      end(error instanceof LinkFailure ? error : temporary('internal', 'A frame of OpenClaw could not be handled.', 'another attempt to go better; if none does, the gateway\'s log says why (make logs s=gateway)', { cause: error }));
    }
  });
  for (const sign of ['ping', 'pong'] as const) socket.on(sign, (data: Buffer) => void withinBounds(data.length));
  socket.on('unexpected-response', (_request, response) => {
    response.resume();
    end(upgradeFailure(response.statusCode ?? 0));
  });
  socket.on('error', (error: Error & { code?: string }) => end(socketFailure(error)));
  socket.on('close', (code: number) => end(closeFailure(code, phase === 'life' ? 'life' : 'handshake')));

  const outcome = await Promise.race([hello, ended]);
  if (outcome instanceof LinkFailure) throw outcome;
  return {
    hello: outcome,
    greetedAt,
    ended,
    close: onAbort,
    async request(method, params) {
      const id = String(nextId++);
      const frame = requestFrame(id, method, params);
      if (phase !== 'life' || socket.readyState !== WebSocket.OPEN) throw new RequestFailure('unsent', 'not_connected', 'there is no connection to OpenClaw');
      if (pending.size >= limits.maxPending) throw new RequestFailure('unsent', 'too_many_requests', 'too many requests wait for OpenClaw');
      return await new Promise<unknown>((resolve, reject) => {
        const timer = setTimeout(() => {
          pending.delete(id);
          reject(new RequestFailure('unanswered', 'timeout', 'OpenClaw did not answer in time'));
        }, limits.requestMs);
        pending.set(id, { resolve, reject, timer });
        write(frame);
      });
    },
  };
}

function dial(options: ConnectOptions): WebSocket {
  return new WebSocket(options.url, {
    ...(options.url.startsWith('ws:') ? { lookup: createNearLookup() } : {}),
    perMessageDeflate: false,
    followRedirects: false,
    handshakeTimeout: options.limits.handshakeMs,
    maxPayload: options.limits.maxFrameBytes,
    // The real one sends every message whole.
    maxFragments: 64,
    maxBufferedChunks: 8_192,
  });
}

function lengthOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.byteLength, 0) : data.byteLength;
}

const bytesOf = (data: RawData): Buffer => (Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data));

/**
 * Undefined for what is no frame; the gateway drops such frames silently, and so do we.
 * @throws LinkFailure for one that would take far more memory than it is long
 */
function readFrame(bytes: Buffer): Frame | undefined {
  if (!isPlainEnough(bytes)) throw temporary('frame_too_large', 'OpenClaw sent a frame that holds more than the bridge takes.', 'OpenClaw to send less at once, for half a minute at least', { retryAfterMs: 30_000 });
  try {
    const parsed = Frame.safeParse(JSON.parse(bytes.toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** As OpenSSL's verification and Node's name them. */
const certificateError = /^(CERT_|CRL_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;

function socketFailure(error: Error & { code?: string }): LinkFailure {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return temporary('frame_too_large', 'OpenClaw sent a frame that is larger than the bridge takes.', 'OpenClaw to send less at once, for half a minute at least', { retryAfterMs: 30_000, cause: error });
  if (error.code?.startsWith('WS_ERR_') === true) return temporary('broken_frames', 'OpenClaw broke the WebSocket protocol.', 'OpenClaw to speak it; if it never does, look for a proxy in between that changes what is sent', { cause: error });
  if (error.code === farAddress) return nameMeansFar();
  if (certificateError.test(error.code ?? '')) {
    return refused('certificate', 'The certificate of OpenClaw is not valid for its name.', 'Give the gateway a certificate that this machine trusts.', error);
  }
  return temporary('unreachable', 'Nothing answers at OPENCLAW_URL.', 'OpenClaw to answer there: start it, or correct OPENCLAW_URL and start MegaBot again', { cause: error });
}
