// The money part of admission: does the budget pay for anything at all, what can the job cost at worst, and is there room for that in
// the account's month? The worst case stays reserved (accounts/reservations.ts) until the job is over.
import { nanosOf, usdOf } from '../../cloud/money.ts';
import { instanceCost, instanceType, showUsd, usdPerHour } from '../../cloud/prices.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';
import { MONTH_UNKNOWN } from '../accounts/admitting.ts';
import type { Quote } from '../accounts/receipt.ts';
import type { Reservations, Reserved } from '../accounts/reservations.ts';
import type { Verdict } from './confirm.ts';
import { minuteCost, VOLUME_PER_HOUR } from './costs.ts';
import type { Data } from './dataset.ts';
import type { Past } from './history.ts';
import { uidOf } from './job.ts';
import type { Series } from './price-series.ts';
import { quoteOf } from './quote.ts';
import type { Selection } from './selection.ts';
import { refuse, wait } from './verdict.ts';

export interface ReservingOptions {
  reservations: Pick<Reservations, 'request' | 'release'>;
  select: (job: TrainingJob, bytes: number) => Selection;
  /** What is known of the past, for the quote. */
  past: () => Past;
  series: (type: string, zone: string) => Series;
  /** USD an hour of a worker's public address; 0: it has none. */
  addressPerHour: number;
  now: () => number;
}

/** `budgetUsd`: what holds for this job, all attempts together. */
export async function reserve(
  job: TrainingJob,
  data: Data,
  budgetUsd: number,
  options: ReservingOptions,
): Promise<Verdict> {
  const userId = userOf(job.metadata?.namespace ?? '') ?? '';
  const { bytes, etag, tableBytes, head } = data;
  const dataset = {
    ...{ bytes, etag },
    ...(head ? { columns: head.columns.length } : {}),
    ...(tableBytes === bytes ? {} : { tableBytes }),
  };
  const accepted = head
    ? `Accepted: ${head.columns.length} columns, about ${head.estimatedRows} rows`
    : `Accepted: ${data.format === 'excel' ? 'an Excel workbook' : 'a Parquet file'}, whose columns the worker reads`;
  if (job.spec.placement === 'Cluster') {
    const message = `${accepted}; it runs on the cluster itself, which costs nothing extra.`;
    return { is: 'admitted', admission: { dataset, estimatedUsd: 0, reservedUsd: 0, message } };
  }
  const selection = options.select({ ...job, status: { ...job.status, dataset } }, tableBytes);
  // Words that also serve a job that is accepted already; this one is over.
  if (selection.impossible) return refuse('InvalidSpec', `${selection.reason} Then create the job again.`);
  const { addressPerHour } = options;
  const price = selection.price === undefined ? undefined : selection.price + addressPerHour;
  const poor = tooLittle(job, budgetUsd, price);
  if (poor) return poor;
  const quote = quoteFor(job, selection, tableBytes, options);
  const estimatedUsd = quote.basis === 'History' ? middleOf(quote) : estimate(price, tableBytes);
  const leftUsd = budgetUsd - (job.status?.cost?.actualUsd ?? 0);
  const worst = Math.max(
    0,
    worstCase(job, leftUsd, { price: selection.price ?? 0, onDemand: onDemandOf(job, selection), addressPerHour }),
  );
  const answer = await options.reservations.request(userId, uidOf(job), worst);
  if (!answer.ok) return wait(answer.reason, roomInWords(worst, answer));
  const message = `${accepted}; estimated ${showUsd(estimatedUsd)}, at most ${showUsd(worst)}.`;
  return { is: 'admitted', admission: { dataset, quote, estimatedUsd, reservedUsd: worst, message } };
}

function quoteFor(job: TrainingJob, selection: Selection, bytes: number, options: ReservingOptions): Quote {
  const { paces, seen } = options.past();
  const onSpot = job.spec.placement !== 'OnDemand';
  const [cheapest] = selection.offers;
  const prices = selection.offers.map((offer) => instanceType(offer.instanceType)?.onDemand ?? 0);
  return quoteOf(
    {
      ...{ bytes, seen, interruptible: onSpot, price: selection.price, addressPerHour: options.addressPerHour },
      past: paces.get(job.spec.model.type) ?? [],
      series: onSpot && cheapest ? options.series(cheapest.instanceType, cheapest.zone) : [],
      onDemandPerHour: prices.length > 0 ? Math.min(...prices) : (selection.price ?? 0),
    },
    options.now(),
  );
}

