export interface ProblemFields {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly hint: string;
}

/** The part of a reply that is used here, common to those of every kind of server. */
interface Reply {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** What stands for the gateway while it cannot be reached. */
export const gatewayUnreachable: ProblemFields = {
  code: 'unavailable',
  title: 'The gateway cannot be reached',
  detail: 'The UI is running, but the gateway behind it does not answer.',
  hint: 'Wait a moment and try again. If it stays, look at the gateway with `make ps` and `make logs s=gateway`.',
};

export const bodyTooLarge: ProblemFields = {
  code: 'too_large',
  title: 'The body is too large',
  detail: 'A request takes at most 1 MiB. Nothing of it was handed on, so nothing was done.',
  hint: 'Send less at once, for instance in several requests.',
};

/** Too many bodies were on their way, and this one had been for longest. */
export const crowdedOut: ProblemFields = {
  code: 'rate_limited',
  title: 'Too many requests are being sent at once',
  detail: 'The UI service gave up on this request because it came too slowly while many others came. Nothing of it was handed on.',
  hint: 'Send it again; what was typed is still in the page.',
};

/** The problem as a JSON body (RFC 9457), in the form that the gateway uses too. */
export const problemBody = (status: number, fields: ProblemFields): string => JSON.stringify({ type: `urn:megabot:error:${fields.code}`, status, ...fields });

/** Answers with RFC 9457 problem details. */
export function problem<R extends Reply>(reply: R, status: number, fields: ProblemFields): R {
  reply.code(status);
  reply.header('content-type', 'application/problem+json');
  reply.header('cache-control', 'no-store');
  reply.header('x-content-type-options', 'nosniff');
  reply.send(problemBody(status, fields));
  return reply;
}
