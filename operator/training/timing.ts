// What spec.deadline asks for now: from the job's measured progress, the market and its money to the choice of the Uniform Progress rule
// (deadline.ts). The reconciler asks it for each decision about a job with a deadline; decide.ts and the plan follow it.
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { createdAt } from '../../crds/objects.ts';
import { onDemandPrice, VOLUME_PER_HOUR } from './costs.ts';
import { tableBytesOf } from './dataset.ts';
import { chooseMarket, estimateWork, longestChangeover, type MarketChoice } from './deadline.ts';
import { currentAttempt, leavingAttempt } from './job.ts';
import type { Planner } from './planner.ts';

export interface Choice extends MarketChoice {
  /** Seconds of computing still to do. */
  readonly workSeconds: number;
}

export interface Timing {
  readonly now: number;
  readonly planner: Pick<Planner, 'selection'>;
  /** USD that may still be spent. */
  readonly budgetLeftUsd: number;
  readonly checkpointSeconds: number;
  readonly observeSeconds: number;
}

/** Computing before anything is measured: half a minute to read, and a minute for every 20 MB. Rough, replaced by the first progress. */
const guessSeconds = (bytes: number): number => 30 + (60 * bytes) / 20e6;

/** Undefined for a job without a deadline, or one that is not to use EC2's markets. */
export function choiceFor(job: TrainingJob, timing: Timing): Choice | undefined {
  const { spec, status } = job;
  const deadline = Date.parse(spec.deadline ?? '');
  if (!Number.isFinite(deadline) || spec.placement === 'Cluster' || spec.placement === 'OnDemand') return undefined;
  const { now, planner, budgetLeftUsd, checkpointSeconds, observeSeconds } = timing;
  const bytes = tableBytesOf(status);
  const spot = planner.selection(job, bytes, 'spot');
  const onDemand = planner.selection(job, bytes, 'on-demand');
  const attempt = leavingAttempt(status) === undefined ? currentAttempt(status) : undefined;
  const { market } = attempt?.instanceId === undefined ? { market: undefined } : attempt;
  const work = estimateWork({
    ...{ now, progress: status?.progress, attempts: status?.attempts ?? [], guessSeconds: guessSeconds(bytes) },
    lastWorkSeconds: status?.deadline?.workSeconds,
  });
  const choice = chooseMarket({
    ...{ now, deadline, budgetLeftUsd },
    start: Date.parse(status?.startTime ?? createdAt(job)) || now,
    ...work,
    changeoverSeconds: longestChangeover(checkpointSeconds, observeSeconds),
    market: market === 'cluster' ? undefined : market,
    spotAvailable: spot.offers.length > 0,
    onDemandPrice: (attempt?.market === 'on-demand' ? onDemandPrice(attempt) : (onDemand.price ?? 0)) + VOLUME_PER_HOUR,
    spotPrice: (spot.price ?? spot.spotPrice ?? 0) + VOLUME_PER_HOUR,
  });
  return { ...choice, workSeconds: work.workSeconds };
}
