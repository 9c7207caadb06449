// Which numbers of the upload are a chunk's own. Bytes of the table and numbers run side by side: a byte at a third of the table has
// the numbers from a third of 10,000 on. So every range has numbers of its own however it is halved or joined, in the right order, and
// nothing is to be kept in mind. Of its own a chunk is given no more than it needs, for each is a link in its event.
import type { Chunk, Plan } from './plan.ts';

export const MIB = 1024 * 1024;
/** S3's limits of a multipart upload: all parts but the last are at least so large, numbers are 1 to 10,000. */
export const LEAST_PART_BYTES = 5 * MIB;
export const MOST_NUMBERS = 10_000;
/** The handler has up to four parts in memory. */
const MOST_PART_BYTES = 256 * MIB;
/** Output may be this many times larger than expected before numbers run out. */
const MARGIN = 1.5;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The first and the last number that belong to bytes [start, end) of a table; none if last < first. */
export function ownNumbers({ start, end }: Range, bytes: number): { first: number; last: number } {
  const upTo = (offset: number): number => Math.floor((offset / bytes) * MOST_NUMBERS);
  return { first: upTo(start) + 1, last: upTo(end) };
}

/** A chunk of these bytes with numbers for what it is expected to put out: `growth` bytes for each byte read. */
export function numbered<R extends Range>(
  range: R,
  { bytes, upload }: Pick<Plan, 'bytes' | 'upload'>,
  growth: number,
  mostParts: number,
): R & Chunk {
  if (!upload) return { ...range, firstPart: 0, lastPart: 0 };
  const { first, last } = ownNumbers(range, bytes);
  if (last < first) throw new Error(`no part number is left for bytes ${range.start} to ${range.end}`);
  const expected = MARGIN * growth * (range.end - range.start);
  const count = Math.min(Math.ceil(expected / upload.partBytes) + 1, mostParts, last - first + 1);
  const chunk = { ...range, firstPart: first, lastPart: first + count - 1 };
  return expected <= count * upload.partBytes ? chunk : { ...chunk, partBytes: wholeMib(expected / count) };
}

/** Bytes of a part: whole MiB, at least what S3 takes. */
export const wholeMib = (bytes: number): number => Math.max(LEAST_PART_BYTES, Math.ceil(bytes / MIB) * MIB);

/** Twice the room for a chunk whose numbers did not do: more numbers, or larger parts when it has all; undefined: no more. */
export function roomier(chunk: Chunk, { bytes, upload }: Plan, mostParts: number): Chunk | undefined {
  if (!upload) return undefined;
  const { firstPart, lastPart, partBytes = upload.partBytes } = chunk;
  const count = lastPart - firstPart + 1;
  const own = ownNumbers(chunk, bytes).last - firstPart + 1;
  const more = Math.min(2 * count, own, mostParts);
  if (more > count) return { ...chunk, lastPart: firstPart + more - 1 };
  return 2 * partBytes > MOST_PART_BYTES ? undefined : { ...chunk, partBytes: 2 * partBytes };
}

/** The most bytes a chunk may have whose parts' links go into one event. */
export function mostBytes({ upload }: Pick<Plan, 'upload'>, growth: number, mostParts: number): number {
  return upload ? (Math.max(1, mostParts - 1) * upload.partBytes) / (MARGIN * growth) : Infinity;
}
