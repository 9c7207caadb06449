// The state machine of a TrainingJob (docs/life-of-a-job.md), pure: from the job, what was seen of the world and the time to the
// next status and at most one action. The reconciler writes the status, does the action, confirms (confirm.ts) and asks again. Here: a job
// without an instance; running.ts: one that has one; replacing.ts: one whose instance is being replaced; stopping.ts, deletion.ts.
import { isTrue } from '../../crds/conditions.ts';
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import type { Action, Decision } from './actions.ts';
import type { Context } from './context.ts';
import { minuteCost } from './costs.ts';
import { decideDeletion } from './deletion.ts';
import { currentAttempt, isFinal, leavingAttempt, openAttempts, uidOf } from './job.ts';
import { end, losses } from './losses.ts';
import { outgrownGiB } from './outgrown.ts';
import { isOwing, owing, waitingForLedger } from './owing.ts';
import { pauseUntil } from './pause.ts';
import { checkpointOf } from './progress.ts';
import { replacing } from './replacing.ts';
import { running } from './running.ts';
import { isDown, type Seen } from './seen.ts';
import { spentUsd, stoppingNow, stopWanted, wantsStop } from './stopping.ts';
import { attemptBegun, failed, stopped, stopping, withoutCapacity, type At } from './transitions.ts';

export const ADMISSION_RETRY_MS = 30_000;

export function decide(job: TrainingJob, world: Context): Decision {
  const decision = waitingForLedger(decided(job, world));
  const { action } = decision;
  if (action?.do !== 'end') return decision;
  // Seen down before it is ended by us: that is until when it costs.
  const instance = world.seen.instances.find(({ id }) => id === action.attempt.instanceId);
  return instance && isDown(instance)
    ? { ...decision, action: { ...action, downSince: instance.downSince } }
    : decision;
}

function decided(job: TrainingJob, world: Context): Decision {
  const { status, context } = own(job, world);
  const at: At = { job, now: context.now };
  if (job.metadata?.deletionTimestamp) return decideDeletion(job, status, context);
  if (isFinal(job)) return finished(job, status, context);
  if (!job.metadata?.finalizers?.includes(FINALIZER)) return { status, action: { do: 'addFinalizer' } };
  const owed = owing(status, context);
  if (owed) return { status, action: owed };
  const stray = strays(status, context.seen);
  if (stray.length > 0) return { status, action: { do: 'terminate', ids: stray, reason: 'Stray' } };
  switch (status.phase) {
    case undefined:
    case 'Pending':
      return pending(at, status);
    case 'Queued':
      return queued(at, status, context);
    case 'Launching':
    case 'Recovering':
      return launching(at, status, context);
    case 'Booting':
    case 'Running':
      return running(at, status, context);
    case 'Stopping':
      return stoppingNow(at, status, context);
    case 'Suspended':
      return suspended(at, status, context);
    case 'Finishing':
      return { status, action: finishAction(status) };
    case 'Succeeded':
    case 'Failed':
      return { status };
  }
}

/** Without what carries another job's tag, should a hand have written it into this status: it must be neither read nor ended. */
function own(job: TrainingJob, context: Context): { status: TrainingJobStatus; context: Context } {
  const { status = {} } = job;
  const foreign = context.seen.instances.filter(({ jobUid }) => jobUid !== undefined && jobUid !== uidOf(job));
  if (foreign.length === 0) return { status, context };
  const ids = new Set(foreign.map(({ id }) => id));
  const instances = context.seen.instances.filter(({ id }) => !ids.has(id));
  return {
    status: { ...status, attempts: status.attempts?.filter(({ instanceId = '' }) => !ids.has(instanceId)) },
    // Reports are of the instance the status named.
    context: { ...context, seen: { at: context.seen.at, instances } },
  };
}

/** Instances that carry this job's tag but serve none of its attempts. */
function strays(status: TrainingJobStatus, seen: Seen): string[] {
  const open = openAttempts(status);
  return seen.instances
    .filter((instance) => !isDown(instance))
    .filter(
      ({ id, batch }) =>
        !open.some((attempt) =>
          attempt.instanceId === undefined ? attempt.batch === batch : attempt.instanceId === id,
        ),
    )
    .map(({ id }) => id);
}

function finished(job: TrainingJob, status: TrainingJobStatus, context: Context): Decision {
  const { now, seen } = context;
  // Refused, or declared over by hand, while an instance ran: that is ended and paid for as ever.
  const open = openAttempts(status).find(({ instanceId }) => instanceId !== undefined);
  if (open) return { status, action: end(open, 'Stopped', 'deletion', 'The job is over.') };
  const owed = owing(status, context);
  if (owed) return { status, action: owed };
  const alive = seen.instances.filter((instance) => !isDown(instance)).map(({ id }) => id);
  if (alive.length > 0) return { status, action: { do: 'terminate', ids: alive, reason: 'Finished' } };
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return { status };
  const left = Date.parse(status.completionTime ?? '') + ttl * 1000 - now;
  if (isOwing(status)) return { status };
  return left > 0 ? { status, requeueAfterMs: left } : { status, action: { do: 'deleteJob' } };
}

