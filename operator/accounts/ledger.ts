// The ledger as the operator uses it: knows whether it can be reached. While it can't, jobs go on and what they cost waits in their status
// to be delivered (training/charging.ts), and nothing new that costs money is admitted.
import type { LedgerBook } from '../../cloud/ledger/book.ts';
import { periodOf, type LedgerEntry, type MonthSum } from '../../cloud/ledger/entries.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { Clock } from '../../cloud/clock.ts';

/** After a failure it is asked again so much later. */
export const LEDGER_RETRY_MS = 15_000;

/** A month is listed again after this: entries of an earlier leader come in late. */
const RELIST_MS = 300_000;

export class Ledger {
  readonly #book: Pick<LedgerBook, 'append' | 'month' | 'known'>;
  readonly #clock: Pick<Clock, 'now'>;
  #failedAt: number | undefined;
  #problem = '';
  readonly #listedAt = new Map<string, number>();

  constructor(book: Pick<LedgerBook, 'append' | 'month' | 'known'>, clock: Pick<Clock, 'now'>) {
    this.#book = book;
    this.#clock = clock;
  }

  /** Why it can't be used now; undefined: it answered last time, or it is time to try again. */
  get away(): string | undefined {
    if (this.#failedAt === undefined) return undefined;
    const age = this.#clock.now() - this.#failedAt;
    return age >= 0 && age < LEDGER_RETRY_MS ? this.#problem : undefined;
  }

  /** Whether the last call failed, however long ago. */
  get failing(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Appends once; returns what the ledger says, which is the truth. Throws CloudError. */
  append(key: string, entry: LedgerEntry): Promise<LedgerEntry> {
    return this.#watched(() => this.#book.append(key, entry));
  }

  /** Sum of a month, freshly listed. Throws CloudError. */
  async month(userId: string, period: string): Promise<MonthSum> {
    const at = this.#clock.now();
    const sum = await this.#watched(() => this.#book.month(userId, period));
    this.#listedAt.set(`${userId}/${period}`, at);
    return sum;
  }

  /** Sum of the present month as this process knows it; listed anew when that is old. Throws CloudError. */
  async current(userId: string): Promise<MonthSum> {
    const now = this.#clock.now();
    const period = periodOf(now);
    const age = now - (this.#listedAt.get(`${userId}/${period}`) ?? -Infinity);
    const fresh = age >= 0 && age < RELIST_MS;
    const known = fresh ? this.#book.known(userId, period) : undefined;
    return known ?? (await this.month(userId, period));
  }

  /** Sum of the present month, if this process has read it. */
  known(userId: string): MonthSum | undefined {
    return this.#book.known(userId, periodOf(this.#clock.now()));
  }

  async #watched<T>(call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call();
      this.#failedAt = undefined;
      return answer;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      this.#failedAt = this.#clock.now();
      this.#problem = error.message;
      throw error;
    }
  }
}
