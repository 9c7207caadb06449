// Packs what is past and removes what is packed. One round: look; remove entries that a pack holds, each only after its own object was
// compared with the pack's line as stored; remove leavings; write one pack: data, read back and compared, index, and last the pack's
// JSON, only if absent. A kill anywhere, or another compactor at the same time, leaves what the next round (anybody's) goes on from:
//   data or index without pack   nothing refers to them; removed once a pack of their number is there
//   pack, entries still there    readers leave those entries out; the next round removes them
//   pack of that number is there another was faster; the next round starts from it
// Whatever contradicts itself is told and left alone, and nothing is packed on top of it.
import type { Bucket } from '../bucket.ts';
import { CloudError } from '../errors.ts';
import {
  buildPack,
  byText,
  DamagedError,
  entryText,
  type Line,
  linesOf,
  packFile,
  packKey,
  sha256Of,
} from './packs.ts';
import { eachOf, type Look, readEntry, type Sealed, type Shelf } from './shelf.ts';

export type CompactedBucket = Pick<Bucket, 'get' | 'list' | 'put' | 'deleteMany'>;

/** What is known of the newest pack from somewhere else: Account.status.ledger. */
export interface Head {
  readonly packs: number;
  readonly head: string;
}

export interface Compacted {
  /** Packs that are there now. */
  readonly packs: number;
  /** SHA-256 of the newest; null: there is none. Undefined: the packs contradict themselves, so keep the head that is known. */
  readonly head: string | null | undefined;
  /** Entries that were packed now. */
  readonly packed: number;
  /** What a person must look at, in plain words. */
  readonly findings: readonly string[];
}

export interface CompactOptions {
  readonly expected?: Head | undefined;
  /** Most entries of one pack. */
  readonly most?: number;
  /** Only seal: nothing is removed, which needs no right to delete. Somebody else's compaction removes what is sealed. */
  readonly keep?: boolean;
}

export const MOST_ENTRIES = 50_000;

/** Idempotent; with nothing to do it costs one look. `now` in milliseconds: entries of days before it (UTC) are past. */
export async function compactFolder<E, R>(
  bucket: CompactedBucket,
  shelf: Shelf<E, R>,
  now: number,
  options: CompactOptions = {},
): Promise<Compacted> {
  const run = new Compaction(bucket, shelf, new Date(now).toISOString().slice(0, 10), options);
  try {
    await run.all();
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    run.findings.add(error.message);
    return { packs: shelf.sealed.length, head: undefined, packed: run.packed, findings: [...run.findings] };
  }
  return { packs: shelf.sealed.length, head: shelf.head, packed: run.packed, findings: [...run.findings] };
}

/** Throws DamagedError unless the packs go on from a head that was known before. */
export function expectHead(
  sealed: readonly Sealed<unknown>[],
  folder: { readonly packs: string },
  expected?: Head,
): void {
  if (!expected || expected.packs === 0) return;
  const key = packKey(folder, expected.packs);
  const found = sealed[expected.packs - 1];
  if (!found) throw new DamagedError(`${key} is missing: it was the newest pack once.`);
  if (found.sha256 !== expected.head) throw new DamagedError(`${key} was changed: it had another hash once.`);
}

class Compaction<E, R> {
  readonly #bucket: CompactedBucket;
  readonly #shelf: Shelf<E, R>;
  readonly #today: string;
  readonly #options: CompactOptions;
  readonly findings = new Set<string>();
  packed = 0;

  constructor(bucket: CompactedBucket, shelf: Shelf<E, R>, today: string, options: CompactOptions) {
    this.#bucket = bucket;
    this.#shelf = shelf;
    this.#today = today;
    this.#options = options;
  }

