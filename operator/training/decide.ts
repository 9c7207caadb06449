// The state machine of a TrainingJob (docs/life-of-a-job.md), pure: from the job, what was seen of the world and the time to the
// next status and at most one action. The reconciler writes the status, does the action, confirms (confirm.ts) and asks again.
import { isTrue } from '../../crds/conditions.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import type { Action, Decision } from './actions.ts';
import { attemptCost, stopReserve } from './costs.ts';
import { decideDeletion } from './deletion.ts';
import { endOf } from './ending.ts';
import { currentAttempt, isFinal } from './job.ts';
import { heard } from './progress.ts';
import { isDown, type Seen } from './seen.ts';
import type { Selection } from './selection.ts';
import {
  attemptBegun,
  change,
  finishing,
  instanceObtained,
  interrupted,
  stopped,
  stopping,
  stopUnderWay,
  withoutCapacity,
  type At,
  type StopCause,
} from './transitions.ts';
import type { Market } from '../../cloud/compute.ts';

export const BOOT_TIMEOUT_MS = 300_000;
export const HEARTBEAT_LOST_MS = 600_000;
export const STOP_TIMEOUT_MS = 90_000;
/** An instance not listed this long after its launch may be believed to be gone. */
export const LISTED_AFTER_MS = 60_000;
export const ADMISSION_RETRY_MS = 30_000;

export interface Context {
  readonly now: number;
  readonly seen: Seen;
  /** What could be launched now; asked only when a launch is due. */
  readonly plan: () => { market: Market; selection: Selection };
  /** USD per hour to write down for an instance. */
  readonly priceOf: (attempt: Pick<Attempt, 'market'>, instanceType: string, zone: string) => number;
  readonly budgetUsd: number;
  readonly accountSuspended: boolean;
  readonly checkpointSeconds: number;
  readonly logGroup: string;
}

export function decide(job: TrainingJob, context: Context): Decision {
  const status = job.status ?? {};
  const at: At = { job, now: context.now };
  if (job.metadata?.deletionTimestamp) return decideDeletion(job, status, context);
  if (isFinal(job)) return finished(job, status, context);
  if (!job.metadata?.finalizers?.includes(FINALIZER)) return { status, action: { do: 'addFinalizer' } };
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

/** Instances that carry this job's tag but serve none of its attempts. */
function strays(status: TrainingJobStatus, seen: Seen): string[] {
  const current = currentAttempt(status);
  return seen.instances
    .filter((instance) => !isDown(instance))
    .filter(
      ({ id, batch }) => id !== current?.instanceId && (current?.instanceId !== undefined || batch !== current?.batch),
    )
    .map(({ id }) => id);
}

function finished(job: TrainingJob, status: TrainingJobStatus, { now, seen }: Context): Decision {
  const alive = seen.instances.filter((instance) => !isDown(instance)).map(({ id }) => id);
  if (alive.length > 0) return { status, action: { do: 'terminate', ids: alive, reason: 'Finished' } };
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return { status };
  const left = Date.parse(status.completionTime ?? '') + ttl * 1000 - now;
  return left > 0 ? { status, requeueAfterMs: left } : { status, action: { do: 'deleteJob' } };
}

const wantsStop = (job: TrainingJob, { accountSuspended }: Context): boolean => job.spec.suspend || accountSuspended;

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

function launching(at: At, status: TrainingJobStatus, context: Context): Decision {
  const attempt = currentAttempt(status);
  const stop = stopWanted(at, status, context);
  if (!attempt) return stop ? { status: stopped(at, status, stop.cause) } : launch(at, status, context);
  if (!attempt.instanceId) {
    const adopted = context.seen.instances.find((one) => one.batch === attempt.batch && !isDown(one));
    if (!adopted) return { status, action: { do: 'launch', attempt } };
    const price = context.priceOf(attempt, adopted.instanceType, adopted.zone);
    return { status: instanceObtained(at, status, attempt, adopted, price, adopted.launchedAt, context.logGroup) };
  }
  if (stop) return { status: stopping(at, status, stop.cause, stop.message) };
  const lost = losses(at, status, attempt, context);
  return lost ?? { status, action: { do: 'putTicket', attempt, instanceId: attempt.instanceId } };
}

/** Begins an attempt when its pause is over and some pool may have room. */
function launch(at: At, status: TrainingJobStatus, context: Context): Decision {
  const pause = pauseUntil(status) - at.now;
  if (pause > 0) return { status, requeueAfterMs: pause };
  const { market, selection } = context.plan();
  if (selection.offers.length > 0) return { status: attemptBegun(at, status, market, selection.reason) };
  const retryAt = selection.retryAt ?? at.now + ADMISSION_RETRY_MS;
  return { status: withoutCapacity(at, status, selection.reason), requeueAfterMs: Math.max(1000, retryAt - at.now) };
}

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 360_000;
/** batch/v1's back-off: 10 s, 20 s, 40 s … 6 min after errors of user or platform; none after an interruption. */
export function pauseUntil(status: TrainingJobStatus): number {
  const last = status.attempts?.at(-1);
  if (!last?.endedAt || last.endReason === 'Interrupted' || last.endReason === 'InstanceLost') return 0;
  const errors = (status.counts?.user ?? 0) + (status.counts?.platform ?? 0);
  if (errors === 0) return 0;
  return Date.parse(last.endedAt) + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, errors - 1));
}

