// Parquet's runs of small numbers (RLE and bit-packed, mixed): which cells are null, and which entry of the dictionary a cell is.
// Own code, because a run may claim any length: here nothing is written beyond the page's own count.
import { BadParquet } from '../../../cloud/contract/parquet.ts';

/** Whole numbers, none below 0; as narrow as their bits allow, for a page may have a million of them. */
export type Runs = Uint8Array | Uint16Array | Uint32Array;

/** Decodes `count` numbers of `width` bits from bytes [from, to). Throws BadParquet when they are not there. */
export function readRuns(bytes: Uint8Array, from: number, to: number, width: number, count: number): Runs {
  if (width > 32) throw new BadParquet('is damaged: a page has numbers of too many bits');
  const numbers = new (width <= 8 ? Uint8Array : width <= 16 ? Uint16Array : Uint32Array)(count);
  let at = from;
  for (let seen = 0; seen < count; ) {
    const run = readVarint(bytes, at, to);
    at = run.end;
    const left = count - seen;
    if (run.value % 2 === 1) {
      const packed = Math.floor(run.value / 2) * 8;
      unpack(bytes, at, to, width, numbers, seen, Math.min(left, packed));
      at += (packed * width) / 8;
      seen += packed;
    } else {
      const length = run.value / 2;
      const next = at + Math.ceil(width / 8);
      if (length === 0 || next > to) throw new BadParquet('is damaged: a page is cut off');
      let value = 0;
      for (let i = next - 1; i >= at; i--) value = value * 256 + bytes[i]!;
      numbers.fill(value, seen, seen + Math.min(left, length));
      at = next;
      seen += length;
    }
  }
  return numbers;
}

function unpack(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  out: Runs,
  start: number,
  count: number,
): void {
  if (count === 0 || from + Math.ceil((count * width) / 8) > to) throw new BadParquet('is damaged: a page is cut off');
  let [bits, held, at] = [0, 0, from];
  for (let i = start; i < start + count; i++) {
    // At most 31 + 8 bits are held: beyond what shifts can do, so by multiplication.
    while (held < width) {
      bits += bytes[at++]! * 2 ** held;
      held += 8;
    }
    const rest = Math.floor(bits / 2 ** width);
    out[i] = bits - rest * 2 ** width;
    bits = rest;
    held -= width;
  }
}

function readVarint(bytes: Uint8Array, from: number, to: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 5 && from + i < to; i++) {
    const byte = bytes[from + i]!;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  throw new BadParquet('is damaged: a page is cut off');
}
