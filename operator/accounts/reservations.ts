// Money held back for what runs (row 6.5). The sum is always recomputed from the jobs themselves, so nothing can leak: what is held is
// what live jobs say in status.cost.reservedUsd, plus what was promised a moment ago and isn't in a status yet. One leader, one
// process: reserve() decides without a pause, so two jobs at once can't both slip under the limit.

export interface Holder {
  readonly uid: string;
  /** USD held back in its status; 0 once it is final. */
  readonly reservedUsd: number;
  readonly final: boolean;
}

export type Reserved = { ok: true } | { ok: false; reason: 'QuotaExceeded' | 'BudgetReserved'; heldUsd: number };

export class Reservations {
  readonly #holders: (userId: string) => Iterable<Holder>;
  readonly #promised = new Map<string, { userId: string; usd: number }>();

  constructor(holders: (userId: string) => Iterable<Holder>) {
    this.#holders = holders;
  }

  /** USD held for the user, without `exceptUid`. */
  held(userId: string, exceptUid?: string): number {
    let sum = 0;
    const counted = new Set<string>();
    for (const { uid, reservedUsd, final } of this.#holders(userId)) {
      const promised = this.#promised.get(uid);
      if (promised && (final || reservedUsd >= promised.usd)) this.#promised.delete(uid);
      counted.add(uid);
      if (uid !== exceptUid && !final) sum += Math.max(reservedUsd, this.#promised.get(uid)?.usd ?? 0);
    }
    for (const [uid, promise] of this.#promised)
      if (promise.userId === userId && !counted.has(uid)) this.#promised.delete(uid);
    return Math.round(sum * 1e6) / 1e6;
  }

  /** Holds `usd` for a job, or says why not: the month's limit leaves no room even alone, or only beside what runs. */
  reserve(userId: string, uid: string, usd: number, spentUsd: number, limitUsd: number): Reserved {
    const heldUsd = this.held(userId, uid);
    if (spentUsd + usd > limitUsd) return { ok: false, reason: 'QuotaExceeded', heldUsd };
    if (spentUsd + heldUsd + usd > limitUsd) return { ok: false, reason: 'BudgetReserved', heldUsd };
    this.#promised.set(uid, { userId, usd });
    return { ok: true };
  }

  release(uid: string): void {
    this.#promised.delete(uid);
  }
}
