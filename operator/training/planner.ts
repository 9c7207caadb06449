// What could be launched now for a job: selection.ts with this installation's subnets, what EC2 offers in their zones, live Spot prices
// and the memory of pools. Which market it is follows from spec.placement by a stated rule; the reconciler writes it down.
import type { Compute, Market } from '../../cloud/compute.ts';
import { instanceType, showUsd } from '../../cloud/prices.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import type { Logger } from '../runtime/logging.ts';
import { tableBytesOf } from './dataset.ts';
import { outgrownGiB } from './outgrown.ts';
import type { Pools } from './pools.ts';
import type { PriceBook } from './price-book.ts';
import { select, type Selection, type SelectionInput } from './selection.ts';

/** EC2 seldom changes what it offers where. */
export const OFFERINGS_AGE_MS = 86_400_000;
export const OFFERINGS_RETRY_MS = 300_000;

const REMEMBERED_MS = 1_000;

export interface Plan {
  readonly market: Market;
  readonly selection: Selection;
  /** Why not the market that spec.placement names first. */
  readonly marketReason?: string;
  /** USD per hour above the cheapest fitting Spot pool, when on-demand is taken instead of it. */
  readonly extraPerHour?: number;
}

export interface PlanOptions {
  /** Pools (`type/zone`) an instance of the job is leaving. */
  readonly avoid?: readonly string[];
  /** In place of what spec.placement says (the deadline's choice). */
  readonly market?: Market;
}

export interface PlannerOptions {
  compute: Pick<Compute, 'zones' | 'offerings'>;
  prices: Pick<PriceBook, 'refresh' | 'now'>;
  pools: Pools;
  subnetIds: readonly string[];
  defaultInstanceType: string;
  spotMaxPriceUsd: number | undefined;
  /** Image for arm64 types; without one only x86_64 is offered. */
  imageArm64?: string;
  now: () => number;
  logger: Pick<Logger, 'warn'>;
}

export class Planner {
  readonly #options: PlannerOptions;
  #subnets: { subnetId: string; zone: string }[] = [];
  #preparing: Promise<void> | undefined;
  #offered: ReadonlySet<string> | undefined;
  #askAgainAt = -Infinity;
  readonly #selections = new Map<string, Selection>();
  #second = '';

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** The first time reads zones, offerings and prices; later ones only see to it that these stay fresh. Throws when the zones can't be read. */
  prepare(): Promise<void> {
    if (this.#subnets.length > 0) {
      void this.#options.prices.refresh();
      void this.#readOfferings();
      return Promise.resolve();
    }
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async #prepare(): Promise<void> {
    const { compute, prices, subnetIds } = this.#options;
    const [zones] = await Promise.all([compute.zones(subnetIds), prices.refresh()]);
    const subnets = [...zones].map(([subnetId, zone]) => ({ subnetId, zone }));
    await this.#readOfferings(subnets);
    this.#subnets = subnets.sort((a, b) => a.zone.localeCompare(b.zone));
    this.#selections.clear();
  }

  /** Without an answer, everything is taken as offered: the fleet call then finds out. */
  async #readOfferings(subnets: readonly { zone: string }[] = this.#subnets): Promise<void> {
    const { compute, now, logger } = this.#options;
    if (now() < this.#askAgainAt) return;
    this.#askAgainAt = now() + OFFERINGS_RETRY_MS;
    try {
      const offered = await compute.offerings([...new Set(subnets.map(({ zone }) => zone))]);
      this.#offered = offered.size > 0 ? offered : undefined;
      this.#askAgainAt = now() + OFFERINGS_AGE_MS;
    } catch (error) {
      logger.warn({ err: error }, 'offerings not read');
    }
  }

  /**
   * Spot and OnDemand are what they say: without capacity there are no offers, and the selection says since when to ask again.
   * SpotWithFallback takes on-demand when every fitting Spot pool refused within the memory of pools (three minutes), or when the
   * cheapest open Spot pool costs as much as on-demand.
   */
  plan(job: TrainingJob, bytes = tableBytesOf(job.status), { avoid, market }: PlanOptions = {}): Plan {
    const { placement } = job.spec;
    if (market !== undefined) {
      const selection = this.selection(job, bytes, market, avoid);
      const instead = market === 'on-demand' && placement !== 'OnDemand';
      return { market, selection, ...(instead ? { extraPerHour: extraOf(selection) } : {}) };
    }
    if (placement === 'OnDemand')
      return { market: 'on-demand', selection: this.selection(job, bytes, 'on-demand', avoid) };
    const spot = this.selection(job, bytes, 'spot', avoid);
    if (placement !== 'SpotWithFallback') return { market: 'spot', selection: spot };
    return this.#withFallback(job, bytes, spot);
  }

