// What an attempt owes the ledger: an entry for each month it ran in. The months that are over are billed while it still runs, the last one at
// its end. Keys follow from job, attempt and month and are put only if absent, so that a repeated end, or a late leader, can't charge twice;
// where an entry is there already, its amount is the truth. Pure but for the ledger.
import { ledgerKey } from '../../cloud/keys.ts';
import { nextPeriod, periodOf, startOf, WENT_ON, type LedgerEntry } from '../../cloud/ledger/entries.ts';
import { addUsd } from '../../cloud/money.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';
import type { Ledger } from '../accounts/ledger.ts';
import { attemptCost, billedSeconds, onDemandUntil, type PriceSource } from './costs.ts';
import { uidOf } from './job.ts';

export interface Charge {
  readonly job: TrainingJob;
  readonly attempt: Attempt;
  readonly outcome: string;
  /** Milliseconds. */
  readonly end: number;
  readonly prices?: PriceSource | undefined;
  /** What it cost in all, where that is written down already. */
  readonly usd?: number | undefined;
}

export interface Charged {
  /** USD of the whole attempt, as the ledger has it. */
  readonly usd: number;
  /** When it ended, by the ledger; milliseconds. */
  readonly at: number;
}

/** The months an attempt has left behind at `now`, oldest first, as the times at which they ended; those billed already are left out. */
export function monthsBehind({ launchedAt, billedUntil }: Attempt, now: number): number[] {
  const from = Date.parse(billedUntil ?? launchedAt ?? '');
  if (!Number.isFinite(from)) return [];
  const ends: number[] = [];
  for (let end = startOf(nextPeriod(periodOf(from))); end <= now; end = startOf(nextPeriod(periodOf(end))))
    ends.push(end);
  return ends;
}

/** Bills the months that are over; returns what of the attempt is in the ledger then, and until when. Throws CloudError. */
export async function chargeMonths(
  ledger: Pick<Ledger, 'append'>,
  charge: Charge,
): Promise<Charged & { over: boolean }> {
  const { attempt, end } = charge;
  let usd = attempt.billedUsd ?? 0;
  let at = Date.parse(attempt.billedUntil ?? attempt.launchedAt ?? '');
  for (const midnight of monthsBehind(attempt, end)) {
    const cost = costUntil(charge, midnight);
    const there = await ledger.append(
      ...slice(charge, { from: at, to: midnight, usd: addUsd(cost, -usd), outcome: WENT_ON }),
    );
    usd = addUsd(usd, there.usd);
    at = midnight;
    // It was ended before midnight by a call whose answer was lost.
    if (there.outcome !== WENT_ON) return { usd, at: Date.parse(there.at), over: true };
  }
  return { usd, at, over: false };
}

/** The end of an attempt. Throws CloudError when the ledger can't be written; saying it again is harmless. */
export async function chargeFor(ledger: Pick<Ledger, 'append'>, charge: Charge): Promise<Charged> {
  const before = await chargeMonths(ledger, charge);
  if (before.over) return before;
  const usd = Math.max(0, addUsd(charge.usd ?? costUntil(charge, charge.end), -before.usd));
  const entry = slice(charge, { from: before.at, to: charge.end, usd, outcome: charge.outcome });
  const there = await ledger.append(...entry);
  return { usd: addUsd(before.usd, there.usd), at: Date.parse(there.at) };
}

const costUntil = ({ attempt, prices }: Charge, until: number): number => attemptCost(attempt, until, prices);

interface Slice {
  readonly from: number;
  readonly to: number;
  readonly usd: number;
  readonly outcome: string;
}

function slice({ job, attempt }: Charge, { from, to, usd, outcome }: Slice): [key: string, entry: LedgerEntry] {
  const { namespace = '', name = '' } = job.metadata ?? {};
  const userId = userOf(namespace) ?? '';
  const cluster = attempt.market === 'cluster';
  // A month's last entry belongs to its last second.
  const at = new Date(outcome === WENT_ON ? to - 1000 : to).toISOString();
  const first = attempt.billedUntil === undefined && from === Date.parse(attempt.launchedAt ?? '');
  const earlier = first ? 0 : billedSeconds(attempt, from);
  const entry: LedgerEntry = {
    version: 1,
    userId,
    at,
    operation: 'training',
    service: cluster ? 'cluster' : 'ec2',
    job: { namespace, name, uid: uidOf(job) },
    attempt: attempt.number,
    usd,
    onDemandUsd: addUsd(onDemandUntil(attempt, to), first ? 0 : -onDemandUntil(attempt, from)),
    seconds: Math.max(0, billedSeconds(attempt, to) - earlier),
    what: cluster ? 'a pod on the cluster' : `${attempt.instanceType} ${attempt.zone} ${attempt.market}`,
    outcome,
  };
  return [ledgerKey(userId, new Date(from).toISOString(), uidOf(job), attempt.number, 'training'), entry];
}
