// What could be launched now for a job: selection.ts with this installation's subnets, live Spot prices and the memory of pools.
import type { Compute, Market } from '../../cloud/compute.ts';
import { instanceType } from '../../cloud/prices.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Pools } from './pools.ts';
import { select, type Selection } from './selection.ts';

const PRICE_AGE_MS = 300_000;

export interface Plan {
  readonly market: Market;
  readonly selection: Selection;
}

export interface PlannerOptions {
  compute: Pick<Compute, 'zones' | 'spotPrice'>;
  pools: Pools;
  subnetIds: readonly string[];
  defaultInstanceType: string;
  spotMaxPriceUsd: number | undefined;
  now: () => number;
  logger: Logger;
}

export class Planner {
  readonly #options: PlannerOptions;
  readonly #prices = new Map<string, { usd: number; at: number }>();
  #subnets: { subnetId: string; zone: string }[] = [];

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** Reads the zones of the subnets, once. Throws when EC2 does not answer. */
  async prepare(): Promise<void> {
    if (this.#subnets.length > 0) return;
    const zones = await this.#options.compute.zones(this.#options.subnetIds);
    this.#subnets = [...zones]
      .map(([subnetId, zone]) => ({ subnetId, zone }))
      .sort((a, b) => a.zone.localeCompare(b.zone));
  }

  plan(job: TrainingJob, bytes = job.status?.dataset?.bytes ?? 0): Plan {
    const wanted: Market = job.spec.placement === 'OnDemand' ? 'on-demand' : 'spot';
    const selection = this.selection(job, bytes, wanted);
    if (selection.offers.length > 0 || job.spec.placement !== 'SpotWithFallback') return { market: wanted, selection };
    const fallback = this.selection(job, bytes, 'on-demand');
    if (fallback.offers.length === 0) return { market: 'spot', selection };
    return { market: 'on-demand', selection: { ...fallback, reason: `no Spot capacity; ${fallback.reason}` } };
  }

  selection(job: TrainingJob, bytes: number, market: Market): Selection {
    const { pools, defaultInstanceType, spotMaxPriceUsd } = this.#options;
    return select({
      spec: job.spec,
      bytes,
      market,
      subnets: this.#subnets,
      fallbackType: defaultInstanceType,
      maxPrice: spotMaxPriceUsd,
      spotPrice: (type, zone) => this.#fresh(type, zone),
      blockedUntil: (of, type, zone) => pools.blockedUntil(of, type, zone),
    });
  }

  /** USD per hour of an instance: the pool's live price if it was read lately, else the table's. */
  readonly priceOf = (attempt: Pick<Attempt, 'market'>, type: string, zone: string): number => {
    const listed = instanceType(type);
    if (attempt.market === 'on-demand') return listed?.onDemand ?? 0;
    return this.#fresh(type, zone) ?? listed?.spot ?? 0;
  };

  /** Reads a pool's Spot price; when EC2 does not answer, the table's stays in use. */
  async learnPrice(type: string, zone: string): Promise<void> {
    const { compute, now, logger } = this.#options;
    if (this.#fresh(type, zone) !== undefined) return;
    try {
      const usd = await compute.spotPrice(type, zone);
      if (usd !== undefined) this.#prices.set(`${type}/${zone}`, { usd, at: now() });
    } catch (error) {
      logger.warn({ type, zone, err: error }, 'spot price not read');
    }
  }

  #fresh(type: string, zone: string): number | undefined {
    const known = this.#prices.get(`${type}/${zone}`);
    return known && this.#options.now() - known.at < PRICE_AGE_MS ? known.usd : undefined;
  }
}
