// Scored rows as bytes of the object that is stored: CSV in the table's own encoding, or Parquet when asked. Between
// predict.ts and a sink.
import type { ParquetTable } from '../cloud/contract/parquet.ts';
import type { Head } from './chunk/head.ts';
import { fromUtf8 } from './csv/transcode.ts';
import type { Prediction, Table } from './table.ts';

/** Resolves once the bytes given may be overwritten. */
export type Write = (bytes: Buffer) => Promise<void>;

export interface OutputFormat {
  format?: 'csv' | 'parquet';
  /** CSV: whether the header comes first; yes by default. */
  header?: boolean;
  /** Of a table that came from Parquet: what its columns are. */
  parquet?: ParquetTable;
}

export interface RowWriter {
  /** Whole rows with their new cells, as UTF-8 where the table is UTF-16. */
  write(rows: Buffer): Promise<void>;
  /** What stands behind the last row. */
  end(): Promise<void>;
}

export async function rowWriter(
  table: Table,
  head: Head,
  { manifest }: Prediction,
  { format = 'csv', header = true, parquet }: OutputFormat,
  write: Write,
): Promise<RowWriter> {
  const { bom, content, ending, encoding } = head;
  const headerText = table.header(content, ending); // refuses a column that is there already
  if (format === 'parquet') {
    const { parquetSink } = await import('./formats/parquet/sink.ts');
    const { names, delimiter } = head.header;
    const classes = manifest.target.classes !== null;
    return parquetSink({ names, added: table.added, classes, delimiter, encoding, ...(parquet && { parquet }) }, write);
  }
  if (header && bom.length > 0) await write(bom);
  if (header) await write(fromUtf8(headerText, encoding));
  return { write: (rows) => write(fromUtf8(rows, encoding)), end: async () => undefined };
}
