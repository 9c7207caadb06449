// Where most samples lie: nearest-rank percentiles.

/** The smallest value that `percent` of the values do not exceed. Throws without values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (found === undefined) throw new Error('no values, no percentile');
  return found;
}
