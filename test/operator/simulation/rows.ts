// A CSV of few and very long rows, so that megabytes cost nothing to predict: each has a quoted cell with a line break in its middle, so a
// chunk may begin inside quotes. Knows its own rows, and what the result of them must be.
import type { Quotes } from '../../../cloud/contract/contract.generated.ts';

export const ROW_BYTES = 65_536;
const HEADER = 'age,sum,text\n';
const ADDED = { header: ',prediction', row: ',good' };

const cache = new Map<number, Rows>();

export class Rows {
  readonly bytes: Buffer;
  readonly count: number;

  /** The same for the same count: made once. */
  static of(count: number): Rows {
    const made = cache.get(count) ?? new Rows(count);
    cache.set(count, made);
    return made;
  }

  constructor(count: number) {
    this.count = count;
    this.bytes = Buffer.concat([Buffer.from(HEADER), ...Array.from({ length: count }, (_, at) => row(at))]);
  }

  begin(at: number): number {
    return HEADER.length + at * ROW_BYTES;
  }
  /** The first row that begins at or after the offset. */
  from(offset: number): number {
    return Math.min(this.count, Math.max(0, Math.ceil((offset - HEADER.length) / ROW_BYTES)));
  }
  /** How the byte at an offset is read. */
  quotesAt(offset: number): Quotes {
    const within = (offset - HEADER.length + ROW_BYTES) % ROW_BYTES;
    return offset >= HEADER.length && offset < this.bytes.length && within > OPENS && within < ROW_BYTES - 1
      ? 'inside'
      : 'outside';
  }
  /** What comes of rows [from, to): each with its prediction. */
  predicted(from: number, to: number, header: boolean): Buffer {
    const pieces: Buffer[] = header ? [Buffer.from(HEADER.replace('\n', `${ADDED.header}\n`))] : [];
    for (let at = from; at < to; at += 1)
      pieces.push(this.bytes.subarray(this.begin(at), this.begin(at + 1) - 1), Buffer.from(`${ADDED.row}\n`));
    return Buffer.concat(pieces);
  }
}

const OPENS = '000000,2,'.length;

function row(at: number): Buffer {
  const bytes = Buffer.alloc(ROW_BYTES, 'x');
  bytes.write(`${String(at).padStart(6, '0')},2,"`);
  bytes.write('\n', ROW_BYTES / 2);
  bytes.write('"\n', ROW_BYTES - 2);
  return bytes;
}
