// From a heartbeat to status.progress, with the cost so far and the CheckpointStale condition. Pure.
import type { Heartbeat } from '../../cloud/contract/contract.generated.ts';
import { condition, timestamp } from '../../crds/conditions.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { attemptCost, chargeAttempt } from './costs.ts';
import { change, type At } from './transitions.ts';

/** A checkpoint older than this many intervals is stale: an interruption now would lose that much. */
const STALE_INTERVALS = 3;

export function heard(
  at: At,
  status: TrainingJobStatus,
  attempt: Attempt,
  heartbeat: Heartbeat,
  heardAt: number,
  checkpointSeconds: number,
): TrainingJobStatus {
  const began: Attempt = attempt.startedAt ? attempt : { ...attempt, startedAt: timestamp(heardAt) };
  const withAttempt: TrainingJobStatus = {
    ...status,
    attempts: status.attempts?.map((one) => (one.number === attempt.number ? began : one)),
  };
  const charged = chargeAttempt(withAttempt, attempt, attemptCost(attempt, at.now));
  const checkpoint = heartbeat.checkpoint;
  const progress = {
    ...(checkpointOf(status) ?? {}),
    stage: heartbeat.stage,
    percent: Math.round(Math.min(100, Math.max(0, heartbeat.percent))),
    step: heartbeat.step,
    steps: heartbeat.steps,
    ...(heartbeat.etaSeconds === null ? {} : { etaSeconds: heartbeat.etaSeconds }),
    ...(heartbeat.metric ? { metricName: heartbeat.metric.name, metricValue: heartbeat.metric.value } : {}),
    message: heartbeat.message,
    lastHeartbeatTime: timestamp(heardAt),
    ...(checkpoint
      ? { lastCheckpointTime: timestamp(Date.parse(checkpoint.at)), lastCheckpointStep: checkpoint.step }
      : {}),
  };
  const since = Date.parse(progress.lastCheckpointTime ?? began.startedAt ?? timestamp(heardAt));
  const stale = heartbeat.stage === 'Training' && at.now - since > STALE_INTERVALS * checkpointSeconds * 1000;
  return change(at, charged, {
    phase: 'Running',
    message: wordsOf(heartbeat),
    progress,
    conditions: [
      ['Running', 'True', 'WorkerReports', 'The worker reports.'],
      ...(condition(status.conditions, 'Interrupted')?.status === 'True' && attempt.startedAt === undefined
        ? ([['Interrupted', 'False', 'Recovered', 'A new instance took over.']] as const)
        : []),
      ...staleness(status, stale),
    ],
  });
}

function staleness(status: TrainingJobStatus, stale: boolean) {
  if (stale) return [['CheckpointStale', 'True', 'CheckpointOverdue', 'The newest checkpoint is old.']] as const;
  return condition(status.conditions, 'CheckpointStale')?.status === 'True'
    ? ([['CheckpointStale', 'False', 'CheckpointWritten', 'The newest checkpoint is recent.']] as const)
    : [];
}

const checkpointOf = ({ progress }: TrainingJobStatus) =>
  progress?.lastCheckpointTime
    ? { lastCheckpointTime: progress.lastCheckpointTime, lastCheckpointStep: progress.lastCheckpointStep }
    : undefined;

function wordsOf({ stage, percent, message, etaSeconds }: Heartbeat): string {
  const eta = etaSeconds === null || etaSeconds <= 0 ? '' : `, about ${Math.ceil(etaSeconds)} s to go`;
  return `${stage}: ${Math.round(percent)} %${eta}.${message === '' ? '' : ` ${message}`}`.slice(0, 4000);
}
