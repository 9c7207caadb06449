// Runs as trainings have them, over the pools of a market, through the product's own meter: PriceBook reads the history as it read EC2,
// while the run goes on, costs.ts says what it costs. Seeded: the same runs on every machine.
import type { PricePoint } from '../../cloud/compute.ts';
import { PRICES } from '../../cloud/prices.ts';
import type { Attempt } from '../../crds/crds.generated.ts';
import { attemptCost, VOLUME_GB } from '../../operator/training/costs.ts';
import { PriceBook } from '../../operator/training/price-book.ts';
import { randomNumbers } from '../deadline/traces.ts';
import type { Run } from './bill.ts';
import type { Change, Market, Pool } from './histories.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

export const CLASSES = [
  { name: 'under a minute', from: SECOND, to: 60 * SECOND },
  { name: 'minutes', from: 60 * SECOND, to: HOUR },
  { name: 'hours', from: HOUR, to: 24 * HOUR },
  { name: 'days', from: 24 * HOUR, to: 72 * HOUR },
] as const;

export interface Replayed {
  readonly duration: (typeof CLASSES)[number]['name'];
  readonly pool: Pool;
  readonly run: Run;
  /** EC2 took it. */
  readonly interrupted: boolean;
}

/** One run in so many is launched within two hours of a month's end, one within seconds of an hour's, one is interrupted. */
const AT_MIDNIGHT = 6;
const AT_THE_HOUR = 6;
const INTERRUPTED = 5;

/** As many of each duration; a history that is too short for one leaves it out. */
export function runsOf(market: Market, count: number, seed: number): Replayed[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, (_, at) => {
    const duration = CLASSES[at % CLASSES.length] as (typeof CLASSES)[number];
    const pool = market.pools[Math.floor(random() * market.pools.length)] as Pool;
    const ms = Math.floor(duration.from * (duration.to / duration.from) ** random());
    const first = pool.changes[0]?.at ?? market.until;
    const room = market.until - first - ms;
    const launched = Math.floor(launchOf(random, first, room) / SECOND) * SECOND;
    const interrupted = random() < 1 / INTERRUPTED;
    const run = { launched, ended: launched + ms, prices: pool.changes, volumeGb: VOLUME_GB, publicAddress: true };
    return { duration: duration.name, pool, run, interrupted, room };
  }).filter(({ room }) => room >= 0);
}

function launchOf(random: () => number, first: number, room: number): number {
  const anywhere = first + random() * room;
  const kind = random();
  const nudge = random() - 0.5;
  if (kind < 1 / AT_MIDNIGHT) {
    const date = new Date(anywhere);
    const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) + nudge * 4 * HOUR;
    if (midnight <= first + room) return midnight;
  }
  if (kind > 1 - 1 / AT_THE_HOUR) {
    const hour = Math.round(anywhere / HOUR) * HOUR + nudge * 10 * SECOND;
    if (hour >= first && hour <= first + room) return hour;
  }
  return anywhere;
}

export const attemptOf = ({ pool, run }: Replayed): Attempt => ({
  number: 1,
  batch: 'bench',
  market: 'spot',
  instanceId: 'i-1',
  instanceType: pool.type,
  zone: pool.zone,
  pricePerHour: inForce(pool.changes, run.launched),
  ...(run.publicAddress ? { addressPerHour: PRICES.publicAddress } : {}),
  requestedAt: new Date(run.launched).toISOString(),
  launchedAt: new Date(run.launched).toISOString(),
});

/** The operator's book, as it has read EC2 by the end of the run. */
export async function bookOf({ pool, run }: Replayed): Promise<PriceBook> {
  let now = run.launched;
  const book = new PriceBook({
    compute: { spotPrices: async (_, since) => pointsOf(pool, since, now) },
    types: () => [pool.type],
    needSince: () => run.launched,
    now: () => now,
    logger: {
      warn: ({ err }: { err?: Error }) => {
        throw err ?? new Error('the prices were not read');
      },
    },
  });
  for (; now < run.ended; now += LOOK_MS) await book.refresh();
  now = run.ended + LOOK_MS;
  await book.refresh();
  return book;
}

const LOOK_MS = 6 * HOUR;

/** USD by our own meter. */
export const metered = async (replayed: Replayed): Promise<number> =>
  attemptCost(attemptOf(replayed), replayed.run.ended, await bookOf(replayed));

/** As EC2 answers: the newest first, the last of them in force when the time asked for begins. */
export function pointsOf({ type, zone, changes }: Pool, since: number, until: number): PricePoint[] {
  const first = changes.findLastIndex(({ at }) => at <= since);
  const last = changes.findLastIndex(({ at }) => at <= until);
  return changes
    .slice(Math.max(0, first), last + 1)
    .map(({ at, usd }) => ({ instanceType: type, zone, at, usd }))
    .reverse();
}

const inForce = (changes: readonly Change[], at: number): number =>
  (changes.findLast((change) => change.at <= at) ?? changes[0])?.usd ?? 0;
