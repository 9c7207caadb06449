// The ledger (row 6.3): append-only, one object an entry, so that no update is ever lost. An entry's key follows from the job, the
// attempt and the kind, and it is put only if absent: a retry or a late leader can't charge twice (book.ts).
import { type Nanos, nanosOf, NOTHING, plus, usdOf } from '../money.ts';

export interface LedgerEntry {
  readonly version: 1;
  readonly userId: string;
  /** RFC 3339, UTC; the day it counts for. Lies in the month of its key. */
  readonly at: string;
  readonly operation: 'training' | 'prediction';
  readonly service: 'ec2' | 'lambda' | 'cluster';
  readonly job: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly attempt: number;
  /** Decimal US dollars, at most nine places. */
  readonly usd: number;
  /** What the same would have cost on demand; equal to `usd` where there is no difference. */
  readonly onDemandUsd: number;
  /** Seconds of the instance, or billed seconds of the function. */
  readonly seconds: number;
  /** Type and zone of the instance, or the function's memory. */
  readonly what: string;
  readonly outcome: string;
}

export interface MonthSum {
  readonly spentUsd: number;
  readonly operations: number;
  readonly byService: Record<string, number>;
  readonly byOperation: Record<string, number>;
  /** USD by day of the month; the first is the 1st, up to the last day with an entry. */
  readonly byDay: number[];
}

/** Nanos by name, added up exactly. */
class Tally {
  readonly #sums = new Map<string, Nanos>();

  add(name: string, nanos: Nanos): void {
    this.#sums.set(name, plus(this.#sums.get(name) ?? NOTHING, nanos));
  }

  usd(): Record<string, number> {
    return Object.fromEntries(
      [...this.#sums].sort(([a], [b]) => a.localeCompare(b)).map(([n, sum]) => [n, usdOf(sum)]),
    );
  }

  get(name: string): Nanos {
    return this.#sums.get(name) ?? NOTHING;
  }
}

export type Counted = Pick<LedgerEntry, 'at' | 'service' | 'operation' | 'usd'> & { readonly count?: number };

/** Sums entries of one month (or rows of a cube, with the `count` of theirs), exact to the billionth of a dollar. */
export function sumEntries(entries: Iterable<Counted>): MonthSum {
  const [services, operations, days] = [new Tally(), new Tally(), new Tally()];
  let spent = NOTHING;
  let count = 0;
  let last = 0;
  for (const entry of entries) {
    const nanos = nanosOf(entry.usd);
    const day = Number(entry.at.slice(8, 10));
    spent = plus(spent, nanos);
    count += entry.count ?? 1;
    services.add(entry.service, nanos);
    operations.add(entry.operation, nanos);
    days.add(String(day), nanos);
    last = Math.max(last, day);
  }
  return {
    spentUsd: usdOf(spent),
    operations: count,
    byService: services.usd(),
    byOperation: operations.usd(),
    byDay: Array.from({ length: last }, (_, index) => usdOf(days.get(String(index + 1)))),
  };
}

/** Outcome of the entry of a month that a job or an attempt ran beyond. */
export const WENT_ON = 'Running';

/** `yyyy-MM` in UTC. */
export const periodOf = (now: number): string => new Date(now).toISOString().slice(0, 7);
/** First millisecond of a month, UTC. */
export const startOf = (period: string): number => Date.parse(`${period}-01T00:00:00Z`);
/** The month after (or before, with -1). */
export function nextPeriod(period: string, by = 1): string {
  const [year = 0, month = 1] = period.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + by, 1)).toISOString().slice(0, 7);
}

/** `ledger/user_<id>/<yyyy-MM>/` */
export const ledgerMonth = (userId: string, period: string): string => `ledger/user_${userId}/${period}/`;
