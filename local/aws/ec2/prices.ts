// Spot prices by pool (type × zone): a seeded walk around the catalogue's price, one step every few hours, the same for
// the same seed and hour on every machine, so that a history may be asked for any past without having been stored.
import { createHash } from 'node:crypto';
import type { InstanceType } from './catalogue.ts';

/** Time between two possible price changes of a pool. */
export const PRICE_STEP_MS = 2 * 3_600_000;
/** How far the walk strays from the centre, as a share of it. */
const AMPLITUDE = 0.18;

export interface PricePoint {
  /** USD an hour. */
  readonly price: number;
  /** Since when, milliseconds since the epoch. */
  readonly at: number;
}

export class SpotPrices {
  readonly #seed: string;
  readonly #set = new Map<string, PricePoint[]>();
  readonly #named = new Map<string, number>();

  constructor(seed = 'spotlearn') {
    this.#seed = seed;
  }

  /** Price in force at `at`; never above on-demand unless set so. */
  at(type: InstanceType, zone: string, at: number): number {
    return this.#point(type, zone, at).price;
  }

  /** From now on this pool costs `price` (until set again). */
  set(type: string, zone: string, price: number, now: number): void {
    const pool = `${type}/${zone}`;
    this.#set.set(pool, [...(this.#set.get(pool) ?? []), { price, at: now }]);
  }

  /** The points in force in [start, end], newest first; the first in force at `start` included, as EC2 does. */
  history(type: InstanceType, zone: string, start: number, end: number): PricePoint[] {
    const points: PricePoint[] = [];
    for (let at = end; ; ) {
      const point = this.#point(type, zone, at);
      const previous = points.at(-1);
      if (previous?.price === point.price) points[points.length - 1] = point;
      else points.push(point);
      if (point.at <= start) return points;
      at = point.at - 1;
    }
  }

  #point(type: InstanceType, zone: string, at: number): PricePoint {
    const set = this.#set.get(`${type.name}/${zone}`)?.findLast((point) => point.at <= at);
    if (set) return set;
    const pool = `${type.name}/${zone}`;
    const offset = this.#noise(pool, 'offset') * PRICE_STEP_MS;
    const step = Math.floor((at - offset) / PRICE_STEP_MS);
    // Two incommensurable slow waves and a little noise: wanders like a price, needs no memory.
    const phase = this.#noise(pool, 'phase') * 2 * Math.PI;
    const wave =
      0.6 * Math.sin(step / 17 + phase) + 0.3 * Math.sin(step / 5.3 + 2 * phase) + 0.1 * this.#noise(pool, step);
    const level = 0.9 + 0.2 * this.#noise(pool, 'level');
    const price = Math.min(type.onDemandUsd, type.spotUsd * (level + AMPLITUDE * wave));
    return { price: Number(price.toFixed(4)), at: Math.floor(step * PRICE_STEP_MS + offset) };
  }

  /** Uniform in [0, 1), fixed for seed, pool and name; the named ones are remembered, the steps are too many. */
  #noise(pool: string, name: string | number): number {
    if (typeof name === 'number') return this.#hash(pool, name);
    const key = `${pool}|${name}`;
    const known = this.#named.get(key) ?? this.#hash(pool, name);
    this.#named.set(key, known);
    return known;
  }

  #hash(pool: string, name: string | number): number {
    return createHash('sha1').update(`${this.#seed}|${pool}|${name}`).digest().readUInt32BE(0) / 2 ** 32;
  }

  /** How deep the pool is, 1 to 10: what EC2 calls the Spot placement score. */
  depth(type: string, zone: string): number {
    return 1 + Math.floor(10 * this.#noise(`${type}/${zone}`, 'depth'));
  }
}
