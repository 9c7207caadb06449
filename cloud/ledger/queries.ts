// What the ledger is asked: sums over users, days, services and operations. Pure, on rows of cubes and of single entries; exact to the
// billionth of a dollar.
import { addRows, type LedgerRow } from './folders.ts';
import { byText } from './packs.ts';

/** A row of a user. */
export interface UserRow extends LedgerRow {
  readonly userId: string;
}

/** What to leave in; days are `yyyy-MM-dd`, both included. */
export interface Filter {
  readonly userId?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
}

export const DIMENSIONS = ['user', 'month', 'day', 'operation', 'service'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export interface Sum extends Pick<LedgerRow, 'usd' | 'onDemandUsd' | 'seconds' | 'count'> {
  /** One for each dimension that was asked for. */
  readonly names: readonly string[];
}

const NAME: Record<Dimension, (row: UserRow) => string> = {
  user: ({ userId }) => userId,
  month: ({ day }) => day.slice(0, 7),
  day: ({ day }) => day,
  operation: ({ operation }) => operation,
  service: ({ service }) => service,
};

export function matches(filter: Filter, row: Pick<UserRow, 'userId' | 'day' | 'service' | 'operation'>): boolean {
  const same = (wanted: string | undefined, is: string) => wanted === undefined || wanted === is;
  return (
    same(filter.userId, row.userId) &&
    same(filter.service, row.service) &&
    same(filter.operation, row.operation) &&
    (filter.from === undefined || row.day >= filter.from) &&
    (filter.to === undefined || row.day <= filter.to)
  );
}

/** Sums of the rows that match, by these dimensions, in order of their names; without dimensions one, if any row matches. */
export function sums(rows: Iterable<UserRow>, by: readonly Dimension[], filter: Filter = {}): Sum[] {
  const found = new Map<string, Sum & LedgerRow>();
  for (const row of rows) {
    if (!matches(filter, row)) continue;
    const names = by.map((dimension) => NAME[dimension](row));
    const key = JSON.stringify(names);
    const sum = found.get(key);
    found.set(key, { ...(sum === undefined ? row : addRows(sum, row)), names });
  }
  return [...found]
    .sort(([a], [b]) => byText(a, b))
    .map(([, { names, usd, onDemandUsd, seconds, count }]) => ({ names, usd, onDemandUsd, seconds, count }));
}
