import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context } from '@opentelemetry/api';

export { SpanKind };

/** W3C trace context as plain text fields. */
export type Carrier = Record<string, string>;

/** The current trace context, to travel with a message; empty where nothing is traced. */
export function injectTrace(): Carrier {
  const carrier: Carrier = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}

/** The trace context that came with a message. */
export const extractTrace = (carrier: Carrier): Context => propagation.extract(ROOT_CONTEXT, carrier);

/** Runs `work` in a span; a failure marks the span and passes on. */
export async function inSpan<T>(name: string, kind: SpanKind, work: () => Promise<T>, parent: Context = context.active()): Promise<T> {
  return await trace.getTracer('@megabot/bus').startActiveSpan(name, { kind }, parent, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error && 'code' in error ? String(error.code) : 'failed' });
      throw error;
    } finally {
      span.end();
    }
  });
}
