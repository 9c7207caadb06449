// What a job still owes the ledger: months its attempts ran beyond, and ends that could not be written. Told as soon as the ledger answers;
// nothing else waits for it. Pure.
import type { TrainingJobStatus } from '../../crds/crds.generated.ts';
import { LEDGER_RETRY_MS } from '../accounts/ledger.ts';
import type { Action, Decision } from './actions.ts';
import { monthsBehind } from './charging.ts';
import type { Context } from './context.ts';
import { openAttempts } from './job.ts';

/** Whether the end of an attempt is still to be delivered. */
export const isOwing = ({ attempts }: TrainingJobStatus): boolean =>
  attempts?.some(({ unbilled }) => unbilled) ?? false;

export function owing(
  status: TrainingJobStatus,
  { now, ledgerAway }: Pick<Context, 'now' | 'ledgerAway'>,
): Action | undefined {
  if (ledgerAway) return undefined;
  const late = status.attempts?.find(({ unbilled }) => unbilled);
  if (late) return { do: 'deliver', attempt: late };
  const ran = openAttempts(status).find((attempt) => monthsBehind(attempt, now).length > 0);
  return ran && { do: 'bill', attempt: ran };
}

/** Looks again soon while something is still to be delivered. */
export function waitingForLedger(decision: Decision): Decision {
  if (decision.action || !isOwing(decision.status)) return decision;
  return { ...decision, requeueAfterMs: Math.min(decision.requeueAfterMs ?? Infinity, LEDGER_RETRY_MS) };
}
