// One folder as this process knows it: its packs and the entries that are in none yet ("loose"). Nothing stored ever changes, so each
// object is read once; a look lists the folder and reads what is new. What contradicts what was read before throws DamagedError.
// book.ts sums from it, compaction.ts packs from it.
import type { Bucket, ListedObject } from '../bucket.ts';
import { CloudError } from '../errors.ts';
import {
  DamagedError,
  entryText,
  fingerprint,
  type Folder,
  KeyIndex,
  linesOf,
  type Line,
  type Pack,
  packFile,
  packKey,
  parsedJson,
  parsePack,
  sha256Of,
} from './packs.ts';

export interface Sealed<R> {
  readonly key: string;
  readonly etag: string;
  /** Of the pack's JSON: the next pack's `previous`, or the head. */
  readonly sha256: string;
  readonly pack: Pack<R>;
}

export interface Loose<E> {
  readonly etag: string;
  readonly entry: E;
  /** What is stored now is not what was read first; what was read first counts. */
  readonly changed?: boolean;
}

/** What one look saw. */
export interface Look {
  /** Keys of entries that are still there although a pack holds them, and that pack. */
  readonly packed: ReadonlyMap<string, number>;
  /** Keys of loose entries. */
  readonly loose: ReadonlySet<string>;
  /** Keys that were read before and neither have an object any more nor are in a pack. */
  readonly gone: readonly string[];
  /** All below the folder's `packs`. */
  readonly files: readonly ListedObject[];
}

/** Keys of one ListObjectsV2 page. */
const PAGE = 1000;
const READERS = 16;
const MOST_LOOKS = 20;

