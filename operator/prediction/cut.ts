// The next wave of chunks. Each wave takes a third of what is left, in as many chunks as run at once, none longer than about chunkSeconds: large
// chunks while there is much, small ones at the end, so that all end together though some are slow (factoring: Hummel, Schonberg
// and Flynn, 1992). The last wave takes all that is left.
import { LEAST_PART_BYTES, mostBytes, MIB, MOST_NUMBERS, needed, numbered, share } from './numbers.ts';
import type { Chunk, Plan, Terms } from './plan.ts';

/** What answers so far say. */
export interface Measured {
  /** Of input, by one invocation. */
  readonly bytesPerSecond: number;
  /** Bytes put out for a byte read. */
  readonly growth: number;
}

/** While no speed is known: enough to measure it, too little to run into a time-out; more only where numbers are scarce. */
const FIRST_BYTES = 8 * MIB;
const MOST_FIRST_BYTES = 64 * MIB;
/** Rows that begin before the chunk are another's: with this much more, what is left still fills a part. */
const RECORD_BYTES = 256 * 1024;
/** The fewest bytes that are worth a chunk: a part's worth. */
export const LEAST_CHUNK_BYTES = LEAST_PART_BYTES + RECORD_BYTES;
/** Below that an invocation's own overhead counts too much. */
const LEAST_SECONDS = 1;
/** A chunk is at most this share of the time-out, for some go slower than was measured. */
const TIMEOUT_SHARE = 1 / 3;
/** Chunks of a wave are to those of the one before as 2 to 3. */
const RATIO = 2 / 3;
/** Chunks use at most this share of the numbers that are left. */
const NUMBERS_SHARE = 0.8;

/** Of a plan, as far as cutting needs it. */
type Uncut = Pick<Plan, 'bytes' | 'upload' | 'growth' | 'chunkBytes' | 'chunks' | 'nextPart'>;

/** The plan with more chunks where it ends; the same when all is cut. */
export function cutMore<P extends Uncut>(plan: P, terms: Terms, measured?: Measured): P {
  const from = plan.chunks.at(-1)?.end ?? 0;
  const rest = plan.bytes - from;
  if (rest <= 0) return plan;
  const growth = Math.max(plan.growth, measured?.growth ?? 0);
  const { count, bytes } = wave(rest, boundsOf(plan, terms, growth, measured), terms.parallel, plan.chunkBytes);
  const edge = (i: number): number => from + Math.floor((bytes * i) / count);
  const chunks: Chunk[] = [...plan.chunks];
  let { nextPart } = plan;
  for (let i = 0; i < count; i++) {
    const range = { start: edge(i), end: edge(i + 1) };
    const need = plan.upload ? needed(range, plan.upload.partBytes, growth) : 0;
    // One for each that is to come is not to be had.
    const left = MOST_NUMBERS + 1 - nextPart - (count - 1 - i);
    const own = share(range, need, left, plan.bytes - range.start);
    chunks.push(numbered(range, { first: nextPart, own }, plan, growth, terms.mostParts));
    nextPart += own;
  }
  return { ...plan, chunks, nextPart };
}

/** Bytes of a chunk. */
interface Bounds {
  /** What is worth it. */
  readonly least: number;
  readonly most: number;
  /** With fewer, the numbers that are left would not do for the rest. */
  readonly scarce: number;
  /** Chunks that there are numbers for. */
  readonly count: number;
}

function boundsOf(plan: Uncut, terms: Terms, growth: number, measured: Measured | undefined): Bounds {
  const { chunkSeconds, timeoutSeconds, mostParts } = terms;
  const rest = plan.bytes - (plan.chunks.at(-1)?.end ?? 0);
  const count = Math.max(1, Math.floor(NUMBERS_SHARE * (MOST_NUMBERS + 1 - plan.nextPart)));
  const scarce = measured ? rest / count : Math.min(rest / count, MOST_FIRST_BYTES);
  const links = mostBytes(plan, growth, mostParts);
  const seconds = Math.min(chunkSeconds, timeoutSeconds * TIMEOUT_SHARE);
  const asLong = measured ? seconds * measured.bytesPerSecond : FIRST_BYTES;
  const most = Math.max(LEAST_CHUNK_BYTES, Math.min(asLong, links));
  const worth = measured ? LEAST_SECONDS * measured.bytesPerSecond : 0;
  return { least: Math.min(most, Math.max(LEAST_CHUNK_BYTES, worth)), most, scarce, count };
}

/** How many chunks, and their bytes together. */
function wave(
  rest: number,
  { least, most, scarce, count }: Bounds,
  parallel: number,
  asked: number | undefined,
): { count: number; bytes: number } {
  if (asked !== undefined)
    return { count: within(Math.ceil(rest / asked), Math.min(rest / LEAST_CHUNK_BYTES, count)), bytes: rest };
  const each = rest / parallel;
  const waves = Math.floor(count / parallel);
  if (each >= 2 * least && waves >= 2) {
    const size = Math.max(each * firstOf(waves), least);
    return { count: parallel, bytes: Math.floor(parallel * Math.min(size, Math.max(most, scarce))) };
  }
  return { count: within(Math.max(parallel, Math.ceil(rest / most)), Math.min(rest / least, count)), bytes: rest };
}

/** What the first of so many waves takes where each takes `1 - RATIO` of what it finds, and the last all of it. */
const firstOf = (waves: number): number => (1 - RATIO) / (1 - RATIO ** waves);

const within = (count: number, most: number): number => Math.max(1, Math.min(count, Math.floor(most)));
