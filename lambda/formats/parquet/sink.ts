// Predictions as Parquet, when asked: takes the rows as they would stand in the CSV, and writes a row group whenever enough have come, so
// memory does not grow with the table (but for about 100 bytes of footer a column of each row group). Called by predict.ts.
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { ParquetTable } from '../../../cloud/contract/parquet.ts';
import { cellText, stripped } from '../../csv/cell.ts';
import type { Delimiter } from '../../csv/dialect.ts';
import type { Encoding } from '../../csv/encoding.ts';
import { listed, PredictionFailure } from '../../failure.ts';
import { RowCells } from './row.ts';
import { numberColumn, type OutColumn, sameColumn, textColumn } from './values.ts';

/** Of a row group, whichever comes first. */
const GROUP_ROWS = 65_536;
const GROUP_CELLS = 256 * 1024;
const GROUP_BYTES = 8 * 1024 * 1024;
/** Different texts of a column that are kept while a row group grows: most cells repeat one of them. */
const KEPT_TEXTS = 4096;
const KEPT_LENGTH = 64;
const QUOTE = 0x22;
/** Taken off an end for `cellText`: the cell's quotes are to go. */
const TO_UNQUOTE = 0x80000000;

export interface Layout {
  /** Names of the table's columns as its header has them. */
  readonly names: readonly string[];
  /** The new ones behind them: the prediction, then probabilities. */
  readonly added: readonly string[];
  /** The prediction is a class, a text; else a number. */
  readonly classes: boolean;
  readonly delimiter: Delimiter;
  /** Of the bytes that `write` gets, which are UTF-8 where this is UTF-16. */
  readonly encoding: Encoding;
  /** Where the table came from Parquet: its columns keep their types. */
  readonly parquet?: ParquetTable;
}

export interface Sink {
  /** Whole rows with their new cells, without a header. The bytes may be overwritten once it resolves. */
  write(rows: Uint8Array): Promise<void>;
  /** The rest, and the footer. */
  end(): Promise<void>;
}

/** Throws InvalidData where the columns can't be those of one file. */
export function parquetSink(layout: Layout, write: (bytes: Buffer) => Promise<void>): Sink {
  return new ParquetSink(layout, write);
}

class ParquetSink implements Sink {
  readonly #layout: Layout;
  readonly #write: (bytes: Buffer) => Promise<void>;
  readonly #row: RowCells;
  readonly #columns: readonly OutColumn[];
  readonly #texts: readonly Map<string, unknown>[];
  readonly #bytes = new ByteWriter();
  readonly #file: ParquetWriter;
  readonly #groupRows: number;
  #data: unknown[][];
  #held = 0;

  constructor(layout: Layout, write: (bytes: Buffer) => Promise<void>) {
    this.#layout = layout;
    this.#write = write;
    this.#row = new RowCells(layout.delimiter);
    this.#columns = columnsOf(layout);
    this.#texts = this.#columns.map(() => new Map());
    this.#data = this.#columns.map(() => []);
    this.#groupRows = Math.max(1, Math.min(GROUP_ROWS, Math.floor(GROUP_CELLS / this.#columns.length)));
    const root = { name: 'schema', num_children: this.#columns.length };
    const schema = [root, ...this.#columns.map(({ element }) => element)];
    this.#file = new ParquetWriter({ writer: this.#bytes, schema, createdBy: 'spotlearn', statistics: false });
  }

  async write(rows: Uint8Array): Promise<void> {
    const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const next = this.#row.read(bytes, at);
      if (!this.#isBlank(bytes, at)) this.#add(bytes);
      this.#held += next - at;
      at = next;
      if (this.#data[0]!.length >= this.#groupRows || this.#held >= GROUP_BYTES) await this.#group();
    }
  }

  async end(): Promise<void> {
    if (this.#data[0]!.length > 0) await this.#group();
    await this.#file.finish();
    await this.#pass();
  }

  #isBlank(bytes: Buffer, at: number): boolean {
    const { contentEnd, count } = this.#row;
    return contentEnd === at || (count === 1 && this.#columns.length > 1 && stripped(this.#text(bytes, 0)) === '');
  }

  /** A row of too few cells or too many keeps those that have a column; its new ones are the last. */
  #add(bytes: Buffer): void {
    const { names, added } = this.#layout;
    const own = this.#row.count - added.length;
    for (let column = 0; column < this.#columns.length; column++) {
      const cell = column < names.length ? column : own + column - names.length;
      const there = column < names.length ? cell < own : true;
      this.#data[column]!.push(there ? this.#value(bytes, cell, column) : null);
    }
  }

  #value(bytes: Buffer, cell: number, column: number): unknown {
    const start = this.#row.starts[cell]!;
    const end = this.#row.ends[cell]!;
    if (start === end) return null;
    if (end - start > KEPT_LENGTH) return this.#columns[column]!.toValue(this.#text(bytes, cell));
    const kept = this.#texts[column]!;
    // The raw cell: one byte a letter is quick to look up, and tells the same cells as the text.
    const raw = bytes.toString('latin1', start, end);
    const known = kept.get(raw);
    if (known !== undefined) return known;
    const value = this.#columns[column]!.toValue(this.#text(bytes, cell));
    if (kept.size < KEPT_TEXTS) kept.set(raw, value);
    return value;
  }

  #text(bytes: Buffer, cell: number): string {
    const start = this.#row.starts[cell]!;
    const end = this.#row.ends[cell]!;
    return cellText(bytes, start, bytes[start] === QUOTE ? end - TO_UNQUOTE : end, this.#layout.encoding);
  }

  async #group(): Promise<void> {
    const columnData = this.#columns.map(({ element }, i) => ({
      name: element.name,
      data: this.#data[i] as string[],
      offsetIndex: false,
    }));
    await this.#file.write({ columnData, rowGroupSize: this.#data[0]!.length });
    this.#data = this.#columns.map(() => []);
    this.#held = 0;
    await this.#pass();
  }

  async #pass(): Promise<void> {
    await this.#write(Buffer.from(this.#bytes.getBytes()));
    this.#bytes.index = 0;
  }
}

function columnsOf({ names, added, classes, parquet }: Layout): OutColumn[] {
  const filled = names.map((name, i) => (name === '' ? `column_${i + 1}` : name));
  const twice = filled.filter((name, i) => filled.indexOf(name) !== i || added.includes(name));
  if (twice.length > 0) {
    throw new PredictionFailure(
      'InvalidData',
      `More than one column is named ${listed(twice)}, which a Parquet file cannot have. Rename them, or ask for CSV.`,
    );
  }
  const own = filled.map((name, i) => {
    const source = parquet?.columns[i];
    return source ? sameColumn(name, source) : textColumn(name);
  });
  return [...own, ...added.map((name, i) => (i === 0 && classes ? textColumn(name) : numberColumn(name)))];
}
