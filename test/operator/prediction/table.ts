// A table and a handler as far as splitting sees them: records by length alone (so a gigabyte costs nothing), quotes by where
// they are open, a multipart upload by who wrote which part. The handler keeps the contract of the real one, and can be told to misread.
import type { PredictionAnswer, Quotes } from '../../../cloud/contract/contract.generated.ts';
import { LEAST_PART_BYTES } from '../../../operator/prediction/numbers.ts';
import type { Part } from '../../../operator/prediction/merged.ts';
import type { Chunk, Plan } from '../../../operator/prediction/plan.ts';

export interface Rec {
  readonly bytes: number;
  /** A quoted cell from here to before the record's end; Infinity: none. */
  readonly opens: number;
  readonly bad: boolean;
}

export const ADDED_BYTES = 12;
const HEADER_BYTES = 100;

export class MadeTable {
  readonly records: readonly Rec[];
  /** Where each begins; one more: the end. */
  readonly begins: number[] = [HEADER_BYTES];
  readonly onBadRow: 'fail' | 'empty';

  constructor(records: readonly Rec[], onBadRow: 'fail' | 'empty') {
    this.records = records;
    this.onBadRow = onBadRow;
    for (const { bytes } of records) this.begins.push(this.begins.at(-1)! + bytes);
  }

  get bytes(): number {
    return this.begins.at(-1)!;
  }

  /** Index of the first record that begins at or after the offset. */
  from(offset: number): number {
    const found = this.begins.findIndex((begin) => begin >= offset);
    return found === -1 ? this.records.length : found;
  }

  quotesAt(offset: number): Quotes {
    const next = this.from(offset + 1);
    const record = this.records[next - 1];
    if (!record || offset >= this.bytes) return 'outside';
    const within = offset - this.begins[next - 1]!;
    if (within <= record.opens || within >= record.bytes - 1) return 'outside';
    return offset % 7 === 0 ? 'escape' : 'inside';
  }
}

export interface StoredPart extends Part {
  /** Piece `piece` of `pieces` of the output of records [from, to). */
  readonly content: { readonly from: number; readonly to: number; readonly piece: number; readonly pieces: number };
}

export type Upload = Map<number, StoredPart>;

export interface Reading {
  /** How the first byte is read when the event does not say. */
  readonly guess: 'right' | 'wrong';
  /** What comes of a wrong reading: rows that look bad, or that seem fine, `shift` rows off, and an end as if nothing were wrong or not. */
  readonly looks: 'bad' | 'fine';
  readonly shift: number;
}

/** Does a chunk's work: puts its parts, answers. `begun` parts are put even where it then fails. */
export function handle(
  table: MadeTable,
  plan: Plan,
  chunk: Chunk,
  upload: Upload,
  reading: Reading,
  speed: number,
): PredictionAnswer {
  const truth = chunk.start === 0 ? 'outside' : table.quotesAt(chunk.start);
  const guess = reading.guess === 'right' || chunk.start === 0 ? truth : truth === 'outside' ? 'inside' : 'outside';
  const start = chunk.quotes ?? guess;
  const right = start === truth;
  const shift = right ? 0 : reading.shift;
  const from = Math.min(table.records.length, table.from(chunk.start) + shift);
  const to = Math.max(from, table.from(chunk.end));
  const bad = table.records.slice(from, to).findIndex((record) => record.bad);
  const badRow = right ? bad : reading.looks === 'bad' ? reading.shift : -1;
  if (badRow >= 0 && (table.onBadRow === 'fail' || !right)) {
    const problem = 'has 3 cells where the header has 4';
    const row = badRow + 1;
    return {
      success: false,
      error: `Row ${row} ${problem}.`,
      error_type: 'InvalidData',
      row,
      problem,
      quotes: { start },
    };
  }
  const range = { start: from === 0 ? 0 : table.begins[from]!, end: table.begins[to]! };
  const bytes = range.end - range.start + ADDED_BYTES * (to - from + (chunk.start === 0 ? 1 : 0));
  const parts = put(plan, chunk, upload, bytes, { from, to });
  if (!parts) return { success: false, error: 'There are too few parts.', error_type: 'OutOfParts' };
  const end = right === (reading.shift % 2 === 0) || right ? table.quotesAt(chunk.end) : 'inside';
  const count = right ? table.records.slice(from, to).filter((record) => record.bad).length : 0;
  return {
    success: true,
    predictions_s3_uri: 's3://bucket/predictions.csv',
    num_predictions: to - from,
    execution_time_ms: Math.max(1, ((chunk.end - chunk.start) / speed) * 1000),
    bytes,
    counts: {},
    summary: {},
    ...(parts.length > 0 ? { parts: parts as [Part, ...Part[]] } : {}),
    ...(count > 0
      ? { bad_rows: count, first_bad_row: { row: bad + 1, problem: 'has 3 cells where the header has 4' } }
      : {}),
    range,
    quotes: { start, end },
  };
}

/** Pieces of partBytes, the last of 5 MiB or more; undefined: the numbers do not do. */
function put(
  plan: Plan,
  chunk: Chunk,
  upload: Upload,
  bytes: number,
  records: { from: number; to: number },
): Part[] | undefined {
  const size = chunk.partBytes ?? plan.upload!.partBytes;
  const sizes: number[] = [];
  let rest = bytes;
  for (; rest > size + LEAST_PART_BYTES; rest -= size) sizes.push(size);
  if (rest > 0) sizes.push(rest);
  const parts = sizes.map((piece, i) => {
    const content = { ...records, piece: i, pieces: sizes.length };
    return { number: chunk.firstPart + i, bytes: piece, etag: `"${JSON.stringify({ ...content, size })}"`, content };
  });
  const room = parts.filter(({ number }) => number <= chunk.lastPart);
  for (const part of room) upload.set(part.number, part);
  return room.length < parts.length ? undefined : parts.map(({ content: _, ...part }) => part);
}

/** The records that the completed upload holds, in order; throws where it is not made of whole outputs. */
export function recordsOf(parts: readonly Part[], upload: Upload): number[] {
  const records: number[] = [];
  let next = { piece: 0, from: 0, to: 0, pieces: 0 };
  for (const { number, etag, bytes } of parts) {
    const part = upload.get(number);
    if (part?.etag !== etag || part.bytes !== bytes) throw new Error(`part ${number} is not what it was said to be`);
    const { content } = part;
    if (content.piece !== next.piece) throw new Error(`piece ${content.piece} where ${next.piece} was to come`);
    if (content.piece > 0 && (content.from !== next.from || content.to !== next.to))
      throw new Error('pieces of two outputs');
    const isLast = content.piece === content.pieces - 1;
    if (isLast) for (let record = content.from; record < content.to; record++) records.push(record);
    next = isLast ? { piece: 0, from: 0, to: 0, pieces: 0 } : { ...content, piece: content.piece + 1 };
  }
  if (next.piece !== 0) throw new Error('the last output is not complete');
  return records;
}
