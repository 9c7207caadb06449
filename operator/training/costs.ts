// Money of an attempt while it runs and when it ends: the pool's Spot price over the very seconds (a minute at least) and the root
// volume. Pure. Without a price source, or for a pool it does not know, the price at launch counts for the whole run.
import { addUsd, nanosOf, usdOf } from '../../cloud/money.ts';
import {
  hoursCost,
  instanceCost,
  instanceType,
  MINIMUM_BILLED_SECONDS,
  PRICES,
  usdPerHour,
  volumeCost,
} from '../../cloud/prices.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';

/** Live prices and their past (price-book.ts). */
export interface PriceSource {
  /** USD of an instance in the pool between two times (milliseconds), its hours counted from its launch (by default the first); undefined when the pool is unknown. */
  usd(type: string, zone: string, fromMs: number, toMs: number, launchMs?: number): number | undefined;
  /** USD per hour now; undefined when the pool is unknown. */
  now(type: string, zone: string): number | undefined;
}

/** GB of the root volume in the launch template. */
export const VOLUME_GB = 50;
/** Time a stop takes at most: the budget must pay for it too. */
export const STOP_SECONDS = 90;

/** To the nearest billionth of a dollar. */
const exact = (usd: number): number => usdOf(nanosOf(usd));
const volumeUsd = (seconds: number): number => volumeCost(PRICES.ebs.gp3, VOLUME_GB, seconds);
/** USD per hour of the root volume. */
export const VOLUME_PER_HOUR = volumeUsd(3600);

export const onDemandPrice = (attempt: Attempt): number =>
  instanceType(attempt.instanceType ?? '')?.onDemand ?? attempt.pricePerHour ?? 0;

/** Seconds billed of an attempt until `end` (milliseconds), whole ones; 0 when nothing was launched. */
export function billedSeconds(attempt: Attempt, end: number): number {
  if (!attempt.launchedAt) return 0;
  return Math.max(MINIMUM_BILLED_SECONDS, Math.ceil((end - Date.parse(attempt.launchedAt)) / 1000));
}

/**
 * USD of an attempt until `end` (milliseconds); 0 on the cluster. What EC2 itself interrupts within the first hour it does not bill;
 * that is not deducted, so that a budget holds in any case.
 */
export function attemptCost(attempt: Attempt, end: number, prices?: PriceSource): number {
  const seconds = billedSeconds(attempt, end);
  if (seconds === 0 || attempt.market === 'cluster') return 0;
  const instance = instanceUsd(attempt, Date.parse(attempt.launchedAt ?? ''), seconds, prices);
  return addUsd(instance, volumeUsd(seconds), hoursCost(usdPerHour(attempt.addressPerHour ?? 0), seconds));
}

function instanceUsd(attempt: Attempt, from: number, seconds: number, prices: PriceSource | undefined): number {
  const { market, instanceType: type = '', zone = '' } = attempt;
  if (market === 'on-demand') return hoursCost(usdPerHour(onDemandPrice(attempt)), seconds);
  const launch = Date.parse(attempt.launchedAt ?? '');
  return (
    prices?.usd(type, zone, from, from + seconds * 1000, Number.isFinite(launch) ? launch : from) ??
    hoursCost(usdPerHour(attempt.pricePerHour ?? 0), seconds)
  );
}

/** What is billed beside the instance, USD per hour: the root volume, and a public address where there is one. */
const besides = ({ addressPerHour = 0 }: Attempt): number => VOLUME_PER_HOUR + addressPerHour;

/** USD per hour of an attempt now, with what is billed beside the instance; 0 on the cluster. */
export function hourlyCost(attempt: Attempt, prices?: PriceSource): number {
  if (attempt.market === 'cluster') return 0;
  if (attempt.market === 'on-demand') return onDemandPrice(attempt) + besides(attempt);
  const live = prices?.now(attempt.instanceType ?? '', attempt.zone ?? '');
  return (live ?? attempt.pricePerHour ?? 0) + besides(attempt);
}

