// Finds the cells of one CSV record in a window of bytes, without copying or decoding them. The innermost loop of the
// handler: at 78 bytes a row it is a third of all time that is not the model's. Next: encode/rows.ts reads the cells.
// Rules (those of Python's csv module and of RFC 4180): a quote opens a quoted cell only at the cell's start; doubled it
// is a quote; text after the closing quote belongs to the cell; CRLF, LF and CR outside quotes end a record.

/** The cell as it stands; `"…"` around text without quotes; anything else that starts with a quote. */
export const PLAIN = 0;
/** 1, and ESCAPED has not that bit: `start + (form & QUOTED)` is where the text begins. */
export const QUOTED = 1;
export const ESCAPED = 2;

/** `scan` needs more bytes. */
export const INCOMPLETE = -1;

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const IS_DELIMITER = 1;
const IS_LF = 2;
const IS_CR = 3;
const IS_NUL = 4;

export class MalformedRecord extends Error {}

export class RecordScanner {
  /** Cells of the last record: bytes [starts[i], ends[i]) in the window, quotes included, and how they are quoted. */
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  forms = new Uint8Array(64);
  count = 0;
  /** Where the last record's line ending begins (= its end when it has none). */
  contentEnd = 0;
  readonly #kinds = new Uint8Array(256);
  /** No byte above it means anything: letters and digits are passed by one comparison when the delimiter is a comma. */
  readonly #highest: number;
  #form = PLAIN;

  constructor(delimiter: number) {
    this.#kinds[LF] = IS_LF;
    this.#kinds[CR] = IS_CR;
    this.#kinds[0] = IS_NUL;
    this.#kinds[delimiter] = IS_DELIMITER;
    this.#highest = Math.max(delimiter, CR);
  }

  /**
   * Reads the record at `from` in bytes [from, to) and returns where the next one starts, or INCOMPLETE. `final`: no byte
   * follows `to`. Throws MalformedRecord. An empty line is one empty cell with contentEnd = from.
   */
  scan(bytes: Uint8Array, from: number, to: number, final: boolean): number {
    const kinds = this.#kinds;
    const highest = this.#highest;
    let { starts, ends, forms } = this;
    let count = 0;
    let i = from;
    for (;;) {
      const start = i;
      let form = PLAIN;
      if (i < to && bytes[i] === QUOTE) {
        i = this.#quoted(bytes, i, to, final);
        if (i === INCOMPLETE) return INCOMPLETE;
        form = this.#form;
      }
      const closed = i;
      let kind = 0;
      for (; i < to; i++) {
        const byte = bytes[i]!;
        if (byte <= highest && (kind = kinds[byte]!) !== 0) break;
      }
      if (form === QUOTED && i !== closed) form = ESCAPED;
      if (i === to) {
        if (!final) return INCOMPLETE;
        kind = IS_LF;
      }
      if (kind === IS_NUL)
        throw new MalformedRecord('has a NUL byte (is this a text file? UTF-16 needs its byte order mark)');
      if (count === starts.length) {
        this.#grow();
        ({ starts, ends, forms } = this);
      }
      starts[count] = start;
      ends[count] = i;
      forms[count++] = form;
      if (kind === IS_DELIMITER) {
        i++;
        continue;
      }
      if (kind === IS_CR && i + 1 === to && !final) return INCOMPLETE;
      this.count = count;
      this.contentEnd = i;
      if (i === to) return to;
      return kind === IS_CR && bytes[i + 1] === LF && i + 1 < to ? i + 2 : i + 1;
    }
  }

  /** From the opening quote to just after the closing one; notes in #form whether quotes are doubled inside. */
  #quoted(bytes: Uint8Array, open: number, to: number, final: boolean): number {
    this.#form = QUOTED;
    for (let i = open + 1; i < to; i++) {
      const byte = bytes[i]!;
      if (byte === QUOTE) {
        if (i + 1 < to && bytes[i + 1] === QUOTE) {
          this.#form = ESCAPED;
          i++;
        } else return i + 1;
      } else if (byte === 0) {
        throw new MalformedRecord('has a NUL byte (is this a text file? UTF-16 needs its byte order mark)');
      }
    }
    if (final) throw new MalformedRecord('opens a quote that is never closed');
    return INCOMPLETE;
  }

  #grow(): void {
    const wider = (old: Int32Array) => {
      const grown = new Int32Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.starts = wider(this.starts);
    this.ends = wider(this.ends);
    const forms = new Uint8Array(this.forms.length * 2);
    forms.set(this.forms);
    this.forms = forms;
  }
}
