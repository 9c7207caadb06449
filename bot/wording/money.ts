// What a job is said to take before it begins, and what it took in the end.
import type { TrainingJob, PredictionJob } from '../../crds/crds.generated.ts';
import { duration, usd } from './figures.ts';
import { escape } from './html.ts';

type Job = TrainingJob | PredictionJob;

const range = (low: string, high: string): string => (low === high ? low : `${low} – ${high}`);

/** Nothing for what costs nothing, and for jobs of before there were quotes. */
export function quoteLines({ status }: Job): string[] {
  const quote = status?.quote;
  if (!quote || (quote.usdHigh ?? 0) === 0) return [];
  const { usdLow = 0, usdHigh = 0, secondsLow = 0, secondsHigh = 0, basis, samples = 0, interruptionRisk = 0 } = quote;
  const by = basis === 'History' ? `by ${samples} jobs like it` : 'by a rule of thumb';
  const risk = interruptionRisk > 0 ? `; risk of an interruption ${percentOf(interruptionRisk)}` : '';
  const ceiling =
    interruptionRisk > 0 && quote.onDemandUsd !== undefined ? `; on demand at most ${usd(quote.onDemandUsd)}` : '';
  return [
    `Quoted: ${range(usd(usdLow), usd(usdHigh))}, ${range(duration(secondsLow), duration(secondsHigh))} (${by})${risk}${ceiling}`,
    ...pricesOf(quote),
  ];
}

function pricesOf({
  pricePerHourP50: p50,
  pricePerHourP90: p90,
}: NonNullable<TrainingJob['status']>['quote'] & object): string[] {
  return p50 === undefined || p90 === undefined ? [] : [`Price of the last day: ${range(usd(p50), usd(p90))} an hour`];
}

const percentOf = (share: number): string => (share < 0.01 ? 'under 1 %' : `${Math.round(100 * share)} %`);

/** The bill of a job that is over; for administrators of the installation its share is in status.receipt. */
export function receiptLines({ status, spec }: Job): string[] {
  const receipt = status?.receipt;
  if (!receipt || (spec.placement === 'Cluster' && receipt.actualUsd === 0)) return [];
  const {
    actualUsd = 0,
    onDemandUsd = 0,
    savingsPercent = 0,
    quotedLowUsd,
    quotedHighUsd,
    interruptions = 0,
  } = receipt;
  const quoted =
    quotedLowUsd === undefined || quotedHighUsd === undefined
      ? ''
      : `, quoted ${range(usd(quotedLowUsd), usd(quotedHighUsd))}`;
  const onDemand =
    onDemandUsd > 0 && onDemandUsd !== actualUsd
      ? `, on demand ${usd(onDemandUsd)} (${savingsPercent < 0 ? `${-savingsPercent} % dearer` : `${savingsPercent} % saved`})`
      : '';
  return [
    `🧾 Cost: <b>${usd(actualUsd)}</b>${escape(quoted)}${onDemand}`,
    ...(interruptions > 0
      ? [
          `Interruptions survived: ${interruptions}, which cost ${usd(receipt.interruptionsUsd ?? 0)} in work done again`,
        ]
      : []),
  ];
}