  async all(): Promise<void> {
    let lost = -1;
    for (;;) {
      const look = await this.#shelf.look();
      if (lost === this.#shelf.sealed.length) throw busy(packKey(this.#shelf.folder, lost + 1));
      expectHead(this.#shelf.sealed, this.#shelf.folder, this.#options.expected);
      if (!this.#options.keep) {
        await this.#removePacked(look);
        await this.#removeLeavings(look);
      }
      for (const key of look.gone) this.findings.add(`${key} is missing: it was read before, and is in no pack.`);
      const ripe = this.#ripe(look);
      if (ripe.length === 0) return;
      const before = this.#shelf.sealed.length;
      if (await this.#seal(ripe)) this.packed += ripe.length;
      else lost = before;
    }
  }

  /** Of the loose entries those that are past and as they should be, the oldest first; at most one pack's. */
  #ripe({ loose }: Look): Line<E>[] {
    const { folder } = this.#shelf;
    const ripe: Line<E>[] = [];
    for (const [key, { entry, changed }] of this.#shelf.loose) {
      if (!loose.has(key) || folder.day(entry) >= this.#today) continue;
      const problem = changed ? 'it was changed after it had been read' : folder.problem(key, entry);
      if (problem === undefined) ripe.push({ key, entry });
      else this.findings.add(`${key} was not packed: ${problem}.`);
    }
    const order = (a: Line<E>, b: Line<E>) => byText(folder.day(a.entry), folder.day(b.entry)) || byText(a.key, b.key);
    return ripe.sort(order).slice(0, this.#options.most ?? MOST_ENTRIES);
  }

  /** False: somebody else committed a pack of that number. */
  async #seal(lines: readonly Line<E>[]): Promise<boolean> {
    const { folder, sealed, head } = this.#shelf;
    const number = sealed.length + 1;
    const { pack, text, data, index } = await buildPack(folder, number, head, lines);
    const stored =
      (await this.#store(pack.data, data, pack.dataSha256, 'application/gzip')) &&
      (await this.#store(pack.index, index, pack.indexSha256, 'application/octet-stream'));
    return stored && putIfAbsent(this.#bucket, packKey(folder, number), text);
  }

  /**
   * An object named by its hash: it may be there already, from a try that was killed. False: it is gone again, as a leaving, since
   * somebody else committed a pack of that number.
   */
  async #store(key: string, body: Uint8Array, sha256: string, contentType: string): Promise<boolean> {
    await putIfAbsent(this.#bucket, key, body, contentType);
    const stored = await this.#bucket.get(key);
    if (stored && sha256Of(stored.body) !== sha256) throw new DamagedError(`${key} is not what was written.`);
    return stored !== undefined;
  }

  async #removePacked({ packed }: Look): Promise<void> {
    for (const sealed of this.#shelf.sealed) {
      const keys = [...packed].filter(([, number]) => number === sealed.pack.number).map(([key]) => key);
      if (keys.length > 0) await this.#removeOf(sealed, keys);
    }
  }

  async #removeOf(sealed: Sealed<R>, keys: readonly string[]): Promise<void> {
    const lines = new Map((await this.#shelf.lines(sealed)).map(({ key, entry }) => [key, entryText(entry)]));
    const same: string[] = [];
    await eachOf(keys, async (key) => {
      const own = await readEntry(this.#bucket, this.#shelf.folder, key);
      if (!own) return;
      if (this.#shelf.folder.repeats || entryText(own.entry) === lines.get(key)) same.push(key);
      else this.findings.add(`${key} differs from its line in ${sealed.pack.data}, which counts; it was left alone.`);
    });
    if (same.length > 0) await this.#bucket.deleteMany(same);
  }

  /**
   * Data and indices that no pack refers to although a pack of their number is there: that pack can't be committed any more. Data only
   * when each of its entries is somewhere else. Those of a number to come may be another compactor's, who is about to commit.
   */
  async #removeLeavings({ files, loose, packed }: Look): Promise<void> {
    const { folder, sealed } = this.#shelf;
    const used = new Set(sealed.flatMap(({ pack }) => [pack.data, pack.index]));
    const left: string[] = [];
    for (const { key } of files) {
      const file = packFile(folder, key);
      if (!file || file.what === 'pack' || used.has(key) || file.number > sealed.length) continue;
      if (file.what === 'index') left.push(key);
      else if (await this.#isElsewhere(key, new Set([...loose, ...packed.keys()]))) left.push(key);
    }
    if (left.length > 0) await this.#bucket.deleteMany(left);
  }

  async #isElsewhere(dataKey: string, own: ReadonlySet<string>): Promise<boolean> {
    const found = await this.#bucket.get(dataKey);
    if (!found) return false;
    const keys = (await linesOf(this.#shelf.folder, dataKey, found.body)).map(({ key }) => key);
    const missing = await missingOf(this.#shelf, keys, own);
    if (missing.length > 0) this.findings.add(lostPack(dataKey, missing.length));
    return missing.length === 0;
  }
}

/** Those of the keys that neither have an object of their own nor are in a pack. */
export async function missingOf<E, R>(
  shelf: Shelf<E, R>,
  keys: readonly string[],
  own: ReadonlySet<string>,
): Promise<string[]> {
  const apart = keys.filter((key) => !own.has(key));
  const held = await shelf.holds(apart);
  return apart.filter((key) => !held.has(key));
}

export const lostPack = (dataKey: string, entries: number): string =>
  `${dataKey} holds ${entries} ${entries === 1 ? 'entry that is' : 'entries that are'} nowhere else: the pack that referred to it is missing.`;

/** S3 refuses a conditional put also while another one of that key is under way (ConditionalRequestConflict). */
const busy = (key: string): CloudError =>
  new CloudError(`${key} could not be put now.`, { service: 's3', kind: 'server', retryable: true });

async function putIfAbsent(
  bucket: Pick<Bucket, 'put'>,
  key: string,
  body: string | Uint8Array,
  contentType = 'application/json',
): Promise<boolean> {
  try {
    await bucket.put(key, body, { ifAbsent: true, contentType });
    return true;
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
    return false;
  }
}
