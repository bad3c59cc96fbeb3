import { trace } from '@opentelemetry/api';
import { destination, pino, type Logger } from 'pino';

export type { Logger };

/** Names whose values never reach a log, wherever they stand in the logged object (three levels deep). */
const secretNames = [
  'token', 'password', 'secret', 'authorization', 'cookie', 'proof', 'code', 'salt', 'privateKey', 'seed', 'signature', 'apiKey',
];
const redactedPaths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * A JSON logger on stdout. Log the object first, a sentence second; payloads and command output only at `debug`.
 * The current trace and span ids are added where there is a span.
 */
export function createLogger(service: string, level: string): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redactedPaths, censor: '[redacted]' },
      mixin() {
        const span = trace.getActiveSpan()?.spanContext();
        return span ? { traceId: span.traceId, spanId: span.spanId } : {};
      },
    },
    destination({ fd: 1, sync: false }),
  );
}

/** A logger that discards everything, for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