export class Shelf<E, R> {
  readonly folder: Folder<E, R>;
  readonly #bucket: Pick<Bucket, 'get' | 'list'>;
  #sealed: readonly Sealed<R>[] = [];
  readonly #indices = new Map<number, Promise<KeyIndex>>();
  readonly #loose = new Map<string, Loose<E>>();
  /** Listed entries that were confirmed to be in a pack. */
  #packed = new Map<string, number>();
  /** Whether the whole folder was ever read. */
  #known = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(bucket: Pick<Bucket, 'get' | 'list'>, folder: Folder<E, R>) {
    this.#bucket = bucket;
    this.folder = folder;
  }

  get known(): boolean {
    return this.#known;
  }

  get sealed(): readonly Sealed<R>[] {
    return this.#sealed;
  }

  get loose(): ReadonlyMap<string, Loose<E>> {
    return this.#loose;
  }

  /** SHA-256 of the newest pack's JSON; null: there is none. */
  get head(): string | null {
    return this.#sealed.at(-1)?.sha256 ?? null;
  }

  /** Lists the folder (one LIST, a second one when it has more than a page) and reads what is new. */
  look(): Promise<Look> {
    return this.#alone(async () => {
      for (let tries = 0; tries < MOST_LOOKS; tries += 1) {
        const before = [...this.#loose.keys()];
        const { entries, files } = await this.#list();
        await this.#install(files);
        await this.#sort(entries);
        const loose = entries.filter(({ key }) => !this.#packed.has(key));
        // One that went in between is in a pack by now, which the next listing has.
        if (!(await this.#read(loose))) continue;
        this.#known = true;
        const keys = new Set(loose.map(({ key }) => key));
        const gone = before.filter((key) => !keys.has(key) && this.#loose.has(key));
        return { packed: new Map(this.#packed), loose: keys, gone, files };
      }
      throw new CloudError(`${this.folder.entries} lists objects that are not there.`, {
        kind: 'server',
        retryable: true,
      });
    });
  }

  /** An entry that was just put, unless a pack holds its key: then what that pack says. Lists the packs. */
  put(key: string, etag: string, entry: E): Promise<E> {
    return this.#alone(async () => {
      await this.#install(await this.#bucket.list(this.folder.packs));
      const sealed = (await this.#confirmed([key])).get(key);
      if (sealed !== undefined) return sealed.entry;
      if (this.#known) this.#loose.set(key, { etag, entry });
      return entry;
    });
  }

  /** What packs say of a key that has no object of its own (any more). */
  find(key: string): Promise<E | undefined> {
    return this.#alone(async () => {
      await this.#install(await this.#bucket.list(this.folder.packs));
      return (await this.#confirmed([key])).get(key)?.entry;
    });
  }

  /** Which of the keys the known packs hold. */
  async holds(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set((await this.#confirmed(keys)).keys());
  }

  /** The lines of a pack as they are stored now. */
  async lines({ pack }: Sealed<R>): Promise<Line<E>[]> {
    const found = await this.#bucket.get(pack.data);
    if (!found) throw new DamagedError(`${pack.data} is missing.`);
    if (sha256Of(found.body) !== pack.dataSha256) throw new DamagedError(`${pack.data} was changed.`);
    return linesOf(this.folder, pack.data, found.body);
  }

  /** One after the other: a look that began earlier must not undo what a later one learned. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #list(): Promise<{ entries: ListedObject[]; files: readonly ListedObject[] }> {
    const { entries, packs } = this.folder;
    const listed = await this.#bucket.list(entries);
    const own = listed.filter(({ key }) => !key.startsWith(packs));
    // A pack that was committed between two pages of a listing must not be missed when its entries are gone already.
    const apart = !packs.startsWith(entries) || listed.length >= PAGE;
    const files = apart ? await this.#bucket.list(packs) : listed.filter(({ key }) => key.startsWith(packs));
    return { entries: own, files };
  }

  /** Takes over packs that are new; what was loose and is in one of them is loose no more. */
  async #install(files: readonly ListedObject[]): Promise<void> {
    const listed = files.filter(({ key }) => packFile(this.folder, key)?.what === 'pack');
    const chain = [...this.#sealed];
    const reads = new Map<string, Sealed<R>>();
    const fresh = listed.filter(({ etag }, at) => chain[at]?.etag !== etag);
    await eachOf(fresh, async (object) => void reads.set(object.key, await this.#readPack(object)));
    for (let at = 0; at < Math.max(listed.length, chain.length); at += 1) {
      const key = packKey(this.folder, at + 1);
      const found = listed[at];
      if (found?.key !== key) throw new DamagedError(`${key} is missing.`);
      const known = chain[at];
      if (known?.etag === found.etag) continue;
      const sealed = reads.get(key) as Sealed<R>;
      if (known && known.sha256 !== sealed.sha256) throw new DamagedError(`${key} was changed.`);
      if (sealed.pack.previous !== (chain[at - 1]?.sha256 ?? null))
        throw new DamagedError(`${key} does not follow ${at === 0 ? 'nothing' : packKey(this.folder, at)}.`);
      chain[at] = sealed;
    }
    const gone = [...(await this.#confirmed([...this.#loose.keys()], chain.slice(this.#sealed.length))).keys()];
    this.#sealed = chain;
    for (const key of gone) this.#loose.delete(key);
  }

  async #readPack({ key, etag }: ListedObject): Promise<Sealed<R>> {
    const number = packFile(this.folder, key)?.number ?? 0;
    const found = await this.#bucket.get(key);
    if (!found) throw new DamagedError(`${key} is missing.`);
    const pack = parsePack<R>(key, number, new TextDecoder().decode(found.body));
    return { key, etag, sha256: sha256Of(found.body), pack };
  }

  /** Finds out which listed entries are in packs. */
  async #sort(entries: readonly ListedObject[]): Promise<void> {
    const unknown = entries.filter(({ key }) => !this.#packed.has(key) && !this.#loose.has(key));
    const found = await this.#confirmed(unknown.map(({ key }) => key));
    const packed = new Map<string, number>();
    for (const { key } of entries) {
      const number = this.#packed.get(key) ?? found.get(key)?.number;
      if (number !== undefined) packed.set(key, number);
    }
    this.#packed = packed;
  }

  /** By key: the number of the pack that holds it, and its entry there. */
  async #confirmed(
    keys: readonly string[],
    packs: readonly Sealed<R>[] = this.#sealed,
  ): Promise<Map<string, { number: number; entry: E }>> {
    const found = new Map<string, { number: number; entry: E }>();
    if (keys.length === 0) return found;
    const prints = keys.map((key) => [key, fingerprint(key)] as const);
    for (const sealed of packs) {
      const index = await this.#index(sealed);
      const hits = new Set(prints.filter(([, print]) => index.mayHold(print)).map(([key]) => key));
      if (hits.size === 0) continue;
      for (const { key, entry } of await this.lines(sealed))
        if (hits.has(key)) found.set(key, { number: sealed.pack.number, entry });
    }
    return found;
  }

  #index({ pack }: Sealed<R>): Promise<KeyIndex> {
    const known = this.#indices.get(pack.number);
    if (known) return known;
    const reading = readIndex(this.#bucket, pack);
    this.#indices.set(pack.number, reading);
    reading.catch(() => this.#indices.delete(pack.number));
    return reading;
  }

  /** Reads loose entries that are new or were changed; false when one is gone. */
  async #read(listed: readonly ListedObject[]): Promise<boolean> {
    const wanted = listed.filter(({ key, etag }) => this.#loose.get(key)?.etag !== etag);
    let whole = true;
    await eachOf(wanted, async ({ key }) => {
      const found = await readEntry(this.#bucket, this.folder, key);
      if (!found) whole = false;
      else this.#take(key, found);
    });
    return whole;
  }

  #take(key: string, { etag, entry }: Loose<E>): void {
    const known = this.#loose.get(key);
    if (known === undefined) this.#loose.set(key, { etag, entry });
    else if (entryText(known.entry) === entryText(entry)) this.#loose.set(key, { ...known, etag });
    else this.#loose.set(key, { ...known, etag, changed: true });
  }
}

/** An entry's own object; undefined: there is none. Throws DamagedError when it can't be counted. */
export async function readEntry<E, R>(
  bucket: Pick<Bucket, 'get'>,
  folder: Folder<E, R>,
  key: string,
): Promise<Loose<E> | undefined> {
  const found = await bucket.get(key);
  if (!found) return undefined;
  const entry = parsedJson(new TextDecoder().decode(found.body));
  if (!folder.isEntry(entry)) throw new DamagedError(`${key} is no entry.`);
  return { etag: found.etag, entry };
}

async function readIndex(bucket: Pick<Bucket, 'get'>, { index, indexSha256 }: Pack<unknown>): Promise<KeyIndex> {
  const found = await bucket.get(index);
  if (!found) throw new DamagedError(`${index} is missing.`);
  if (sha256Of(found.body) !== indexSha256) throw new DamagedError(`${index} was changed.`);
  return new KeyIndex(found.body);
}

/** Works on a few at a time. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(READERS, items.length) }, worker));
}
