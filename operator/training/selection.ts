// Which instances to ask for (row 3.1). Pure: from the need (need.ts), the user's wishes, prices and the memory of pools to ordered
// offers (type × zone), with the reason in words. unfit.ts has the words for what nothing fits. Next: a fleet call (batches).
import { INSTANCE_TYPES, type InstanceType } from '../../cloud/prices.ts';
import type { Market, Offer } from '../../cloud/compute.ts';
import type { TrainingJobSpec } from '../../crds/crds.generated.ts';
import { gib, isSmall, needInWords, needOf, type Need } from './need.ts';
import * as unfit from './unfit.ts';

/** CreateFleet takes at most 300 overrides. */
const MOST_OVERRIDES = 300;
/** Types of one call: enough pools for Spot, few enough that EC2's choice of the deepest stays cheap. */
export const MOST_TYPES = 20;
/** Types considered at all; when the first are without capacity, the next of these are offered. */
const MOST_CONSIDERED = 40;
/** Types dearer than this multiple of the cheapest are not offered, unless they cost less than on-demand. */
const MOST_DEARER = 3;
/** As many pools without a bad name are enough to leave the others out; so is half of those open. */
const ENOUGH_POOLS = 10;

export interface SelectionInput {
  readonly spec: TrainingJobSpec;
  readonly bytes: number;
  /** Columns of the table, where known: a wide one needs more memory per byte. */
  readonly columns?: number;
  readonly market: Market;
  /** Subnets with their zones. */
  readonly subnets: readonly { subnetId: string; zone: string }[];
  readonly fallbackType: string;
  /** Cap of the whole installation on Spot prices, USD per hour. */
  readonly maxPrice?: number;
  /** Image for arm64 types; without one they are not offered. */
  readonly imageArm64?: string;
  /** Live Spot price, USD per hour, where known. */
  readonly spotPrice?: (type: string, zone: string) => number | undefined;
  /** Whether EC2 offers the type in the zone at all; absent: assumed. */
  readonly offered?: (type: string, zone: string) => boolean;
  /** When a pool without capacity may be asked again, milliseconds; undefined: now. */
  readonly blockedUntil?: (market: Market, type: string, zone: string) => number | undefined;
  /** Pools that interrupted lately or are at higher risk. */
  readonly risky?: (market: Market, type: string, zone: string) => boolean;
  /** `type/zone` of the instance to be replaced. */
  readonly avoid?: readonly string[];
  /** Seconds left till spec.deadline. */
  readonly deadlineSeconds?: number;
  /** GiB of the largest instance on which it ran out of memory. */
  readonly outgrownGiB?: number;
  readonly catalogue?: readonly InstanceType[];
}

export interface Selection {
  /** Cheapest first, risky pools last. */
  readonly offers: readonly Offer[];
  /** Why these, or why none. */
  readonly reason: string;
  /** Set when every fitting pool is blocked: when the first may be asked again. */
  readonly retryAt?: number;
  /** Nothing will ever fit this spec. */
  readonly impossible?: boolean;
  /** USD per hour of the cheapest offer; of the cheapest fitting pool while all are blocked. */
  readonly price?: number;
  /** USD per hour of the cheapest fitting Spot pool, whatever the market, open or not. */
  readonly spotPrice?: number;
}

/** A type in a zone. */
export interface Pool {
  readonly type: InstanceType;
  readonly zone: string;
  readonly subnetId: string;
  /** USD per hour in the market asked for. */
  readonly price: number;
}

/**
 * The offers for one launch.
 *
 * - Types: all that have the need; burstable ones only for small work; those named by the user as they are.
 * - Not too dear: up to three times the cheapest, and any that cost less than the cheapest fitting on-demand type: diversity must not
 *   cost more than it saves.
 * - No race to the bottom: one pool with a very low price never narrows the choice. Like Karpenter, which moves from Spot to Spot only
 *   with 15 cheaper types to choose from, a call offers up to 20 types in every zone, so that EC2 weighs capacity against price.
 * - Pools without capacity are left out (memory of three minutes), the pool being left too if there is any other; risky ones when
 *   there are enough others, else they come last.
 */
