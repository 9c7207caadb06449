// Stopping a job before it is done: suspension, its deadline, its budget. The worker is told to checkpoint and given 90 seconds. Pure.
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { Decision } from './actions.ts';
import type { Context } from './context.ts';
import { attemptCost, STOP_SECONDS, stopReserve } from './costs.ts';
import { currentAttempt, leavingAttempt, openAttempts } from './job.ts';
import { stayed } from './leaving.ts';
import { end } from './losses.ts';
import { isGone } from './seen.ts';
import { finishing, stopped, stopUnderWay, type At, type StopCause } from './transitions.ts';

export const STOP_TIMEOUT_MS = STOP_SECONDS * 1000;

export interface Stop {
  readonly cause: StopCause;
  readonly message: string;
}

export const wantsStop = (job: TrainingJob, { accountSuspended }: Pick<Context, 'accountSuspended'>): boolean =>
  job.spec.suspend || accountSuspended;

/** Why the job must stop now; undefined: it need not. */
export function stopWanted(at: At, status: TrainingJobStatus, context: Context): Stop | undefined {
  const { job, now } = at;
  if (wantsStop(job, context)) return { cause: 'Suspended', message: 'Suspending: the worker checkpoints and stops.' };
  const limit = job.spec.activeDeadlineSeconds;
  if (limit !== undefined && status.startTime && now >= Date.parse(status.startTime) + limit * 1000)
    return {
      cause: 'DeadlineExceeded',
      message: `The deadline of ${limit} s is over: the worker checkpoints and stops.`,
    };
  const launched = openAttempts(status).filter(({ launchedAt }) => launchedAt !== undefined);
  if (launched.length > 0 && leftUsd(status, context) <= 0)
    return {
      cause: 'BudgetExhausted',
      message: `The budget of $${context.budgetUsd} is nearly used up: the worker checkpoints and stops.`,
    };
  if (launched.some(({ market }) => market !== 'cluster') && (context.monthLeftUsd ?? Infinity) <= 0)
    return {
      cause: 'MonthExhausted',
      message: 'The month’s limit of the account is nearly used up: the worker checkpoints and stops.',
    };
  return undefined;
}

/** USD spent until now, what runs included. */
export function spentUsd(status: TrainingJobStatus, { now, prices }: Pick<Context, 'now' | 'prices'>): number {
  let spent = status.cost?.actualUsd ?? 0;
  for (const attempt of openAttempts(status)) spent += attemptCost(attempt, now, prices) - (attempt.costUsd ?? 0);
  return spent;
}

/** USD left of the budget after a stop in order. */
export function leftUsd(status: TrainingJobStatus, context: Pick<Context, 'now' | 'prices' | 'budgetUsd'>): number {
  const reserve = openAttempts(status).reduce((sum, attempt) => sum + stopReserve(attempt, context.prices), 0);
  return context.budgetUsd - spentUsd(status, context) - reserve;
}

export function stoppingNow(at: At, status: TrainingJobStatus, context: Context): Decision {
  const stop = stopUnderWay(status);
  const [leaving, current] = [leavingAttempt(status), currentAttempt(status)];
  const attempt = leaving ?? current;
  if (!attempt || !stop) return { status: stopped(at, status, stop?.cause ?? 'Suspended') };
  // A replacement has done nothing yet: it goes first.
  if (leaving && current)
    return current.instanceId === undefined
      ? { status, action: { do: 'withdraw', attempt: current } }
      : { status, action: end(current, 'Superseded', 'spare', 'The replacement is not needed any more.') };
  if (attempt.instanceId === undefined) return { status, action: { do: 'withdraw', attempt } };
  return stopAttempt(at, status, context, attempt, stop);
}

function stopAttempt(
  at: At,
  status: TrainingJobStatus,
  { seen }: Context,
  attempt: Attempt,
  stop: { cause: StopCause; since: number },
): Decision {
  const report = attempt.leavingAt === undefined ? seen : (seen.leaving ?? {});
  const { instanceId = '' } = attempt;
  if (report.result?.outcome === 'Succeeded') return { status: finishing(at, stayed(status, attempt)) };
  const instance = seen.instances.find(({ id }) => id === instanceId);
  const gone = instance && isGone(instance) && !report.unread;
  const over = report.result !== undefined || gone || attempt.startedAt === undefined;
  const left = stop.since + STOP_TIMEOUT_MS - at.now;
  if (over || left <= 0) return { status, action: end(attempt, 'Stopped', 'stop', `Stopped: ${stop.cause}.`) };
  if (report.controlled) return { status, requeueAfterMs: left };
  return { status, action: { do: 'control', instanceId, reason: stop.cause }, requeueAfterMs: left };
}
