// What a pack is: the seal of the entries of past days of one folder of append-only JSON objects (folders.ts), of the ledger as of the
// audit trail. Its small JSON object is the commit point: it names the data (gzip, an entry a line) and the index (fingerprints of the
// entries' keys) by hash, holds the sums, and the hash of the pack before it. Pure but for gzip; shelf.ts reads, compaction.ts writes.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { CloudError } from '../errors.ts';

/** One folder: entries of type E, sums of them in rows of type R. */
export interface Folder<E, R> {
  /** Before the keys of entries. */
  readonly entries: string;
  /** Before the keys of packs, their data and indices; ends with a slash. */
  readonly packs: string;
  /** Whether the parsed object can be counted at all. */
  isEntry(value: unknown): value is E;
  /** What is wrong with an entry under this key, in plain words; undefined: it belongs there. */
  problem(key: string, entry: E): string | undefined;
  /** `yyyy-MM-dd`, UTC. */
  day(entry: E): string;
  /** Whether a writer may put an entry again, in other words, long after it was sealed and removed; what is sealed counts. */
  readonly repeats: boolean;
  /** Sums by day and whatever the folder is asked for, always in the same order. */
  cube(entries: Iterable<E>): R[];
}

export interface Line<E> {
  readonly key: string;
  readonly entry: E;
}

export interface Pack<R> {
  readonly version: 1;
  /** From 1, without a gap. */
  readonly number: number;
  /** Entries. */
  readonly count: number;
  /** First and last day of them. */
  readonly from: string;
  readonly to: string;
  /** Key of the gzip of JSON lines `{key, entry}`, by key. */
  readonly data: string;
  readonly dataSha256: string;
  /** Key of the sorted fingerprints of the entries' keys, 8 bytes each, big-endian. */
  readonly index: string;
  readonly indexSha256: string;
  readonly cube: readonly R[];
  /** SHA-256 of the JSON of the pack before; null of the first. */
  readonly previous: string | null;
}

/** Something stored is missing, was changed or can't be read: nothing is summed or packed on top of it. `message` names the object. */
export class DamagedError extends CloudError {}

export const sha256Of = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** By UTF-16 code units, as `<` does: the same on every machine. */
export const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const padded = (number: number): string => String(number).padStart(6, '0');
export const packKey = (folder: Pick<Folder<never, unknown>, 'packs'>, number: number): string =>
  `${folder.packs}${padded(number)}.json`;

export type PackFile = { readonly number: number; readonly what: 'pack' | 'data' | 'index' };

/** What a key below a folder's `packs` is; undefined: nothing of ours. */
export function packFile(folder: Pick<Folder<never, unknown>, 'packs'>, key: string): PackFile | undefined {
  const name = /^(\d{6,})(\.json|-[0-9a-f]{64}\.jsonl\.gz|-[0-9a-f]{64}\.keys)$/.exec(key.slice(folder.packs.length));
  const [, digits = '', ending = ''] = name ?? [];
  const number = Number(digits);
  if (!name || !key.startsWith(folder.packs) || number === 0 || padded(number) !== digits) return undefined;
  return { number, what: ending === '.json' ? 'pack' : ending.endsWith('.gz') ? 'data' : 'index' };
}

export interface Built<R> {
  readonly pack: Pack<R>;
  /** The pack's JSON, byte for byte. */
  readonly text: string;
  readonly index: Uint8Array;
}

/** The pack of these lines, which lie under `dataSha256`: the same lines always give the same bytes. */
export function packOf<E, R>(
  folder: Folder<E, R>,
  { number, previous, lines, dataSha256 }: Pick<Pack<R>, 'number' | 'previous' | 'dataSha256'> & { lines: Line<E>[] },
): Built<R> {
  const index = indexOf(lines.map(({ key }) => key));
  const indexSha256 = sha256Of(index);
  const days = lines.map(({ entry }) => folder.day(entry)).sort(byText);
  const stem = `${folder.packs}${padded(number)}-`;
  const pack: Pack<R> = {
    version: 1,
    number,
    count: lines.length,
    from: days[0] ?? '',
    to: days.at(-1) ?? '',
    data: `${stem}${dataSha256}.jsonl.gz`,
    dataSha256,
    index: `${stem}${indexSha256}.keys`,
    indexSha256,
    cube: folder.cube(lines.map(({ entry }) => entry)),
    previous,
  };
  return { pack, text: JSON.stringify(pack), index };
}

