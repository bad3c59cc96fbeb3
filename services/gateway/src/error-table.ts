import { ServiceError, type ErrorCode } from '@megabot/contracts/errors.ts';

/** Codes that only the gateway gives. */
export const gatewayCodes = [
  'unauthenticated', 'foreign_host', 'foreign_origin', 'method_not_allowed', 'unsupported_media_type', 'resume_gap',
  'handshake_invalid', 'handshake_timeout', 'auth_failed', 'channel_violation', 'binary_frame', 'slow_consumer', 'unresponsive',
  'too_many_connections', 'shutting_down',
] as const;
export type GatewayCode = (typeof gatewayCodes)[number];
export type PublicCode = ErrorCode | GatewayCode;

export interface PublicError {
  /** HTTP status of the problem. */
  readonly status: number;
  /** WebSocket close code, where the failure ends the connection. */
  readonly close: number | null;
  readonly title: string;
  /** What to do next, where the service that failed has nothing better to say. */
  readonly hint: string;
}

const again = 'Send it again with the same id: it is carried out at most once.';
const row = (status: number, title: string, hint: string, close: number | null = null): PublicError => ({ status, close, title, hint });

/** The one place where a code becomes an HTTP status, a close code and a hint. Generated into docs/protocol.md. */
export const errorTable = {
  bad_request: row(400, 'The request is malformed', 'Mend the field that the message names.'),
  bad_reply: row(502, 'A service answered what it must not', 'This is a fault of MegaBot; see its logs.'),
  forbidden: row(403, 'Refused', 'This is not permitted here.'),
  timeout: row(504, 'A service did not answer in time', again),
  no_responders: row(503, 'A service is not running', again),
  disconnected: row(503, 'The message bus is not reachable', again),
  internal: row(500, 'Something failed inside MegaBot', `See the gateway's logs. ${again}`),
  unavailable: row(503, 'A service cannot work at the moment', again),
  not_found: row(404, 'There is no such thing', 'Check the id or the path.'),
  conflict: row(409, 'This contradicts what is already recorded', 'Use a new id for a different request.'),
  not_entitled: row(403, 'This principal may not do that', 'Ask the owner.'),
  rate_limited: row(429, 'Too much at once', 'Wait a second and send less.', 4429),
  too_large: row(413, 'Too large', 'Send less than 1 MiB.', 1009),
  approval_unknown: row(404, 'No such approval', 'List the pending ones: !pending, or GET /api/v1/approvals?status=pending.'),
  approval_ambiguous: row(409, 'The prefix fits several approvals', 'Give more characters of the id.'),
  approval_expired: row(410, 'The approval has expired', 'Ask for the action again.'),
  approval_decided: row(409, 'The approval was already decided', 'Nothing to do: the first decision stands.'),
  approval_changed: row(409, 'What was to be approved has changed', 'Look at it again, then decide.'),
  lockdown: row(423, 'Lockdown: nothing runs', 'The owner lifts it by entering the token again (UI, or POST /api/v1/unlock).'),
  policy_invalid: row(422, 'The policy entry cannot be used', 'Mend the pattern that the message names.'),
  policy_conflict: row(412, 'The policy has changed meanwhile', 'Read it again, then repeat the edit with the new ETag.'),
  turn_unknown: row(404, 'No such turn', 'Check the id.'),
  turn_busy: row(409, 'The turn is being worked on', 'Wait for it to end.'),
  turn_ended: row(409, 'The turn has already ended', 'Nothing to do.'),
  lease_lost: row(409, 'The turn was taken over', 'Nothing to do.'),
  ticket_invalid: row(403, 'The origin of the action is not accepted', 'The keys of gateway and interlock do not belong together; see their logs.'),
  permit_unknown: row(409, 'No such permit', 'Ask for the action again.'),
  permit_claimed: row(409, 'The permit was already used', 'Ask for the action again.'),
  permit_expired: row(410, 'The permit has expired', 'Ask for the action again.'),
  permit_void: row(409, 'The permit was replaced', 'Ask for the action again.'),
  plan_mismatch: row(409, 'The action is not the one that was permitted', 'Ask for the action again.'),
  revision_mismatch: row(409, 'The workspace has changed since', 'Ask for the action again.'),
  run_ended: row(409, 'The run has already ended', 'Nothing to do.'),
  session_invalid: row(401, 'The session is over', 'Sign in again.', 4401),
  code_used: row(401, 'The sign-in code was already used', 'Print a new link: make up, or sign in with the token.'),
  unauthenticated: row(401, 'Not signed in', 'Send "Authorization: Bearer <token>", or sign in at POST /api/v1/session.'),
  foreign_host: row(403, 'This Host name is not ours', 'Use http://127.0.0.1 or http://localhost with the published port, or add the address to MEGABOT_PUBLIC_ORIGINS.'),
  foreign_origin: row(403, 'This Origin is not ours', 'Open MegaBot under its own address, or add the origin to MEGABOT_PUBLIC_ORIGINS.'),
  method_not_allowed: row(405, 'The path has no such method', 'Use one of the methods in the Allow header.'),
  unsupported_media_type: row(415, 'The body is not JSON', 'Send Content-Type: application/json.'),
  resume_gap: row(410, 'The events since then are not all known', 'Read the conversation again (GET /api/v1/conversations/:id/messages) and go on from here.'),
  handshake_invalid: row(400, 'The handshake is malformed', 'The first frame must be "auth" of protocol 1; see docs/protocol.md.', 4400),
  handshake_timeout: row(408, 'No handshake in time', 'Send "auth" within 10 seconds of "hello".', 4410),
  auth_failed: row(401, 'The proof is wrong', 'Check the token on both sides.', 4401),
  channel_violation: row(400, 'The encrypted channel was violated', 'Connect again; every frame after "auth" must be the next Fernet token of this connection. Check the password and the clocks.', 4400),
  binary_frame: row(400, 'Binary frames are not used', 'Send text frames of JSON.', 1003),
  slow_consumer: row(503, 'The client does not read fast enough', 'Connect again and resume.', 4408),
  unresponsive: row(408, 'Two pings were not answered', 'Connect again and resume.', 4408),
  too_many_connections: row(503, 'Too many connections at once', 'Wait a second and connect again.', 4429),
  shutting_down: row(503, 'MegaBot is stopping', 'Connect again in a few seconds.', 1001),
} as const satisfies Record<PublicCode, PublicError>;

