// The wire format of protobuf, as much as ONNX files use of it: the fields of one message, one after the other. Every
// length is held to the bytes that are there, because the file is a stranger's. Next: onnxfile.ts asks whether it is ONNX at
// all, onnxgraph.ts reads the graph.

/** The bytes are not the message they should be. */
export class Damaged extends Error {}

const VARINT = 0;
const EIGHT_BYTES = 1;
const BLOCK = 2;
const FOUR_BYTES = 5;
const MOST_VARINT_BYTES = 10;
/** Of the seventh byte, the last one that keeps a number exact in float64. */
const LARGEST_FACTOR = 128 ** 6;

/** A cursor over the fields of the message in bytes [start, end). `next` throws Damaged. */
export class Message {
  readonly bytes: Uint8Array;
  /** Number of the field the cursor is at. */
  field = 0;
  /** Value of a varint field, as int64; NaN for other fields, and where it is beyond ±2⁵³. */
  value = Number.NaN;
  /** A block's bytes are [start, end); empty for other fields. */
  start = 0;
  end = 0;
  #at: number;
  readonly #to: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#at = start;
    this.#to = end;
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at === this.#to) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === VARINT) {
      this.value = this.#varint();
      this.start = this.end = this.#at;
      return true;
    }
    this.value = Number.NaN;
    const length = wire === BLOCK ? this.#varint() : fixedBytes(wire);
    if (!(length >= 0 && length <= this.#to - this.#at)) throw new Damaged('a length passes the end');
    this.start = this.#at;
    this.end = this.#at += length;
    return true;
  }

  get isVarint(): boolean {
    return !Number.isNaN(this.value);
  }

  /** The block at the cursor as a message of its own. */
  message(): Message {
    return new Message(this.bytes, this.start, this.end);
  }

  /** A cursor at the same place, which does not move with this one. */
  copy(): Message {
    const copy = new Message(this.bytes, this.#at, this.#to);
    [copy.field, copy.value, copy.start, copy.end] = [this.field, this.value, this.start, this.end];
    return copy;
  }

  text(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, this.end - this.start).toString('utf8');
  }

  /** Adds the integers of a repeated field at the cursor, packed into a block or alone. */
  integersInto(values: number[]): void {
    if (this.isVarint) {
      values.push(this.value);
      return;
    }
    const block = this.message();
    while (block.#at < block.#to) values.push(block.#varint());
  }

  #varint(): number {
    const { bytes } = this;
    let value = 0;
    let factor = 1;
    for (let at = this.#at; at < this.#to && factor <= LARGEST_FACTOR; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      this.#at = at;
      return value;
    }
    return this.#longVarint();
  }

  /** Of eight bytes and more: beyond what is exact in float64, or negative. */
  #longVarint(): number {
    let value = 0n;
    for (let place = 0; place < MOST_VARINT_BYTES && this.#at < this.#to; place++) {
      const byte = this.bytes[this.#at++]!;
      value |= BigInt(byte & 0x7f) << BigInt(7 * place);
      if (byte >= 0x80) continue;
      const number = Number(BigInt.asIntN(64, value));
      return Number.isSafeInteger(number) ? number : Number.NaN;
    }
    throw new Damaged('a number has no end');
  }
}

function fixedBytes(wire: number): number {
  if (wire === EIGHT_BYTES) return 8;
  if (wire === FOUR_BYTES) return 4;
  throw new Damaged('a field of no known kind');
}
