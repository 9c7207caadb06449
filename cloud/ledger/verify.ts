// Reads everything of a folder again and says, in plain words, what does not fit: every finding names an object. A pack is made anew from
// its data and the pack before it and compared byte for byte, so any changed byte of pack, data or index shows; a gap, a missing object,
// data without a pack and an expected head show what was removed. An entry that is in no pack yet can only be checked for itself.
import type { Bucket, ListedObject } from '../bucket.ts';
import { type Head, lostPack } from './compaction.ts';
import {
  type Built,
  DamagedError,
  entryText,
  type Folder,
  type Line,
  linesOf,
  type Pack,
  packFile,
  packKey,
  packOf,
  parsePack,
  sha256Of,
} from './packs.ts';
import { eachOf, readEntry } from './shelf.ts';

export interface Verified {
  readonly packs: number;
  /** SHA-256 of the newest pack's JSON; null: there is none. */
  readonly head: string | null;
  /** All, each once. */
  readonly entries: number;
  readonly findings: readonly string[];
}

export async function verifyFolder<E, R>(
  bucket: Pick<Bucket, 'get' | 'list'>,
  folder: Folder<E, R>,
  expected?: Head,
): Promise<Verified> {
  return new Verification(bucket, folder).all(expected);
}

class Verification<E, R> {
  readonly #bucket: Pick<Bucket, 'get' | 'list'>;
  readonly #folder: Folder<E, R>;
  readonly #findings: string[] = [];
  /** Keys in packs, and the number of the first pack that holds each. */
  readonly #sealed = new Map<string, number>();
  /** What packs say of entries that have an object of their own, too. */
  readonly #twice = new Map<string, string>();
  /** SHA-256 of the JSON of each pack that is there. */
  readonly #hashes = new Map<number, string>();
  readonly #used = new Set<string>();
  #own = new Set<string>();

  constructor(bucket: Pick<Bucket, 'get' | 'list'>, folder: Folder<E, R>) {
    this.#bucket = bucket;
    this.#folder = folder;
  }

  async all(expected: Head | undefined): Promise<Verified> {
    const { entries, packs } = this.#folder;
    const own = (await this.#bucket.list(entries)).filter(({ key }) => !key.startsWith(packs));
    const files = await this.#bucket.list(packs);
    this.#own = new Set(own.map(({ key }) => key));
    const last = this.#lastOf(files);
    const there = new Set(files.map(({ key }) => key));
    for (let number = 1; number <= last; number += 1) {
      const key = packKey(this.#folder, number);
      if (there.has(key)) await this.#telling(() => this.#pack(key, number));
      else this.#find(`${key} is missing.`);
    }
    const loose = await this.#entries(own);
    await this.#leavings(files);
    this.#expect(expected);
    const head = this.#hashes.get(last) ?? null;
    return { packs: last, head, entries: this.#sealed.size + loose, findings: this.#findings };
  }

  #find(...findings: string[]): void {
    this.#findings.push(...findings);
  }

  async #telling<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#find(error.message);
      return undefined;
    }
  }

  #lastOf(files: readonly ListedObject[]): number {
    let last = 0;
    for (const { key } of files) {
      const file = packFile(this.#folder, key);
      if (!file) this.#find(`${key} is nothing that belongs there.`);
      else if (file.what === 'pack') last = Math.max(last, file.number);
    }
    return last;
  }

