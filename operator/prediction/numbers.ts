// Which numbers of the upload are a chunk's own: those from its first to the one before the next chunk's first. They are given in order as the table
// is cut, more than a chunk needs while there are plenty, so that it can be halved or given more room; of its own a chunk is
// handed only what it needs, for each is a link in its event. Where numbers are scarce, parts are larger instead.
import type { Chunk, Plan } from './plan.ts';

export const MIB = 1024 * 1024;
/** S3's limits of a multipart upload: all parts but the last are at least so large, numbers are 1 to 10,000. */
export const LEAST_PART_BYTES = 5 * MIB;
export const MOST_NUMBERS = 10_000;
/** The handler has up to three parts in memory. */
const MOST_PART_BYTES = 512 * MIB;
/** Parts, for most tables. */
const PART_BYTES = 8 * MIB;
/** So many times more than needed if all parts were full: the rest is for small chunks, for halving, and for more room. */
const SPARE = 4;
/** Output may be this many times larger than expected before numbers run out. */
const MARGIN = 1.5;
/** A chunk's own are at most so many times what it needs. */
const MOST_SPARE = 4;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Bytes of a part: whole MiB, at least what S3 takes. */
export const wholeMib = (bytes: number): number => Math.max(LEAST_PART_BYTES, Math.ceil(bytes / MIB) * MIB);

/** For an upload of a table that is split; `growth` bytes come out for each byte read. */
export const partBytesFor = (bytes: number, growth: number): number =>
  Math.min(MOST_PART_BYTES, wholeMib(Math.max(PART_BYTES, (SPARE * bytes * growth) / MOST_NUMBERS)));

/** For an upload by one chunk with `numbers` of them. */
export const partBytesOver = (bytes: number, numbers: number): number =>
  wholeMib(Math.max(PART_BYTES, (SPARE / 2) * (bytes / numbers)));

/** How many numbers a chunk needs for what is expected of it. */
export const needed = ({ start, end }: Range, partBytes: number, growth: number): number =>
  Math.max(1, Math.ceil((MARGIN * growth * (end - start)) / partBytes));

/** How many become a chunk's own where `left` of them are left for `rest` bytes: at most half an even share, the small chunks to come need more. */
export function share(range: Range, need: number, left: number, rest: number): number {
  const even = (left * (range.end - range.start)) / rest;
  return Math.max(1, Math.min(MOST_SPARE * need, Math.floor(even / 2)));
}

/** A chunk of these bytes whose own are `own` numbers from `first` on. */
export function numbered<R extends Range>(
  range: R,
  { first, own }: { readonly first: number; readonly own: number },
  { upload }: Pick<Plan, 'upload'>,
  growth: number,
  mostParts: number,
): R & Chunk {
  if (!upload) return { ...range, firstPart: 0, lastPart: 0 };
  const need = needed(range, upload.partBytes, growth);
  const count = Math.min(need, own, mostParts);
  const chunk = { ...range, firstPart: first, lastPart: first + count - 1 };
  return count === need ? chunk : { ...chunk, partBytes: wholeMib((need * upload.partBytes) / count) };
}

/** The numbers that are the own of the chunks from index `first` to `last`. */
export function ownNumbers(plan: Plan, first: number, last = first): { first: number; own: number } {
  const { firstPart } = plan.chunks[first]!;
  return { first: firstPart, own: (plan.chunks[last + 1]?.firstPart ?? plan.nextPart) - firstPart };
}

/** Twice the room for a chunk whose numbers did not do: more numbers, or larger parts when it has all; undefined: no more. */
export function roomier(plan: Plan, at: number, mostParts: number): Chunk | undefined {
  const chunk = plan.chunks[at]!;
  if (!plan.upload) return undefined;
  const { firstPart, lastPart, partBytes = plan.upload.partBytes } = chunk;
  const count = lastPart - firstPart + 1;
  const more = Math.min(2 * count, ownNumbers(plan, at).own, mostParts);
  if (more > count) return { ...chunk, lastPart: firstPart + more - 1 };
  return 2 * partBytes > MOST_PART_BYTES ? undefined : { ...chunk, partBytes: 2 * partBytes };
}

/** The most bytes a chunk may have whose parts' links go into one event. */
export const mostBytes = ({ upload }: Pick<Plan, 'upload'>, growth: number, mostParts: number): number =>
  upload ? (mostParts * upload.partBytes) / (MARGIN * growth) : Infinity;
