// Spot prices of the past to replay. Generated ones are like the recordings we have read, which have no licence to ship them under: what
// EC2 has asked since 2017 moves by per cents in hours (ericpauley/aws-spot-price-history on GitHub: 181 changes in 9,100 pools on the
// evening of 2022-05-31, 0.24 % in the median, 4.3 % the largest), and what it asked when people still bid moved by the minute and up to
// nearly a hundredfold (prateek-s/spot-price-model: 15 pools, March to August 2015). SPOTLEARN_BENCH_PRICES names a folder of recordings,
// to replay them as well.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { INSTANCE_TYPES } from '../../cloud/prices.ts';
import { median } from '../measurement.ts';
import { randomNumbers } from '../deadline/traces.ts';

export interface Change {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** USD per hour from then on. */
  readonly usd: number;
}

export interface Pool {
  readonly type: string;
  readonly zone: string;
  /** Oldest first; the first is in force when the history begins. */
  readonly changes: readonly Change[];
}

export interface Market {
  readonly name: string;
  /** Until when the prices are known, milliseconds; they are from the first change of each pool on. */
  readonly until: number;
  readonly pools: readonly Pool[];
  /** Prices moved too fast for the price at an hour's start to say what the hour cost on average. */
  readonly wild: boolean;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FROM = Date.parse('2026-01-20T00:00:00Z');
/** Over the ends of January, February and March: months of 31, 28 and 31 days. */
const DAYS = 80;
const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const TYPES = ['t3.medium', 'm5.large', 'c5.xlarge', 'r5.2xlarge', 'g4dn.xlarge'];
/** EC2 names prices in so many parts of a dollar. */
const PARTS = 10_000;

interface Temper {
  /** Mean time between two changes. */
  readonly everyMs: number;
  /** A change is by up to so much, as a share. */
  readonly step: number;
  /** So many of the changes are a spike, up to so many times the price. */
  readonly spikes: number;
  readonly height: number;
}

const CALM: Temper = { everyMs: 8 * HOUR, step: 0.04, spikes: 0, height: 1 };
const WILD: Temper = { everyMs: HOUR / 6, step: 0.1, spikes: 0.03, height: 20 };

export function generated(seed: number): Market[] {
  return [
    { name: 'prices as since 2017', temper: CALM, wild: false },
    { name: 'prices as in the days of bidding', temper: WILD, wild: true },
  ].map(({ name, temper, wild }, at) => {
    const random = randomNumbers(1000 * seed + at);
    const types = INSTANCE_TYPES.filter((type) => TYPES.includes(type.name));
    const pools = types.flatMap(({ name: type, spot }) =>
      ZONES.map((zone) => ({ type, zone, changes: walk(random, spot, temper) })),
    );
    return { name, wild, pools, until: FROM + DAYS * DAY };
  });
}

/** Wanders about `centre`, and is drawn back to it. */
function walk(random: () => number, centre: number, { everyMs, step, spikes, height }: Temper): Change[] {
  const changes: Change[] = [];
  let level = 1;
  for (let at = FROM; at < FROM + DAYS * DAY; at += Math.ceil(-Math.log(1 - random()) * everyMs) + 1000) {
    level *= 1 + step * (2 * random() - 1) + 0.05 * (1 - level);
    const spike = random() < spikes ? 1 + random() * (height - 1) : 1;
    changes.push({ at: Math.floor(at / 1000) * 1000, usd: Math.ceil(centre * level * spike * PARTS) / PARTS });
  }
  return changes;
}

/** Changes that come to more than this in an hour, added up, make a market wild. */
const WILD_SHARE = 0.005;

/**
 * One market a file (`*.tsv`), its lines as the command line of EC2 prints them: zone, type, product, price and time. Pools that end before
 * the shortest run could are left out.
 */
export function recorded(folder: string): Market[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.tsv'));
  return files.sort().flatMap((file) => {
    const pools = poolsOf(readFileSync(join(folder, file), 'utf8'));
    const until = Math.max(...pools.flatMap(({ changes }) => changes.slice(-1).map(({ at }) => at)));
    const lasting = pools.filter(({ changes }) => until - (changes[0]?.at ?? until) >= HOUR);
    const name = `${basename(file, '.tsv')} (recorded)`;
    return lasting.length === 0
      ? []
      : [{ name, until, pools: lasting, wild: median(lasting.map(movement)) > WILD_SHARE }];
  });
}

function poolsOf(text: string): Pool[] {
  const pools = new Map<string, Change[]>();
  for (const line of text.split('\n')) {
    const [zone, type, product, usd, at] = line.split('\t');
    if (!zone || !type || !product?.startsWith('Linux/UNIX')) continue;
    const change = { at: Date.parse(at ?? ''), usd: Number(usd) };
    if (!Number.isFinite(change.at) || !Number.isFinite(change.usd)) continue;
    const pool = `${zone}\t${type}`;
    const known = pools.get(pool);
    if (known) known.push(change);
    else pools.set(pool, [change]);
  }
  return [...pools].map(([pool, changes]) => {
    const [zone = '', type = ''] = pool.split('\t');
    return { zone, type, changes: changes.sort((a, b) => a.at - b.at) };
  });
}

/** How much a pool's price moves in an hour, all changes added up, as a share. */
function movement({ changes }: Pool): number {
  const [first, last] = [changes[0], changes.at(-1)];
  if (!first || !last || last.at === first.at) return 0;
  const steps = changes.slice(1).map(({ usd }, at) => Math.abs(usd / (changes[at]?.usd ?? usd) - 1));
  return steps.reduce((sum, step) => sum + step, 0) / ((last.at - first.at) / HOUR);
}