  async #pack(key: string, number: number): Promise<void> {
    const body = await this.#read(key);
    this.#hashes.set(number, sha256Of(body));
    const pack = parsePack<R>(key, number, new TextDecoder().decode(body));
    this.#used.add(pack.data).add(pack.index);
    const before = number === 1 ? null : this.#hashes.get(number - 1);
    if (before !== undefined && before !== pack.previous)
      this.#find(`${key} does not follow ${number === 1 ? 'nothing' : packKey(this.#folder, number - 1)}.`);
    const data = await this.#telling(() => this.#read(pack.data));
    const lines = data && (await this.#telling(() => linesOf(this.#folder, pack.data, data)));
    if (!data || !lines) {
      await this.#index(pack, undefined);
      return;
    }
    this.#lines(pack, lines);
    const built = packOf(this.#folder, { number, previous: pack.previous, lines, dataSha256: sha256Of(data) });
    this.#compare(key, pack, built);
    await this.#index(pack, built);
  }

  #compare(key: string, pack: Pack<R>, built: Built<R>): void {
    // The bytes, not the text: decoding drops a byte order mark.
    if (this.#hashes.get(pack.number) === sha256Of(built.text)) return;
    if (pack.dataSha256 !== built.pack.dataSha256) {
      this.#find(`${pack.data} was changed: its hash is not the one that ${key} names.`);
      return;
    }
    const wrong = Object.entries(built.pack)
      .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(pack[name as keyof Pack<R>]))
      .map(([name]) => name);
    this.#find(
      wrong.length > 0
        ? `${key} was changed: ${wrong.join(', ')} ${wrong.length === 1 ? 'is' : 'are'} not what its entries come to.`
        : `${key} was changed: it is not written as packs are.`,
    );
  }

  /** The lines themselves: in order, each once, each under the key that its content has. */
  #lines({ number, data }: Pack<R>, lines: readonly Line<E>[]): void {
    let before = '';
    for (const { key, entry } of lines) {
      if (key <= before) this.#find(`${data} is out of order at ${key}.`);
      before = key;
      const problem = this.#folder.problem(key, entry);
      if (problem !== undefined) this.#find(`${data} has ${key}, but ${problem}.`);
      const first = this.#sealed.get(key);
      if (first !== undefined) this.#find(`${data} has ${key} again: pack ${first} holds it.`);
      else this.#sealed.set(key, number);
      if (this.#own.has(key) && first === undefined) this.#twice.set(key, entryText(entry));
    }
  }

  async #index(pack: Pack<R>, built: Built<R> | undefined): Promise<void> {
    const body = await this.#telling(() => this.#read(pack.index));
    if (!body) return;
    // What the entries come to is better known than what a changed pack says.
    if (sha256Of(body) !== (built?.pack ?? pack).indexSha256) this.#find(`${pack.index} was changed.`);
  }

  /** Entries with an object of their own; gives how many of them are in no pack. */
  async #entries(own: readonly ListedObject[]): Promise<number> {
    let loose = 0;
    await eachOf(own, async ({ key }) => {
      const found = await this.#telling(() => readEntry(this.#bucket, this.#folder, key));
      if (!found) return;
      const problem = this.#folder.problem(key, found.entry);
      if (problem !== undefined) this.#find(`${key} is wrong: ${problem}.`);
      const sealed = this.#twice.get(key);
      if (sealed === undefined) loose += 1;
      else if (sealed !== entryText(found.entry) && !this.#folder.repeats)
        this.#find(`${key} differs from its line in pack ${this.#sealed.get(key)}, which counts.`);
    });
    return loose;
  }

  /** Data that no pack refers to is what an interrupted compaction leaves, unless its entries are nowhere else. */
  async #leavings(files: readonly ListedObject[]): Promise<void> {
    for (const { key } of files) {
      if (packFile(this.#folder, key)?.what !== 'data' || this.#used.has(key)) continue;
      const lines = await this.#telling(async () => linesOf(this.#folder, key, await this.#read(key)));
      const lost = lines?.filter((line) => !this.#sealed.has(line.key) && !this.#own.has(line.key)) ?? [];
      if (lost.length > 0) this.#find(lostPack(key, lost.length));
    }
  }

  #expect(expected: Head | undefined): void {
    if (!expected || expected.packs === 0) return;
    const key = packKey(this.#folder, expected.packs);
    const there = this.#hashes.get(expected.packs);
    if (there === undefined) this.#find(`${key} is missing: the account’s status names it.`);
    else if (there !== expected.head) this.#find(`${key} was changed: the account’s status names another hash.`);
  }

  async #read(key: string): Promise<Uint8Array> {
    const found = await this.#bucket.get(key);
    if (!found) throw new DamagedError(`${key} is missing.`);
    return found.body;
  }
}
