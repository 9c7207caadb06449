// Memory of pools (market, type, zone): those that had no capacity are not asked again for a while (decision 3, after Karpenter's three
// minutes), those that lost an instance are asked last for longer.
import type { Market } from '../../cloud/compute.ts';

export const CAPACITY_MEMORY_MS = 180_000;
/**
 * A pool EC2 took an instance back from, or recommends to leave, is short of capacity now and often takes the next one too; half an hour
 * outlasts most shortages. Ten times a refusal's memory, because a wrong launch here costs lost work and there only a call.
 */
export const RISK_MEMORY_MS = 1_800_000;

interface Memory {
  readonly at: number;
  readonly forMs: number;
}

export class Pools {
  readonly #blocked = new Map<string, Memory>();
  readonly #risky = new Map<string, Memory>();
  readonly #now: () => number;
  /** Another after each thing that was remembered. */
  version = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The pool had no capacity. `zone` may be a subnet id when EC2 names only that. */
  block(market: Market, instanceType: string, zone: string, forMs = CAPACITY_MEMORY_MS): void {
    this.version += 1;
    this.#blocked.set(`${market}/${instanceType}/${zone}`, { at: this.#now(), forMs });
  }

  blockedUntil(market: Market, instanceType: string, zone: string): number | undefined {
    return this.#until(this.#blocked, `${market}/${instanceType}/${zone}`);
  }

  /** An instance of the pool was interrupted, or is at risk by EC2's rebalance recommendation. */
  warn(market: Market, instanceType: string, zone: string, forMs = RISK_MEMORY_MS): void {
    this.version += 1;
    this.#risky.set(`${market}/${instanceType}/${zone}`, { at: this.#now(), forMs });
  }

  risky(market: Market, instanceType: string, zone: string): boolean {
    return this.#until(this.#risky, `${market}/${instanceType}/${zone}`) !== undefined;
  }

  #until(memories: Map<string, Memory>, key: string): number | undefined {
    const memory = memories.get(key);
    if (!memory) return undefined;
    const age = this.#now() - memory.at;
    // Older than time itself: the clock was set back, and nobody knows for how long it would be remembered.
    if (age >= 0 && age < memory.forMs) return memory.at + memory.forMs;
    memories.delete(key);
    return undefined;
  }
}
