import { z } from 'zod';

/**
 * The only place where a request to OpenClaw comes into being. The gateway has no allowlist of methods (its scopes alone give
 * a reader and writer more than 200), so ours is here: five methods, each with closed parameters, checked again when the
 * program runs because types do not survive a cast.
 */
const Key = z.string().min(1).max(512);
const IdempotencyKey = z.string().min(1).max(256);

const parameters = {
  'sessions.subscribe': z.strictObject({ limit: z.int().min(1).max(200).optional(), offset: z.int().min(0).optional() }),
  'sessions.messages.subscribe': z.strictObject({ key: Key }),
  'chat.history': z.strictObject({
    sessionKey: Key, cursor: z.string().max(4_096).optional(), limit: z.int().min(1).max(1_000).optional(), offset: z.int().min(0).optional(), maxChars: z.int().min(1).max(500_000).optional(),
  }),
  'chat.send': z.strictObject({ sessionKey: Key, message: z.string().min(1).max(65_536), idempotencyKey: IdempotencyKey, suppressCommandInterpretation: z.literal(true) }),
  send: z.strictObject({
    channel: z.string().min(1).max(64), accountId: z.string().min(1).max(128), to: z.string().min(1).max(256), threadId: z.string().max(128).optional(),
    message: z.string().min(1).max(65_536), sessionKey: Key.optional(), idempotencyKey: IdempotencyKey,
  }),
} as const;

export type AllowedMethod = keyof typeof parameters;
export type MethodParams = { readonly [Method in AllowedMethod]: z.input<(typeof parameters)[Method]> };
export const allowedMethods = Object.keys(parameters) as readonly AllowedMethod[];

/** A frame that this module made; nothing else is written to the socket. */
export type RequestFrame = string & { readonly __made: 'request' };

/**
 * @throws TypeError for any other method, and ZodError for a parameter that is not in the table: both are mistakes of ours,
 * or somebody steering us, and nothing is sent.
 */
export function requestFrame<Method extends AllowedMethod>(id: string, method: Method, params: MethodParams[Method]): RequestFrame {
  if (!Object.hasOwn(parameters, method)) throw new TypeError('this method may not be called on OpenClaw');
  return JSON.stringify({ type: 'req', id, method, params: parameters[method].parse(params) }) as RequestFrame;
}

/** The handshake, which the protocol also spells as a request. Its scopes are the narrow pair and cannot be widened here. */
export function connectFrame(id: string, hello: {
  readonly version: string;
  readonly token: string;
  readonly device: { readonly id: string; readonly publicKey: string; readonly signature: string; readonly signedAt: number; readonly nonce: string };
}): RequestFrame {
  return JSON.stringify({
    type: 'req', id, method: 'connect',
    params: {
      minProtocol: protocolVersion, maxProtocol: protocolVersion,
      client: { ...clientIdentity, displayName: `MegaBot bridge ${hello.device.id.slice(0, 8)}`, version: hello.version },
      role, scopes, caps: ['session-scoped-events'],
      auth: { token: hello.token },
      device: hello.device,
      locale: 'en-US', userAgent: `megabot/${hello.version}`,
    },
  }) as RequestFrame;
}

export const protocolVersion = 4;
export const role = 'operator';
export const scopes: readonly string[] = ['operator.read', 'operator.write'];
/**
 * The gateway's closed vocabulary has no name for a bridge; as `gateway-client` it would not get a device token. What tells us
 * from the other clients is the display name, with a piece of our id in it: the gateway forgets a silently paired device as
 * soon as another one of the same id, mode and name is paired.
 */
export const clientIdentity = { id: 'cli', mode: 'cli', platform: 'linux' } as const;
