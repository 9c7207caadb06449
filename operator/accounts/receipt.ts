// What a job took in the end, beside what was quoted. Pure.
import { createHash } from 'node:crypto';
import { timestamp } from '../../crds/conditions.ts';
import type { TrainingJobStatus } from '../../crds/crds.generated.ts';

export type Receipt = NonNullable<TrainingJobStatus['receipt']>;
export type Quote = NonNullable<TrainingJobStatus['quote']>;

export interface Bought {
  readonly spec: object;
  readonly quote?: Quote | undefined;
  /** The sum of its entries in the ledger, USD. */
  readonly actualUsd: number;
  /** The same time on demand, USD. */
  readonly onDemandUsd: number;
  readonly interruptions: number;
  /** What they cost in work done again, USD. */
  readonly interruptionsUsd: number;
  /** Share of the installation's standing costs, USD. */
  readonly installationUsd: number;
  readonly dataEtag?: string | undefined;
  readonly dataSha256?: string | undefined;
}

export function receiptOf(bought: Bought, now: number): Receipt {
  const { spec, quote, actualUsd, onDemandUsd, interruptions, interruptionsUsd, installationUsd } = bought;
  const { dataEtag, dataSha256 } = bought;
  return {
    at: timestamp(now),
    ...(quote ? { quotedLowUsd: quote.usdLow, quotedHighUsd: quote.usdHigh } : {}),
    actualUsd,
    onDemandUsd,
    savingsPercent: savingsOf(actualUsd, onDemandUsd),
    ...{ interruptions, interruptionsUsd, installationUsd },
    specSha256: specSha256(spec),
    ...(dataEtag === undefined ? {} : { dataEtag }),
    ...(dataSha256 === undefined ? {} : { dataSha256 }),
  };
}

/** Percent, one decimal; below 0 if it was dearer than on-demand. */
export const savingsOf = (actualUsd: number, onDemandUsd: number): number =>
  onDemandUsd === 0 ? 0 : Math.round(1000 * (1 - actualUsd / onDemandUsd)) / 10;

/** Of the spec as JSON with sorted names and no spaces, in hex: the same for every order in which it was written. */
export const specSha256 = (spec: object): string => createHash('sha256').update(canonical(spec)).digest('hex');

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
