// The memory in which a table is worked on, and the WebAssembly that does it (wasm/assembly/rows.ts): window, batch and
// output lie here, so that no byte is copied between the steps. One a table, and kept for the next one: a warm function
// would hold dozens of them before the garbage collector thought of one. Laid out by the parts that use it: window.ts,
// encode/rows.ts, append/rows.ts.
import { rowsModule } from '../wasm/rows.generated.ts';

const PAGE_BYTES = 64 * 1024;
/** Behind every region: bytes are read 64 and written 16 at a time. */
const SLACK_BYTES = 64;
const ALIGNMENT = 16;
/** A memory that a very long record made larger is not kept. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024;

interface Place {
  readonly value: number;
}

/** Exports of wasm/assembly/rows.ts, described there. Addresses are places in `Engine.bytes`. */
interface Exports {
  readonly position: Place;
  readonly count: Place;
  readonly contentEnd: Place;
  readonly next: Place;
  readonly nul: Place;
  readonly rows: Place;
  readonly ends: Place;
  heap(): number;
  setRecords(delimiter: number, cells: number, mostCells: number): void;
  setBatch(columns: number, cuts: number, input: number, width: number, float32: boolean, limit: number): void;
  setSteps(numbers: number, categories: number, dates: number, end: number): void;
  clear(most: number): void;
  read(from: number, to: number, stop: number, final: boolean): number;
  keep(): void;
  remember(step: number, start: number, end: number, code: number): void;
  append(from: number, to: number, out: number, added: number): number;
}

/** What `read` answers. */
export const Read = { done: 0, ragged: 1, nulByte: 2, unclosed: 3 } as const;

/** What `read` asks for, by the number of a step among those of its kind; a negative `end`: the cell must be unquoted. */
export interface SlowCells {
  /** NaN: none. */
  number(step: number, start: number, end: number): number;
  category(step: number, start: number, end: number): number;
  date(step: number, start: number, end: number, row: number): void;
}

let compiled: WebAssembly.Module | undefined;

export class Engine {
  static #kept: Engine | undefined;

  /** The one that was kept, or a new one. */
  static take(): Engine {
    const engine = Engine.#kept ?? new Engine();
    Engine.#kept = undefined;
    return engine;
  }

  readonly run: Exports;
  /** Set before anything is encoded. */
  slow: SlowCells | undefined;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  #bytes = Buffer.from(this.#memory.buffer);
  #free: number;
  /** From here on, nothing was ever written. */
  #clean: number;

  private constructor() {
    compiled ??= new WebAssembly.Module(Buffer.from(rowsModule, 'base64'));
    const slow: SlowCells = {
      number: (step, start, end) => this.slow!.number(step, start, end),
      category: (step, start, end) => this.slow!.category(step, start, end),
      date: (step, start, end, row) => this.slow!.date(step, start, end, row),
    };
    const imports = { env: { memory: this.#memory }, slow: { ...slow } };
    this.run = new WebAssembly.Instance(compiled, imports).exports as unknown as Exports;
    this.#free = this.run.heap();
    this.#clean = this.#free;
  }

  /** All of the memory. A view of it is good until the next `allocate`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Address of a new region of zeros. */
  allocate(bytes: number): number {
    const at = Math.ceil(this.#free / ALIGNMENT) * ALIGNMENT;
    this.#free = at + bytes;
    const lacking = this.#free + SLACK_BYTES - this.#bytes.length;
    if (lacking > 0) {
      this.#memory.grow(Math.ceil(lacking / PAGE_BYTES));
      this.#bytes = Buffer.from(this.#memory.buffer);
    }
    if (at < this.#clean) this.#bytes.fill(0, at, Math.min(this.#free, this.#clean));
    return at;
  }

  /** Gives all regions back. Whoever took the engine must not use it, nor a view of its bytes, any more. */
  release(): void {
    this.#clean = Math.max(this.#clean, this.#free + SLACK_BYTES);
    this.#free = this.run.heap();
    this.slow = undefined;
    if (this.#bytes.length <= MOST_KEPT_BYTES) Engine.#kept = this;
  }
}
