/** A step that did not end in its time. What it was doing may still happen. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * The outcome of `work`, or a rejection after `ms` milliseconds, or one with the signal's reason once it aborts.
 * `work` itself is not stopped; whoever called cleans up after it.
 */
export async function within<T>(work: Promise<T>, what: string, ms: number, signal?: AbortSignal): Promise<T> {
  // What is given up on may still fail later, with nobody listening.
  work.catch(() => undefined);
  return await new Promise<T>((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => finish(() => reject(new Stopped()));
    const timer = setTimeout(() => finish(() => reject(new DeadlineError(`${what}: no answer within ${ms} ms`))), ms);
    work.then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The signal given to `within` aborted. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}
