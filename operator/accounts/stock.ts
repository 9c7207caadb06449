// What lies in the bucket for an account (row 6.2): counts, bytes and what keeping them costs a month. Listed at most once an hour.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import { CloudError } from '../../cloud/errors.ts';
import { datasetsOf, modelsOf, predictionsOf, type Prefixes } from '../../cloud/keys.ts';
import { PRICES, storageCost } from '../../cloud/prices.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';

type Storage = NonNullable<AccountStatus['storage']>;

const STOCK_AGE_MS = 3_600_000;

export interface StockOptions {
  bucket: Pick<Bucket, 'list'>;
  prefixes: Prefixes;
  clock: Pick<Clock, 'now'>;
}

export class Stock {
  readonly #options: StockOptions;
  readonly #countedAt = new Map<string, number>();

  constructor(options: StockOptions) {
    this.#options = options;
  }

  /** Counted anew when that is due; undefined: nothing new is known, what the status says holds. */
  async of({ spec: { userId } }: Pick<Account, 'spec'>): Promise<Storage | undefined> {
    const { bucket, prefixes, clock } = this.#options;
    const now = clock.now();
    const age = now - (this.#countedAt.get(userId) ?? -Infinity);
    if (age >= 0 && age < STOCK_AGE_MS) return undefined;
    this.#countedAt.set(userId, now);
    try {
      const lists = await Promise.all(
        [datasetsOf, modelsOf, predictionsOf].map((folder) => bucket.list(folder(prefixes, userId))),
      );
      return stockOf(lists.map((list) => list.map(({ key, bytes }) => ({ key, bytes }))));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      return undefined;
    }
  }

  /** Something came or went: it is counted anew next time. */
  changed(userId: string): void {
    this.#countedAt.delete(userId);
  }
}

/** Objects under the folders of data sets, models and predictions, in this order. A model is told by its manifest, a prediction by its folder. */
export function stockOf(lists: readonly (readonly { key: string; bytes: number }[])[]): Storage {
  const [datasets = [], models = [], predictions = []] = lists;
  const bytes = lists.flat().reduce((sum, one) => sum + one.bytes, 0);
  return {
    datasets: datasets.length,
    models: models.filter(({ key }) => key.endsWith('/manifest.json')).length,
    predictions: new Set(predictions.map(({ key }) => key.split('/')[2])).size,
    bytes,
    monthlyUsd: storageCost(PRICES.s3.storage, bytes),
  };
}