const middleOf = ({ usdLow = 0, usdHigh = 0 }: Quote): number => usdOf(nanosOf((usdLow + usdHigh) / 2));

function roomInWords(worst: number, answer: Extract<Reserved, { ok: false }>): string {
  if (answer.reason === 'LedgerUnavailable') return MONTH_UNKNOWN;
  const { limitUsd, spentUsd, reservedUsd } = answer.figures;
  return `This training may cost up to ${showUsd(worst)}; of this month's ${showUsd(limitUsd)}, ${showUsd(spentUsd)} is spent and ${showUsd(reservedUsd)} is held back for what runs. It waits for room; a smaller spec.budget.maxCostUsd needs less.`;
}

/** A budget that would be used up within the first minute buys nothing but a stop. */
function tooLittle(job: TrainingJob, budgetUsd: number, price: number | undefined): Verdict | undefined {
  if (price === undefined) return undefined;
  const spent = job.status?.cost?.actualUsd ?? 0;
  const least = minuteCost(price);
  if (budgetUsd - spent >= least) return undefined;
  // Rounded up, so that the sum named is enough.
  const enough = (usd: number) => showUsd(Math.ceil(usd * 1e4) / 1e4);
  const first = `the first minute and the stop cost ${enough(least)} on the cheapest instance that fits (${showUsd(price + VOLUME_PER_HOUR)} per hour with its volume)`;
  if (spent > 0)
    return wait(
      'BudgetReached',
      `Of the budget of ${showUsd(budgetUsd)}, ${showUsd(spent)} is spent, and ${first}. Raise spec.budget.maxCostUsd to at least ${enough(spent + least)} to continue.`,
    );
  if (budgetUsd === job.spec.budget?.maxCostUsd)
    return refuse(
      'InvalidSpec',
      `spec.budget.maxCostUsd of ${showUsd(budgetUsd)} buys nothing: ${first}. Create the job again with at least ${enough(least)}.`,
    );
  return wait(
    'QuotaExceeded',
    `The account's limit of ${showUsd(budgetUsd)} for one training buys nothing: ${first}. Have the limit raised.`,
  );
}

/** Boot, and about a minute for every 20 MB: deliberately rough, shown as an estimate. */
function estimate(price: number | undefined, bytes: number): number {
  if (price === undefined) return 0;
  return instanceCost(usdPerHour(price + VOLUME_PER_HOUR), 90 + (60 * bytes) / 20e6);
}

/**
 * What an hour may cost at most by the offers' on-demand prices: a Spot pool is offered up to the cheapest of them (selection.ts), and a
 * job that may turn to on-demand gets any of them.
 */
function onDemandOf({ spec }: TrainingJob, { offers }: Selection): number {
  const prices = offers.map((offer) => instanceType(offer.instanceType)?.onDemand ?? 0);
  if (prices.length === 0) return 0;
  const mayTurn = spec.placement === 'SpotWithFallback' || spec.deadline !== undefined;
  return mayTurn ? Math.max(...prices) : Math.min(...prices);
}

/** USD per hour. */
export interface Dearest {
  /** Of the cheapest offer; 0: unknown. */
  readonly price: number;
  /** Another bound of it, where that is higher. */
  readonly onDemand?: number;
  readonly addressPerHour?: number;
}

/** Room for a dearer pool than the cheapest: three times that is offered in any case. */
const PRICE_ROOM = 3;

/**
 * The dearest a job can get from now on, USD: what is left of its budget, or less when activeDeadlineSeconds end it earlier.
 */
export function worstCase(
  job: TrainingJob,
  leftUsd: number,
  { price, onDemand = 0, addressPerHour = 0 }: Dearest,
): number {
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || price === 0) return leftUsd;
  const dearest = Math.max(price * PRICE_ROOM, onDemand) + VOLUME_PER_HOUR + addressPerHour;
  return Math.min(leftUsd, instanceCost(usdPerHour(dearest), seconds + 120));
}