export function select(input: SelectionInput): Selection {
  const need = needOf(input);
  const types = fittingTypes(input, need);
  if (typeof types === 'string') return impossible(types);
  const zones = zonesFor(input);
  if (zones.length === 0) return impossible(unfit.noSubnet(input.subnets));
  const all = poolsOf(input, types, zones);
  if (all.length === 0) return impossible(unfit.notOffered(input, types, zones));
  const spotPrice = cheapestSpot(input, all);
  const cap = capOf(input);
  const considered = notTooDear(input, all);
  const affordable = considered.filter(({ price }) => price <= cap.usd);
  if (affordable.length === 0)
    return {
      offers: [],
      reason: unfit.tooDear(considered[0] as Pool, cap),
      spotPrice,
      ...(input.market === 'spot' ? {} : { impossible: true }),
    };
  const blocked = ({ type, zone }: Pool) => input.blockedUntil?.(input.market, type.name, zone);
  const open = affordable.filter((pool) => blocked(pool) === undefined);
  if (open.length === 0)
    return {
      offers: [],
      reason: `No ${input.market} capacity in ${affordable.length} pools (${countTypes(affordable)} types) for ${needInWords(need, input)}.`,
      retryAt: Math.min(...affordable.map((pool) => blocked(pool) ?? Infinity)),
      price: affordable[0]?.price,
      spotPrice,
    };
  const taken = firstTypes(withoutRisk(input, open), Math.min(MOST_TYPES, Math.floor(MOST_OVERRIDES / zones.length)));
  const cheapest = taken.reduce((best, pool) => (pool.price < best.price ? pool : best));
  return {
    offers: taken.map((pool) => offerOf(input, pool, cap.usd)),
    price: cheapest.price,
    spotPrice,
    reason: `${needInWords(need, input)}: ${taken.length} pools of ${countTypes(taken)} types, cheapest ${cheapest.type.name} in ${cheapest.zone} at ${cheapest.price} USD per hour${remarks(input, types, need)}`,
  };
}

const impossible = (reason: string): Selection => ({ offers: [], reason, impossible: true });
const countTypes = (pools: readonly Pool[]): number => new Set(pools.map(({ type }) => type.name)).size;
const named = (input: SelectionInput): readonly string[] | undefined => input.spec.resources?.instanceTypes;
const bootable = (input: SelectionInput, type: InstanceType): boolean =>
  type.arch !== 'arm64' || input.imageArm64 !== undefined;

/** Types that have the need, or that the user names (who names a type knows why); or why there are none. */
function fittingTypes(input: SelectionInput, need: Need): InstanceType[] | string {
  const catalogue = input.catalogue ?? INSTANCE_TYPES;
  const wished = named(input);
  if (wished) {
    const unknown = wished.filter((name) => !catalogue.some((type) => type.name === name));
    if (unknown.length > 0) return unfit.unknownTypes(unknown, catalogue);
    const types = catalogue.filter(({ name }) => wished.includes(name));
    const fit = types.filter((type) => bootable(input, type));
    return fit.length > 0 ? fit : unfit.noImage(types);
  }
  const usable = catalogue.filter((type) => bootable(input, type));
  const fit = usable.filter(
    (type) =>
      type.vcpu >= need.vcpu &&
      type.memoryGiB >= need.memoryGiB &&
      (need.gpu === 0 ? type.gpu === 0 : type.gpu >= need.gpu) &&
      (!type.burstable || isSmall(need)),
  );
  return fit.length > 0 ? fit : unfit.tooMuch(needInWords(need, input), need, usable, input.spec);
}

function zonesFor({ spec, subnets }: SelectionInput): SelectionInput['subnets'] {
  const asked = spec.resources?.zones;
  return asked ? subnets.filter(({ zone }) => asked.includes(zone)) : subnets;
}

/** Every offered pool with its price. */
function poolsOf(input: SelectionInput, types: readonly InstanceType[], zones: SelectionInput['subnets']): Pool[] {
  const pools: Pool[] = [];
  for (const type of types)
    for (const { zone, subnetId } of zones)
      if (input.offered?.(type.name, zone) ?? true)
        pools.push({
          type,
          zone,
          subnetId,
          price: input.market === 'spot' ? spotOf(input, type, zone) : type.onDemand,
        });
  return pools;
}

