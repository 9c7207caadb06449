// Which pools a fleet call found without capacity, for the memory of pools.
import type { FleetAnswer, Market, Offer } from '../../cloud/compute.ts';
import type { Pools } from './pools.ts';

export function rememberRefusals(
  pools: Pick<Pools, 'block'>,
  market: Market,
  offers: readonly Offer[],
  answer: FleetAnswer,
): void {
  for (const { instanceType, zone, capacity } of answer.refusals) {
    if (!capacity) continue;
    // EC2 names the pool by zone or by subnet, depending on what was asked.
    const named = offers.filter(
      (offer) => offer.instanceType === instanceType && (offer.zone === zone || offer.subnetId === zone),
    );
    for (const offer of named) pools.block(market, offer.instanceType, offer.zone);
    if (named.length === 0) pools.block(market, instanceType, zone);
  }
  // An empty answer without a word about a pool must not make us ask the same again at once.
  if (answer.instances.length === 0) for (const offer of offers) pools.block(market, offer.instanceType, offer.zone);
}
