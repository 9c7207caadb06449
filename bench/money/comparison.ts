// How far our meter is from the independent bill (bill.ts): by run and duration, and by month in the sums that the ledger would hold.
import type { TrainingJob } from '../../crds/crds.generated.ts';
import type { LedgerEntry } from '../../cloud/ledger/entries.ts';
import { namespaceOf } from '../../crds/objects.ts';
import { chargeFor } from '../../operator/training/charging.ts';
import { alone, median, type Measurement } from '../measurement.ts';
import { most } from '../target.ts';
import { awsBill, type Months, perSecond, total } from './bill.ts';
import type { Market } from './histories.ts';
import { attemptOf, bookOf, CLASSES, metered, type Replayed, runsOf } from './replay.ts';

/** Per cent: what the issue allows. */
export const LIMIT = 5;

export interface Compared {
  readonly replayed: Replayed;
  readonly ours: number;
  /** In the ledger, by month. */
  readonly oursByMonth: Months;
  readonly bill: Months;
  readonly billByTheClock: Months;
  readonly perSecond: Months;
}

/** Markets that are judged together. */
export interface Group {
  readonly name: string;
  readonly markets: readonly Market[];
  readonly wild: boolean;
}

/** A recorded market for itself says little: the calm ones go together, and the wild ones. */
export function groupsOf(generated: readonly Market[], recorded: readonly Market[]): Group[] {
  const kinds = [false, true].map((wild) => ({
    name: `${wild ? 'wild' : 'calm'} recordings (${recorded.filter((market) => market.wild === wild).length})`,
    markets: recorded.filter((market) => market.wild === wild),
    wild,
  }));
  return [
    ...generated.map((market) => ({ name: market.name, markets: [market], wild: market.wild })),
    ...kinds.filter(({ markets }) => markets.length > 0),
  ];
}

/** `runs` of the whole group. */
export async function replay({ markets }: Group, runs: number, seed: number): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const [at, market] of markets.entries())
    for (const replayed of runsOf(market, Math.ceil(runs / markets.length), seed + at))
      compared.push(await compare(replayed));
  return compared;
}

export async function compare(replayed: Replayed): Promise<Compared> {
  const { run } = replayed;
  return {
    replayed,
    ours: await metered(replayed),
    oursByMonth: await ledgered(replayed),
    bill: awsBill(run),
    billByTheClock: awsBill(run, 'clock'),
    perSecond: perSecond(run),
  };
}

/** What the ledger gets of it, an entry a month. */
async function ledgered(replayed: Replayed): Promise<Months> {
  const entries: LedgerEntry[] = [];
  const ledger = {
    append: async (_: string, entry: LedgerEntry) => {
      entries.push(entry);
      return entry;
    },
  };
  const job = { metadata: { namespace: namespaceOf('1'), name: 'job', uid: 'uid' } } as TrainingJob;
  const prices = await bookOf(replayed);
  const attempt = attemptOf(replayed);
  await chargeFor(ledger, { job, attempt, outcome: 'Succeeded', end: replayed.run.ended, prices });
  return byMonth(entries.map(({ at, usd }) => new Map([[at.slice(0, 7), usd]])));
}

const byMonth = (all: readonly Months[]): Months => {
  const sums = new Map<string, number>();
  for (const months of all) for (const [month, usd] of months) sums.set(month, (sums.get(month) ?? 0) + usd);
  return sums;
};

/** Per cent of `theirs`. */
export const apart = (ours: number, theirs: number): number => (100 * Math.abs(ours - theirs)) / theirs;

export function rowsOf({ name, wild }: Group, compared: readonly Compared[]): Measurement[] {
  // Where prices move by the minute, the sum over seconds is another bill than AWS's, and only tells how much.
  const told = wild ? alone : (what: string, value: number, unit: string) => most(what, value, unit, LIMIT);
  const byClass = CLASSES.flatMap(({ name: duration }) => {
    const those = compared.filter(({ replayed }) => replayed.duration === duration);
    if (those.length === 0) return [];
    const what = `${name}, ${duration} (${those.length} runs)`;
    const ofBill = those.map(({ ours, bill }) => apart(ours, total(bill)));
    const ofSeconds = those.map((one) => apart(one.ours, total(one.perSecond)));
    return [
      most(`${what}: largest difference to AWS's rule`, Math.max(...ofBill), '%', LIMIT),
      alone(`${what}: difference to AWS's rule in the median`, median(ofBill), '%'),
      told(`${what}: largest difference to a sum over seconds`, Math.max(...ofSeconds), '%'),
    ];
  });
  return [...byClass, ...monthRows(name, wild, compared)];
}

/** A month with less than this share of all is none: the last seconds of a minute that was billed whole. */
const LEAST_OF_ALL = 0.01;

export const largestOf = (compared: readonly Compared[]): Measurement =>
  most(
    `all ${compared.length} runs: largest difference to the independent bill`,
    Math.max(...compared.map(({ ours, bill }) => apart(ours, total(bill)))),
    '%',
    LIMIT,
  );

function monthRows(name: string, wild: boolean, compared: readonly Compared[]): Measurement[] {
  const told = wild ? alone : (what: string, value: number, unit: string) => most(what, value, unit, LIMIT);
  const ours = byMonth(compared.map(({ oursByMonth }) => oursByMonth));
  const largest = (theirs: Months): number => {
    const told = [...theirs].filter(([, usd]) => usd >= LEAST_OF_ALL * total(theirs));
    return Math.max(...told.map(([month, usd]) => apart(ours.get(month) ?? 0, usd)));
  };
  const read = (months: (one: Compared) => Months): Months => byMonth(compared.map(months));
  const bill = read((one) => one.bill);
  return [
    most(`${name}: a month of the ledger against AWS's rule`, largest(bill), '%', LIMIT),
    told(`${name}: a month of the ledger against a sum over seconds`, largest(read((one) => one.perSecond)), '%'),
    told(`${name}: a month, were AWS's hours those of the clock`, largest(read((one) => one.billByTheClock)), '%'),
    alone(`${name}: what EC2 takes off (interrupted in the first hour), of all`, takenOff(compared, total(bill)), '%'),
  ];
}

const HOUR = 3_600_000;

/** The instance, not its volume, of what EC2 itself ended within an hour; our meter leaves it on, so that a budget holds in any case. */
function takenOff(compared: readonly Compared[], billed: number): number {
  const free = compared
    .filter(({ replayed: { run, interrupted } }) => interrupted && run.ended - run.launched < HOUR)
    .map(({ bill, replayed: { run } }) => total(bill) - total(awsBill({ ...run, prices: [{ at: 0, usd: 0 }] })));
  return (100 * free.reduce((sum, usd) => sum + usd, 0)) / billed;
}
