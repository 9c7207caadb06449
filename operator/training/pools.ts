// Memory of pools (market, type, zone) that had no capacity: not asked again for a while (decision 3, after Karpenter's three minutes).
import type { Market } from '../../cloud/compute.ts';

export const CAPACITY_MEMORY_MS = 180_000;

export class Pools {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `zone` may be a subnet id when EC2 names only that. */
  block(market: Market, instanceType: string, zone: string, forMs = CAPACITY_MEMORY_MS): void {
    this.#until.set(`${market}/${instanceType}/${zone}`, this.#now() + forMs);
  }

  blockedUntil(market: Market, instanceType: string, zone: string): number | undefined {
    const key = `${market}/${instanceType}/${zone}`;
    const until = this.#until.get(key);
    if (until === undefined) return undefined;
    if (until > this.#now()) return until;
    this.#until.delete(key);
    return undefined;
  }
}
