// From a heartbeat, or for want of one from the log, to status.progress, with the cost so far and the CheckpointStale condition. Pure.
import type { Heartbeat } from '../../cloud/contract/contract.generated.ts';
import { condition, timestamp } from '../../crds/conditions.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { attemptCost, chargeAttempt, type PriceSource } from './costs.ts';
import type { LogReport } from './log-follow.ts';
import type { Choice } from './timing.ts';
import { change, keptCheckpoint, type At } from './transitions.ts';

type Progress = NonNullable<TrainingJobStatus['progress']>;

/** A checkpoint older than this many intervals is stale: an interruption now would lose that much. */
const STALE_INTERVALS = 3;
/** Without a heartbeat for so long, lines of the log tell of the progress. */
const LOG_AFTER_MS = 60_000;
/** The figures against spec.deadline are written anew when they moved by so much. */
const DEADLINE_STEP_SECONDS = 60;

export interface Hearing {
  readonly heartbeat: Heartbeat;
  /** Milliseconds, by our clock. */
  readonly heardAt: number;
  readonly checkpointSeconds: number;
  readonly prices?: PriceSource;
}

/** The cost is brought to when the heartbeat was heard, not to now: to hear the same again changes nothing. */
export function heard(
  at: At,
  status: TrainingJobStatus,
  attempt: Attempt,
  { heartbeat, heardAt, checkpointSeconds, prices }: Hearing,
): TrainingJobStatus {
  const began: Attempt = attempt.startedAt ? attempt : { ...attempt, startedAt: timestamp(heardAt) };
  const withAttempt: TrainingJobStatus = {
    ...status,
    attempts: status.attempts?.map((one) => (one.number === attempt.number ? began : one)),
  };
  const charged = chargeAttempt(withAttempt, attempt, attemptCost(attempt, heardAt, prices), prices);
  const progress: Progress = {
    ...(keptOf(status) ?? {}),
    stage: heartbeat.stage,
    percent: percentOf(heartbeat, attempt, status.progress),
    step: heartbeat.step,
    steps: heartbeat.steps,
    ...(heartbeat.etaSeconds === null ? {} : { etaSeconds: heartbeat.etaSeconds }),
    ...(heartbeat.metric ? { metricName: heartbeat.metric.name, metricValue: heartbeat.metric.value } : {}),
    message: heartbeat.message,
    lastHeartbeatTime: timestamp(heardAt),
    ...checkpointIn(heartbeat),
  };
  const since = Date.parse(progress.lastCheckpointTime ?? began.startedAt ?? timestamp(heardAt));
  const stale = heartbeat.stage === 'Training' && at.now - since > STALE_INTERVALS * checkpointSeconds * 1000;
  return change(at, charged, {
    phase: 'Running',
    message: wordsOf(heartbeat, progress.percent ?? 0),
    progress,
    conditions: [
      ['Running', 'True', 'WorkerReports', reports(attempt)],
      ...(condition(status.conditions, 'Interrupted')?.status === 'True' && attempt.startedAt === undefined
        ? ([['Interrupted', 'False', 'Recovered', tookOver(attempt)]] as const)
        : []),
      ...staleness(status, stale),
    ],
  });
}

const reports = ({ instanceId, resumedFromStep }: Attempt): string =>
  `The worker on ${instanceId} reports${resumedFromStep ? ` and goes on after step ${resumedFromStep}` : ''}.`;

const tookOver = ({ instanceId, resumedFromStep }: Attempt): string =>
  `${instanceId} took over${resumedFromStep ? ` and goes on after step ${resumedFromStep}` : ' and begins anew'}.`;

/** A worker that resumes reports nothing done until it trains: until then what its checkpoint holds counts as done. */
function percentOf({ percent }: Heartbeat, attempt: Attempt, old: Progress | undefined): number {
  const own = Math.round(Math.min(100, Math.max(0, percent)));
  if (own > 0 || !attempt.resumedFromStep) return own;
  if (attempt.startedAt !== undefined || !old?.steps) return old?.percent ?? 0;
  return Math.floor((100 * attempt.resumedFromStep) / old.steps);
}

/** Of an instance that is being replaced only the newest checkpoint matters. */
export const checkpointOf = (status: TrainingJobStatus, { checkpoint }: Heartbeat): TrainingJobStatus =>
  checkpoint ? keptCheckpoint(status, checkpoint) : status;

/** Figures of the log, when heartbeats do not come. */
export function logged(status: TrainingJobStatus, log: LogReport, heardAt = 0): TrainingJobStatus {
  if (log.at - heardAt < LOG_AFTER_MS) return status;
  const { percent, step, steps, metric } = log;
  const figures: Progress = {
    ...(percent === undefined ? {} : { percent: Math.round(percent) }),
    ...(step === undefined ? {} : { step, steps }),
    ...(metric ? { metricName: metric.name, metricValue: metric.value } : lossOf(log)),
  };
  return Object.keys(figures).length === 0 ? status : { ...status, progress: { ...status.progress, ...figures } };
}

const lossOf = ({ loss }: LogReport): Progress => (loss === undefined ? {} : { metricName: 'loss', metricValue: loss });

/** The status with what the deadline's rule says, rewritten only when it says something else. */
export function withDeadline(status: TrainingJobStatus, choice: Choice | undefined): TrainingJobStatus {
  if (!choice) return status;
  const old = status.deadline;
  const next = {
    workSeconds: Math.round(choice.workSeconds),
    slackSeconds: Math.round(choice.slackSeconds),
    choice: choice.choice,
    reason: choice.reason,
  };
  const moved = Math.abs((old?.slackSeconds ?? Infinity) - next.slackSeconds) >= DEADLINE_STEP_SECONDS;
  return old?.choice === next.choice && !moved ? status : { ...status, deadline: next };
}

function staleness(status: TrainingJobStatus, stale: boolean) {
  if (stale) return [['CheckpointStale', 'True', 'CheckpointOverdue', 'The newest checkpoint is old.']] as const;
  return condition(status.conditions, 'CheckpointStale')?.status === 'True'
    ? ([['CheckpointStale', 'False', 'CheckpointWritten', 'The newest checkpoint is recent.']] as const)
    : [];
}

const checkpointIn = ({ checkpoint }: Heartbeat): Progress =>
  checkpoint ? { lastCheckpointTime: timestamp(Date.parse(checkpoint.at)), lastCheckpointStep: checkpoint.step } : {};

const keptOf = ({ progress }: TrainingJobStatus) =>
  progress?.lastCheckpointTime
    ? { lastCheckpointTime: progress.lastCheckpointTime, lastCheckpointStep: progress.lastCheckpointStep }
    : undefined;

function wordsOf({ stage, message, etaSeconds }: Heartbeat, percent: number): string {
  const eta = etaSeconds === null || etaSeconds <= 0 ? '' : `, about ${Math.ceil(etaSeconds)} s to go`;
  return `${stage}: ${percent} %${eta}.${message === '' ? '' : ` ${message}`}`.slice(0, 4000);
}