function running(at: At, status: TrainingJobStatus, context: Context): Decision {
  const attempt = currentAttempt(status);
  if (!attempt)
    return { status: change(at, status, { phase: 'Launching', message: 'Launching again.', conditions: [] }) };
  const { seen } = context;
  if (seen.result?.outcome === 'Succeeded') return { status: finishing(at, status) };
  const fresh =
    seen.heartbeat && seen.heardAt
      ? heard(at, status, attempt, seen.heartbeat, seen.heardAt, context.checkpointSeconds)
      : status;
  const now = currentAttempt(fresh) ?? attempt;
  // The last heartbeat, which may tell of the last checkpoint, often comes together with the result.
  if (seen.result) return { status: fresh, action: endOf(now, seen.result) };
  const lost = losses(at, fresh, now, context);
  if (lost) return lost;
  const stop = stopWanted(at, fresh, context);
  if (stop) return { status: stopping(at, fresh, stop.cause, stop.message) };
  if (seen.notice?.kind === 'interruption')
    return { status: interrupted(at, fresh, `EC2 takes ${attempt.instanceId} back; the worker checkpoints.`) };
  return { status: fresh, requeueAfterMs: nextDeadline(at, fresh, context) };
}

/** Ends the attempt on positive evidence only: EC2 says it is over, or a whole look found neither sign of life. */
function losses(at: At, status: TrainingJobStatus, attempt: Attempt, context: Context): Decision | undefined {
  const { seen } = context;
  const instance = seen.instances.find(({ id }) => id === attempt.instanceId);
  if (instance && isDown(instance)) {
    const spot = seen.notice?.kind === 'interruption' || /Spot/.test(instance.stateReason ?? '');
    return {
      status,
      action: spot
        ? end(attempt, 'Interrupted', 'interruption', `EC2 took ${instance.id} back.`)
        : end(
            attempt,
            'InstanceLost',
            'interruption',
            `${instance.id} was ended (${instance.stateReason ?? instance.state}).`,
          ),
    };
  }
  // Without a whole look after the deadline, silence proves nothing.
  const began = Date.parse(attempt.launchedAt ?? attempt.requestedAt);
  if (attempt.startedAt === undefined) {
    const due = began + BOOT_TIMEOUT_MS;
    if (at.now < due || seen.at < due) return undefined;
    return {
      status,
      action: end(attempt, 'BootTimeout', 'platform', `${attempt.instanceId} did not report within 5 minutes.`),
    };
  }
  const due = Math.max(began, Date.parse(status.progress?.lastHeartbeatTime ?? attempt.startedAt)) + HEARTBEAT_LOST_MS;
  if (at.now < due || seen.at < due) return undefined;
  return {
    status,
    action: end(attempt, 'HeartbeatLost', 'interruption', `${attempt.instanceId} has been silent for 10 minutes.`),
  };
}

