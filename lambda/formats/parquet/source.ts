// A Parquet file as the CSV of the same table, for the same pipeline as every other: header, then rows, in pieces. Held at a time: of
// each column a window of packed bytes and one page, never a row group; so memory grows with columns and page size, not with rows.
import { BadParquet, FOOTER_TAIL_BYTES, footerBytes, readFooter } from '../../../cloud/contract/parquet.ts';
import type { ParquetTable, RowGroup } from '../../../cloud/contract/parquet.ts';
import { PredictionFailure } from '../../failure.ts';
import { ColumnCells, quoted } from './cells.ts';
import { ColumnPages, type Slice } from './pages.ts';

/** Enough for the footers of most files: one request. */
const FIRST_TAIL_BYTES = 256 * 1024;
/** A row group packed into less is fetched at once. */
const WHOLE_GROUP_BYTES = 8 * 1024 * 1024;
/** Else so much of all columns together, in windows of at least LEAST_WINDOW_BYTES each. */
const WINDOWS_BYTES = 16 * 1024 * 1024;
const LEAST_WINDOW_BYTES = 64 * 1024;
const AT_ONCE = 8;
const PIECE_BYTES = 128 * 1024;

/** The footer of a file of `size` bytes. Throws InvalidData. */
export async function openParquet(slice: Slice, size: number): Promise<ParquetTable> {
  return inWords(async () => {
    const tail = await slice(Math.max(0, size - FIRST_TAIL_BYTES), size);
    const bytes = footerBytes(tail.subarray(-FOOTER_TAIL_BYTES), size);
    return readFooter(bytes <= tail.length ? tail : await slice(size - bytes, size), size);
  });
}

/** Row groups [start, end) as CSV in UTF-8: comma, LF, quotes where needed. Throws InvalidData. */
export async function* rowsOf(
  slice: Slice,
  table: ParquetTable,
  { start, end }: { start: number; end: number } = { start: 0, end: table.groups.length },
): AsyncGenerator<Uint8Array> {
  if (end > table.groups.length)
    throw new PredictionFailure('DataChanged', `The file has ${table.groups.length} row groups, ${end} were expected.`);
  const out = new Pieces();
  for (const [i, { name }] of table.columns.entries()) out.cell(always(Buffer.from(name)), i === 0);
  out.endRow();
  for (const group of table.groups.slice(start, end)) {
    const rows = new GroupRows(table, group, slice);
    while (await inWords(() => rows.fill(out))) yield out.take();
  }
  if (out.length > 0) yield out.take();
}

/** A header is quoted even where it need not be: no name is then taken for the magic of another format. */
function always(name: Uint8Array): Uint8Array {
  const cell = quoted(name);
  return cell === name ? Buffer.concat([Buffer.from('"'), name, Buffer.from('"')]) : cell;
}

async function inWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BadParquet)) throw error;
    throw new PredictionFailure('InvalidData', `The Parquet file ${error.message}.`);
  }
}

interface Cursor {
  readonly pages: ColumnPages;
  readonly cells: ColumnCells;
  cell: (row: number) => Uint8Array | string;
  row: number;
  rows: number;
}

class GroupRows {
  readonly #group: RowGroup;
  readonly #cursors: Cursor[];
  #done = 0;

  constructor({ columns }: ParquetTable, group: RowGroup, slice: Slice) {
    this.#group = group;
    const windowBytes = Math.max(LEAST_WINDOW_BYTES, Math.floor(WINDOWS_BYTES / columns.length));
    const near = together(group, slice);
    this.#cursors = columns.map((column, i) => ({
      pages: new ColumnPages(column, group.chunks[i]!, near, windowBytes),
      cells: new ColumnCells(column),
      cell: () => '',
      row: 0,
      rows: 0,
    }));
  }

  /** Writes rows until a piece is full; false once all are written, and then nothing needs to be taken. */
  async fill(out: Pieces): Promise<boolean> {
    while (this.#done < this.#group.rows) {
      await this.#turnPages();
      const rows = Math.min(this.#group.rows - this.#done, ...this.#cursors.map(({ row, rows: of }) => of - row));
      for (let i = 0; i < rows; i++) {
        if (out.length >= PIECE_BYTES) return true;
        this.#write(out);
      }
    }
    return false;
  }

  #write(out: Pieces): void {
    const cursors = this.#cursors;
    for (let i = 0; i < cursors.length; i++) {
      const cursor = cursors[i]!;
      const cell = cursor.cell(cursor.row++);
      out.cell(cell, i === 0);
    }
    // A row of one empty cell must not look like an empty line.
    if (cursors.length === 1) out.notBlank();
    out.endRow();
    this.#done++;
  }

  async #turnPages(): Promise<void> {
    const empty = this.#cursors.filter(({ row, rows }) => row === rows);
    for (let i = 0; i < empty.length; i += AT_ONCE) await Promise.all(empty.slice(i, i + AT_ONCE).map(turn));
  }
}

async function turn(cursor: Cursor): Promise<void> {
  const page = await cursor.pages.next();
  if (!page) throw new BadParquet('is damaged: a column has fewer rows than its row group');
  cursor.cell = cursor.cells.of(page, cursor.pages.dictionary);
  cursor.row = 0;
  cursor.rows = page.rows;
}

/** A small row group is one request for all its columns. */
function together({ chunks }: RowGroup, slice: Slice): Slice {
  const from = Math.min(...chunks.map(({ start }) => start));
  const to = Math.max(...chunks.map(({ end }) => end));
  if (to - from > WHOLE_GROUP_BYTES) return slice;
  let whole: Promise<Uint8Array> | undefined;
  return async (start, end) => {
    whole ??= slice(from, to);
    return (await whole).subarray(start - from, end - from);
  };
}

/** Rows as they are written, to be taken piece by piece. */
class Pieces {
  #bytes = Buffer.allocUnsafeSlow(2 * PIECE_BYTES);
  #rowStart = 0;
  length = 0;

  cell(cell: Uint8Array | string, first: boolean): void {
    this.#reserve(cell.length + 1);
    if (!first) this.#bytes[this.length++] = 0x2c;
    if (typeof cell === 'string') this.length += this.#bytes.write(cell, this.length, 'latin1');
    else {
      this.#bytes.set(cell, this.length);
      this.length += cell.length;
    }
  }

  notBlank(): void {
    if (this.length === this.#rowStart) this.cell('""', true);
  }

  endRow(): void {
    this.#reserve(1);
    this.#bytes[this.length++] = 0x0a;
    this.#rowStart = this.length;
  }

  /** What was written since; the caller keeps it. */
  take(): Uint8Array {
    const taken = Buffer.from(this.#bytes.subarray(0, this.length));
    this.length = 0;
    this.#rowStart = 0;
    return taken;
  }

  #reserve(extra: number): void {
    if (this.length + extra <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + extra));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}
