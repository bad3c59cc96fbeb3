import { z } from 'zod';
import { maxMessageBytes } from '@megabot/contracts/consumers.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import { errorCodes, ServiceError } from '@megabot/contracts/errors.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Binding, CallContext } from './port.ts';

/** A `ServiceError` as it crosses the bus: no stack, no cause. */
export const WireError = z.object({
  code: z.enum(errorCodes).catch('internal'),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type WireError = z.infer<typeof WireError>;

/** What a served request comes to: the reply as JSON text, or an error. */
export type Outcome = { readonly ok: true; readonly body: string } | { readonly ok: false; readonly error: WireError };

// Room for subject and headers within the server's limit.
const maxBodyBytes = maxMessageBytes - 16 * 1024;

/** JSON text of a value. @throws ServiceError `too_large`. */
export function encode(value: unknown): string {
  const body = JSON.stringify(value) ?? 'null';
  if (body.length * 3 > maxBodyBytes && Buffer.byteLength(body) > maxBodyBytes) {
    throw new ServiceError('too_large', `the message is larger than ${maxBodyBytes} bytes`);
  }
  return body;
}

/** Which fields of a value are wrong and how, never with their values. */
function problems(error: z.ZodError): { paths: string[]; issues: { path: string; problem: string }[] } {
  const issues = error.issues.slice(0, 10).map((issue) => ({ path: issue.path.map(String).join('.') || '(whole)', problem: issue.message }));
  return { paths: [...new Set(issues.map((issue) => issue.path))], issues };
}

/** Parses a payload of a queue or event before it is sent. @returns JSON text. @throws ServiceError `bad_request`, `too_large`. */
export function encodePayload(schema: z.ZodType, payload: unknown, name: string): string {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return encode(parsed.data);
  const { paths, issues } = problems(parsed.error);
  throw new ServiceError('bad_request', `the payload does not fit ${name}: ${paths.join(', ')}`, { details: { issues } });
}

/** Parses a received payload. @throws ServiceError `bad_request`: the sender speaks another version of the contracts. */
export function decodePayload(schema: z.ZodType, body: string, name: string): unknown {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  throw new ServiceError('bad_request', `a received payload does not fit ${name}: ${problems(parsed.error).paths.join(', ')}`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/**
 * Serves one request: parses it, runs the handler, parses the reply. Never throws. A failure that is no `ServiceError` is
 * logged and answered as `internal` without its message, which may hold anything.
 */
export async function answer(binding: Binding, body: string, context: CallContext, logger: Logger): Promise<Outcome> {
  const { endpoint } = binding;
  const name = `${endpoint.service}.${endpoint.name}`;
  const request = endpoint.request.safeParse(parseJson(body));
  if (!request.success) {
    const { paths, issues } = problems(request.error);
    return { ok: false, error: { code: 'bad_request', message: `the request does not fit ${name}: ${paths.join(', ')}`, details: { issues } } };
  }
  try {
    const reply = endpoint.reply.safeParse(await binding.handler(request.data as never, context));
    if (reply.success) return { ok: true, body: encode(reply.data) };
    const { paths, issues } = problems(reply.error);
    logger.error({ endpoint: name, caller: context.caller, issues }, 'a handler made a reply that does not fit its contract');
    return { ok: false, error: { code: 'bad_reply', message: `the reply does not fit ${name}: ${paths.join(', ')}`, details: { issues } } };
  } catch (error) {
    if (error instanceof ServiceError) return { ok: false, error: toWireError(error) };
    logger.error({ err: error, endpoint: name, caller: context.caller }, 'a handler failed');
    return { ok: false, error: { code: 'internal', message: `${name} failed`, hint: `The log of ${endpoint.service} says why.` } };
  }
}

export function toWireError(error: ServiceError): WireError {
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.details === undefined ? {} : { details: { ...error.details } }),
  };
}

/** Reads an error that came over the bus; what cannot be read is `internal`. */
export function fromWireError(value: unknown): ServiceError {
  const parsed = WireError.safeParse(value);
  if (!parsed.success) return new ServiceError('internal', 'the other side failed in a way that cannot be read');
  const { code, message, hint, details } = parsed.data;
  return new ServiceError(code, message, { ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }) });
}

export const readWireError = (body: string): ServiceError => fromWireError(parseJson(body));

/** Parses a reply on the caller's side. @throws ServiceError `bad_reply`. */
export function decodeReply(endpoint: Endpoint, body: string): unknown {
  const parsed = endpoint.reply.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const { paths, issues } = problems(parsed.error);
  throw new ServiceError('bad_reply', `the reply does not fit ${endpoint.service}.${endpoint.name}: ${paths.join(', ')}`, { details: { issues } });
}
