// The third step of every paid call (write down, call, confirm): from an action's outcome to the next status. Pure.
import type { LaunchedInstance } from '../../cloud/compute.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { TrainingReason } from '../../crds/reasons.ts';
import type { EndCause, EndReason } from './actions.ts';
import { chargeAttempt, chargeLost, lostUsd } from './costs.ts';
import type { Collected } from './finishing.ts';
import { openAttempts } from './job.ts';
import { adviceFor, mayGrow, whatItHad } from './outgrown.ts';
import { pauseUntil } from './pause.ts';
import {
  admitted,
  attemptWithdrawn,
  failed,
  instanceObtained,
  recovering,
  refused,
  stopped,
  stopUnderWay,
  succeeded,
  keptCheckpoint,
  ticketPut,
  ticketSigned,
  waiting,
  withAttempt,
  type Admission,
  type At,
} from './transitions.ts';

/** Platform errors survived before a job fails: by then it is not bad luck. */
export const MOST_PLATFORM_ERRORS = 5;

export type Verdict =
  | { is: 'admitted'; admission: Admission }
  | { is: 'waiting'; reason: TrainingReason; message: string }
  | { is: 'refused'; reason: TrainingReason; message: string };

export type Outcome =
  | { of: 'admit'; verdict: Verdict }
  | {
      of: 'launch';
      attempt: Attempt;
      instance: LaunchedInstance;
      price: number;
      launchedAt: number;
      logGroup: string;
      addressPerHour?: number;
    }
  | { of: 'noLaunch'; attempt: Attempt; cause: 'capacity' | 'platform' | 'none'; message?: string }
  /** The data set is not what it was any more. */
  | { of: 'refused'; attempt: Attempt; verdict: Extract<Verdict, { is: 'refused' }> }
  | { of: 'ticket'; attempt: Attempt; resumedFromStep: number | undefined }
  | { of: 'ticketSigned'; attempt: Attempt }
  | ({ of: 'collected' } & Collected)
  | {
      of: 'ended';
      attempt: Attempt;
      reason: EndReason;
      cause: EndCause;
      message: string;
      code?: string;
      saved?: boolean;
      /** The job's newest, as it was kept. */
      checkpoint?: { readonly step: number; readonly at: string };
      endedAt: number;
      costUsd: number;
      /** The ledger could not be written: it is told later. */
      unbilled?: boolean;
    }
  | { of: 'billed'; attempt: Attempt; usd: number; until: number }
  | { of: 'delivered'; attempt: Attempt; usd: number }
  | { of: 'complete' };

export function confirm(at: At, status: TrainingJobStatus, outcome: Outcome): TrainingJobStatus {
  switch (outcome.of) {
    case 'admit':
      return judged(at, status, outcome.verdict);
    case 'launch':
      return instanceObtained(
        at,
        status,
        outcome.attempt,
        outcome.instance,
        outcome.price,
        outcome.launchedAt,
        outcome.logGroup,
        outcome.addressPerHour,
      );
    case 'noLaunch':
      return withoutInstance(at, attemptWithdrawn(status, outcome.attempt, outcome.cause), outcome);
    case 'refused':
      return refused(
        at,
        // One that has an instance is ended as all that a job still has when it is over (decide.ts).
        outcome.attempt.instanceId === undefined ? attemptWithdrawn(status, outcome.attempt, 'none') : status,
        outcome.verdict.reason,
        outcome.verdict.message,
      );
    case 'ticket':
      return ticketPut(at, status, outcome.attempt, outcome.resumedFromStep);
    case 'ticketSigned':
      return ticketSigned(at, status, outcome.attempt);
    case 'collected':
      return { ...status, model: outcome.model, metrics: outcome.metrics, ...intervalsOf(outcome) };
    case 'ended':
      return ended(at, status, outcome);
    case 'billed':
      return withAttempt(chargeAttempt(status, outcome.attempt, atLeast(outcome), at.prices), outcome.attempt, {
        billedUsd: outcome.usd,
        billedUntil: timestamp(outcome.until),
      });
    case 'delivered':
      return withAttempt(chargeAttempt(status, outcome.attempt, outcome.usd, at.prices), outcome.attempt, {
        unbilled: undefined,
      });
    case 'complete':
      return succeeded(at, status);
  }
}

