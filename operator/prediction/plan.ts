// How a table is cut: chunks of nominal bytes, and the part numbers of the upload that are each chunk's own (numbers.ts). Pure. First
// a cautious wave; the rest is cut wave by wave with the speed that was measured (cut.ts), and mended as answers come (chain.ts).
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import { cutMore, LEAST_CHUNK_BYTES } from './cut.ts';
import { MIB, MOST_NUMBERS, partBytesFor, partBytesOver } from './numbers.ts';

/** Work for one invocation: the rows that begin in bytes [start, end). A whole object when it is the only one. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  /** Numbers [firstPart, lastPart] of the upload; 0 and 0 when the result is put as a whole. */
  readonly firstPart: number;
  readonly lastPart: number;
  /** How its first byte is read; absent: the handler finds out. */
  readonly quotes?: Quotes;
  /** Bytes of its parts, where the upload's are too few for it. */
  readonly partBytes?: number;
  /** Which replacement in the plan it is; absent: it stands as it was cut. */
  readonly edition?: number;
  /** Made of several whose output did not fill a part: is not halved again. */
  readonly joined?: true;
}

/** Kept in the bucket as `.job/plan.json` before anything is invoked; a later leader goes on with it. */
export interface Plan {
  readonly version: 1;
  readonly bytes: number;
  readonly etag: string;
  /** Absent: one chunk whose result is put as a whole. */
  readonly upload?: { readonly id: string; readonly partBytes: number };
  /** Its rows can be begun anywhere: Table.splittable. */
  readonly splittable: boolean;
  /** Bytes of output expected for a byte of input. */
  readonly growth: number;
  /** Bytes of a chunk, where the spec says so; absent: as measured. */
  readonly chunkBytes?: number;
  /** How often chunks were replaced. */
  readonly edition: number;
  /** The first number of the upload that is no chunk's yet. */
  readonly nextPart: number;
  /** In order, from the first byte on, without gaps; the rest of the table is cut when the speed is known. */
  readonly chunks: readonly Chunk[];
}

/** The table as its size and its head show it. */
export interface Table {
  readonly bytes: number;
  readonly etag: string;
  /** Mean bytes of a row in the head. */
  readonly rowBytes: number;
  /** Bytes that predictions add to a row: addedBytes(). */
  readonly addedBytes: number;
  /** Compressed or columnar: its rows may be many times larger than it. */
  readonly packed: boolean;
  /** A CSV that is not compressed, and the result a CSV too. */
  readonly splittable: boolean;
}

/** What spec, configuration and place say about cutting; may change while a job runs. */
export interface Terms {
  /** Tables with more rows are split. */
  readonly splitRows: number;
  /** Chunks in flight at once, at most: the spec's maxParallel, or less where the place has no more. */
  readonly parallel: number;
  /** Seconds of work a chunk should be (Invoker.chunkSeconds). */
  readonly chunkSeconds: number;
  /** After which an invocation is ended. */
  readonly timeoutSeconds: number;
  /** Links to parts that one event may carry: 1,000 where it may have 6 MB, 100 in Lambda's queue (256 KB). */
  readonly mostParts: number;
  readonly chunkBytes?: number;
  readonly chunkRows?: number;
}

/** A plan that waits for its upload to be begun; without partBytes it needs none. */
export type Draft = Omit<Plan, 'upload'> & { readonly partBytes?: number };

/** A result of this size is put as a whole; the handler keeps it in memory and on its disk until then. */
const WHOLE_BYTES = 128 * MIB;
/** How much larger than a compressed table its rows are taken to be. */
const PACKED_GROWTH = 30;
/** Characters of a number in the output: sign, 17 digits, point, exponent, and its delimiter. */
const NUMBER_BYTES = 25;

/** Bytes that predictions add to a row, at most: label or value, and a probability for each class. `classes` as in the manifest. */
export function addedBytes(classes: readonly string[] | null, probabilities: boolean): number {
  if (!classes) return NUMBER_BYTES;
  const label = Math.max(0, ...classes.map((name) => Buffer.byteLength(name))) + 3;
  return label + (probabilities ? classes.length * NUMBER_BYTES : 0);
}

/** What to do with a table before anything is known about speed. */
export function draft(table: Table, terms: Terms): Draft {
  const { bytes, etag, rowBytes, splittable } = table;
  const growth = growthOf(table);
  const plan = { version: 1 as const, bytes, etag, splittable, growth, edition: 0, nextPart: 1, chunks: [] };
  if (!isSplit(table, terms)) return whole(plan, terms);
  const asked = terms.chunkBytes ?? (terms.chunkRows === undefined ? undefined : terms.chunkRows * rowBytes);
  const chunkBytes = asked === undefined ? {} : { chunkBytes: Math.max(LEAST_CHUNK_BYTES, Math.ceil(asked)) };
  const partBytes = partBytesFor(bytes, growth);
  const { upload: _, ...cut } = cutMore({ ...plan, ...chunkBytes, upload: { id: '', partBytes } }, terms);
  return { ...cut, partBytes };
}

/** The plan as it is stored, its upload begun. */
export function planOf({ partBytes, ...rest }: Draft, uploadId: string | undefined): Plan {
  if ((partBytes === undefined) !== (uploadId === undefined)) throw new Error('an upload is begun where parts are put');
  return partBytes === undefined || uploadId === undefined ? rest : { ...rest, upload: { id: uploadId, partBytes } };
}

/** More rows than are worth one invocation, and bytes for two chunks. */
function isSplit({ bytes, rowBytes, splittable }: Table, { splitRows }: Terms): boolean {
  return splittable && bytes / rowBytes > splitRows && bytes >= 2 * LEAST_CHUNK_BYTES;
}

function whole(plan: Omit<Draft, 'partBytes'>, { mostParts }: Terms): Draft {
  const { bytes, growth } = plan;
  const chunk = { start: 0, end: bytes };
  if (bytes * growth <= WHOLE_BYTES) return { ...plan, chunks: [{ ...chunk, firstPart: 0, lastPart: 0 }] };
  // Half the numbers an event can carry, so that they can be doubled once before parts must grow.
  const lastPart = Math.max(1, Math.ceil(mostParts / 2));
  const partBytes = partBytesOver(bytes * growth, lastPart);
  return { ...plan, partBytes, nextPart: MOST_NUMBERS + 1, chunks: [{ ...chunk, firstPart: 1, lastPart }] };
}

function growthOf({ rowBytes, addedBytes: added, packed }: Table): number {
  return (packed ? PACKED_GROWTH : 1) * (1 + added / Math.max(1, rowBytes));
}

const names = new WeakMap<Chunk, string>();

/** Names the work, and so its answer in the bucket: the same name gives the same bytes. */
export function chunkName(chunk: Chunk): string {
  const known = names.get(chunk);
  if (known !== undefined) return known;
  const { start, end, quotes, edition } = chunk;
  const name = [start, end, quotes, edition].filter((word) => word !== undefined).join('-');
  names.set(chunk, name);
  return name;
}
