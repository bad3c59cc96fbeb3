/** Codes that cross a boundary between services. Only the gateway turns them into HTTP or WebSocket answers. */
export const errorCodes = [
  // from the bus itself
  'bad_request', 'bad_reply', 'forbidden', 'timeout', 'no_responders', 'disconnected', 'internal',
  // shared by several services
  'unavailable', 'not_found', 'conflict', 'not_entitled', 'rate_limited', 'too_large',
  // approvals: four different answers, and an unclear prefix
  'approval_unknown', 'approval_ambiguous', 'approval_expired', 'approval_decided', 'approval_changed',
  // policy
  'lockdown', 'policy_invalid', 'policy_conflict',
  // turns
  'turn_unknown', 'turn_busy', 'turn_ended', 'lease_lost',
  // tickets, permits and claims
  'ticket_invalid', 'permit_unknown', 'permit_claimed', 'permit_expired', 'permit_void', 'plan_mismatch', 'revision_mismatch', 'run_ended',
  // sessions
  'session_invalid', 'code_used',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/**
 * A failure with a code that the other side understands. `message` is written for the person at the far end and never holds
 * a secret; `hint` says what to do next; `details` are small machine-readable additions, for instance the candidates of an
 * ambiguous id.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  constructor(code: ErrorCode, message: string, options: { hint?: string; details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }
}

export const isServiceError = (error: unknown, ...codes: ErrorCode[]): error is ServiceError =>
  error instanceof ServiceError && (codes.length === 0 || codes.includes(error.code));
