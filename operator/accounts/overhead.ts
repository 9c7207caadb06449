// The installation's own standing cost (EKS, nodes, logs, endpoints), shared among the jobs that ran while it stood. Pure.
import { nanosOf, scaled, usdOf } from '../../cloud/money.ts';
import type { AccountStatus } from '../../crds/crds.generated.ts';

/** When a job was at work, milliseconds; `to` absent: it still is. */
export interface Span {
  readonly from: number;
  readonly to?: number | undefined;
}

const DAY_MS = 86_400_000;

/** Of the last 24 hours: jobs that ran in them, and each one's share on average. */
export function overheadOf(
  usdPerDay: number,
  spans: Iterable<Span>,
  now: number,
): NonNullable<AccountStatus['installation']> {
  let jobs = 0;
  for (const { from, to = now } of spans) if (from <= now && to >= now - DAY_MS) jobs += 1;
  const usdPerJob = jobs === 0 ? usdPerDay : usdOf(scaled(nanosOf(usdPerDay), 1, jobs));
  return { usdPerDay, jobs, usdPerJob };
}

/** A job's share, USD: at each moment the standing cost is split evenly among those at work; `own` is among `spans`. */
export function shareOf(usdPerDay: number, own: Span, spans: readonly Span[], now: number): number {
  const { from, to = now } = own;
  if (!(to > from) || usdPerDay === 0) return 0;
  // What begins and ends while it is at work, in order; at its begin those that are at work already.
  const turns: [at: number, more: 1 | -1][] = [];
  let atWork = 0;
  for (const span of spans) {
    const end = span.to ?? now;
    if (!(span.from < to && end > from)) continue;
    if (span.from > from) turns.push([span.from, 1]);
    else atWork += 1;
    if (end < to) turns.push([end, -1]);
  }
  turns.sort(([a], [b]) => a - b);
  let [share, at] = [0, from];
  for (const [turn, more] of [...turns, [to, -1] as const]) {
    share += (turn - at) / Math.max(1, atWork);
    at = turn;
    atWork += more;
  }
  return usdOf(scaled(nanosOf(usdPerDay), Math.round(share), DAY_MS));
}