  #withFallback(job: TrainingJob, bytes: number, spot: Selection): Plan {
    const refused = spot.offers.length === 0 && spot.retryAt !== undefined;
    if (!refused && spot.offers.length === 0) return { market: 'spot', selection: spot };
    const other = this.selection(job, bytes, 'on-demand');
    if (other.offers.length === 0) {
      const retryAt = Math.min(spot.retryAt ?? Infinity, other.retryAt ?? Infinity);
      return { market: 'spot', selection: refused ? { ...spot, retryAt } : spot };
    }
    if (!refused && (spot.price ?? 0) < (other.price ?? Infinity)) return { market: 'spot', selection: spot };
    const extraPerHour = extraOf(other);
    const why = refused
      ? 'every fitting Spot pool refused within the last three minutes'
      : `the cheapest Spot pool costs as much as on-demand (${spot.price} USD per hour)`;
    const cost =
      extraPerHour > 0
        ? `${showUsd(extraPerHour)} per hour more than the cheapest fitting Spot pool`
        : 'no more than Spot';
    const marketReason = `on-demand, because ${why}; it costs ${cost}`;
    return { market: 'on-demand', selection: other, marketReason, extraPerHour };
  }

  /** Like jobs ask alike: what was selected is told again for a moment, though not after a pool refused. */
  selection(job: TrainingJob, bytes: number, market: Market, avoid?: readonly string[]): Selection {
    const { now, pools } = this.#options;
    const second = `${Math.floor(now() / REMEMBERED_MS)}/${pools.version}`;
    if (second !== this.#second) this.#selections.clear();
    this.#second = second;
    const { resources, deadline, model } = job.spec;
    const { columns } = job.status?.dataset ?? {};
    const outgrown = outgrownGiB(job.status);
    const key = JSON.stringify([market, bytes, columns, model.type, resources, deadline, avoid, outgrown]);
    const known = this.#selections.get(key);
    if (known) return known;
    const selection = select({ ...this.#input(job, bytes, market), avoid });
    this.#selections.set(key, selection);
    return selection;
  }

  #input(job: TrainingJob, bytes: number, market: Market): SelectionInput {
    const { pools, prices, defaultInstanceType, spotMaxPriceUsd, imageArm64, now } = this.#options;
    const offered = this.#offered;
    // A deadline that is missed already buys nothing.
    const deadlineSeconds = (Date.parse(job.spec.deadline ?? '') - now()) / 1000;
    return {
      spec: job.spec,
      bytes,
      market,
      subnets: this.#subnets,
      fallbackType: defaultInstanceType,
      maxPrice: spotMaxPriceUsd,
      imageArm64,
      columns: job.status?.dataset?.columns,
      outgrownGiB: outgrownGiB(job.status),
      ...(deadlineSeconds > 0 ? { deadlineSeconds } : {}),
      spotPrice: (type, zone) => prices.now(type, zone),
      blockedUntil: (of, type, zone) => pools.blockedUntil(of, type, zone),
      risky: (of, type, zone) => pools.risky(of, type, zone),
      offered: offered && ((type, zone) => offered.has(`${type}/${zone}`)),
    };
  }

  /** USD per hour of an instance: of a Spot pool its live price if known, else the table's. */
  readonly priceOf = (attempt: Pick<Attempt, 'market'>, type: string, zone: string): number => {
    if (attempt.market === 'cluster') return 0;
    const listed = instanceType(type);
    if (attempt.market === 'on-demand') return listed?.onDemand ?? 0;
    return this.#options.prices.now(type, zone) ?? listed?.spot ?? 0;
  };
}

/** What the cheapest on-demand offer costs above the cheapest fitting Spot pool, be that open or not; USD per hour. */
function extraOf({ price = 0, spotPrice = price }: Selection): number {
  return Math.max(0, Math.round((price - spotPrice) * 1e6) / 1e6);
}
