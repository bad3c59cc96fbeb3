/** Counts what a peer may still do: `burst` at once, refilled at `perSecond`. */
export interface TokenBucket {
  /** Takes one; false when none is left. */
  take(): boolean;
  readonly full: boolean;
}

/** `clock` gives milliseconds and never runs backwards by much. */
export function createTokenBucket(perSecond: number, burst: number, clock: () => number): TokenBucket {
  let tokens = burst;
  let at = clock();
  const refill = (): void => {
    const now = clock();
    tokens = Math.min(burst, tokens + (Math.max(0, now - at) / 1_000) * perSecond);
    at = now;
  };
  return {
    take() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    get full() {
      refill();
      return tokens >= burst;
    },
  };
}

/** A bucket for each key, forgotten once it is full again, and bounded so that many keys cannot fill the memory. */
export function createBucketPerKey(perSecond: number, burst: number, clock: () => number, maxKeys = 4_096): { take(key: string): boolean } {
  const buckets = new Map<string, TokenBucket>();
  return {
    take(key) {
      let bucket = buckets.get(key);
      if (!bucket) {
        if (buckets.size >= maxKeys) {
          for (const [other, value] of buckets) if (value.full) buckets.delete(other);
          if (buckets.size >= maxKeys) return false;
        }
        bucket = createTokenBucket(perSecond, burst, clock);
        buckets.set(key, bucket);
      }
      return bucket.take();
    },
  };
}