const spotOf = (input: SelectionInput, type: InstanceType, zone: string): number =>
  input.spotPrice?.(type.name, zone) ?? type.spot;

const cheaper = (a: Pool, b: Pool): number =>
  a.price - b.price || order(a.type.name, b.type.name) || order(a.zone, b.zone);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function cheapestSpot(input: SelectionInput, pools: readonly Pool[]): number {
  if (input.market === 'spot') return least(pools, ({ price }) => price);
  return least(pools, ({ type, zone }) => spotOf(input, type, zone));
}

const least = (pools: readonly Pool[], of: (pool: Pool) => number): number =>
  pools.reduce((lowest, pool) => Math.min(lowest, of(pool)), Infinity);

/** The pools of the cheapest types within the limit, cheapest first; all when the user names types. */
function notTooDear(input: SelectionInput, pools: Pool[]): readonly Pool[] {
  if (named(input)) return pools.sort(cheaper);
  const onDemand = input.market === 'spot' ? least(pools, ({ type }) => type.onDemand) : 0;
  const limit = Math.max(MOST_DEARER * least(pools, ({ price }) => price), onDemand);
  const lowest = new Map<InstanceType, Pool>();
  for (const pool of pools) {
    const known = lowest.get(pool.type);
    if (pool.price <= limit && (!known || pool.price < known.price)) lowest.set(pool.type, pool);
  }
  const types = new Set(
    [...lowest.values()]
      .sort(cheaper)
      .slice(0, MOST_CONSIDERED)
      .map(({ type }) => type),
  );
  return pools.filter(({ type, price }) => price <= limit && types.has(type)).sort(cheaper);
}

/** The pools of the first `most` types, in the same order. */
function firstTypes(pools: readonly Pool[], most: number): readonly Pool[] {
  const kept = new Set<InstanceType>();
  return pools.filter(({ type }) => kept.has(type) || (kept.size < most && kept.add(type) !== undefined));
}

/** Without the pool being left, if there is another; without risky ones, if enough others are open, else with these last. */
function withoutRisk(input: SelectionInput, open: readonly Pool[]): readonly Pool[] {
  const left = new Set(input.avoid);
  const others = left.size === 0 ? open : open.filter(({ type, zone }) => !left.has(`${type.name}/${zone}`));
  const pools = others.length > 0 ? others : open;
  const risky = pools.filter(({ type, zone }) => input.risky?.(input.market, type.name, zone));
  if (risky.length === 0) return pools;
  const calm = pools.filter((pool) => !risky.includes(pool));
  return calm.length >= Math.min(ENOUGH_POOLS, pools.length / 2) ? calm : [...calm, ...risky];
}

/** The lower of the user's cap and, on Spot, the installation's; USD per hour, Infinity without any. */
function capOf({ spec, market, maxPrice }: SelectionInput): unfit.Cap {
  const user = spec.resources?.maxPricePerHour ?? Infinity;
  const ours = market === 'spot' ? (maxPrice ?? Infinity) : Infinity;
  return { usd: Math.min(user, ours), by: user <= ours ? 'job' : 'installation' };
}

function offerOf(input: SelectionInput, { type, zone, subnetId }: Pool, cap: number): Offer {
  return {
    instanceType: type.name,
    zone,
    subnetId,
    ...(Number.isFinite(cap) ? { maxPrice: cap } : {}),
    ...(type.arch === 'arm64' ? { imageId: input.imageArm64 } : {}),
  };
}

/** What the user should know about the types named. */
function remarks(input: SelectionInput, types: readonly InstanceType[], need: Need): string {
  const wished = named(input) ?? [];
  const out = wished.filter((name) => !types.some((type) => type.name === name));
  const tight = wished.length > 0 ? types.filter(({ memoryGiB }) => memoryGiB < need.memoryGiB) : [];
  return [
    ...(out.length > 0 ? [`; left out for want of an arm64 image: ${out.join(', ')}`] : []),
    ...tight.map(({ name, memoryGiB }) => `; ${name} has ${memoryGiB} GiB where ${gib(need.memoryGiB)} are advised`),
  ].join('');
}
