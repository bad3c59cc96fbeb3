import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { injectTrace, type Carrier } from './tracing.ts';

/** How long the caller waits, in milliseconds: a duration, since the clocks of two hosts differ. */
const timeoutHeader = 'Megabot-Timeout-Ms';
const traceHeaders = ['traceparent', 'tracestate', 'baggage'] as const;

/** Headers of a message with the current trace context and, for a call, its deadline. */
export function outgoingHeaders(timeoutMs?: number): MsgHdrs {
  const result = headers();
  if (timeoutMs !== undefined) result.set(timeoutHeader, String(timeoutMs));
  for (const [name, value] of Object.entries(injectTrace())) result.set(name, value);
  return result;
}

export function carrierOf(received: MsgHdrs | undefined): Carrier {
  const carrier: Carrier = {};
  if (received === undefined) return carrier;
  for (const name of traceHeaders) {
    const value = received.get(name);
    if (value !== '') carrier[name] = value;
  }
  return carrier;
}

/** The caller's deadline, if it named one; never longer than `limitMs`. */
export function timeoutOf(received: MsgHdrs | undefined, limitMs: number): number {
  const given = Number(received?.get(timeoutHeader) ?? '');
  return Number.isFinite(given) && given > 0 ? Math.min(given, limitMs) : limitMs;
}
