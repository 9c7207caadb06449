// The two kinds of folders that are sealed in packs: a user's month of the ledger, and a month of the audit trail.
import type { AuditEntry } from '../audit.ts';
import { auditKey } from '../keys.ts';
import { nanosOf, plus, usdOf } from '../money.ts';
import { ledgerMonth, type LedgerEntry } from './entries.ts';
import { byText, type Folder } from './packs.ts';

/** What a user's entries of one day, service and operation come to. */
export interface LedgerRow {
  readonly day: string;
  readonly service: string;
  readonly operation: string;
  readonly usd: number;
  readonly onDemandUsd: number;
  /** To the thousandth. */
  readonly seconds: number;
  /** Entries. */
  readonly count: number;
}

/** Entries of the audit trail of one day, verb and outcome. */
export interface AuditRow {
  readonly day: string;
  readonly what: string;
  readonly outcome: string;
  readonly count: number;
}

export type LedgerFolder = Folder<LedgerEntry, LedgerRow>;
export type AuditFolder = Folder<AuditEntry, AuditRow>;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const dayOf = ({ at }: { readonly at: string }): string => at.slice(0, 10);

/** The folder of a user's month, `yyyy-MM`. */
export function ledgerFolder(userId: string, period: string): LedgerFolder {
  const entries = ledgerMonth(userId, period);
  return {
    entries,
    packs: `${entries}packs/`,
    isEntry: isLedgerEntry,
    problem: (key, entry) => {
      if (entry.userId !== userId) return `it is an entry of user ${entry.userId}`;
      if (!entry.at.startsWith(period)) return `it is an entry of ${dayOf(entry)}`;
      const stem = `${entries}${entry.job.uid}-${entry.attempt}-`;
      const kind = key.startsWith(stem) ? key.slice(stem.length) : '';
      return /^[^/]+\.json$/.test(kind) ? undefined : `it is the entry of attempt ${entry.attempt} of ${entry.job.uid}`;
    },
    day: dayOf,
    repeats: false,
    cube: ledgerCube,
  };
}

/** Where keys of a user's months come apart; undefined for other keys. */
export function ledgerPlace(key: string): { userId: string; period: string } | undefined {
  const [, userId, period] = /^ledger\/user_([^/]+)\/(\d{4}-\d\d)\//.exec(key) ?? [];
  return userId === undefined || period === undefined ? undefined : { userId, period };
}

/** The folder of a month of the audit trail; its entries lie by day. */
export function auditFolder(period: string): AuditFolder {
  return {
    entries: `audit/${period}-`,
    packs: `audit/packs/${period}/`,
    isEntry: isAuditEntry,
    problem: (key, entry) => {
      const stem = auditKey(entry.at, '').replace(/\.json$/, '');
      return key.startsWith(stem) && /^[^/]+\.json$/.test(key.slice(stem.length))
        ? undefined
        : `it is an entry of ${entry.at}`;
    },
    day: dayOf,
    // audit() with `once` relies on the put alone.
    repeats: true,
    cube: auditCube,
  };
}

function isLedgerEntry(value: unknown): value is LedgerEntry {
  const entry = value as Partial<LedgerEntry> | null;
  return (
    typeof entry === 'object' &&
    entry !== null &&
    entry.version === 1 &&
    [entry.userId, entry.operation, entry.service, entry.job?.uid].every((text) => typeof text === 'string') &&
    typeof entry.at === 'string' &&
    TIME.test(entry.at) &&
    typeof entry.attempt === 'number' &&
    [entry.usd, entry.onDemandUsd].every((usd) => Number.isSafeInteger(Math.round((usd ?? NaN) * 1e9))) &&
    Number.isFinite(entry.seconds)
  );
}

function isAuditEntry(value: unknown): value is AuditEntry {
  const entry = value as Partial<AuditEntry> | null;
  return (
    typeof entry === 'object' &&
    entry !== null &&
    entry.version === 1 &&
    [entry.who, entry.from, entry.what, entry.resource, entry.outcome].every((text) => typeof text === 'string') &&
    typeof entry.at === 'string' &&
    TIME.test(entry.at)
  );
}

/** Adds rows of the same day, service and operation up, exactly. */
export function ledgerRows(rows: Iterable<LedgerRow>): LedgerRow[] {
  return grouped(rows, ({ day, service, operation }) => [day, service, operation], addRows);
}

export function addRows(sum: LedgerRow, row: LedgerRow): LedgerRow {
  return {
    ...sum,
    usd: usdOf(plus(nanosOf(sum.usd), nanosOf(row.usd))),
    onDemandUsd: usdOf(plus(nanosOf(sum.onDemandUsd), nanosOf(row.onDemandUsd))),
    seconds: (Math.round(sum.seconds * 1000) + Math.round(row.seconds * 1000)) / 1000,
    count: sum.count + row.count,
  };
}

export const ledgerRow = (entry: LedgerEntry): LedgerRow => ({
  day: dayOf(entry),
  service: entry.service,
  operation: entry.operation,
  usd: usdOf(nanosOf(entry.usd)),
  onDemandUsd: usdOf(nanosOf(entry.onDemandUsd)),
  seconds: Math.round(entry.seconds * 1000) / 1000,
  count: 1,
});

const ledgerCube = (entries: Iterable<LedgerEntry>): LedgerRow[] => ledgerRows(Array.from(entries, ledgerRow));

function auditCube(entries: Iterable<AuditEntry>): AuditRow[] {
  const rows = Array.from(entries, (entry) => ({
    day: dayOf(entry),
    what: entry.what,
    outcome: entry.outcome,
    count: 1,
  }));
  return grouped(
    rows,
    ({ day, what, outcome }) => [day, what, outcome],
    (sum, row) => ({ ...sum, count: sum.count + row.count }),
  );
}

/** One row a name, in order of the names. */
function grouped<R>(rows: Iterable<R>, nameOf: (row: R) => string[], add: (sum: R, row: R) => R): R[] {
  const sums = new Map<string, R>();
  for (const row of rows) {
    const name = JSON.stringify(nameOf(row));
    const sum = sums.get(name);
    sums.set(name, sum === undefined ? row : add(sum, row));
  }
  return [...sums].sort(([a], [b]) => byText(a, b)).map(([, row]) => row);
}
