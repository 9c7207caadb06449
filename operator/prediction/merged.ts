// The result as a whole, and whether it adds up: the parts in order, rows and bad rows counted over all chunks, and every check that the pieces
// are of one table, complete, in order, each once. What does not fit fails the job loudly: no result is better than a wrong one.
import type { PredictionDone } from '../../cloud/contract/contract.generated.ts';
import { LEAST_PART_BYTES } from './numbers.ts';
import { chunkName, type Chunk, type Plan } from './plan.ts';

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly bytes: number;
}

export interface Merged {
  /** For CompleteMultipartUpload, in order; absent where the handler put the whole object. */
  readonly parts?: readonly Part[];
  /** Bytes of the whole result: what HeadObject must say afterwards. */
  readonly bytes: number;
  readonly rows: number;
  readonly badRows: number;
  /** Counted over the whole table. */
  readonly firstBadRow?: { readonly row: number; readonly problem: string };
  /** The chunks' answers in order, to be added up to a summary. */
  readonly answers: readonly PredictionDone[];
}

/** The pieces contradict each other or the table. */
export class Inconsistency extends Error {
  readonly chunk: string;

  constructor(chunk: Chunk, what: string) {
    super(what);
    this.name = 'Inconsistency';
    this.chunk = chunkName(chunk);
  }
}

/** `answers` one for each chunk, in order; throws Inconsistency. */
export function merged(plan: Plan, answers: readonly PredictionDone[]): Merged {
  const pieces = plan.chunks.map((chunk, i): [Chunk, PredictionDone] => [chunk, answers[i]!]);
  requireTiles(plan);
  requireChain(plan, pieces);
  requireSizes(plan, pieces);
  let [rows, badRows, bytes] = [0, 0, 0];
  let firstBadRow: Merged['firstBadRow'];
  for (const [chunk, answer] of pieces) {
    requireRows(chunk, answer);
    if (answer.first_bad_row)
      firstBadRow ??= { row: rows + answer.first_bad_row.row, problem: answer.first_bad_row.problem };
    rows += answer.num_predictions;
    badRows += answer.bad_rows ?? 0;
    bytes += answer.bytes;
  }
  const parts = plan.upload ? { parts: answers.flatMap((answer) => answer.parts ?? []) } : {};
  return { ...parts, bytes, rows, badRows, ...(firstBadRow ? { firstBadRow } : {}), answers };
}

/**
 * Names of the chunks whose parts, as S3 lists them, are not the ones they answered with: an earlier invocation of other bytes under the same
 * numbers came late. Give them to `decide`, which has them run again.
 */
export function overwritten(plan: Plan, answers: readonly PredictionDone[], listed: readonly Part[]): Set<string> {
  const found = new Map(listed.map((part) => [part.number, part]));
  const stands = ({ number, etag, bytes }: Part): boolean => {
    const part = found.get(number);
    return part !== undefined && bare(part.etag) === bare(etag) && part.bytes === bytes;
  };
  const wrong = plan.chunks.filter((_, i) => !(answers[i]?.parts ?? []).every(stands));
  return new Set(wrong.map(chunkName));
}

/** S3 gives ETags with quotes in some places and without in others. */
const bare = (etag: string): string => etag.replaceAll('"', '');

/** The chunks cover the table from front to end, without gap or overlap. */
function requireTiles({ bytes, chunks }: Plan): void {
  let at = 0;
  for (const chunk of chunks) {
    if (chunk.start !== at || chunk.end <= at)
      throw new Inconsistency(chunk, `a chunk begins at ${chunk.start}, not at ${at}`);
    at = chunk.end;
  }
  const last = chunks.at(-1);
  if (last && at !== bytes) throw new Inconsistency(last, `the last chunk ends at ${at} of ${bytes} bytes`);
}

/** What was read of the table: readings chain, and each chunk's rows begin where those of the one before end. */
function requireChain(plan: Plan, pieces: readonly [Chunk, PredictionDone][]): void {
  if (pieces.length === 1 && !pieces[0]![1].range) return;
  let quotes = 'outside';
  let at = 0;
  for (const [chunk, answer] of pieces) {
    const { range } = answer;
    if (!range || !answer.quotes) throw new Inconsistency(chunk, 'an answer does not say what it read');
    if (answer.quotes.start !== quotes)
      throw new Inconsistency(chunk, `the first byte was read as ${answer.quotes.start}, not as ${quotes}`);
    if (range.start !== at || range.end < range.start)
      throw new Inconsistency(chunk, `rows were read from byte ${range.start} to ${range.end}, not from ${at}`);
    if (range.start < chunk.start || (answer.num_predictions > 0 && range.start >= chunk.end))
      throw new Inconsistency(chunk, `rows from byte ${range.start} on are not of this chunk`);
    ({ end: quotes } = answer.quotes);
    at = range.end;
  }
  if (at !== plan.bytes) throw new Inconsistency(plan.chunks.at(-1)!, `rows were read to byte ${at} of ${plan.bytes}`);
}

/** Parts: the chunk's own numbers in order, as many bytes as the answer says, large enough for S3, and no input lost on the way. */
function requireSizes({ upload, splittable }: Plan, pieces: readonly [Chunk, PredictionDone][]): void {
  const last = pieces.findLast(([, { parts }]) => parts)?.[1].parts?.at(-1);
  for (const [chunk, { parts = [], bytes, range, num_predictions: rows }] of pieces) {
    // Each row of a CSV comes back with its bytes and a delimiter at least.
    if (splittable && range && bytes < range.end - range.start + rows)
      throw new Inconsistency(chunk, `${range.end - range.start} bytes with ${rows} rows became ${bytes}`);
    if (!upload) continue;
    const sum = parts.reduce((all, part) => all + part.bytes, 0);
    if (sum !== bytes) throw new Inconsistency(chunk, `parts of ${sum} bytes are said to have ${bytes}`);
    let number = chunk.firstPart - 1;
    for (const part of parts) {
      if (part.number <= number || part.number > chunk.lastPart)
        throw new Inconsistency(chunk, `part ${part.number} is not its own or not in order`);
      if (part.bytes < LEAST_PART_BYTES && part !== last)
        throw new Inconsistency(chunk, `part ${part.number} has only ${part.bytes} bytes`);
      ({ number } = part);
    }
  }
}

function requireRows(
  chunk: Chunk,
  { num_predictions: rows, bad_rows: bad = 0, first_bad_row: first }: PredictionDone,
): void {
  if (bad > rows || (first && (bad < 1 || first.row > rows)))
    throw new Inconsistency(chunk, `${bad} of ${rows} rows are said to be bad, the first ${first?.row ?? 'unknown'}`);
}
