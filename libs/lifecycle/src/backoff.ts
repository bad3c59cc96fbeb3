/**
 * The one retry policy of the project: exponential with full jitter.
 * Three outcomes are different types on purpose, so that a caller cannot mistake one for another:
 * an aborted wait throws `AbortError`, a failure worth repeating throws anything else,
 * and a failure that will never mend throws `PermanentError`.
 */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

export class AbortError extends Error {
  override readonly name = 'AbortError';
}

export interface BackoffOptions {
  /** First delay, in milliseconds. */
  readonly minMs: number;
  /** Upper bound of any delay, in milliseconds. */
  readonly maxMs: number;
  /** Attempts in all, the first included; Infinity repeats until aborted. */
  readonly attempts: number;
  readonly signal?: AbortSignal;
  /** Called before each wait, for a log line or a metric. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  readonly random?: () => number;
}

/** The delay before attempt `attempt + 1` (attempts count from 1), in milliseconds. */
export function backoffDelay(attempt: number, options: Pick<BackoffOptions, 'minMs' | 'maxMs' | 'random'>): number {
  const ceiling = Math.min(options.maxMs, options.minMs * 2 ** Math.min(attempt - 1, 30));
  const random = options.random ?? Math.random;
  return Math.round(ceiling / 2 + random() * (ceiling / 2));
}

/**
 * Repeats `work` until it succeeds, gives up after `attempts`, or is aborted.
 * @throws the last error, a `PermanentError` at once, or an `AbortError`.
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: BackoffOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    if (options.signal?.aborted) throw new AbortError('aborted before an attempt');
    try {
      return await work(attempt);
    } catch (error) {
      if (error instanceof PermanentError || error instanceof AbortError || attempt >= options.attempts) throw error;
      const delayMs = backoffDelay(attempt, options);
      options.onRetry?.(error, attempt, delayMs);
      await sleep(delayMs, options.signal);
    }
  }
}

/** Waits `ms` milliseconds; an abort ends the wait with `AbortError`. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (signal?.aborted) return reject(new AbortError('aborted while waiting'));
    const onAbort = () => {
      clearTimeout(timer);
      reject(new AbortError('aborted while waiting'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
