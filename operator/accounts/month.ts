// The month of an account: spent by the ledger, held back by what runs, and the conditions that follow. Pure, but for reading the
// ledger, whose entries never change: each is read once.
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import { ledgerMonth, sumEntries, type LedgerEntry, type MonthSum } from '../../cloud/ledger.ts';
import { setCondition } from '../../crds/conditions.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';
import { namespaceOf } from '../../crds/objects.ts';

export const periodOf = (now: number): string => new Date(now).toISOString().slice(0, 7);
export const HISTORY_MONTHS = 12;

export class Ledger {
  readonly #bucket: Pick<Bucket, 'get' | 'list'>;
  readonly #entries = new Map<string, Map<string, LedgerEntry>>();

  constructor(bucket: Pick<Bucket, 'get' | 'list'>) {
    this.#bucket = bucket;
  }

  /** Sum of a user's month (`yyyy-MM`); lists the month and reads what is new. */
  async month(userId: string, period: string): Promise<MonthSum> {
    const prefix = ledgerMonth(userId, period);
    const known = this.#entries.get(prefix) ?? new Map<string, LedgerEntry>();
    for (const { key } of await this.#bucket.list(prefix)) {
      if (known.has(key)) continue;
      const entry = await readJson<LedgerEntry>(this.#bucket, key);
      if (entry) known.set(key, entry);
    }
    for (const other of this.#entries.keys())
      if (other !== prefix && other.startsWith(`ledger/user_${userId}/`)) this.#entries.delete(other);
    this.#entries.set(prefix, known);
    return sumEntries(known.values());
  }
}

/** The next status of an account; a new month files the old one under history. */
export function nextStatus(account: Account, sum: MonthSum, reservedUsd: number, now: number): AccountStatus {
  const status = account.status ?? {};
  const period = periodOf(now);
  const old = status.month;
  const history =
    old?.period && old.period !== period
      ? [...(status.history ?? []), { period: old.period, spentUsd: old.spentUsd ?? 0 }].slice(-HISTORY_MONTHS)
      : status.history;
  const { generation } = account.metadata ?? {};
  const { limits, warnPercent, suspend } = account.spec;
  const warned = sum.spentUsd >= (limits.monthlyUsd * warnPercent) / 100;
  let conditions = setCondition(
    status.conditions,
    {
      type: 'Ready',
      status: 'True',
      reason: 'NamespaceReady',
      message: `Jobs go to the namespace ${namespaceOf(account.spec.userId)}.`,
    },
    generation,
    now,
  );
  conditions = setCondition(
    conditions,
    {
      type: 'BudgetWarning',
      status: warned ? 'True' : 'False',
      reason: warned ? 'MonthNearlySpent' : 'MonthHasRoom',
      message: warned
        ? `More than ${warnPercent} % of this month's limit of ${limits.monthlyUsd} USD is spent.`
        : `Less than ${warnPercent} % of this month's limit of ${limits.monthlyUsd} USD is spent.`,
    },
    generation,
    now,
  );
  conditions = setCondition(
    conditions,
    {
      type: 'Suspended',
      status: suspend ? 'True' : 'False',
      reason: suspend ? 'AccountSuspended' : 'AccountActive',
      message: suspend ? 'Jobs of this account are stopped and none is admitted.' : 'Jobs of this account may run.',
    },
    generation,
    now,
  );
  return {
    ...status,
    observedGeneration: generation,
    namespace: namespaceOf(account.spec.userId),
    conditions,
    month: { period, ...sum, reservedUsd },
    ...(history ? { history } : {}),
  };
}
