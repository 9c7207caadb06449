// The status of an account: its month, and the conditions that follow. Pure.
import { nextPeriod, periodOf, startOf, type MonthSum } from '../../cloud/ledger/entries.ts';
import { addUsd } from '../../cloud/money.ts';
import { setCondition, type NewCondition } from '../../crds/conditions.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';
import { namespaceOf } from '../../crds/objects.ts';
import type { AccountReason } from '../../crds/reasons.ts';
import { figuresOf, forecastUsd, monthLimit, type Held, type Live } from './exposure.ts';

export const HISTORY_MONTHS = 12;

export interface Facts {
  readonly jobs: readonly Live[];
  readonly held: Held;
  /** This month by the ledger; undefined: it can't be read, and the figures stay as they were. */
  readonly sum: MonthSum | undefined;
  /** The month before by the ledger, while something of it may still come. */
  readonly previous?: MonthSum | undefined;
  readonly ledgerProblem?: string | undefined;
  readonly now: number;
}

export type Told = readonly [type: string, status: NewCondition['status'], reason: AccountReason, message: string];

/** The account with the conditions given; others stay. */
export function withConditions(
  account: Account,
  status: AccountStatus,
  told: readonly Told[],
  now: number,
): AccountStatus {
  const { generation } = account.metadata ?? {};
  let { conditions } = status;
  for (const [type, value, reason, message] of told)
    conditions = setCondition(conditions, { type, status: value, reason, message }, generation, now);
  return { ...status, observedGeneration: generation, conditions };
}

/** The next status of an account; a new month files the old one under history. */
export function nextStatus(account: Account, facts: Facts): AccountStatus {
  const { now, held, ledgerProblem } = facts;
  const status = { ...account.status };
  const period = periodOf(now);
  const month = facts.sum ? monthOf(account, facts.sum, facts) : status.month;
  const history = filed(status, period, facts.previous);
  const { suspend, warnPercent, userId } = account.spec;
  const limit = monthLimit(account, period);
  const warned = (month?.spentUsd ?? 0) >= (limit * warnPercent) / 100 && limit > 0;
  return withConditions(
    account,
    {
      ...status,
      namespace: namespaceOf(userId),
      ...(month ? { month } : {}),
      ...(history ? { history } : {}),
      reservations: Object.keys(held).length > 0 ? held : undefined,
    },
    [
      ['Ready', 'True', 'NamespaceReady', `Jobs go to the namespace ${namespaceOf(userId)}.`],
      [
        'BudgetWarning',
        warned ? 'True' : 'False',
        warned ? 'MonthNearlySpent' : 'MonthHasRoom',
        `${warned ? 'More' : 'Less'} than ${warnPercent} % of this month's limit of ${limit} USD is spent.`,
      ],
      ledgerProblem === undefined
        ? ['LedgerReachable', 'True', 'LedgerAnswers', 'What jobs cost is in the ledger.']
        : ['LedgerReachable', 'False', 'LedgerUnavailable', `The ledger cannot be used: ${ledgerProblem}`],
      suspend
        ? ['Suspended', 'True', 'AccountSuspended', 'Jobs of this account are stopped and none is admitted.']
        : ['Suspended', 'False', 'AccountActive', 'Jobs of this account may run.'],
    ],
    now,
  );
}

function monthOf(account: Account, sum: MonthSum, { jobs, held, now }: Facts): NonNullable<AccountStatus['month']> {
  const period = periodOf(now);
  const figures = figuresOf(monthLimit(account, period), sum, jobs, held);
  const running = addUsd(...jobs.map(({ unbilledUsd }) => unbilledUsd));
  const before = account.status?.month?.period === period ? account.status.month : undefined;
  const warnedPercent = Math.max(before?.warnedPercent ?? 0, levelOf(account, figures));
  return {
    period,
    ...figures,
    forecastUsd: forecastUsd(figures.spentUsd, startOf(period), startOf(nextPeriod(period)), now),
    operations: sum.operations,
    byService: sum.byService,
    byOperation: sum.byOperation,
    byDay: withToday(sum.byDay, running, new Date(now).getUTCDate()),
    ...(warnedPercent > 0 ? { warnedPercent } : {}),
  };
}

/** What runs counts for today until it is over. */
function withToday(byDay: readonly number[], runningUsd: number, today: number): number[] {
  const days = Array.from({ length: Math.max(byDay.length, today) }, (_, at) => byDay[at] ?? 0);
  days[today - 1] = addUsd(days[today - 1] ?? 0, runningUsd);
  return days;
}

/** Levels, percent of the month's limit, the user is told of: the account's own, then these. */
const LATER_LEVELS = [95, 100];

function levelOf(
  { spec: { warnPercent } }: Account,
  { spentUsd, limitUsd }: { spentUsd: number; limitUsd: number },
): number {
  if (limitUsd <= 0 || spentUsd <= 0) return 0;
  const percent = (100 * spentUsd) / limitUsd;
  const levels = [warnPercent, ...LATER_LEVELS.filter((level) => level > warnPercent)];
  return levels.findLast((level) => percent >= level) ?? 0;
}

function filed(status: AccountStatus, period: string, previous: MonthSum | undefined): AccountStatus['history'] {
  const { month: old, history = [] } = status;
  const last = nextPeriod(period, -1);
  const began = old?.period !== undefined && old.period < period;
  const filed = began ? [...history, { period: old.period ?? '', spentUsd: old.spentUsd ?? 0 }] : history;
  // An attempt that ran through midnight is billed a moment later.
  const settled = previous
    ? filed.map((one) => (one.period === last ? { ...one, spentUsd: previous.spentUsd } : one))
    : filed;
  return settled.length > 0 ? settled.slice(-HISTORY_MONTHS) : undefined;
}
