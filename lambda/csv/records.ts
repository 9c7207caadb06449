// One record at a time, for whoever looks at the first ones of a table: dialect.ts for delimiter and header, chunk/ for the
// reading of quotes. The rows of a table are read in batches instead (encode/rows.ts); both by wasm/assembly/rows.ts.
import { cellText } from './cell.ts';
import type { Encoding } from './encoding.ts';
import { Engine, Read } from './engine.ts';

/** `scan` needs more bytes. */
export const INCOMPLETE = -1;

/** Bytes of a cell among an engine's cells: where its text begins, and where it ends. */
export const CELL_BYTES = 8;
/** Bytes looked at first, and four times as many each time that the record turns out longer. */
const FIRST_BYTES = 1024;

export class MalformedRecord extends Error {}

/** What is wrong with a record; goes on from “Row 7 …” or “The header …”. */
export const NUL_BYTE = 'has a NUL byte (is this a text file? UTF-16 needs its byte order mark)';
export const UNCLOSED_QUOTE = 'opens a quote that is never closed';

/** Room for a record's bytes and cells, shared by all scanners: nothing of a record is kept after the next call. */
class Desk {
  readonly engine = Engine.take();
  #bytes = 0;
  #mostBytes = 0;
  #cells = 0;
  #mostCells = 0;

  /** Address of a copy of the bytes. */
  lay(bytes: Uint8Array): number {
    if (bytes.length > this.#mostBytes) {
      this.#mostBytes = bytes.length;
      this.#bytes = this.engine.allocate(bytes.length);
    }
    this.engine.bytes.set(bytes, this.#bytes);
    return this.#bytes;
  }

  /** Address of room for so many cells. */
  cells(count: number): number {
    if (count > this.#mostCells) {
      this.#mostCells = count;
      this.#cells = this.engine.allocate(count * CELL_BYTES);
    }
    return this.#cells;
  }
}

let desk: Desk | undefined;

export class RecordScanner {
  /** Cells of the last record. */
  count = 0;
  /** Where the last record's line ending begins (= its end when it has none). */
  contentEnd = 0;
  readonly #delimiter: number;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  /**
   * Reads the record at `from` in bytes [from, to) and returns where the next one starts, or INCOMPLETE. `final`: no byte
   * follows `to`. Throws MalformedRecord. An empty line is one empty cell with contentEnd = from.
   */
  scan(bytes: Uint8Array, from: number, to: number, final: boolean): number {
    for (let length = FIRST_BYTES; ; length *= 4) {
      const all = length >= to - from;
      const next = this.#look(bytes.subarray(from, all ? to : from + length), 0, all && final);
      if (next !== INCOMPLETE || all) {
        this.contentEnd += from;
        return next === INCOMPLETE ? INCOMPLETE : from + next;
      }
    }
  }

  /** Texts of the cells of the record that bytes [from, to) are, unquoted and not stripped. */
  texts(bytes: Uint8Array, from: number, to: number, encoding: Encoding): string[] {
    if (from === to) return [''];
    this.#look(bytes.subarray(from, to), to - from + 1, true);
    const { engine } = desk!;
    const cells = new Int32Array(engine.bytes.buffer, desk!.cells(0), 2 * this.count);
    return Array.from({ length: this.count }, (_, i) =>
      cellText(engine.bytes, cells[2 * i]!, cells[2 * i + 1]!, encoding),
    );
  }

  /** The record that the bytes begin with; keeps its first `mostCells` cells. */
  #look(bytes: Uint8Array, mostCells: number, final: boolean): number {
    desk ??= new Desk();
    const at = desk.lay(bytes);
    const { run } = desk.engine;
    run.setRecords(this.#delimiter, desk.cells(mostCells), mostCells);
    const outcome = run.read(at, at + bytes.length, at + bytes.length, final);
    if (outcome === Read.nulByte || run.nul.value !== 0) throw new MalformedRecord(NUL_BYTE);
    if (outcome === Read.unclosed) throw new MalformedRecord(UNCLOSED_QUOTE);
    if (outcome === Read.done) return INCOMPLETE;
    this.count = run.count.value;
    this.contentEnd = run.contentEnd.value - at;
    return run.next.value - at;
  }
}
