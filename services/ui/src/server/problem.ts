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

/** The problem as a JSON body (RFC 9457), in the form that the gateway uses too. */
export const problemBody = (status: number, fields: ProblemFields): string => JSON.stringify({ type: `urn:megabot:problem:${fields.code}`, status, ...fields });

/** Answers with RFC 9457 problem details. */
export function problem<R extends Reply>(reply: R, status: number, fields: ProblemFields): R {
  reply.code(status);
  reply.header('content-type', 'application/problem+json');
  reply.header('cache-control', 'no-store');
  reply.header('x-content-type-options', 'nosniff');
  reply.send(problemBody(status, fields));
  return reply;
}