/** A failure as a client may see it. */
export interface PublicFailure {
  readonly code: PublicCode;
  readonly message: string;
  readonly hint: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A refusal that the gateway itself decides. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: PublicCode;
  readonly hint: string | undefined;
  constructor(code: PublicCode, message?: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message ?? errorTable[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** What a client is told of an error; one that nobody meant for it becomes `internal`, without its inner message. */
export function publicFailure(error: unknown): PublicFailure {
  if (error instanceof ServiceError) {
    const code = error.code;
    // The words of an unforeseen failure were not written for the person at the far end.
    const message = code === 'internal' || code === 'bad_reply' ? errorTable[code].title : error.message;
    // Which commands and routes there are is known here, not behind.
    const hint = code === 'approval_unknown' ? undefined : error.hint;
    return { code, message, hint: hint ?? errorTable[code].hint, ...(error.details ? { details: error.details } : {}) };
  }
  if (error instanceof GatewayError) return { code: error.code, message: error.message, hint: error.hint ?? errorTable[error.code].hint };
  return { code: 'internal', message: errorTable.internal.title, hint: errorTable.internal.hint };
}

const transientCodes: ReadonlySet<PublicCode> = new Set<PublicCode>(['unavailable', 'disconnected', 'timeout', 'no_responders', 'internal', 'bad_reply']);

/** Whether repeating the same request may succeed, so that the failure says nothing about the request itself. */
export const isTransient = (error: unknown): boolean => transientCodes.has(publicFailure(error).code);

/** The text of a close frame: at most 123 bytes, the code first so that programs can read it. */
export function closeReason(code: PublicCode): string {
  return `${code}: ${errorTable[code].title}`.slice(0, 120);
}
export const closeCode = (code: PublicCode): number => errorTable[code].close ?? 1011;
