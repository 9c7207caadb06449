// The third step of every paid call (write down, call, confirm): from an action's outcome to the next status. Pure.
import type { LaunchedInstance } from '../../cloud/compute.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { TrainingReason } from '../../crds/reasons.ts';
import type { EndCause, EndReason } from './actions.ts';
import { chargeAttempt } from './costs.ts';
import { pauseUntil } from './decide.ts';
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
  ticketPut,
  waiting,
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
  | { of: 'launch'; attempt: Attempt; instance: LaunchedInstance; price: number; launchedAt: number; logGroup: string }
  | { of: 'noLaunch'; attempt: Attempt; cause: 'capacity' | 'platform' }
  | { of: 'ticket'; attempt: Attempt; resumedFromStep: number | undefined }
  | { of: 'collected'; model: NonNullable<TrainingJobStatus['model']>; metrics: Record<string, number> }
  | {
      of: 'ended';
      attempt: Attempt;
      reason: EndReason;
      cause: EndCause;
      message: string;
      code?: string;
      endedAt: number;
      costUsd: number;
    }
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
      );
    case 'noLaunch':
      return attemptWithdrawn(status, outcome.attempt, outcome.cause);
    case 'ticket':
      return ticketPut(at, status, outcome.attempt, outcome.resumedFromStep);
    case 'collected':
      return { ...status, model: outcome.model, metrics: outcome.metrics };
    case 'ended':
      return ended(at, status, outcome);
    case 'complete':
      return succeeded(at, status);
  }
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

function ended(at: At, status: TrainingJobStatus, outcome: Ended): TrainingJobStatus {
  const { attempt, endedAt } = outcome;
  const charged = chargeAttempt(status, attempt, outcome.costUsd);
  const end = {
    endedAt: timestamp(endedAt),
    endReason: outcome.reason,
    ...(outcome.cause === 'interruption' || outcome.cause === 'platform'
      ? { lostSeconds: lostSeconds(status, attempt, endedAt) }
      : {}),
  };
  const over: TrainingJobStatus = {
    ...charged,
    attempts: charged.attempts?.map((one) => (one.number === attempt.number ? { ...one, ...end } : one)),
    counts: counted(charged.counts, outcome.cause),
  };
  return afterEnd(at, over, outcome);
}

/** Seconds of work since the last checkpoint of this attempt. */
function lostSeconds(status: TrainingJobStatus, attempt: Attempt, endedAt: number): number {
  if (!attempt.startedAt) return 0;
  const began = Date.parse(attempt.startedAt);
  const kept = Date.parse(status.progress?.lastCheckpointTime ?? '');
  return Math.max(0, Math.round((endedAt - Math.max(began, Number.isFinite(kept) ? kept : 0)) / 1000));
}

const COUNTERS = { interruption: 'interruptions', platform: 'platform', user: 'user' } as const;
function counted(counts: TrainingJobStatus['counts'], cause: EndCause): TrainingJobStatus['counts'] {
  if (!(cause in COUNTERS)) return counts;
  const name = COUNTERS[cause as keyof typeof COUNTERS];
  return { ...counts, [name]: (counts?.[name] ?? 0) + 1 };
}

function afterEnd(at: At, status: TrainingJobStatus, { cause, reason, message, code }: Ended): TrainingJobStatus {
  const { counts } = status;
  const { maxInterruptions, backoffLimit } = at.job.spec;
  switch (cause) {
    case 'none':
      return succeeded(at, status);
    case 'deletion':
      return status;
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
      return recovering(
        at,
        status,
        reason === 'HeartbeatLost' ? 'HeartbeatLost' : 'Interrupted',
        `${message} A replacement is launched${fromStep(status)}.`,
      );
    case 'platform':
      if ((counts?.platform ?? 0) > MOST_PLATFORM_ERRORS)
        return failed(at, status, 'PlatformErrors', `The platform failed ${counts?.platform} times. Last: ${message}`);
      return recovering(at, status, 'PlatformError', `${message} ${again(at, status)}`);
    case 'user':
      if ((counts?.user ?? 0) > backoffLimit) return failed(at, status, userReason(reason, code), message);
      return recovering(
        at,
        status,
        'AttemptFailed',
        `${message} ${again(at, status)} (retry ${counts?.user} of ${backoffLimit})`,
      );
  }
}

const fromStep = ({ progress }: TrainingJobStatus): string =>
  progress?.lastCheckpointStep ? ` and continues from step ${progress.lastCheckpointStep}` : '';

const again = (at: At, status: TrainingJobStatus): string =>
  `Trying again in ${Math.max(1, Math.round((pauseUntil(status) - at.now) / 1000))} s.`;

function userReason(reason: EndReason, _code: string | undefined): TrainingReason {
  if (reason === 'DataError') return 'InvalidData';
  return reason === 'OutOfMemory' ? 'OutOfMemory' : 'InvalidSpec';
}
