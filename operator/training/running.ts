// A job whose instance boots or works: what it says, whether it must stop, whether EC2 asks for another instance or Spot may serve again. Pure.
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { Decision, LeavingReason } from './actions.ts';
import type { Context } from './context.ts';
import { hourlyCost } from './costs.ts';
import { endOf } from './ending.ts';
import { currentAttempt } from './job.ts';
import { atRisk, leave } from './leaving.ts';
import { losses, takenBack } from './losses.ts';
import { heard, logged, withDeadline } from './progress.ts';
import { isDown } from './seen.ts';
import { leftUsd, stopWanted } from './stopping.ts';
import { TICKET_REFRESH_MS } from './ticket.ts';
import { change, finishing, stopping, type At } from './transitions.ts';

/** A worker that downloads still needs the addresses in its ticket. */
const NEEDS_ADDRESSES = new Set(['Starting', 'Downloading']);
const LOOK_AGAIN_MS = 60_000;

export function running(at: At, status: TrainingJobStatus, context: Context): Decision {
  const attempt = currentAttempt(status);
  if (!attempt)
    return { status: change(at, status, { phase: 'Launching', message: 'Launching again.', conditions: [] }) };
  const { seen } = context;
  if (seen.result?.outcome === 'Succeeded') return { status: finishing(at, status) };
  const fresh = withDeadline(told(at, status, attempt, context), context.choice);
  const now = currentAttempt(fresh) ?? attempt;
  // The last heartbeat, which may tell of the last checkpoint, often comes together with the result.
  if (seen.result) return { status: fresh, action: endOf(now, seen.result) };
  const lost = losses(now, context);
  if (lost) return { status: fresh, action: lost };
  const stop = stopWanted(at, fresh, context);
  if (stop) return { status: stopping(at, fresh, stop.cause, stop.message) };
  const move = moveWanted(at, now, context);
  if (move) return { status: leave(at, fresh, now, move) };
  if (ticketIsOld(at, fresh, now))
    return { status: fresh, action: { do: 'refreshTicket', attempt: now, instanceId: now.instanceId ?? '' } };
  const warned = seen.notice?.kind === 'rebalance' ? atRisk(at, fresh, now) : fresh;
  return { status: warned, requeueAfterMs: nextDeadline(at, warned, context) };
}

function told(at: At, status: TrainingJobStatus, attempt: Attempt, context: Context): TrainingJobStatus {
  const { seen, checkpointSeconds, prices } = context;
  const { heartbeat, heardAt, log } = seen;
  const known =
    heartbeat && heardAt ? heard(at, status, attempt, { heartbeat, heardAt, checkpointSeconds, prices }) : status;
  return log ? logged(known, log, heardAt) : known;
}

/** Why another instance should take over while this one still runs. What is taken can't be refused; all else only if there is a place. */
function moveWanted(at: At, attempt: Attempt, context: Context): LeavingReason | undefined {
  const { seen, choice } = context;
  const instance = seen.instances.find(({ id }) => id === attempt.instanceId);
  if (seen.notice?.kind === 'interruption') return 'Interruption';
  if (instance && isDown(instance) && !seen.unread) return takenBack(instance, seen) ? 'Interruption' : 'Lost';
  const wish = ((): LeavingReason | undefined => {
    if (seen.notice?.kind === 'impaired') return 'Impaired';
    if (seen.notice?.kind === 'rebalance' && at.job.spec.onRebalance === 'Migrate') return 'Rebalance';
    // Chosen for the deadline, not by the user: Spot may serve again.
    if (attempt.market === 'on-demand' && choice?.choice === 'Spot' && at.job.spec.placement !== 'OnDemand')
      return 'SpotAgain';
    return undefined;
  })();
  if (!wish) return undefined;
  const plan = context.plan();
  if (plan.selection.offers.length === 0) return undefined;
  return wish === 'SpotAgain' && plan.market !== 'spot' ? undefined : wish;
}

function ticketIsOld(at: At, { progress }: TrainingJobStatus, attempt: Attempt): boolean {
  // A worker that does not even report in time is ended, whatever its ticket says.
  if (attempt.ticketAt === undefined || attempt.startedAt === undefined) return false;
  return NEEDS_ADDRESSES.has(progress?.stage ?? '') && at.now - Date.parse(attempt.ticketAt) >= TICKET_REFRESH_MS;
}

/** When to look again even if nothing is heard: the end of the job's time or money. Milliseconds. */
function nextDeadline(at: At, status: TrainingJobStatus, context: Context): number {
  const waits = [LOOK_AGAIN_MS];
  const limit = at.job.spec.activeDeadlineSeconds;
  if (limit !== undefined && status.startTime) waits.push(Date.parse(status.startTime) + limit * 1000 - at.now);
  const attempt = currentAttempt(status);
  const perHour = attempt ? hourlyCost(attempt, context.prices) : 0;
  if (perHour > 0) waits.push((leftUsd(status, context) / perHour) * 3_600_000);
  return Math.max(1000, Math.min(...waits));
}
