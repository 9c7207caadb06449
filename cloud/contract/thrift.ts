// Looks whether bytes are one struct of Thrift's compact protocol before a reader is let at them: footer and page headers of a
// Parquet file are made of these, and a reader believes every size that is written there.

/** Not a struct, or one no honest writer makes. */
export class MalformedThrift extends Error {}

const STOP = 0;
const [TRUE, FALSE, BYTE, I64, DOUBLE, BINARY, LIST, SET, STRUCT] = [1, 2, 3, 6, 7, 8, 9, 10, 12] as const;
const VARINT_BYTES = 10;
/** Nested deeper than any struct of Parquet. */
const MOST_DEPTH = 16;

/** Where the struct at `from` ends. Throws MalformedThrift when it does not end within `bytes` or has a type that Parquet has not. */
export function endOfStruct(bytes: Uint8Array, from: number): number {
  return new Walk(bytes, from).struct(0);
}

class Walk {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes;
    this.#at = from;
  }

  struct(depth: number): number {
    if (depth > MOST_DEPTH) throw new MalformedThrift('nested too deep');
    for (;;) {
      const head = this.#byte();
      const type = head & 0x0f;
      if (type === STOP) return this.#at;
      if (head >> 4 === 0) this.#varint();
      this.#value(type, depth);
    }
  }

  #value(type: number, depth: number): void {
    if (type === TRUE || type === FALSE) return;
    if (type === BYTE) this.#skip(1);
    else if (type <= I64) this.#varint();
    else if (type === DOUBLE) this.#skip(8);
    else if (type === BINARY) this.#skip(this.#varint());
    else if (type === LIST || type === SET) this.#list(depth);
    else if (type === STRUCT) this.struct(depth + 1);
    else throw new MalformedThrift('a type that Parquet does not use');
  }

  #list(depth: number): void {
    if (depth > MOST_DEPTH) throw new MalformedThrift('nested too deep');
    const head = this.#byte();
    const type = head & 0x0f;
    const length = head >> 4 === 15 ? this.#varint() : head >> 4;
    // Every item takes a byte at least.
    if (length > this.#bytes.length - this.#at) throw new MalformedThrift('a list longer than its bytes');
    for (let i = 0; i < length; i++) {
      if (type === TRUE || type === FALSE) this.#skip(1);
      else this.#value(type, depth + 1);
    }
  }

  /** The value, right up to 2^53. */
  #varint(): number {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new MalformedThrift('a number of more than 10 bytes');
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new MalformedThrift('cut off');
    return this.#bytes[this.#at++]!;
  }

  #skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new MalformedThrift('cut off');
  }
}
