// What an account's month stands at: spent by the ledger and by what runs until now, held back for what may still come, left. Pure, and exact
// to the billionth of a dollar.
import type { MonthSum } from '../../cloud/ledger/entries.ts';
import { minus, most, nanosOf, NOTHING, plus, scaled, usdOf, type Nanos } from '../../cloud/money.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';

/** A job of the account, as far as money goes. */
export interface Live {
  readonly uid: string;
  readonly final: boolean;
  /** Held back in its own status, USD: above 0 from the moment it is accepted until it is over or suspended. */
  readonly reservedUsd: number;
  /** All it has cost until now, USD. */
  readonly actualUsd: number;
  /** What of that is not in the ledger yet, USD. */
  readonly unbilledUsd: number;
  /** What a stop in order would still cost, USD. */
  readonly stopUsd: number;
}

export type Reservation = NonNullable<AccountStatus['reservations']>[string];
export type Held = Readonly<Record<string, Reservation>>;

export interface Figures {
  readonly limitUsd: number;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  /** Never below 0. */
  readonly remainingUsd: number;
}

/** What the month may cost, USD: the account's limit and a top-up of that month. */
export function monthLimit({ spec }: Account, period: string): number {
  const { limits, topUp } = spec;
  return usdOf(plus(nanosOf(limits.monthlyUsd), nanosOf(topUp?.period === period ? topUp.usd : 0)));
}

/** What is still held back for a job: the most it can cost in all, less what it has cost. Without a record its own status counts. */
export function heldFor(live: Live, reservation: Reservation | undefined): Nanos {
  if (!reservation) return nanosOf(live.reservedUsd);
  const bound = plus(nanosOf(reservation.usd), nanosOf(reservation.spentUsd ?? 0));
  return most(NOTHING, minus(bound, nanosOf(live.actualUsd)));
}

export function figuresOf(
  limitUsd: number,
  sum: Pick<MonthSum, 'spentUsd'>,
  jobs: Iterable<Live>,
  held: Held,
): Figures {
  let spent = nanosOf(sum.spentUsd);
  let reserved = NOTHING;
  const known = new Set<string>();
  for (const job of jobs) {
    known.add(job.uid);
    spent = plus(spent, nanosOf(job.unbilledUsd));
    if (!job.final) reserved = plus(reserved, heldFor(job, held[job.uid]));
  }
  // Of a job that is not seen yet, or that another leader accepted.
  for (const [uid, { usd }] of Object.entries(held)) if (!known.has(uid)) reserved = plus(reserved, nanosOf(usd));
  const remaining = most(NOTHING, minus(nanosOf(limitUsd), plus(spent, reserved)));
  return { limitUsd, spentUsd: usdOf(spent), reservedUsd: usdOf(reserved), remainingUsd: usdOf(remaining) };
}

/** The whole month at the pace so far, from the first day on; USD. */
export function forecastUsd(spentUsd: number, start: number, end: number, now: number): number {
  const DAY_MS = 86_400_000;
  const elapsed = Math.min(end - start, Math.max(DAY_MS, now - start));
  return usdOf(scaled(nanosOf(spentUsd), end - start, elapsed));
}

/** A reservation that no job speaks for is kept so long: another leader may have written it a moment ago. */
const UNSEEN_MS = 120_000;

export interface Known {
  /** Promised by this process, and not in the job's status yet. */
  readonly granted: ReadonlySet<string>;
  /** Jobs this process has seen: one that is not there any more is gone. */
  readonly seen: ReadonlySet<string>;
  /** Those it has seen holding money: one that does not any more has given it back. */
  readonly holding: ReadonlySet<string>;
}

/** Without what no job needs any more. */
export function pruned(held: Held, jobs: Iterable<Live>, { granted, seen, holding }: Known, now: number): Held {
  const byUid = new Map([...jobs].map((job) => [job.uid, job]));
  const kept = Object.entries(held).filter(([uid, { at }]) => {
    const job = byUid.get(uid);
    if (job?.final || (!job && seen.has(uid))) return false;
    if (granted.has(uid) || (job?.reservedUsd ?? 0) > 0) return true;
    if (holding.has(uid)) return false;
    return now - Date.parse(at) < UNSEEN_MS;
  });
  return kept.length === Object.keys(held).length ? held : Object.fromEntries(kept);
}

export interface Request {
  readonly uid: string;
  readonly usd: number;
}

export type Answer =
  | { readonly ok: true; readonly figures: Figures }
  /** The month leaves no room even alone, or only beside what runs. */
  | { readonly ok: false; readonly reason: 'QuotaExceeded' | 'BudgetReserved'; readonly figures: Figures };

export interface Decided {
  readonly held: Held;
  readonly answers: readonly Answer[];
}

export interface Standing {
  readonly limitUsd: number;
  readonly sum: Pick<MonthSum, 'spentUsd'>;
  readonly jobs: readonly Live[];
  readonly held: Held;
}

/** Judges requests one after the other, each with what the ones before were given; the sums that stand are added up once. */
export function decideRequests(standing: Standing, requests: readonly Request[], now: number): Decided {
  const { limitUsd, sum, jobs } = standing;
  const held: Record<string, Reservation> = { ...standing.held };
  const byUid = new Map(jobs.map((job) => [job.uid, job]));
  let figures = figuresOf(limitUsd, sum, jobs, held);
  const answers = requests.map(({ uid, usd }): Answer => {
    const own = byUid.get(uid);
    const before = held[uid];
    const already = own ? heldFor(own, before) : nanosOf(before?.usd ?? 0);
    const limit = nanosOf(limitUsd);
    const spent = nanosOf(figures.spentUsd);
    const others = minus(nanosOf(figures.reservedUsd), already);
    const alone = plus(spent, nanosOf(usd));
    if (alone > limit) return { ok: false, reason: 'QuotaExceeded', figures: without(figures, others) };
    if (plus(alone, others) > limit) return { ok: false, reason: 'BudgetReserved', figures: without(figures, others) };
    held[uid] = { usd, spentUsd: own?.actualUsd ?? 0, at: new Date(now).toISOString() };
    const reserved = plus(others, nanosOf(usd));
    const remaining = most(NOTHING, minus(limit, plus(spent, reserved)));
    figures = { ...figures, reservedUsd: usdOf(reserved), remainingUsd: usdOf(remaining) };
    return { ok: true, figures };
  });
  return { held, answers };
}

/** As the one who asks sees it: what it holds itself is not in its way. */
const without = (figures: Figures, others: Nanos): Figures => ({ ...figures, reservedUsd: usdOf(others) });
