// The ledger (row 6.3): append-only, one object an entry, so that no update is ever lost. An entry's key follows from the job, the
// attempt and the kind, and it is put only if absent: a retry or a late leader can't charge twice.

export interface LedgerEntry {
  readonly version: 1;
  readonly userId: string;
  /** RFC 3339, UTC; the month it counts for. */
  readonly at: string;
  readonly operation: 'training' | 'prediction';
  readonly service: 'ec2' | 'lambda' | 'cluster';
  readonly job: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly attempt: number;
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
}

const round = (usd: number): number => Math.round(usd * 1e6) / 1e6;

/** Sums entries; USD rounded to millionths. */
export function sumEntries(entries: Iterable<LedgerEntry>): MonthSum {
  const sum = {
    spentUsd: 0,
    operations: 0,
    byService: {} as Record<string, number>,
    byOperation: {} as Record<string, number>,
  };
  for (const entry of entries) {
    sum.spentUsd = round(sum.spentUsd + entry.usd);
    sum.operations += 1;
    sum.byService[entry.service] = round((sum.byService[entry.service] ?? 0) + entry.usd);
    sum.byOperation[entry.operation] = round((sum.byOperation[entry.operation] ?? 0) + entry.usd);
  }
  return sum;
}

/** `ledger/user_<id>/<yyyy-MM>/` */
export const ledgerMonth = (userId: string, period: string): string => `ledger/user_${userId}/${period}/`;
