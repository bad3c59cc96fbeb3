import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod';
import { errorTable, GatewayError, publicFailure, type PublicFailure } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';

/** The RFC 9457 body of a failure. */
export function problemOf(failure: PublicFailure, instance?: string) {
  const { status, title } = errorTable[failure.code];
  return {
    type: `urn:megabot:error:${failure.code}`,
    title,
    status,
    detail: failure.message,
    code: failure.code,
    hint: failure.hint,
    ...(instance === undefined ? {} : { instance }),
    ...(failure.details === undefined ? {} : { details: failure.details }),
  };
}

/** Answers with a problem. The body is text already, so that no route's schema of replies is applied to it. */
export function sendProblem(reply: FastifyReply, failure: PublicFailure): FastifyReply {
  const problem = problemOf(failure, reply.request.id);
  if (problem.status === 429 || problem.status === 503) void reply.header('retry-after', '1');
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="megabot"');
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** Answers bytes that are no request, or none in time, before there is a request to reply to. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, reason, detail, hint] = unreadable(error.code);
  const { type, title, code } = problemOf({ code: 'bad_request', message: detail, hint });
  const body = JSON.stringify({ type, title, status, detail, code, hint });
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}

function unreadable(code: string | undefined): readonly [status: number, reason: string, detail: string, hint: string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request Header Fields Too Large', 'the headers are over 16 KiB', 'Send fewer headers, or fewer cookies.'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request Timeout', 'the request did not come in time', 'Send it again, faster.'];
  return [400, 'Bad Request', 'this is no HTTP/1.1 request', 'Speak HTTP here; the native WebSocket has a port of its own.'];
}

/** Turns whatever a route throws into a problem; what nobody meant for the client is logged and stays inside. */
export const createErrorHandler =
  (events: GatewayEvents) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const failure = publicFailure(translate(error));
    if (errorTable[failure.code].status >= 500) events.failed(failure.code, error, `${request.method} ${request.routeOptions.url ?? ''}`);
    return sendProblem(reply, failure);
  };

function translate(error: unknown): unknown {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = 'validationContext' in error ? error.validationContext : 'request';
    const issues = error.validation.slice(0, 5).map((issue) => `${where}${issue.instancePath.replaceAll('/', '.')}: ${issue.message ?? 'is wrong'}`);
    return new GatewayError('bad_request', issues.join('; '), { cause: error });
  }
  if (isResponseSerializationError(error)) return new GatewayError('bad_reply', undefined, { cause: error });
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return error;
  const { code, statusCode } = error as FastifyError;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError('unsupported_media_type', undefined, { cause: error });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('too_large', 'the body is longer than this path takes', { cause: error });
    default:
      // Everything else that Fastify refuses by itself is the request's form: JSON that is none, a length that is not true.
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? new GatewayError('bad_request', 'the request cannot be read: is the body JSON?', { cause: error }) : error;
  }
}
