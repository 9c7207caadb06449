// The story of a training in plain words: what of two readings of its status somebody at the terminal should hear. Pure; story.ts
// prints it line by line.
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { showUsd } from '../../cloud/prices.ts';

/** A line: what happened, and the particulars. */
export type Telling = readonly [what: string, words: string];

const MARKETS = { spot: 'Spot', 'on-demand': 'on-demand', cluster: 'the cluster' } as const;
const LEAVING: Readonly<Record<string, string>> = {
  Interruption: 'the operator has the notice: a replacement is asked for while the worker checkpoints',
  Rebalance: 'the operator has the recommendation: spec.onRebalance says Migrate, so the job moves to another pool',
  Impaired: 'its status checks fail: the job moves to another instance',
  SpotAgain: 'the job is ahead of its deadline and moves back to Spot',
};

export function tellings(before: TrainingJobStatus | undefined, now: TrainingJobStatus): Telling[] {
  const old = new Map((before?.attempts ?? []).map((attempt) => [attempt.number, attempt]));
  const told = (now.attempts ?? []).flatMap((attempt) => ofAttempt(old.get(attempt.number), attempt, now));
  const { lastCheckpointStep: step, steps } = now.progress ?? {};
  if (step && step !== before?.progress?.lastCheckpointStep)
    told.unshift(['checkpoint', `step ${step}${steps ? ` of ${steps}` : ''} is safe in S3`]);
  const admitted = (status: TrainingJobStatus | undefined) => status?.startTime !== undefined;
  if (admitted(now) && !admitted(before)) {
    const words = now.conditions?.find(({ type }) => type === 'Accepted')?.message ?? '';
    told.unshift(['accepted', words]);
  }
  if (now.phase !== before?.phase && TOLD_PHASES.has(now.phase ?? ''))
    told.push([now.phase?.toLowerCase() ?? '', now.message ?? '']);
  return told;
}

/** Phases whose message says what no attempt does. */
const TOLD_PHASES = new Set(['Queued', 'Suspended', 'Finishing', 'Succeeded', 'Failed']);

function ofAttempt(old: Attempt | undefined, now: Attempt, { progress }: TrainingJobStatus): Telling[] {
  const name = `attempt ${now.number}`;
  const told: Telling[] = [];
  if (now.instanceId && !old?.instanceId)
    told.push([
      name,
      `${now.instanceId}, ${now.instanceType ?? ''} in ${now.zone ?? ''}, ${MARKETS[now.market]}, $${now.pricePerHour ?? 0} an hour`,
    ]);
  if (now.leavingAt && !old?.leavingAt) told.push([name, LEAVING[now.leavingReason ?? ''] ?? 'it is being replaced']);
  if (now.startedAt && !old?.startedAt) {
    const from = now.resumedFromStep ? `goes on after step ${now.resumedFromStep}` : 'begins at the beginning';
    told.push([name, `the worker reports, ${from}`]);
  }
  if (now.endedAt && !old?.endedAt) told.push([name, `over: ${now.endReason ?? ''}; ${lossOf(now, progress)}`]);
  return told;
}

function lossOf({ lostSeconds, lostUsd, costUsd }: Attempt, progress: TrainingJobStatus['progress']): string {
  const cost = `it cost ${showUsd(costUsd ?? 0)}`;
  if (lostSeconds === undefined) return cost;
  if (lostSeconds === 0) return `no work was lost, ${cost}`;
  const since = progress?.lastCheckpointStep ? ` since step ${progress.lastCheckpointStep}` : '';
  return `${lostSeconds} s of work${since} are lost (${showUsd(lostUsd ?? 0)}), ${cost}`;
}
