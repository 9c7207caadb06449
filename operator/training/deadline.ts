// Spot or on-demand under spec.deadline and the budget: the Uniform Progress rule of "Can't Be Late: Optimizing Spot Instance Savings
// under Deadlines" (Wu et al., NSDI '24), which needs no forecast of the market. Pure; `npm run bench -- deadline` plays it over traces
// beside always on-demand and greedy Spot. Before it: estimateWork, from measured progress to seconds of computing.
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';

export interface MarketInput {
  /** Milliseconds since the epoch: now, when the job was accepted, and spec.deadline. */
  readonly now: number;
  readonly start: number;
  readonly deadline: number;
  /** Computing still to do, in all, and done, in seconds at measured speed (estimateWork). */
  readonly workSeconds: number;
  readonly totalSeconds: number;
  readonly doneSeconds: number;
  /** From deciding on another instance until it computes something new, at worst (longestChangeover). */
  readonly changeoverSeconds: number;
  /** What it runs on; undefined: nothing. */
  readonly market: 'spot' | 'on-demand' | undefined;
  /** Whether a fitting Spot pool may be asked now. */
  readonly spotAvailable: boolean;
  /** USD per hour, volume included. */
  readonly onDemandPrice: number;
  readonly spotPrice: number;
  /** What may still be spent; Infinity without a budget. */
  readonly budgetLeftUsd: number;
}

export interface MarketChoice {
  /** Wait: run nothing, look again. Spot is only chosen while it runs or is available. */
  readonly choice: 'Spot' | 'OnDemand' | 'Wait';
  /** Seconds left until the deadline beyond the work; below 0 the deadline is too near. */
  readonly slackSeconds: number;
  /** Without figures that change from tick to tick, so that status changes when the choice does. */
  readonly reason: string;
}

/**
 * The paper's rules, in the order they are asked (C work left, R time left, d changeover, c(t) done, e(t) = total · t / deadline):
 * 1. exploitation: on Spot, stay until it is taken away. Slack stays the same while it computes, so nothing is risked by staying;
 * 2. safety net: otherwise, with R ≤ C + 2d, on-demand to the end (d for a last try of Spot, d for on-demand after it);
 * 3. hysteresis: on on-demand, stay until c(t) ≥ e(t + 2d), so that a changeover is never paid twice in a row;
 * 4. taking risk: Spot whenever it is available, even when behind;
 * 5. uniform progress: no Spot and c(t) < e(t), on-demand to catch up; ahead, wait.
 * On on-demand without Spot to change to it goes on, also when ahead: releasing it there pays changeover after changeover (measured over
 * the paper's recording: 45 % saved in place of 48 %).
 * Ours on top: on-demand is never begun or kept for more than the budget has left; a deadline that cannot be met is not paid for;
 * and with so little left that a changeover to Spot costs more than it saves, on-demand ends the job.
 */
export function chooseMarket(input: MarketInput): MarketChoice {
  const { now, start, deadline, workSeconds, totalSeconds, doneSeconds, changeoverSeconds, market, spotAvailable } =
    input;
  const left = (deadline - now) / 1000;
  const answer = (choice: MarketChoice['choice'], reason: string): MarketChoice => ({
    choice,
    slackSeconds: left - workSeconds,
    reason,
  });
  if (market === 'spot') return answer('Spot', 'Spot runs, and is used as long as it lasts.');
  const cheap = spotAvailable ? 'Spot' : 'Wait';
  const instead = spotAvailable ? 'Spot is used' : 'the job waits for Spot';
  const running = market === 'on-demand';

  const restUsd = (input.onDemandPrice * (workSeconds + (running ? 0 : changeoverSeconds))) / 3600;
  if (restUsd > input.budgetLeftUsd)
    return answer(
      cheap,
      `The rest on demand would cost about ${usd(restUsd)}, more than the ${usd(input.budgetLeftUsd)} that the budget has left: ${instead}.`,
    );
  if (running && !worthLeaving(input))
    return answer('OnDemand', 'On-demand runs, and changing to Spot would save nothing: it ends the job.');
  // What runs on demand is given a changeover's worth of doubt about its speed.
  if (left <= 0 || left < workSeconds - (running ? changeoverSeconds : 0))
    return answer(cheap, `The deadline ${left <= 0 ? 'has passed' : 'cannot be met, not even on demand'}: ${instead}.`);
  if (left <= workSeconds + 2 * changeoverSeconds)
    return answer('OnDemand', 'The deadline leaves no time for another try of Spot: on-demand to the end.');

  // Seconds that a progress spread evenly over the time would have done by `at` (seconds from now).
  const expected = (at: number) => (totalSeconds * ((now - start) / 1000 + at)) / ((deadline - start) / 1000);
  if (running && doneSeconds < expected(2 * changeoverSeconds))
    return answer('OnDemand', 'On-demand catches up with an even progress towards the deadline.');
  if (spotAvailable) return answer('Spot', 'Spot is available and the deadline leaves time to try it.');
  if (running) return answer('OnDemand', 'On-demand goes on: there is no Spot capacity to change to.');
  if (doneSeconds < expected(0))
    return answer('OnDemand', 'No Spot capacity, and the job is behind an even progress towards the deadline.');
  return answer('Wait', 'No Spot capacity, but the job is ahead of an even progress towards the deadline.');
}