/** A pack and its data. */
export async function buildPack<E, R>(
  folder: Folder<E, R>,
  number: number,
  previous: string | null,
  unsorted: readonly Line<E>[],
): Promise<Built<R> & { readonly data: Uint8Array }> {
  const lines = [...unsorted].sort((a, b) => byText(a.key, b.key));
  const data = await compressed(lines.map((line) => `${lineText(line)}\n`).join(''));
  return { ...packOf(folder, { number, previous, lines, dataSha256: sha256Of(data) }), data };
}

/** What is compared when an entry is there twice: its JSON without blanks. */
export const entryText = (entry: unknown): string => JSON.stringify(entry);
const lineText = ({ key, entry }: Line<unknown>): string => JSON.stringify({ key, entry });

const OS_BYTE = 9;

/** Gzip without a time stamp or the name of an operating system. */
async function compressed(text: string): Promise<Uint8Array> {
  const bytes = await promisify(gzip)(text);
  bytes[OS_BYTE] = 255;
  return bytes;
}

/** The lines of a data object; throws DamagedError. */
export async function linesOf<E, R>(folder: Folder<E, R>, key: string, data: Uint8Array): Promise<Line<E>[]> {
  const text = await promisify(gunzip)(data).then(String, () => {
    throw new DamagedError(`${key} is no gzip of lines.`);
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at) => {
      const parsed = parsedJson(line) as Partial<Line<unknown>> | undefined;
      if (typeof parsed?.key !== 'string' || !folder.isEntry(parsed.entry))
        throw new DamagedError(`Line ${at + 1} of ${key} is no entry.`);
      return { key: parsed.key, entry: parsed.entry };
    });
}

/** A pack's JSON as far as readers rely on it; throws DamagedError. */
export function parsePack<R>(key: string, number: number, text: string): Pack<R> {
  const pack = parsedJson(text) as Partial<Pack<R>> | undefined;
  const whole =
    pack?.version === 1 &&
    pack.number === number &&
    Number.isSafeInteger(pack.count) &&
    Array.isArray(pack.cube) &&
    [pack.data, pack.dataSha256, pack.index, pack.indexSha256].every((part) => typeof part === 'string') &&
    (pack.previous === null || typeof pack.previous === 'string');
  if (!whole) throw new DamagedError(`${key} is not the JSON of pack ${number}.`);
  return pack as Pack<R>;
}

/** Undefined: not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const FINGERPRINT_BYTES = 8;

/** First 64 bits of a key's SHA-256. */
export const fingerprint = (key: string): bigint => createHash('sha256').update(key).digest().readBigUInt64BE();

function indexOf(keys: readonly string[]): Uint8Array {
  const sorted = BigUint64Array.from(keys, fingerprint).sort();
  const bytes = Buffer.alloc(sorted.length * FINGERPRINT_BYTES);
  sorted.forEach((print, at) => bytes.writeBigUInt64BE(print, at * FINGERPRINT_BYTES));
  return bytes;
}

/** Answers from an index object whether a key may be in the pack; a hit is to be confirmed in the data. */
export class KeyIndex {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  mayHold(print: bigint): boolean {
    let low = 0;
    let high = this.#bytes.length / FINGERPRINT_BYTES;
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = this.#bytes.readBigUInt64BE(middle * FINGERPRINT_BYTES);
      if (there === print) return true;
      if (there < print) low = middle + 1;
      else high = middle;
    }
    return false;
  }
}
