// Live Spot prices of every pool (type × zone) and their past, for planner.ts (what to ask for) and costs.ts (what it has cost): one
// paged DescribeSpotPriceHistory for all types together, at most every five minutes. Nobody waits for it after the first time.
import type { Compute } from '../../cloud/compute.ts';
import type { Logger } from '../runtime/logging.ts';
import type { PriceSource } from './costs.ts';
import { merged, priceAt, trimmed, usdBetween, type Price, type Series } from './price-series.ts';

export const PRICE_AGE_MS = 300_000;
/** After a failure. */
export const PRICE_RETRY_MS = 60_000;
/** Runs longer than this are priced from here on (EC2 keeps 90 days; a page is 1,000 changes). */
export const LONGEST_PAST_MS = 30 * 86_400_000;
/** Asked for and kept even when nothing runs: quotes are made of it. */
const SHORTEST_PAST_MS = 86_400_000;
/** Asked for again each time: EC2 publishes a change some minutes late. */
const OVERLAP_MS = 900_000;

export interface PriceBookOptions {
  compute: Pick<Compute, 'spotPrices'>;
  /** Types worth asking about. */
  types: () => readonly string[];
  /** Launch of the oldest attempt that still costs money, milliseconds; undefined: none. */
  needSince?: () => number | undefined;
  now: () => number;
  logger: Pick<Logger, 'warn'>;
}

export class PriceBook implements PriceSource {
  readonly #options: PriceBookOptions;
  readonly #pools = new Map<string, Series>();
  #types: ReadonlySet<string> = new Set();
  /** The series tell the truth from here on. */
  #from = Infinity;
  #readAt = -Infinity;
  #failedAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(options: PriceBookOptions) {
    this.#options = options;
  }

  /** Reads what is new, when it is time; callers at once share one reading. Never throws: without an answer what was known stays. */
  refresh(): Promise<void> {
    if (this.#reading) return this.#reading;
    if (this.#within(this.#readAt, PRICE_AGE_MS) || this.#within(this.#failedAt, PRICE_RETRY_MS))
      return Promise.resolve();
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** USD per hour of the pool now. */
  now(type: string, zone: string): number | undefined {
    return priceAt(this.series(type, zone), this.#options.now());
  }

  /** USD of an instance in the pool between two times (milliseconds), its hours counted from the launch; undefined when the pool is unknown. */
  usd(type: string, zone: string, fromMs: number, toMs: number, launchMs = fromMs): number | undefined {
    return usdBetween(this.series(type, zone), fromMs, toMs, launchMs);
  }

  series(type: string, zone: string): Series {
    return this.#pools.get(`${type}/${zone}`) ?? [];
  }

  /** False also when the clock was set back: then it is time again. */
  #within(since: number, ms: number): boolean {
    const age = this.#options.now() - since;
    return age >= 0 && age < ms;
  }

  async #read(): Promise<void> {
    const { compute, types: wanted, logger, needSince } = this.#options;
    const now = this.#options.now();
    const types = wanted();
    if (types.length === 0) return;
    const needed = Math.max(now - LONGEST_PAST_MS, Math.min(needSince?.() ?? now, now - SHORTEST_PAST_MS));
    const covered = this.#from <= needed && types.every((type) => this.#types.has(type));
    try {
      const points = await compute.spotPrices(types, covered ? Math.min(now, this.#readAt) - OVERLAP_MS : needed);
      const news = new Map<string, Price[]>();
      // EC2 answers the newest first; of two changes in one second the newer holds.
      for (const { instanceType, zone, usd, at } of points.toReversed()) {
        const pool = `${instanceType}/${zone}`;
        const prices = news.get(pool) ?? [];
        prices.push({ at, usd });
        news.set(pool, prices);
      }
      this.#learn(news, needed);
      this.#types = new Set(types);
      this.#from = needed;
      this.#readAt = now;
    } catch (error) {
      this.#failedAt = now;
      logger.warn({ err: error }, 'spot prices not read');
    }
  }

  #learn(news: ReadonlyMap<string, readonly Price[]>, since: number): void {
    for (const [pool, prices] of news) this.#pools.set(pool, merged(this.#pools.get(pool) ?? [], prices));
    for (const [pool, series] of this.#pools) this.#pools.set(pool, trimmed(series, since));
  }
}