/** Whether the rest is cheaper on Spot although the changeover is paid for too. */
const worthLeaving = ({ workSeconds, changeoverSeconds, onDemandPrice, spotPrice }: MarketInput): boolean =>
  (workSeconds + changeoverSeconds) * spotPrice < workSeconds * onDemandPrice;

/** Launch, boot and reading the data again, as measured on small tables. */
export const BOOT_SECONDS = 120;

/**
 * What a change of instance costs at worst: boot, the work since the last checkpoint (an instance may go without notice), and the time
 * until it is noticed.
 */
export const longestChangeover = (checkpointSeconds: number, observeSeconds: number): number =>
  BOOT_SECONDS + checkpointSeconds + observeSeconds;

export interface WorkInput {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly progress: TrainingJobStatus['progress'];
  readonly attempts: readonly Pick<Attempt, 'startedAt' | 'endedAt' | 'resumedFromStep' | 'lostSeconds'>[];
  /** Computing in all, as guessed from the data's size before anything is measured. */
  readonly guessSeconds: number;
  /** workSeconds as written last (status.deadline.workSeconds): holds while a new instance has not told how far it is. */
  readonly lastWorkSeconds?: number;
}

export interface Work {
  readonly workSeconds: number;
  readonly totalSeconds: number;
  readonly doneSeconds: number;
  /** Measured: by the worker or from earlier attempts. Remembered: as it was last. Guessed: nothing was measured yet. */
  readonly source: 'Measured' | 'Remembered' | 'Guessed';
}

/** Evaluation, export and upload after the last step, and the operator's copying. */
export const FINISHING_SECONDS = 60;
/** Below these the speed of an attempt is mostly that of reading the data. */
const LEAST_SECONDS = 30;
const LEAST_SHARE = 0.02;

/**
 * Seconds of computing left, in all, and done. Steps are taken as equal. The speed is the worker's own (etaSeconds) while it trains,
 * else that of the latest attempt that got on noticeably, time for reading the data included; so it errs to the slow side.
 */
export function estimateWork(input: WorkInput): Work {
  const { now, progress, attempts, guessSeconds, lastWorkSeconds } = input;
  const steps = progress?.steps ?? 0;
  // A new instance reports no steps until it trains.
  if (steps <= 0) {
    if (lastWorkSeconds === undefined) return split(guessSeconds, 0, 'Guessed');
    const done = attempts.reduce((sum, attempt) => sum + activeSeconds(attempt, now), 0);
    return {
      workSeconds: lastWorkSeconds,
      totalSeconds: lastWorkSeconds + done,
      doneSeconds: done,
      source: 'Remembered',
    };
  }
  const current = attempts.at(-1);
  const running = current?.startedAt !== undefined && current.endedAt === undefined;
  // Without an instance only what is in the checkpoint counts.
  const step = Math.min(steps, (running ? progress?.step : progress?.lastCheckpointStep) ?? 0);
  const share = step / steps;
  const eta = progress?.etaSeconds;
  if (running && eta !== undefined && share > 0 && share < 1) {
    const since = Math.max(0, (now - Date.parse(progress?.lastHeartbeatTime ?? '')) / 1000 || 0);
    return split(eta / (1 - share), share, 'Measured', since);
  }
  const perStep = secondsPerStep(attempts, step, steps, now);
  if (perStep !== undefined) return split(perStep * steps, share, 'Measured');
  return split(guessSeconds, share, 'Guessed');
}

/** `training` seconds of which `share` is done, `since` seconds ago. */
function split(training: number, share: number, source: Work['source'], since = 0): Work {
  const rest = Math.max(0, training * (1 - share) - since);
  const workSeconds = rest + FINISHING_SECONDS;
  const totalSeconds = training + FINISHING_SECONDS;
  return { workSeconds, totalSeconds, doneSeconds: Math.max(0, totalSeconds - workSeconds), source };
}

function secondsPerStep(
  attempts: WorkInput['attempts'],
  reached: number,
  steps: number,
  now: number,
): number | undefined {
  let end = reached;
  for (const attempt of [...attempts].reverse()) {
    const first = attempt.resumedFromStep ?? 0;
    const gained = end - first;
    const seconds = activeSeconds(attempt, now);
    if (gained >= Math.max(1, steps * LEAST_SHARE) && seconds >= LEAST_SECONDS) return seconds / gained;
    // What an attempt reached and kept is where the next began.
    if (attempt.startedAt !== undefined) end = Math.min(end, first);
  }
  return undefined;
}

function activeSeconds({ startedAt, endedAt, lostSeconds }: WorkInput['attempts'][number], now: number): number {
  if (startedAt === undefined) return 0;
  const end = endedAt === undefined ? now : Date.parse(endedAt);
  return Math.max(0, (end - Date.parse(startedAt)) / 1000 - (lostSeconds ?? 0));
}

const usd = (value: number): string => `${value.toFixed(2)} USD`;
