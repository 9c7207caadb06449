// Remembers what the raw bytes of a cell meant, so that a category is decoded, unquoted, stripped and looked up once and
// then recognised by its bytes. An open-addressing hash table on typed arrays: no allocation while rows go by.

const SLOTS = 2048;
const MOST_ENTRIES = SLOTS / 2;
const MOST_BYTES = 64;

export class ByteMemo {
  readonly #offsets = new Int32Array(SLOTS).fill(-1);
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #codes = new Int32Array(SLOTS);
  #texts = new Uint8Array(1024);
  #used = 0;
  #entries = 0;

  /** What `remember` was given for these bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > MOST_BYTES) return -1;
    const texts = this.#texts;
    for (let slot = hash(bytes, start, end); ; slot = (slot + 1) & (SLOTS - 1)) {
      const offset = this.#offsets[slot]!;
      if (offset < 0) return -1;
      if (this.#lengths[slot] !== length) continue;
      let i = 0;
      while (i < length && texts[offset + i] === bytes[start + i]) i++;
      if (i === length) return this.#codes[slot]!;
    }
  }

  /** `code` ≥ 0. Forgets nothing and, once full, learns nothing more: a column of ids must not grow it. */
  remember(bytes: Uint8Array, start: number, end: number, code: number): void {
    const length = end - start;
    if (length > MOST_BYTES || this.#entries === MOST_ENTRIES) return;
    if (this.#used + length > this.#texts.length) {
      const texts = new Uint8Array(this.#texts.length * 2);
      texts.set(this.#texts);
      this.#texts = texts;
    }
    let slot = hash(bytes, start, end);
    while (this.#offsets[slot]! >= 0) slot = (slot + 1) & (SLOTS - 1);
    this.#texts.set(bytes.subarray(start, end), this.#used);
    this.#offsets[slot] = this.#used;
    this.#lengths[slot] = length;
    this.#codes[slot] = code;
    this.#used += length;
    this.#entries++;
  }
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = end - start;
  for (let i = start; i < end; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193);
  return (value ^ (value >>> 15)) & (SLOTS - 1);
}
