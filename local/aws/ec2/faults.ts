// Injected trouble, for tests and demonstrations: capacity errors by pool, outages, a frozen view of the instances.
// Actions ask here before they answer; admin.ts and the library set it.
import { AwsServiceError } from '../service.ts';
import type { Lifecycle, Offer, PoolError } from './allocation.ts';
import { insufficientCapacity } from './allocation.ts';
import type { Instance } from './state.ts';

/** `*` stands for any type or zone; `lifecycle` undefined for both markets. */
export interface PoolFault {
  readonly type: string;
  readonly zone: string;
  readonly lifecycle?: Lifecycle;
  /** Instances still given before the pool is empty; default 0. */
  readonly capacity?: number;
  /** Error told instead of InsufficientInstanceCapacity. */
  readonly error?: PoolError;
}

export class Faults {
  #pools: PoolFault[] = [];
  readonly #outages = new Map<string, AwsServiceError>();
  #frozen: ReadonlyMap<string, Instance> | undefined;

  /** The newest fault that matches a pool counts. */
  addPool(fault: PoolFault): void {
    this.#pools.unshift(fault);
  }

  clearPools(): void {
    this.#pools = [];
  }

  get pools(): readonly PoolFault[] {
    return this.#pools;
  }

  /** What is left in the pool given `running` instances started since the fault: Infinity when nothing was injected. */
  capacity(offer: Pick<Offer, 'typeName' | 'zone'>, lifecycle: Lifecycle): number | PoolError {
    const fault = this.#pools.find(
      (each) =>
        (each.type === '*' || each.type === offer.typeName) &&
        (each.zone === '*' || each.zone === offer.zone) &&
        (each.lifecycle === undefined || each.lifecycle === lifecycle),
    );
    if (!fault) return Infinity;
    if (fault.capacity !== undefined && fault.capacity > 0) return fault.capacity;
    return fault.error ?? insufficientCapacity(offer.typeName, offer.zone, lifecycle);
  }

  /** Instances were started in a pool: a limited capacity shrinks. */
  took(offer: Pick<Offer, 'typeName' | 'zone'>, lifecycle: Lifecycle, count: number): void {
    this.#pools = this.#pools.map((each) =>
      each.capacity !== undefined &&
      each.capacity > 0 &&
      (each.type === '*' || each.type === offer.typeName) &&
      (each.zone === '*' || each.zone === offer.zone) &&
      (each.lifecycle === undefined || each.lifecycle === lifecycle)
        ? { ...each, capacity: Math.max(0, each.capacity - count) }
        : each,
    );
  }

  /** Every call of `action` (`*`: all) fails until ended. */
  startOutage(
    action: string,
    error = new AwsServiceError('Unavailable', 'The service is unavailable. Please try again shortly.', 503),
  ): void {
    this.#outages.set(action, error);
  }

  endOutage(action: string): void {
    this.#outages.delete(action);
  }

  check(action: string): void {
    const error = this.#outages.get(action) ?? this.#outages.get('*');
    if (error) throw error;
  }

  /** From now on instances are described as they are at this moment. */
  freeze(instances: ReadonlyMap<string, Instance>): void {
    this.#frozen = new Map([...instances].map(([id, instance]) => [id, structuredClone(instance)]));
  }

  thaw(): void {
    this.#frozen = undefined;
  }

  view(instances: ReadonlyMap<string, Instance>): ReadonlyMap<string, Instance> {
    return this.#frozen ?? instances;
  }
}
