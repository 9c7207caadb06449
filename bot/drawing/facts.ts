// What the picture of an account's month is drawn from (month.ts). Pure.
import type { Account } from '../../crds/crds.generated.ts';
import type { MonthFacts } from './month.ts';

/** Undefined for an account whose month is not known yet. */
export function monthFacts({ spec, status }: Account, now: number): MonthFacts | undefined {
  const { period, byDay, spentUsd = 0, reservedUsd = 0, forecastUsd = 0, limitUsd } = status?.month ?? {};
  if (period === undefined || byDay === undefined) return undefined;
  const date = new Date(now);
  const [year = 0, month = 1] = period.split('-').map(Number);
  const present = date.toISOString().slice(0, 7) === period;
  const today = present ? date.getUTCDate() : new Date(Date.UTC(year, month, 0)).getUTCDate();
  return { period, limitUsd: limitUsd ?? spec.limits.monthlyUsd, spentUsd, reservedUsd, forecastUsd, byDay, today };
}