function pending(at: At, status: TrainingJobStatus): Decision {
  if (at.job.spec.suspend) return { status: stopped(at, status, 'Suspended') };
  return {
    status: status.phase ? status : { ...status, phase: 'Pending', message: 'The job was seen.' },
    action: { do: 'admit' },
  };
}

function queued(at: At, status: TrainingJobStatus, context: Context): Decision {
  const stop = stopWanted(at, status, context);
  if (stop) return { status: stopped(at, status, stop.cause) };
  if (!isTrue(status.conditions, 'Accepted'))
    return { status, action: { do: 'admit' }, requeueAfterMs: ADMISSION_RETRY_MS };
  return launch(at, status, context);
}

function launching(at: At, before: TrainingJobStatus, context: Context): Decision {
  const leaving = leavingAttempt(before);
  const { leaving: report } = context.seen;
  const status = leaving && report?.heartbeat ? checkpointOf(before, report.heartbeat) : before;
  const stop = stopWanted(at, status, context);
  if (stop) return stopLaunch(at, status, stop);
  const step = leaving && replacing(at, status, leaving, context);
  if (step) return step;
  const attempt = currentAttempt(status);
  if (!attempt) return launch(at, status, context);
  if (!attempt.instanceId) return { status, action: { do: 'launch', attempt } };
  const lost = losses(attempt, context);
  if (lost) return { status, action: lost };
  // The newest checkpoint comes from the instance that is being replaced: its end is waited for.
  if (leaving) return { status, requeueAfterMs: 5_000 };
  return { status, action: { do: 'putTicket', attempt, instanceId: attempt.instanceId } };
}

function stopLaunch(at: At, status: TrainingJobStatus, stop: NonNullable<ReturnType<typeof stopWanted>>): Decision {
  const attempt = currentAttempt(status);
  if (attempt && !attempt.instanceId) return { status, action: { do: 'withdraw', attempt } };
  if (openAttempts(status).length === 0) return { status: stopped(at, status, stop.cause) };
  return { status: stopping(at, status, stop.cause, stop.message) };
}

/** Begins an attempt when its pause is over and some pool may have room. */
function launch(at: At, status: TrainingJobStatus, context: Context): Decision {
  const pause = pauseUntil(status) - at.now;
  if (pause > 0) return { status, requeueAfterMs: pause };
  const plan = context.plan();
  const { market, selection } = plan;
  if (selection.offers.length > 0) {
    const spent = spentUsd(status, context);
    if (spent > 0 && spent + minuteCost(selection.price ?? 0) > context.budgetUsd)
      return { status: stopped(at, status, 'BudgetExhausted') };
    return { status: attemptBegun(at, status, plan, context.batchFor(market, selection.offers)) };
  }
  // What fitted at admission is outgrown: waiting makes no larger instance.
  if (selection.impossible && outgrownGiB(status) !== undefined)
    return { status: failed(at, status, 'OutOfMemory', `It ran out of memory. ${selection.reason}`) };
  const retryAt = selection.retryAt ?? at.now + ADMISSION_RETRY_MS;
  const requeueAfterMs = Math.max(1000, retryAt - at.now);
  if (leavingAttempt(status)) return { status, requeueAfterMs: Math.min(requeueAfterMs, 5_000) };
  const wait = context.choice?.choice === 'Wait' ? ` ${context.choice.reason}` : '';
  return { status: withoutCapacity(at, status, `${selection.reason}${wait}`), requeueAfterMs };
}

function suspended(at: At, status: TrainingJobStatus, context: Context): Decision {
  if (wantsStop(at.job, context)) return { status };
  if (isTrue(status.conditions, 'BudgetExhausted') && context.budgetUsd <= (status.cost?.actualUsd ?? 0) * 1.01)
    return { status };
  return { status, action: { do: 'admit' }, requeueAfterMs: ADMISSION_RETRY_MS };
}

function finishAction(status: TrainingJobStatus): Action {
  const attempt = currentAttempt(status);
  if (attempt && !status.model?.manifestSha256) return { do: 'collect', attempt, instanceId: attempt.instanceId ?? '' };
  if (attempt) return { do: 'end', attempt, reason: 'Succeeded', cause: 'none', message: 'The training succeeded.' };
  return { do: 'complete' };
}
