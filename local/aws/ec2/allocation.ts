// Where a fleet's capacity goes: a pure decision from offers, the market and a strategy. fleet.ts acts on it.
// Pools that could not serve become errors in EC2's words, one a pool, as CreateFleet `instant` reports them.
import type { InstanceType } from './catalogue.ts';

/** One override (or template) of a CreateFleet request: a pool with its price cap and preference. */
export interface Offer {
  /** Position among all overrides of the request. */
  readonly index: number;
  readonly type: InstanceType | undefined;
  readonly typeName: string;
  readonly zone: string;
  readonly priority: number;
  readonly weight: number;
  /** USD an hour; undefined: up to the on-demand price. */
  readonly maxPrice: number | undefined;
}

export interface Market {
  /** USD an hour now. */
  spotPrice(offer: Offer): number;
  /** 1 (shallow) to 10 (deep). */
  depth(offer: Offer): number;
  /** Why the pool can't give any instance now, or how many it still can. */
  capacity(offer: Offer, lifecycle: Lifecycle): number | PoolError;
  /** vCPUs the account may still start for this lifecycle. */
  vcpusLeft(lifecycle: Lifecycle): number;
}

export type Lifecycle = 'spot' | 'on-demand';
export interface PoolError {
  readonly code: string;
  readonly message: string;
}
export interface Placed {
  readonly offer: Offer;
  readonly count: number;
}
export interface Allocation {
  readonly placed: Placed[];
  readonly errors: { readonly offer: Offer; readonly error: PoolError }[];
  /** In units of target capacity. */
  readonly fulfilled: number;
}

/** The order in which pools are tried. */
export function rank(offers: readonly Offer[], strategy: string, lifecycle: Lifecycle, market: Market): Offer[] {
  const price = (offer: Offer) =>
    (lifecycle === 'spot' ? market.spotPrice(offer) : (offer.type?.onDemandUsd ?? Infinity)) / offer.weight;
  const keys: Record<string, (offer: Offer) => number[]> = {
    'price-capacity-optimized': (offer) => [price(offer) * (1.5 - market.depth(offer) / 20), price(offer)],
    'capacity-optimized': (offer) => [-market.depth(offer), price(offer)],
    'capacity-optimized-prioritized': (offer) => [offer.priority, -market.depth(offer)],
    prioritized: (offer) => [offer.priority, price(offer)],
  };
  const key = keys[strategy] ?? ((offer: Offer) => [price(offer)]);
  const ranked = offers.map((offer) => ({ offer, key: [...key(offer), offer.index] }));
  ranked.sort((a, b) => {
    const at = a.key.findIndex((part, index) => part !== b.key[index]);
    return at < 0 ? 0 : (a.key[at] ?? 0) - (b.key[at] ?? 0);
  });
  return ranked.map(({ offer }) => offer);
}

/**
 * Fills `target` units from the offers in order of the strategy (`diversified`: evenly). Pools tried in vain are errors
 * whether or not the target was reached elsewhere.
 */
export function allocate(
  offers: readonly Offer[],
  target: number,
  strategy: string,
  lifecycle: Lifecycle,
  market: Market,
): Allocation {
  const errors: Allocation['errors'] = [];
  const placed = new Map<Offer, number>();
  let left = target;
  let vcpus = market.vcpusLeft(lifecycle);
  const usable = rank(offers, strategy, lifecycle, market);
  // Diversified: several rounds of an even share; else one round that takes all it can.
  const rounds = strategy === 'diversified' ? Math.max(1, target) : 1;
  for (let round = 0; round < rounds && left > 0; round += 1) {
    const before = left;
    for (const offer of [...usable]) {
      if (left <= 0) break;
      const wanted = strategy === 'diversified' ? 1 : Math.ceil(left / offer.weight);
      const verdict = available(offer, lifecycle, market, wanted, placed.get(offer) ?? 0, vcpus);
      const count = typeof verdict === 'number' ? Math.min(wanted, verdict) : 0;
      if (typeof verdict !== 'number') errors.push({ offer, error: verdict });
      else if (count < wanted && strategy !== 'diversified')
        errors.push({ offer, error: shortage(offer, lifecycle, vcpus - count * (offer.type?.vcpus ?? 0)) });
      if (count < wanted) usable.splice(usable.indexOf(offer), 1);
      if (count === 0) continue;
      placed.set(offer, (placed.get(offer) ?? 0) + count);
      left -= count * offer.weight;
      vcpus -= count * (offer.type?.vcpus ?? 0);
    }
    if (left === before) break;
  }
  return {
    placed: [...placed].map(([offer, count]) => ({ offer, count })),
    errors,
    fulfilled: [...placed].reduce((sum, [offer, count]) => sum + offer.weight * count, 0),
  };
}

function available(
  offer: Offer,
  lifecycle: Lifecycle,
  market: Market,
  wanted: number,
  taken: number,
  vcpus: number,
): number | PoolError {
  if (!offer.type)
    return {
      code: 'InvalidInstanceType',
      message: `The following supplied instance types do not exist: [${offer.typeName}]`,
    };
  const capacity = market.capacity(offer, lifecycle);
  if (typeof capacity !== 'number') return capacity;
  if (lifecycle === 'spot' && offer.maxPrice !== undefined && offer.maxPrice < market.spotPrice(offer))
    return {
      code: 'SpotMaxPriceTooLow',
      message: `Your Spot request price of ${offer.maxPrice} is lower than the minimum required Spot request fulfillment price of ${market.spotPrice(offer)}.`,
    };
  const count = Math.min(wanted, capacity - taken, Math.floor(vcpus / offer.type.vcpus));
  return count > 0 ? count : shortage(offer, lifecycle, vcpus);
}

function shortage(offer: Offer, lifecycle: Lifecycle, vcpusLeft: number): PoolError {
  if (vcpusLeft < (offer.type?.vcpus ?? 0))
    return lifecycle === 'spot'
      ? { code: 'MaxSpotInstanceCountExceeded', message: 'Max spot instance count exceeded' }
      : vcpuLimitExceeded();
  return insufficientCapacity(offer.typeName, offer.zone, lifecycle);
}

export function vcpuLimitExceeded(): PoolError {
  return {
    code: 'VcpuLimitExceeded',
    message:
      'You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
  };
}

export function insufficientCapacity(type: string, zone: string, lifecycle: Lifecycle): PoolError {
  return {
    code: 'InsufficientInstanceCapacity',
    message:
      lifecycle === 'spot'
        ? 'There is no Spot capacity available that matches your request.'
        : `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.`,
  };
}
