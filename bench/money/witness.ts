// Whoever looks over the operator's shoulder: sees only the jobs as the API server tells of them and the entries in the bucket, and adds up
// what the month could come to at every moment. Knows nothing of how the operator decides. Pure but for its ears.
import { isTrue } from '../../crds/conditions.ts';
import { FINAL_PHASES } from '../../operator/prediction/transitions.ts';
import type { PredictionJobStatus, TrainingJobStatus } from '../../crds/crds.generated.ts';

type Status = TrainingJobStatus | PredictionJobStatus | undefined;

interface Stake {
  /** The most it may cost in all, said when it was accepted; USD. */
  bound: number;
  /** In the ledger; USD. */
  charged: number;
  over: boolean;
  told: boolean;
}

export class Witness {
  readonly #limitUsd: number;
  readonly #spentBeforeUsd: number;
  readonly #stakes = new Map<string, Stake>();
  #most = 0;
  /** So many times something came to pass. */
  news = 0;
  /** Jobs for which something was paid that held nothing back. */
  readonly uncovered = new Set<string>();

  constructor(limitUsd: number, spentBeforeUsd: number) {
    this.#limitUsd = limitUsd;
    this.#spentBeforeUsd = spentBeforeUsd;
  }

  sees(uid: string, status: Status): void {
    const stake = this.#stake(uid);
    const before = { ...stake };
    stake.bound = Math.max(stake.bound, status?.cost?.reservedUsd ?? 0);
    stake.over = FINAL_PHASES.has(status?.phase ?? '');
    stake.told = stake.over || isTrue(status?.conditions, 'Accepted') || (status?.message ?? '') !== '';
    if (stake.bound !== before.bound || stake.over !== before.over || stake.told !== before.told) this.news += 1;
    // Whoever asks for an instance writes the attempt down before.
    const begun = status !== undefined && 'attempts' in status && (status.attempts ?? []).length > 0;
    if (begun && stake.bound === 0) this.uncovered.add(uid);
    this.#most = Math.max(this.#most, this.exposureUsd);
  }

  charges(uid: string, usd: number): void {
    const stake = this.#stake(uid);
    stake.charged += usd;
    this.news += 1;
    if (usd > 0 && stake.bound === 0) this.uncovered.add(uid);
    this.#most = Math.max(this.#most, this.exposureUsd);
  }

  /** What the month comes to if everything that goes on costs all it may. */
  get exposureUsd(): number {
    return this.spentUsd + this.heldUsd;
  }

  get spentUsd(): number {
    return this.#spentBeforeUsd + this.#sum(({ charged }) => charged);
  }

  get heldUsd(): number {
    return this.#sum(({ bound, charged, over }) => (over ? 0 : Math.max(0, bound - charged)));
  }

  /** Jobs that were ever let in. */
  get admitted(): number {
    return [...this.#stakes.values()].filter(({ bound }) => bound > 0).length;
  }

  /** Jobs that know how they stand. */
  get told(): number {
    return [...this.#stakes.values()].filter(({ told }) => told).length;
  }

  /** By how much the limit was passed at the worst moment; less than a millionth of a dollar is the sum's own rounding. */
  get overshootUsd(): number {
    const beyond = this.#most - this.#limitUsd;
    return beyond < 1e-6 ? 0 : beyond;
  }

  #stake(uid: string): Stake {
    const known = this.#stakes.get(uid) ?? { bound: 0, charged: 0, over: false, told: false };
    this.#stakes.set(uid, known);
    return known;
  }

  #sum(of: (stake: Stake) => number): number {
    let sum = 0;
    for (const stake of this.#stakes.values()) sum += of(stake);
    return sum;
  }
}
