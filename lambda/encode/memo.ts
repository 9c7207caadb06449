// Remembers what the raw bytes of a cell meant, so that a category is decoded, unquoted, stripped and looked up once and
// then recognised by its bytes. An open-addressing hash table on typed arrays: no allocation while rows go by, and a cell
// of up to four bytes (most codes) is its own key, so that finding it compares nothing else.

const LEAST_BITS = 7;
const MOST_BITS = 12;
const MOST_BYTES = 64;
/** Of a slot: key, length of the cell or EMPTY, code, where its bytes are kept. */
const STRIDE = 4;
const EMPTY = -1;

export class ByteMemo {
  readonly #slots: Int32Array;
  readonly #wrap: number;
  readonly #shift: number;
  readonly #mostEntries: number;
  #texts = new Uint8Array(1024);
  #used = 0;
  #entries = 0;

  /** `expected`: different cells to be ready for; twice as many and more (other quoting, unknown ones) fit. */
  constructor(expected: number) {
    const bits = Math.max(LEAST_BITS, Math.min(MOST_BITS, Math.ceil(Math.log2(4 * (expected + 8)))));
    this.#slots = new Int32Array(2 ** bits * STRIDE).fill(EMPTY);
    this.#wrap = this.#slots.length - 1;
    this.#shift = 32 - bits;
    this.#mostEntries = 2 ** (bits - 1);
  }

  /** What `remember` was given for these bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > MOST_BYTES) return -1;
    const slots = this.#slots;
    const key = keyOf(bytes, start, end);
    for (let at = firstSlot(key, length, this.#shift); ; at = (at + STRIDE) & this.#wrap) {
      const held = slots[at + 1]!;
      if (held === EMPTY) return -1;
      if (held === length && slots[at] === key && (length <= 4 || this.#same(slots[at + 3]!, bytes, start, end))) {
        return slots[at + 2]!;
      }
    }
  }

  /** `code` ≥ 0. Forgets nothing and, once full, learns nothing more: a column of ids must not grow it. */
  remember(bytes: Uint8Array, start: number, end: number, code: number): void {
    const length = end - start;
    if (length > MOST_BYTES || this.#entries === this.#mostEntries) return;
    if (this.#used + length > this.#texts.length) {
      const texts = new Uint8Array(this.#texts.length * 2);
      texts.set(this.#texts);
      this.#texts = texts;
    }
    const key = keyOf(bytes, start, end);
    let at = firstSlot(key, length, this.#shift);
    while (this.#slots[at + 1] !== EMPTY) at = (at + STRIDE) & this.#wrap;
    this.#slots.set([key, length, code, this.#used], at);
    this.#texts.set(bytes.subarray(start, end), this.#used);
    this.#used += length;
    this.#entries++;
  }

  #same(offset: number, bytes: Uint8Array, start: number, end: number): boolean {
    const texts = this.#texts;
    let i = start;
    while (i < end && texts[offset + i - start] === bytes[i]) i++;
    return i === end;
  }
}

function keyOf(bytes: Uint8Array, start: number, end: number): number {
  let key = 0;
  if (end - start <= 4) for (let i = start; i < end; i++) key = (key << 8) | bytes[i]!;
  else for (let i = start; i < end; i++) key = Math.imul(key ^ bytes[i]!, 0x01000193);
  return key;
}

function firstSlot(key: number, length: number, shift: number): number {
  return (Math.imul(key ^ length, 0x9e3779b1) >>> shift) * STRIDE;
}