/** The time that cost `usd` lately, on demand. */
export function onDemandCost(attempt: Attempt, usd: number, prices?: PriceSource): number {
  if (usd === 0 || attempt.market === 'cluster') return 0;
  return exact((usd * (onDemandPrice(attempt) + besides(attempt))) / hourlyCost(attempt, prices));
}

/** The whole attempt until `end` (milliseconds), on demand. */
export function onDemandUntil(attempt: Attempt, end: number): number {
  return attemptCost({ ...attempt, market: attempt.market === 'cluster' ? 'cluster' : 'on-demand' }, end);
}

/** What an on-demand attempt cost above the cheapest Spot pool that would have fitted, until `end` (milliseconds). */
export const extraUsd = (attempt: Attempt, end: number): number =>
  hoursCost(usdPerHour(attempt.extraPerHour ?? 0), billedSeconds(attempt, end));

/** What the last `lostSeconds` of an attempt cost: work that must be done again. */
export function lostUsd(attempt: Attempt, lostSeconds: number, prices?: PriceSource): number {
  if (lostSeconds <= 0 || attempt.market === 'cluster') return 0;
  if (!attempt.endedAt) return hoursCost(usdPerHour(hourlyCost(attempt, prices)), lostSeconds);
  const from = Date.parse(attempt.endedAt) - lostSeconds * 1000;
  return addUsd(instanceUsd(attempt, from, lostSeconds, prices), hoursCost(usdPerHour(besides(attempt)), lostSeconds));
}

/** The status with the attempt's cost brought to `usd`; sums move by the difference, since old attempts are dropped from the list. */
export function chargeAttempt(
  status: TrainingJobStatus,
  attempt: Attempt,
  usd: number,
  prices?: PriceSource,
): TrainingJobStatus {
  const more = addUsd(usd, -(attempt.costUsd ?? 0));
  // An on-demand attempt costs the same every hour, so its hours follow from its money.
  const extra = attempt.market === 'on-demand' ? (more / hourlyCost(attempt)) * (attempt.extraPerHour ?? 0) : 0;
  return {
    ...status,
    attempts: status.attempts?.map((one) => (one.number === attempt.number ? { ...one, costUsd: usd } : one)),
    cost: {
      ...status.cost,
      actualUsd: addUsd(status.cost?.actualUsd ?? 0, more),
      onDemandUsd: addUsd(status.cost?.onDemandUsd ?? 0, onDemandCost(attempt, more, prices)),
      ...(extra === 0 ? {} : { extraUsd: addUsd(status.cost?.extraUsd ?? 0, extra) }),
    },
  };
}

/** The status with the attempt's lost work brought to `usd`; saying it again changes nothing. */
export function chargeLost(status: TrainingJobStatus, attempt: Attempt, usd: number): TrainingJobStatus {
  const known = status.attempts?.find(({ number }) => number === attempt.number)?.lostUsd ?? 0;
  if (usd === known) return status;
  return {
    ...status,
    attempts: status.attempts?.map((one) => (one.number === attempt.number ? { ...one, lostUsd: usd } : one)),
    cost: { ...status.cost, lostUsd: addUsd(status.cost?.lostUsd ?? 0, usd, -known) },
  };
}

/** What must be left of the budget to go on: stopping takes up to STOP_SECONDS, at the higher of the price at launch and the price now. */
export function stopReserve(attempt: Attempt, prices?: PriceSource): number {
  const dearest = Math.max(hourlyCost(attempt, prices), hourlyCost(attempt));
  return (dearest * STOP_SECONDS) / 3600;
}

/** The least an attempt costs at `price` USD per hour: the minute that is billed in any case, and the stop. */
export const minuteCost = (price: number): number =>
  instanceCost(usdPerHour(price + VOLUME_PER_HOUR), MINIMUM_BILLED_SECONDS + STOP_SECONDS);
