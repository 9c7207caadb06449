// Money of an attempt while it runs and when it ends: price × seconds (a minute at least) and the root volume. Pure.
import {
  instanceCost,
  instanceType,
  MINIMUM_BILLED_SECONDS,
  PRICES,
  usdPerHour,
  volumeCost,
} from '../../cloud/prices.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';

/** GB of the root volume in the launch template. */
export const VOLUME_GB = 50;
/** Time a stop takes at most: the budget must pay for it too. */
export const STOP_SECONDS = 90;

const round = (usd: number): number => Math.round(usd * 1e6) / 1e6;
const VOLUME_PER_HOUR = volumeCost(PRICES.ebs.gp3, VOLUME_GB, 3600);

export const onDemandPrice = (attempt: Attempt): number =>
  instanceType(attempt.instanceType ?? '')?.onDemand ?? attempt.pricePerHour ?? 0;

/** Seconds billed of an attempt until `end` (milliseconds); 0 when nothing was launched. */
export function billedSeconds(attempt: Attempt, end: number): number {
  if (!attempt.launchedAt) return 0;
  return Math.max(MINIMUM_BILLED_SECONDS, (end - Date.parse(attempt.launchedAt)) / 1000);
}

/** USD of an attempt until `end` (milliseconds). */
export function attemptCost(attempt: Attempt, end: number): number {
  const seconds = billedSeconds(attempt, end);
  if (seconds === 0) return 0;
  return round(
    instanceCost(usdPerHour(attempt.pricePerHour ?? 0), seconds) + volumeCost(PRICES.ebs.gp3, VOLUME_GB, seconds),
  );
}

/** The same time on demand. */
export function onDemandCost(attempt: Attempt, usd: number): number {
  const ratio = (onDemandPrice(attempt) + VOLUME_PER_HOUR) / ((attempt.pricePerHour ?? 0) + VOLUME_PER_HOUR);
  return round(usd * ratio);
}

/** The status with the attempt's cost brought to `usd`; sums move by the difference, since old attempts are dropped from the list. */
export function chargeAttempt(status: TrainingJobStatus, attempt: Attempt, usd: number): TrainingJobStatus {
  const more = usd - (attempt.costUsd ?? 0);
  return {
    ...status,
    attempts: status.attempts?.map((one) => (one.number === attempt.number ? { ...one, costUsd: usd } : one)),
    cost: {
      ...status.cost,
      actualUsd: round((status.cost?.actualUsd ?? 0) + more),
      onDemandUsd: round((status.cost?.onDemandUsd ?? 0) + onDemandCost(attempt, more)),
    },
  };
}

/** What must be left of the budget to go on: stopping takes up to STOP_SECONDS at this price. */
export const stopReserve = (attempt: Attempt): number =>
  (((attempt.pricePerHour ?? 0) + VOLUME_PER_HOUR) * STOP_SECONDS) / 3600;
