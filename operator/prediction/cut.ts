// The next wave of chunks. Each wave takes half of what is left, in as many chunks as run at once, none longer than about chunkSeconds: large
// chunks while there is much, small ones at the end, so that all end together though some are slow (factoring: Hummel, Schonberg
// and Flynn, 1992). The last wave takes all that is left.
import { LEAST_PART_BYTES, mostBytes, MIB, MOST_NUMBERS, numbered } from './numbers.ts';
import type { Chunk, Plan, Terms } from './plan.ts';

/** What answers so far say. */
export interface Measured {
  /** Of input, by one invocation. */
  readonly bytesPerSecond: number;
  /** Bytes put out for a byte read. */
  readonly growth: number;
}

/** While no speed is known: enough to measure it, too little to run into a time-out. */
const FIRST_BYTES = 8 * MIB;
/** Rows that begin before the chunk are another's: with this much more, what is left still fills a part. */
const RECORD_BYTES = 256 * 1024;
/** Below that an invocation's own overhead counts too much. */
const LEAST_SECONDS = 1;
/** A chunk is at most this share of the time-out, for some go slower than was measured. */
const TIMEOUT_SHARE = 1 / 3;

/** The fewest bytes that are worth a chunk: a part's worth, and two of the table's part numbers. */
export const leastBytes = (tableBytes: number): number =>
  Math.max(LEAST_PART_BYTES + RECORD_BYTES, Math.ceil((2 * tableBytes) / MOST_NUMBERS));

/** Of a plan, as far as cutting needs it. */
type Uncut = Pick<Plan, 'bytes' | 'upload' | 'growth' | 'chunkBytes' | 'chunks'>;

/** Chunks that go on where the plan ends; empty when all is cut. */
export function cutMore(plan: Uncut, terms: Terms, measured?: Measured): Chunk[] {
  const from = plan.chunks.at(-1)?.end ?? 0;
  const rest = plan.bytes - from;
  if (rest <= 0) return [];
  const growth = Math.max(plan.growth, measured?.growth ?? 0);
  const { count, bytes } = wave(rest, boundsOf(plan, terms, growth, measured), terms.parallel, plan.chunkBytes);
  const edge = (i: number): number => from + Math.floor((bytes * i) / count);
  return Array.from({ length: count }, (_, i) => ({ start: edge(i), end: edge(i + 1) })).map((range) =>
    numbered(range, plan, growth, terms.mostParts),
  );
}

/** Bytes of a chunk. */
interface Bounds {
  /** What S3 allows. */
  readonly floor: number;
  /** What is worth it. */
  readonly least: number;
  readonly most: number;
}

function boundsOf(plan: Uncut, terms: Terms, growth: number, measured: Measured | undefined): Bounds {
  const { chunkSeconds, timeoutSeconds, mostParts } = terms;
  const links = mostBytes(plan, growth, mostParts);
  const floor = leastBytes(plan.bytes);
  if (!measured) return { floor, least: floor, most: Math.max(floor, Math.min(FIRST_BYTES, links)) };
  const seconds = Math.min(chunkSeconds, timeoutSeconds * TIMEOUT_SHARE);
  const most = Math.max(floor, Math.min(seconds * measured.bytesPerSecond, links));
  return { floor, least: Math.min(most, Math.max(floor, LEAST_SECONDS * measured.bytesPerSecond)), most };
}

/** How many chunks, and their bytes together. */
function wave(
  rest: number,
  { floor, least, most }: Bounds,
  parallel: number,
  asked: number | undefined,
): { count: number; bytes: number } {
  if (asked !== undefined) return { count: within(Math.ceil(rest / asked), rest / floor), bytes: rest };
  const each = rest / parallel;
  if (each >= 2 * least)
    return { count: parallel, bytes: Math.floor(parallel * Math.min(Math.max(each / 2, least), most)) };
  return { count: within(Math.max(parallel, Math.ceil(rest / most)), rest / least), bytes: rest };
}

const within = (count: number, most: number): number => Math.max(1, Math.min(count, Math.floor(most)));
