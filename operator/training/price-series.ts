// Spot prices of one pool over time, and what a run in it costs by EC2's rule. Pure; PriceBook (price-book.ts) keeps one series a pool and
// costs.ts turns runs into money.

/** A price and since when it holds. */
export interface Price {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** USD per hour. */
  readonly usd: number;
}

/** Oldest first; each price unlike the one before it. */
export type Series = readonly Price[];

const HOUR_MS = 3_600_000;

/** The series with more prices, in any order; of two with the same time the one given last holds. EC2 repeats unchanged prices daily. */
export function merged(series: Series, more: Iterable<Price>): Series {
  const byTime = new Map(series.map((price) => [price.at, price]));
  for (const price of more) byTime.set(price.at, price);
  const ordered = [...byTime.values()].sort((a, b) => a.at - b.at);
  return ordered.filter(({ usd }, at) => usd !== ordered[at - 1]?.usd);
}

/** Without what no longer holds at `since`. */
export function trimmed(series: Series, since: number): Series {
  const first = series.findLastIndex(({ at }) => at <= since);
  return first > 0 ? series.slice(first) : series;
}

/** USD per hour at a time; the nearest known before the first change, undefined when nothing is known. */
export function priceAt(series: Series, time: number): number | undefined {
  return (series.findLast(({ at }) => at <= time) ?? series[0])?.usd;
}

/**
 * USD of a Spot instance between two times (milliseconds) as EC2 bills it: hours count from the launch (by default `from`), each second
 * costs the price that held when its hour began, and a change counts from the next hour on. Undefined when nothing is known.
 */
export function usdBetween(series: Series, from: number, to: number, launch = from): number | undefined {
  if (series.length === 0) return undefined;
  let usd = 0;
  // Before the first known change its price is the nearest there is.
  let known = 0;
  for (let hour = launch + Math.floor((from - launch) / HOUR_MS) * HOUR_MS; hour < to; hour += HOUR_MS) {
    while ((series[known + 1]?.at ?? Infinity) <= hour) known += 1;
    const ms = Math.max(0, Math.min(hour + HOUR_MS, to) - Math.max(hour, from));
    usd += ((series[known] as Price).usd * ms) / HOUR_MS;
  }
  return usd;
}