/** What was metered until now is more than the months behind. */
const atLeast = ({ attempt, usd }: { attempt: Attempt; usd: number }): number => Math.max(attempt.costUsd ?? 0, usd);

const intervalsOf = ({ intervals }: Pick<Collected, 'intervals'>) => (intervals === undefined ? {} : { intervals });

/** A platform that refuses again and again is told of in the end; capacity is waited for. */
function withoutInstance(
  at: At,
  status: TrainingJobStatus,
  { cause, message = '' }: Extract<Outcome, { of: 'noLaunch' }>,
): TrainingJobStatus {
  if (cause !== 'platform' || openAttempts(status).length > 0) return status;
  if ((status.counts?.platform ?? 0) <= MOST_PLATFORM_ERRORS) return status;
  return failed(at, status, 'PlatformErrors', `No instance could be launched. Last: ${message}`);
}

function judged(at: At, status: TrainingJobStatus, verdict: Verdict): TrainingJobStatus {
  switch (verdict.is) {
    case 'admitted':
      return admitted(at, status, verdict.admission);
    case 'waiting':
      // A suspended job that may not go on yet stays suspended; only the reason is told.
      return status.phase === 'Suspended' ? status : waiting(at, status, verdict.reason, verdict.message);
    case 'refused':
      return refused(at, status, verdict.reason, verdict.message);
  }
}

type Ended = Extract<Outcome, { of: 'ended' }>;

function ended(at: At, before: TrainingJobStatus, outcome: Ended): TrainingJobStatus {
  const { attempt, endedAt, checkpoint } = outcome;
  // The last checkpoint often comes after the last heartbeat.
  const status = checkpoint ? keptCheckpoint(before, checkpoint) : before;
  const charged = chargeAttempt(status, attempt, outcome.costUsd, at.prices);
  const lost = LOSING.has(outcome.cause) ? lostSeconds(status, outcome) : undefined;
  const end = {
    endedAt: timestamp(endedAt),
    endReason: outcome.reason,
    ...(outcome.unbilled ? { unbilled: true } : {}),
    ...(lost === undefined ? {} : { lostSeconds: lost }),
  };
  const over: TrainingJobStatus = {
    ...charged,
    attempts: charged.attempts?.map((one) => (one.number === attempt.number ? { ...one, ...end } : one)),
    counts: counted(charged.counts, outcome.cause),
  };
  const charging = lost ? chargeLost(over, attempt, lostUsd({ ...attempt, ...end }, lost, at.prices)) : over;
  return afterEnd(at, charging, outcome);
}

/** Ends after which work may have to be done again. */
const LOSING: ReadonlySet<EndCause> = new Set(['interruption', 'platform', 'move']);

/** Seconds of work since the last checkpoint of this attempt. */
function lostSeconds({ progress }: TrainingJobStatus, { attempt, endedAt, saved, reason }: Ended): number {
  if (!attempt.startedAt || saved) return 0;
  const began = Date.parse(attempt.startedAt);
  const kept = Date.parse(progress?.lastCheckpointTime ?? '');
  // After silence nobody knows when it stopped; it worked until it was last heard.
  const until = reason === 'HeartbeatLost' ? Date.parse(progress?.lastHeartbeatTime ?? '') || endedAt : endedAt;
  return Math.max(0, Math.round((until - Math.max(began, Number.isFinite(kept) ? kept : 0)) / 1000));
}

const COUNTERS = { interruption: 'interruptions', platform: 'platform', user: 'user' } as const;
function counted(counts: TrainingJobStatus['counts'], cause: EndCause): TrainingJobStatus['counts'] {
  if (!(cause in COUNTERS)) return counts;
  const name = COUNTERS[cause as keyof typeof COUNTERS];
  return { ...counts, [name]: (counts?.[name] ?? 0) + 1 };
}

