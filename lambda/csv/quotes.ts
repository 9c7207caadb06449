// Where records begin after a cut anywhere in a CSV, and how the byte at a cut is to be read: for chunks, which begin and
// end at any byte. One byte at a time, because it goes over a record or two of a chunk; what lies between is records.ts's.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

type State =
  /** A record begins here, or a cell, or neither. */
  | 'record'
  | 'cell'
  | 'amid'
  /** After a CR outside quotes: a record begins here, or after the LF. */
  | 'cr'
  | 'inside'
  /** On the second of a doubled quote, by what was said of the cut. */
  | 'escape'
  /** After a quote in a quoted cell: it was the closing one unless another follows. */
  | 'closing';

export class QuoteTracker {
  /** Quotes seen where a careful writer puts none: amid a cell, or closed before more text. Many: a wrong reading. */
  irregular = 0;
  readonly #delimiter: number;
  #state: State;

  /** `at`: how the first byte is to be read; `before`: the byte in front of it, undefined at the start of the object. */
  constructor(delimiter: number, at: Quotes, before: number | undefined) {
    this.#delimiter = delimiter;
    this.#state = at === 'outside' ? (before === undefined ? 'record' : this.#after(before)) : at;
  }

  /** Goes over bytes [from, to), which follow those of the call before, up to the next record; -1: none begins in them. */
  nextRecord(bytes: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      if (this.#state === 'record' || (this.#state === 'cr' && bytes[i] !== LF)) {
        this.#state = 'record';
        return i;
      }
      this.#step(bytes[i]!);
    }
    return -1;
  }

  /** Goes over bytes [from, to), whatever begins in them. */
  advance(bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#step(bytes[i]!);
  }

  /** How the byte that follows is to be read: `next`, undefined at the end of the object. */
  quotes(next: number | undefined): Quotes {
    if (this.#state === 'closing') return next === QUOTE ? 'escape' : 'outside';
    return this.#state === 'inside' || this.#state === 'escape' ? this.#state : 'outside';
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'inside':
        if (byte === QUOTE) this.#state = 'closing';
        break;
      case 'escape':
        this.#state = 'inside';
        break;
      case 'closing':
        this.#state = byte === QUOTE ? 'inside' : this.#after(byte);
        if (this.#state === 'amid') this.irregular++;
        break;
      case 'cr':
        this.#state = byte === LF ? 'record' : byte === QUOTE ? 'inside' : this.#after(byte);
        break;
      case 'record':
      case 'cell':
        this.#state = byte === QUOTE ? 'inside' : this.#after(byte);
        break;
      case 'amid':
        if (byte === QUOTE) this.irregular++;
        this.#state = this.#after(byte);
        break;
    }
  }

  /** After a byte outside quotes that opens none. */
  #after(byte: number): State {
    if (byte === LF) return 'record';
    if (byte === CR) return 'cr';
    return byte === this.#delimiter ? 'cell' : 'amid';
  }
}

/**
 * How the byte at `offset` is to be read, given that a record begins at `record` ≤ offset in bytes that are valid up to
 * `to` (= offset only at the end of the object).
 */
export function quotesAt(bytes: Uint8Array, record: number, offset: number, to: number, delimiter: number): Quotes {
  const tracker = new QuoteTracker(delimiter, 'outside', undefined);
  tracker.advance(bytes, record, offset);
  return tracker.quotes(offset < to ? bytes[offset] : undefined);
}
