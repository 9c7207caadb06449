// A training as far as its account's money goes: what it has cost until this moment, what of that is not in the ledger, what a stop would
// still cost. Pure.
import { addUsd } from '../../cloud/money.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import type { Live } from '../accounts/exposure.ts';
import { attemptCost, stopReserve, type PriceSource } from './costs.ts';
import { isFinal, openAttempts, uidOf } from './job.ts';

export function trainingLive(job: TrainingJob, now: number, prices?: PriceSource): Live {
  const { status } = job;
  const open = openAttempts(status);
  const running = open.map((attempt) => addUsd(attemptCost(attempt, now, prices), -(attempt.costUsd ?? 0)));
  const unbilled = (status?.attempts ?? []).filter(isUnbilled).map((attempt) => unbilledUsd(attempt, now, prices));
  return {
    uid: uidOf(job),
    final: isFinal(job) && open.length === 0,
    reservedUsd: status?.cost?.reservedUsd ?? 0,
    actualUsd: addUsd(status?.cost?.actualUsd ?? 0, ...running),
    unbilledUsd: addUsd(...unbilled),
    stopUsd: open.reduce((sum, attempt) => addUsd(sum, stopReserve(attempt, prices)), 0),
  };
}

/** Its end is not in the ledger: it has none yet, or it is still to be delivered. */
const isUnbilled = ({ endedAt, unbilled }: Attempt): boolean => endedAt === undefined || unbilled === true;

function unbilledUsd(attempt: Attempt, now: number, prices: PriceSource | undefined): number {
  const usd = attempt.endedAt === undefined ? attemptCost(attempt, now, prices) : (attempt.costUsd ?? 0);
  return Math.max(0, addUsd(usd, -(attempt.billedUsd ?? 0)));
}