function afterEnd(at: At, status: TrainingJobStatus, outcome: Ended): TrainingJobStatus {
  const { cause, reason, message } = outcome;
  const { counts } = status;
  const { maxInterruptions } = at.job.spec;
  // Another attempt is under way: it goes on, whatever phase that is.
  const [other] = openAttempts(status);
  if (other && cause !== 'deletion') return { ...status, message: takenOver(status, other, message) };
  switch (cause) {
    case 'none':
      return succeeded(at, status);
    case 'deletion':
      return status;
    case 'move':
    case 'spare':
      return recovering(at, status, 'Recovering', message);
    case 'stop':
      return stopped(at, status, stopUnderWay(status)?.cause ?? 'Suspended');
    case 'interruption':
      if ((counts?.interruptions ?? 0) > maxInterruptions)
        return failed(
          at,
          status,
          'TooManyInterruptions',
          `Interrupted ${counts?.interruptions} times, more than maxInterruptions (${maxInterruptions}). Last: ${message}`,
        );
      return recovering(at, status, lossReason(reason), `${message} A replacement is launched${fromStep(status)}.`);
    case 'platform':
      if ((counts?.platform ?? 0) > MOST_PLATFORM_ERRORS)
        return failed(at, status, 'PlatformErrors', `The platform failed ${counts?.platform} times. Last: ${message}`);
      return recovering(at, status, 'PlatformError', `${message} ${again(at, status)}`);
    case 'user':
      return reason === 'OutOfMemory' ? outOfMemory(at, status, outcome) : userError(at, status, outcome);
  }
}

function userError(at: At, status: TrainingJobStatus, { reason, message }: Ended): TrainingJobStatus {
  if (retriesLeft(at, status) < 0) return failed(at, status, userReason(reason), message);
  return recovering(at, status, 'AttemptFailed', `${message} ${again(at, status, retryOf(at, status))}`);
}

/** The next attempt gets twice the memory, unless the user said how much it is: then it would end in the same way. */
function outOfMemory(at: At, status: TrainingJobStatus, { attempt, message }: Ended): TrainingJobStatus {
  const { spec } = at.job;
  const told = `${message}${whatItHad(attempt)}`;
  if (!mayGrow(spec) || retriesLeft(at, status) < 0)
    return failed(at, status, 'OutOfMemory', `${told}${adviceFor(spec, attempt)}`);
  const more = `${retryOf(at, status)} with twice the memory`;
  return recovering(at, status, 'AttemptFailed', `${told} ${again(at, status, more)}`);
}

/** Below 0: this was one too many. */
const retriesLeft = (at: At, { counts }: TrainingJobStatus): number => at.job.spec.backoffLimit - (counts?.user ?? 0);
const retryOf = (at: At, { counts }: TrainingJobStatus): string =>
  ` (retry ${counts?.user} of ${at.job.spec.backoffLimit})`;

const takenOver = (status: TrainingJobStatus, { instanceId }: Attempt, message: string): string =>
  instanceId === undefined ? message : `${message} ${instanceId} takes over${fromStep(status)}.`;

const fromStep = ({ progress }: TrainingJobStatus): string =>
  progress?.lastCheckpointStep ? ` and continues from step ${progress.lastCheckpointStep}` : '';

const again = (at: At, status: TrainingJobStatus, which = ''): string =>
  `Trying again in ${Math.max(1, Math.round((pauseUntil(status) - at.now) / 1000))} s${which}.`;

const lossReason = (reason: EndReason): TrainingReason =>
  reason === 'HeartbeatLost' || reason === 'InstanceLost' ? reason : 'Interrupted';

const userReason = (reason: EndReason): TrainingReason => (reason === 'DataError' ? 'InvalidData' : 'InvalidSpec');
