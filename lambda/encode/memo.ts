// Remembers what the raw bytes of a cell meant, so that a category is decoded, unquoted, stripped and looked up once and
// then recognised by its bytes. The table is wasm/assembly/rows.ts's, which looks into it; here is when it is told more.
import type { Engine } from '../csv/engine.ts';

const LEAST_BITS = 6;
const MOST_BITS = 12;
/** Longer cells are not remembered. */
const MOST_BYTES = 64;
/** Of a slot: 8 bytes key, 4 length or -1, 4 code; its text stands behind all slots. */
const SLOT_BYTES = 16;

export class ByteMemo {
  readonly address: number;
  /** How far a 64-bit hash is shifted to the number of its slot. */
  readonly shift: number;
  readonly #engine: Engine;
  readonly #mostEntries: number;
  #entries = 0;

  /** `expected`: different cells to be ready for; twice as many and more (other quoting, unknown ones) fit. */
  constructor(engine: Engine, expected: number) {
    const bits = Math.max(LEAST_BITS, Math.min(MOST_BITS, Math.ceil(Math.log2(4 * (expected + 8)))));
    const slots = 2 ** bits;
    this.#engine = engine;
    this.shift = 64 - bits;
    this.address = engine.allocate(slots * (SLOT_BYTES + MOST_BYTES));
    engine.bytes.fill(0xff, this.address, this.address + slots * SLOT_BYTES);
    this.#mostEntries = slots / 2;
  }

  /**
   * Cell [start, end) of step `step`, whose memo this is, means `code` ≥ 0. Forgets nothing and, once full, learns nothing
   * more: a column of ids must not grow it.
   */
  remember(step: number, start: number, end: number, code: number): void {
    const length = (end & 0x7fffffff) - start; // without the mark of a cell in need of unquoting
    if (length > MOST_BYTES || this.#entries === this.#mostEntries) return;
    this.#engine.run.remember(step, start, end, code);
    this.#entries++;
  }
}
