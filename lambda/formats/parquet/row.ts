// Where the cells of a scored row lie. Plainer than the engine that reads tables (csv/records.ts): these rows were read once, so they are
// whole, and whoever builds columns wants the raw bytes of a cell, to know it again, before its text.

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

export class RowCells {
  /** Bytes [starts[i], ends[i]), quotes included. */
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  count = 0;
  /** Where the row's line ending begins. */
  contentEnd = 0;
  readonly #delimiter: number;

  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** Finds the cells of the row at `from`; returns where the next one begins. */
  read(bytes: Uint8Array, from: number): number {
    const { length } = bytes;
    const delimiter = this.#delimiter;
    this.count = 0;
    for (let i = from; ; i++) {
      const start = i;
      if (bytes[i] === QUOTE) i = closing(bytes, i);
      let byte = bytes[i];
      while (i < length && byte !== delimiter && byte !== LF && byte !== CR) byte = bytes[++i];
      this.#add(start, i);
      if (i < length && byte === delimiter) continue;
      this.contentEnd = i;
      return Math.min(length, byte === CR && bytes[i + 1] === LF ? i + 2 : i + 1);
    }
  }

  #add(start: number, end: number): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts);
      this.ends = grown(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }
}

/** Behind the quote that closes the one at `open`; a doubled quote closes nothing. */
function closing(bytes: Uint8Array, open: number): number {
  for (let i = bytes.indexOf(QUOTE, open + 1); i >= 0; i = bytes.indexOf(QUOTE, i + 2))
    if (bytes[i + 1] !== QUOTE) return i + 1;
  return bytes.length;
}

function grown(old: Int32Array): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(2 * old.length);
  wider.set(old);
  return wider;
}
