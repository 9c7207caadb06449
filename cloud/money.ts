// Exact money: whole billionths of a US dollar (nano-USD), so that sums never drift and nothing is rounded before it is shown. A Nanos
// can't be mixed up with a float of dollars by the compiler. Statuses and ledger entries carry decimal dollars of at most nine places,
// which a double holds exactly up to nine million dollars; usdOf and nanosOf go between the two without loss.

declare const nano: unique symbol;
/** Whole billionths of a US dollar. */
export type Nanos = number & { readonly [nano]: 'nUSD' };

const PER_USD = 1_000_000_000;
export const NOTHING = 0 as Nanos;

/** Of decimal dollars, to the nearest billionth; throws on what is no finite sum a double holds exactly. */
export function nanosOf(usd: number): Nanos {
  const nanos = Math.round(usd * PER_USD);
  if (!Number.isSafeInteger(nanos)) throw new RangeError(`${usd} is no sum of money`);
  return nanos as Nanos;
}

/** Decimal dollars, nine places at most. */
export const usdOf = (nanos: Nanos): number => nanos / PER_USD;

export const plus = (...sums: readonly Nanos[]): Nanos => sums.reduce((sum, one) => (sum + one) as Nanos, NOTHING);
export const minus = (from: Nanos, less: Nanos): Nanos => (from - less) as Nanos;
export const most = (...sums: readonly Nanos[]): Nanos => Math.max(...sums) as Nanos;
export const least = (...sums: readonly Nanos[]): Nanos => Math.min(...sums) as Nanos;

/** Sum of decimal dollars, exact to the billionth. */
export const addUsd = (...usd: readonly number[]): number => usdOf(plus(...usd.map(nanosOf)));

/** `nanos × by / per` in whole numbers, halves away from zero: a price per hour times milliseconds never leaves the integers. */
export function scaled(nanos: Nanos, by: number, per: number): Nanos {
  const product = BigInt(nanos) * BigInt(Math.round(by));
  const divisor = BigInt(per);
  const half = divisor / 2n;
  const quotient = product >= 0n ? (product + half) / divisor : (product - half) / divisor;
  return Number(quotient) as Nanos;
}
