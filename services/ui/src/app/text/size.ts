const units = ['KiB', 'MiB', 'GiB'] as const;

/** Bytes as `512 B`, `1.5 KiB` or `12 MiB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const next of units) {
    if (value < 1_024) break;
    value /= 1_024;
    unit = next;
  }
  return `${unit === 'B' || value >= 10 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}
