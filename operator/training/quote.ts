// What a training is said to take before it begins: a range of time by past jobs of its kind (or a stated model), of money by the prices of
// the last day, its risk of being interrupted, and what on-demand would cost at most. Pure; history.ts gathers the past.
import { addUsd } from '../../cloud/money.ts';
import { hoursCost, usdPerHour } from '../../cloud/prices.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { Quote } from '../accounts/receipt.ts';
import { VOLUME_PER_HOUR } from './costs.ts';
import type { Series } from './price-series.ts';

/** Launch, boot and imports. */
const BOOT_SECONDS = 90;
/** Without a past: 20 MB a minute on two vCPUs, which is deliberately rough; slowest to quickest against that. */
const MODEL_BYTES_PER_SECOND = 20e6 / 60;
const MODEL_SPREAD = { quick: 1 / 0.6, slow: 1 / 2 } as const;
/** Fewer past jobs than this tell nothing. */
const LEAST_SAMPLES = 3;
/** Before anything was seen: one interruption in twenty hours, weighing as much as those twenty hours. */
const PRIOR = { interruptions: 1, hours: 20 } as const;
export const PRICE_PAST_MS = 86_400_000;

export interface QuoteFacts {
  /** Of the table as CSV. */
  readonly bytes: number;
  /** Bytes a second of past jobs of this kind, in any order. */
  readonly past: readonly number[];
  /** USD an hour of the cheapest offer now; undefined: unknown. */
  readonly price: number | undefined;
  /** Its Spot prices of the past; empty on demand. */
  readonly series: Series;
  /** USD an hour of the cheapest fitting type on demand. */
  readonly onDemandPerHour: number;
  /** USD an hour of its public address; 0: it has none. */
  readonly addressPerHour: number;
  /** May be taken back. */
  readonly interruptible: boolean;
  /** What this installation has seen on Spot. */
  readonly seen: { readonly interruptions: number; readonly hours: number };
}

export function quoteOf(facts: QuoteFacts, now: number): Quote {
  const { bytes, past, price = 0, series, onDemandPerHour, addressPerHour, interruptible, seen } = facts;
  const besides = addUsd(VOLUME_PER_HOUR, addressPerHour);
  const sorted = [...past].sort((a, b) => a - b);
  const known = sorted.length >= LEAST_SAMPLES;
  const quick = known ? shareOf(sorted, 0.9) : MODEL_BYTES_PER_SECOND * MODEL_SPREAD.quick;
  const slow = known ? shareOf(sorted, 0.1) : MODEL_BYTES_PER_SECOND * MODEL_SPREAD.slow;
  const [secondsLow, secondsHigh] = [quick, slow].map((pace) => Math.ceil(BOOT_SECONDS + bytes / pace)) as [
    number,
    number,
  ];
  const from = now - PRICE_PAST_MS;
  const [p50, p90] = [0.5, 0.9].map((share) => addUsd(pricePercentile(series, from, now, share) ?? price, besides)) as [
    number,
    number,
  ];
  const perHour = (seen.interruptions + PRIOR.interruptions) / (seen.hours + PRIOR.hours);
  const risk = interruptible ? 1 - Math.exp((-perHour * secondsHigh) / 3600) : 0;
  return {
    at: timestamp(now),
    basis: known ? 'History' : 'Model',
    samples: known ? sorted.length : 0,
    ...{ secondsLow, secondsHigh, pricePerHourP50: p50, pricePerHourP90: p90 },
    usdLow: hoursCost(usdPerHour(p50), secondsLow),
    usdHigh: hoursCost(usdPerHour(p90), secondsHigh),
    interruptionRisk: Math.round(risk * 1000) / 1000,
    onDemandUsd: hoursCost(usdPerHour(addUsd(Math.max(onDemandPerHour, 0), besides)), secondsHigh),
  };
}

/** Nearest rank of sorted numbers. */
const shareOf = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;

/** The price that held at least `share` of the time between two times (milliseconds), USD per hour; undefined when nothing is known. */
export function pricePercentile(series: Series, from: number, to: number, share: number): number | undefined {
  const spans = series.map(({ at, usd }, index) => {
    const begin = index === 0 ? from : Math.max(from, at);
    const end = Math.min(to, series[index + 1]?.at ?? to);
    return { usd, ms: Math.max(0, end - begin) };
  });
  const total = spans.reduce((sum, { ms }) => sum + ms, 0);
  let passed = 0;
  for (const { usd, ms } of spans.sort((a, b) => a.usd - b.usd)) {
    passed += ms;
    if (passed >= share * total && total > 0) return usd;
  }
  return series.at(-1)?.usd;
}
