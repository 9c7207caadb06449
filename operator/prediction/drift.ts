// Whether a feature's values are still those the model learned from: the population stability index, and how sure one can be of it.
//
//   PSI = Σ (o − e) ln(o / e)   over groups, o the share now, e the share in training
//
// (Siddiqi, "Credit risk scorecards", 2006; the field reads 0.1 as moderate and 0.25 as major.) Of two samples of the same, n and m rows
// in B groups, it is (B − 1)(1/n + 1/m) on average (Yurdakul and Naranjo, "Statistical properties of the population stability index",
// 2020): that much is taken off. And it counts only where Pearson's test of homogeneity says that chance makes no such difference, so
// that a hundred rows don't cry wolf. Pure; groups come from groups.ts.

export type DriftLevel = 'none' | 'moderate' | 'major';

export const MODERATE_PSI = 0.1;
export const MAJOR_PSI = 0.25;
/** Of all tests of one table together: so rarely is there a false alarm. */
const FALSE_ALARMS = 0.005;
/** Rows expected of a group in the smaller sample: below, Pearson's statistic is not distributed as assumed (simulated: false alarms stay below 0.6 %). */
const LEAST_ROWS = 2;

/** Cells of one kind: a range of numbers, a text. */
export interface Group {
  readonly what: string;
  /** Rows sampled. */
  readonly now: number;
  /** Share in training. */
  readonly trained: number;
}

export interface Drift {
  /** What is beyond chance, at least 0. */
  readonly psi: number;
  readonly level: DriftLevel;
}

export interface Compared {
  /** Neighbours are joined where they are small; so groups without an order come by size. */
  readonly groups: readonly Group[];
  /** Rows of the training behind `trained`. */
  readonly trainedRows: number;
  /** Comparisons made of the same table. */
  readonly tests: number;
}

export function driftOf({ groups, trainedRows, tests }: Compared): Drift {
  const rows = groups.reduce((sum, { now }) => sum + now, 0);
  if (rows === 0 || trainedRows < 1) return { psi: 0, level: 'none' };
  const large = joinedSmall(groups, rows, trainedRows);
  const beyond = psiOf(large, rows, trainedRows) - (large.length - 1) * (1 / rows + 1 / trainedRows);
  const psi = Math.max(0, beyond);
  const sure = psi >= MODERATE_PSI && isNoChance(large, rows, trainedRows, tests);
  return { psi, level: !sure ? 'none' : psi >= MAJOR_PSI ? 'major' : 'moderate' };
}

/** An empty group counts as half a row, or there would be no logarithm. */
export function psiOf(groups: readonly Group[], rows: number, trainedRows: number): number {
  return groups.reduce((sum, { now, trained }) => {
    const o = Math.max(now, 0.5) / rows;
    const e = Math.max(trained, 0.5 / trainedRows);
    return sum + (o - e) * Math.log(o / e);
  }, 0);
}

/** Whether such different shares are rarer by chance than FALSE_ALARMS, among so many tests. */
export function isNoChance(groups: readonly Group[], rows: number, trainedRows: number, tests: number): boolean {
  if (groups.length < 2) return false;
  const all = rows + trainedRows;
  const statistic = groups.reduce((sum, { now, trained }) => {
    const pooled = (now + trained * trainedRows) / all;
    return pooled === 0 ? sum : sum + (now / rows - trained) ** 2 / pooled;
  }, 0);
  return chanceOf(((rows * trainedRows) / all) * statistic, groups.length - 1) < FALSE_ALARMS / Math.max(1, tests);
}

/** Groups in order, each large enough for the test: a small one goes with the next, the last with the one before. */
function joinedSmall(groups: readonly Group[], rows: number, trainedRows: number): Group[] {
  const least = (LEAST_ROWS * (rows + trainedRows)) / Math.min(rows, trainedRows);
  const large: Group[] = [];
  let open: Group | undefined;
  for (const group of groups) {
    open = open ? together(open, group) : group;
    if (open.now + open.trained * trainedRows < least) continue;
    large.push(open);
    open = undefined;
  }
  const last = large.pop();
  const rest = last && open ? together(last, open) : (last ?? open);
  return rest ? [...large, rest] : large;
}

const together = (a: Group, b: Group): Group => ({
  what: `${a.what} or ${b.what}`,
  now: a.now + b.now,
  trained: a.trained + b.trained,
});

/** P(χ² > x) for `k` degrees of freedom, by Wilson and Hilferty's cube root (1931). */
function chanceOf(x: number, k: number): number {
  const spread = 2 / (9 * k);
  return normalTail((Math.cbrt(x / k) - (1 - spread)) / Math.sqrt(spread));
}

/** P(Z > z), Abramowitz and Stegun 26.2.17; off by less than 7.5e-8. */
function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const polynomial = series.reduceRight((sum, factor) => (sum + factor) * t, 0);
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}
