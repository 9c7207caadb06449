// The cells of a page as CSV, one by one: of a dictionary every entry is made once, of other values each when its row comes.
import { isUtf8 } from 'node:buffer';
import type { DecodedArray } from 'hyparquet';
import { BadParquet, type ParquetColumn } from '../../../cloud/contract/parquet.ts';
import type { Page } from './pages.ts';
import { textsOf, type ToText } from './texts.ts';

/** Quoted where any delimiter stands, not the comma alone: whoever sniffs then finds no other. */
const SPECIAL = new Uint8Array(128);
for (const letter of ',;\t|"\r\n') SPECIAL[letter.charCodeAt(0)] = 1;
const QUOTE = 0x22;

/** The text of a string's cell; throws BadParquet where it is not UTF-8. */
function textCell(bytes: Uint8Array, column: ParquetColumn): Uint8Array {
  if (!isUtf8(bytes)) {
    throw new BadParquet(`holds bytes that are not text in the column ${JSON.stringify(column.name)}`);
  }
  return quoted(bytes);
}

/** As a cell: empty text is told from no text. */
export function quoted(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return Buffer.from('""');
  if (!bytes.some((byte) => byte < 128 && SPECIAL[byte] === 1)) return bytes;
  const cell = Buffer.alloc(2 * bytes.length + 2);
  let at = 0;
  cell[at++] = QUOTE;
  for (const byte of bytes) {
    if (byte === QUOTE) cell[at++] = QUOTE;
    cell[at++] = byte;
  }
  cell[at++] = QUOTE;
  return cell.subarray(0, at);
}

const NO_CELL = new Uint8Array();

/** Makes cells of one column's pages. */
export class ColumnCells {
  readonly #column: ParquetColumn;
  readonly #toText: ToText;
  #dictionary: DecodedArray | undefined;
  #entries: Uint8Array[] = [];

  constructor(column: ParquetColumn) {
    this.#column = column;
    this.#toText = textsOf(column);
  }

  /** Of a row of a page; bytes that need no quoting as they are, else quoted. Valid until the page goes. */
  of(page: Page, dictionary: DecodedArray | undefined): (row: number) => Uint8Array | string {
    const { places, values, coded } = page;
    if (coded && dictionary && dictionary !== this.#dictionary) {
      this.#dictionary = dictionary;
      this.#entries = Array.from(dictionary, (value) => this.#bytes(value));
    }
    const entries = this.#entries;
    const at: (place: number) => Uint8Array | string = coded
      ? (place) => entries[values[place] as number]!
      : (place) => this.#cell(values[place]);
    if (!places) return at;
    return (row) => (places[row]! < 0 ? NO_CELL : at(places[row]!));
  }

  #cell(value: unknown): Uint8Array | string {
    return this.#column.kind.is === 'text' ? textCell(value as Uint8Array, this.#column) : this.#toText(value);
  }

  #bytes(value: unknown): Uint8Array {
    const cell = this.#cell(value);
    return typeof cell === 'string' ? Buffer.from(cell, 'latin1') : cell;
  }
}