const end = (
  attempt: Attempt,
  reason: Extract<Action, { do: 'end' }>['reason'],
  cause: Extract<Action, { do: 'end' }>['cause'],
  message: string,
): Action => ({ do: 'end', attempt, reason, cause, message });

interface Stop {
  cause: StopCause;
  message: string;
}

function stopWanted(at: At, status: TrainingJobStatus, context: Context): Stop | undefined {
  const { job, now } = at;
  if (wantsStop(job, context)) return { cause: 'Suspended', message: 'Suspending: the worker checkpoints and stops.' };
  const limit = job.spec.activeDeadlineSeconds;
  if (limit !== undefined && status.startTime && now >= Date.parse(status.startTime) + limit * 1000)
    return {
      cause: 'DeadlineExceeded',
      message: `The deadline of ${limit} s is over: the worker checkpoints and stops.`,
    };
  const attempt = currentAttempt(status);
  const spent = spentUsd(status, attempt, now);
  if (attempt?.launchedAt && spent + stopReserve(attempt) >= context.budgetUsd)
    return {
      cause: 'BudgetExhausted',
      message: `The budget of $${context.budgetUsd} is nearly used up: the worker checkpoints and stops.`,
    };
  return undefined;
}

const spentUsd = (status: TrainingJobStatus, attempt: Attempt | undefined, now: number): number =>
  (status.cost?.actualUsd ?? 0) - (attempt?.costUsd ?? 0) + (attempt ? attemptCost(attempt, now) : 0);

/** When to look again even if nothing is heard: deadline of boot, silence, the job or its money. */
function nextDeadline(at: At, status: TrainingJobStatus, context: Context): number {
  const attempt = currentAttempt(status);
  const waits = [60_000];
  if (attempt && attempt.startedAt === undefined)
    waits.push(Date.parse(attempt.launchedAt ?? attempt.requestedAt) + BOOT_TIMEOUT_MS - at.now);
  const limit = at.job.spec.activeDeadlineSeconds;
  if (limit !== undefined && status.startTime) waits.push(Date.parse(status.startTime) + limit * 1000 - at.now);
  if (attempt?.pricePerHour) {
    const left = context.budgetUsd - spentUsd(status, attempt, at.now) - stopReserve(attempt);
    waits.push((left / attempt.pricePerHour) * 3_600_000);
  }
  return Math.max(1000, Math.min(...waits));
}

function stoppingNow(at: At, status: TrainingJobStatus, context: Context): Decision {
  const stop = stopUnderWay(status);
  const attempt = currentAttempt(status);
  if (!attempt || !stop) return { status: stopped(at, status, stop?.cause ?? 'Suspended') };
  const { seen } = context;
  if (seen.result?.outcome === 'Succeeded') return { status: finishing(at, status) };
  const instance = seen.instances.find(({ id }) => id === attempt.instanceId);
  const over = seen.result !== undefined || (instance && isDown(instance));
  if (!over && at.now - stop.since < STOP_TIMEOUT_MS) {
    const left = stop.since + STOP_TIMEOUT_MS - at.now;
    if (seen.controlled || !attempt.instanceId) return { status, requeueAfterMs: left };
    return {
      status,
      action: { do: 'control', instanceId: attempt.instanceId, reason: stop.cause },
      requeueAfterMs: left,
    };
  }
  return {
    status,
    action: { do: 'end', attempt, reason: 'Stopped', cause: 'stop', message: `Stopped: ${stop.cause}.` },
  };
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
