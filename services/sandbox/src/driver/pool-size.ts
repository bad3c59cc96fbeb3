/** What is known of one kind of run. */
export interface Demand {
  /** Most runs at once or in short succession, of this minute and of the one before. */
  readonly peak: number;
  readonly earlierPeak: number;
  readonly lastUsedAt: number;
}

export interface PoolBounds {
  readonly min: number;
  readonly max: number;
  readonly freeBytes: number;
  /** In milliseconds, of the same clock as `lastUsedAt`. */
  readonly now: number;
}

/** A kind that nobody asked for during this time gets no box, unless it was asked for last. */
const forgottenAfterMs = 10 * 60_000;

const mebibyte = 1024 * 1024;

/**
 * How many boxes should wait for each kind. The kind asked for last gets as many as runs came together lately, `min` at least;
 * older ones what is left of `max`. A waiting box occupies about 15 MiB, nearly all of it in the engine: where memory
 * runs low there are fewer of them, and at last none.
 */
export function idleTargets<Kind extends Demand>(kinds: readonly Kind[], bounds: PoolBounds): ReadonlyMap<Kind, number> {
  let left = Math.min(bounds.max, affordable(bounds.freeBytes));
  const targets = new Map<Kind, number>();
  for (const [place, kind] of [...kinds].sort((one, other) => other.lastUsedAt - one.lastUsedAt).entries()) {
    const demand = Math.max(kind.peak, kind.earlierPeak);
    const forgotten = bounds.now - kind.lastUsedAt > forgottenAfterMs;
    const wish = place === 0 ? Math.max(bounds.min, demand) : forgotten ? 0 : demand;
    const target = Math.min(left, wish);
    left -= target;
    targets.set(kind, target);
  }
  return targets;
}

/** Half of what is free beyond a reserve of 256 MiB, at 32 MiB a box: what the run itself will take is not known yet. */
function affordable(freeBytes: number): number {
  return Math.max(0, Math.floor((freeBytes - 256 * mebibyte) / 2 / (32 * mebibyte)));
}
