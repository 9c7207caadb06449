// A table to predict, as its first 64 KiB show it, or of Parquet its last: format, columns, some rows, how many there are, and whether it
// can be cut. Looser than what a table to learn from must be (table.ts): one column may do, and names that no model needs may repeat.
import { BadParquet, FOOTER_TAIL_BYTES, footerBytes, readFooter } from './contract/parquet.ts';
import { formatOf, unpackHead } from './packed.ts';
import { estimateRows, HEAD_BYTES, readRawHead, strip, unfit } from './table.ts';

export interface Unscored {
  readonly format: 'text' | 'gzip' | 'parquet';
  /** Whether a part of it can be predicted by itself: any range of text, row groups of Parquet, nothing of gzip. */
  readonly splittable: 'bytes' | 'rowGroups' | 'no';
  /** Stripped names in file order, which may repeat. Absent: a Parquet footer that is larger than what is read here. */
  readonly columns?: readonly string[];
  /** Cells of the whole rows of the head, not stripped, empty lines left out; none of Parquet. */
  readonly rows: readonly (readonly string[])[];
  /** Exact where the head is everything, and of Parquet. */
  readonly estimatedRows: number;
  /** Bytes of the object for each row. */
  readonly bytesPerRow: number;
  /** Rows of each row group of a Parquet file. */
  readonly rowGroups?: readonly number[];
  /** Columns of Parquet that are no cells (lists, records, bytes). */
  readonly leftOut: readonly string[];
}

/** The object's ends: its first or its last bytes, fewer where it has fewer. */
export interface Ends {
  first(bytes: number): Promise<Uint8Array>;
  last(bytes: number): Promise<Uint8Array>;
}

const PARQUET_NAME = /\.(parquet|parq|pq)$/i;
/** Of Parquet without its footer: a usual figure. */
const PARQUET_BYTES_PER_ROW = 40;

/**
 * Looks at an object of `size` bytes. One read of at most HEAD_BYTES, the last bytes where the name says Parquet; a Parquet file of another
 * name takes two. Throws DataError in plain words for what cannot be predicted.
 */
export async function lookAtUnscored(ends: Ends, size: number, name: string): Promise<Unscored> {
  if (PARQUET_NAME.test(name) && size > 0) {
    const tail = await ends.last(HEAD_BYTES);
    if (new TextDecoder().decode(tail.subarray(-4)) === 'PAR1') return parquetOf(tail, size);
  }
  const head = await ends.first(HEAD_BYTES);
  switch (formatOf(head, name)) {
    case 'parquet':
      return parquetOf(await ends.last(HEAD_BYTES), size);
    case 'excel':
      throw unfit(
        'NotATable',
        'The file is an Excel workbook, which can be learned from but not predicted. Save the sheet as CSV and send that.',
      );
    case 'gzip': {
      const { text, tableBytes } = await unpackHead(head, size);
      return { ...textOf(text, tableBytes, size), format: 'gzip', splittable: 'no' };
    }
    case 'text':
      return textOf(head, size, size);
  }
}

/** `size`: of the text, `objectBytes`: of the object that holds it. */
function textOf(head: Uint8Array, size: number, objectBytes: number): Unscored {
  const { records, whole } = readRawHead(head, size);
  const start = records.findIndex((record) => record.some((name) => strip(name) !== ''));
  if (start < 0)
    throw unfit('NoHeader', 'The first line names no columns. Send a CSV file whose first line is the header.');
  const columns = records[start]!.map(strip);
  // A line of one blank cell is no row, unless rows have one cell.
  const rows = records
    .slice(start + 1)
    .filter((row) => columns.length === 1 || row.length > 1 || strip(row[0]!) !== '');
  if (rows.length === 0 && whole)
    throw unfit(
      'NoRows',
      `The file has a header (${columns.length} columns) but no rows: there is nothing to predict.`,
    );
  const estimatedRows = whole ? rows.length : estimateRows(head.length, rows.length, size);
  const bytesPerRow = objectBytes / estimatedRows;
  return { format: 'text', splittable: 'bytes', columns, rows, estimatedRows, bytesPerRow, leftOut: [] };
}

function parquetOf(tail: Uint8Array, size: number): Unscored {
  const found = { format: 'parquet', rows: [], leftOut: [] } as const;
  try {
    if (footerBytes(tail.subarray(-FOOTER_TAIL_BYTES), size) > tail.length) {
      // The handler reads it all, and checks the columns before the first row.
      const estimatedRows = Math.max(1, Math.round(size / PARQUET_BYTES_PER_ROW));
      return { ...found, splittable: 'no', estimatedRows, bytesPerRow: size / estimatedRows };
    }
    const { columns, leftOut, rows, groups } = readFooter(tail, size);
    if (rows === 0) throw unfit('NoRows', 'The Parquet file has no rows: there is nothing to predict.');
    return {
      ...found,
      splittable: 'rowGroups',
      columns: columns.map((column) => strip(column.name)),
      estimatedRows: rows,
      bytesPerRow: size / rows,
      rowGroups: groups.map((group) => group.rows),
      leftOut: leftOut.map(strip),
    };
  } catch (error) {
    if (error instanceof BadParquet) throw unfit('NotATable', `The Parquet file ${error.message}.`);
    throw error;
  }
}
