// The ledger of all users as one process sees it: appends an entry once, sums months from packs and loose entries, packs what is past.
// Entries never change, so each is read once; what this process appends it knows at once (shelf.ts).
import type { Bucket } from '../bucket.ts';
import { CloudError } from '../errors.ts';
import { compactFolder, type Compacted, type CompactOptions } from './compaction.ts';
import { sumEntries, type Counted, type LedgerEntry, type MonthSum } from './entries.ts';
import { ledgerFolder, ledgerPlace, type LedgerRow } from './folders.ts';
import { readEntry, Shelf } from './shelf.ts';

export type LedgerBucket = Pick<Bucket, 'get' | 'list' | 'put' | 'deleteMany'>;
export type LedgerShelf = Shelf<LedgerEntry, LedgerRow>;

/** Of an append whose key another one is just putting. */
const MOST_TRIES = 5;

export class LedgerBook {
  readonly #bucket: LedgerBucket;
  /** By month's prefix. */
  readonly #months = new Map<string, LedgerShelf>();

  constructor(bucket: LedgerBucket) {
    this.#bucket = bucket;
  }

  /**
   * Puts an entry unless its key is there, as an object of its own or in a pack; then what is there is the truth, and returned. After a
   * put the packs are asked as well: the key's own object may have been packed and removed since the try that this one repeats.
   */
  async append(key: string, entry: LedgerEntry): Promise<LedgerEntry> {
    const place = ledgerPlace(key);
    if (!place) throw new CloudError(`${key} is no key of a ledger entry.`);
    const shelf = this.#shelf(place.userId, place.period);
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const etag = await this.#putIfAbsent(key, entry);
      const own = etag === undefined ? await readEntry(this.#bucket, shelf.folder, key) : { etag, entry };
      const truth = own ? await shelf.put(key, own.etag, own.entry) : await shelf.find(key);
      // Readers leave out what a pack holds: a second object of the key counts for nothing, and compaction tells of it if it stays.
      if (own && truth !== own.entry) await this.#bucket.deleteMany([key]).catch(() => undefined);
      if (truth) return truth;
    }
    throw new CloudError(`${key} could not be put now.`, { service: 's3', kind: 'server', retryable: true });
  }

  /** Sum of a user's month (`yyyy-MM`): one LIST, and what is new. Throws DamagedError when what is stored contradicts itself. */
  async month(userId: string, period: string): Promise<MonthSum> {
    const shelf = this.#shelf(userId, period);
    await shelf.look();
    return sumEntries(counted(shelf));
  }

  /** Sum of a month that was read before, with what was appended since; undefined: it was not. */
  known(userId: string, period: string): MonthSum | undefined {
    const shelf = this.#shelf(userId, period);
    return shelf.known ? sumEntries(counted(shelf)) : undefined;
  }

  /** Packs a user's entries of days before `now`'s; with nothing to do it costs what `month` costs. */
  compact(userId: string, period: string, now: number, options?: CompactOptions): Promise<Compacted> {
    return compactFolder(this.#bucket, this.#shelf(userId, period), now, options);
  }

  #shelf(userId: string, period: string): LedgerShelf {
    const folder = ledgerFolder(userId, period);
    const known = this.#months.get(folder.entries);
    const shelf = known ?? new Shelf(this.#bucket, folder);
    this.#months.set(folder.entries, shelf);
    return shelf;
  }

  /** The ETag; undefined: the key is there. */
  async #putIfAbsent(key: string, entry: LedgerEntry): Promise<string | undefined> {
    try {
      return await this.#bucket.put(key, JSON.stringify(entry), { ifAbsent: true });
    } catch (error) {
      if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
      return undefined;
    }
  }
}

/** Of a process that keeps no book. */
export const compact = (
  bucket: LedgerBucket,
  userId: string,
  period: string,
  now: number,
  options?: CompactOptions,
): Promise<Compacted> => new LedgerBook(bucket).compact(userId, period, now, options);

function* counted({ sealed, loose }: LedgerShelf): Generator<Counted> {
  for (const { pack } of sealed)
    for (const { day, service, operation, usd, count } of pack.cube)
      yield { at: day, service, operation, usd, count } as Counted;
  for (const { entry } of loose.values()) yield entry;
}
