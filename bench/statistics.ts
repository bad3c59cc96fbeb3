/** What a set of samples says, in the samples' own unit. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  /** The smallest sample that 95 % of all do not exceed. */
  readonly p95: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError without samples: a figure of nothing would read as a result. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number): number => {
    const value = sorted[index];
    if (value === undefined) throw new RangeError('nothing was measured');
    return value;
  };
  const middle = (sorted.length - 1) / 2;
  return {
    count: sorted.length,
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    p95: at(Math.ceil(sorted.length * 0.95) - 1),
    min: at(0),
    max: at(sorted.length - 1),
  };
}
