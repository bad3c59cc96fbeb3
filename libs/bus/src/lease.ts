/** `expired`: the handler gave no sign of life in time, and somebody else gets the message. */
export type LeaseEnd = 'done' | 'failed' | 'expired';

export interface Lease {
  /** How it ended for the message. */
  readonly end: Promise<LeaseEnd>;
  /** When the handler is really through; after an expired lease its outcome no longer counts, but it still keeps its place. */
  readonly settled: Promise<void>;
}

/** Holds a message while `work` runs, for `ackWaitMs` after the last sign of life. */
export function holdLease(ackWaitMs: number, work: (working: () => void) => Promise<void>, onError: (error: unknown) => void): Lease {
  let expire = (): void => {};
  const expired = new Promise<'expired'>((resolve) => (expire = () => resolve('expired')));
  const timer = setTimeout(expire, ackWaitMs);
  const outcome = work(() => timer.refresh())
    .then(
      () => 'done' as const,
      (error: unknown) => {
        onError(error);
        return 'failed' as const;
      },
    )
    .finally(() => clearTimeout(timer));
  return { end: Promise.race([outcome, expired]), settled: outcome.then(() => undefined) };
}
