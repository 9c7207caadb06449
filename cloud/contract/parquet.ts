// What a Parquet file says of itself in its footer: rows, row groups, and which columns hold one value a cell, as the worker reads them
// (trainer/table/parquet.py). The operator looks at a table with it, the handler reads the pages by it (lambda/formats/parquet).
import type { CompressionCodec, FileMetaData, SchemaElement } from 'hyparquet';
import { parquetMetadata } from 'hyparquet/src/metadata.js';
import { endOfStruct } from './thrift.ts';

/** Magic and length behind the metadata. */
export const FOOTER_TAIL_BYTES = 8;
/** Metadata beyond this are no table's: 100,000 column chunks have about as much. */
export const MOST_FOOTER_BYTES = 16 * 1024 * 1024;
const MAGIC = 0x31524150;
/** As in the worker: more are promised by damaged files only. */
const MOST_ROWS = 2 ** 40;

/** The message says what is wrong, to be put behind "The Parquet file". */
export class BadParquet extends Error {}

/** How the values of a column become the text of a cell. */
export type CellKind =
  | { is: 'integer'; unsigned: boolean }
  | { is: 'float'; bits: 16 | 32 | 64 }
  | { is: 'decimal'; scale: number }
  | { is: 'text' }
  | { is: 'boolean' }
  | { is: 'date' }
  | { is: 'time'; unit: Unit }
  | { is: 'timestamp'; unit: Unit | 'INT96'; utc: boolean }
  | { is: 'nothing' };

export type Unit = 'MILLIS' | 'MICROS' | 'NANOS';

export interface ParquetColumn {
  readonly name: string;
  readonly kind: CellKind;
  readonly element: SchemaElement;
  /** Place among the leaves, and so among the chunks of a row group. */
  readonly leaf: number;
}

/** Where a column's values in one row group lie: bytes [start, end) of the file. */
export interface ColumnChunk {
  readonly start: number;
  readonly end: number;
  readonly codec: CompressionCodec;
}

export interface RowGroup {
  readonly rows: number;
  /** Of each of `columns`. */
  readonly chunks: readonly ColumnChunk[];
}

export interface ParquetTable {
  readonly rows: number;
  /** Those of one value a cell, in file order. */
  readonly columns: readonly ParquetColumn[];
  /** Top-level columns of lists, records or bytes, which cannot be cells. */
  readonly leftOut: readonly string[];
  readonly groups: readonly RowGroup[];
}

/** Bytes that the whole footer takes, by the last 8 of the file; throws BadParquet. */
export function footerBytes(tail: Uint8Array, size: number): number {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  if (
    size < FOOTER_TAIL_BYTES + 4 ||
    tail.length < FOOTER_TAIL_BYTES ||
    view.getUint32(tail.length - 4, true) !== MAGIC
  )
    throw new BadParquet('is cut off: its end is missing');
  const bytes = view.getUint32(tail.length - FOOTER_TAIL_BYTES, true) + FOOTER_TAIL_BYTES;
  if (bytes > size - 4) throw new BadParquet('is damaged: its footer would be larger than the file');
  if (bytes > MOST_FOOTER_BYTES)
    throw new BadParquet('has a footer of more than 16 MiB: write it with fewer row groups');
  return bytes;
}

/** Reads the footer from the last bytes of a file of `size` bytes, which must hold all of it. Throws BadParquet. */
export function readFooter(tail: Uint8Array, size: number): ParquetTable {
  const bytes = footerBytes(tail, size);
  const footer = tail.subarray(tail.length - bytes);
  try {
    if (endOfStruct(footer, 0) > footer.length - FOOTER_TAIL_BYTES) throw new BadParquet('is damaged');
    return tableOf(parquetMetadata(footer, { geoparquet: false }), size - bytes);
  } catch (error) {
    if (error instanceof BadParquet) throw error;
    throw new BadParquet('is damaged: its footer cannot be read');
  }
}

/** `end`: where the footer begins, and all values must end. */
function tableOf({ schema, row_groups, num_rows }: FileMetaData, end: number): ParquetTable {
  const { columns, leftOut, leaves } = columnsOf(schema);
  const groups = row_groups.map((group): RowGroup => {
    if (group.columns.length !== leaves)
      throw new BadParquet('is damaged: a row group has other columns than the file');
    return { rows: count(group.num_rows), chunks: columns.map(({ leaf }) => chunkOf(group.columns[leaf], end)) };
  });
  const rows = count(num_rows);
  if (rows !== groups.reduce((sum, group) => sum + group.rows, 0))
    throw new BadParquet('is damaged: its row groups do not add up');
  return { rows, columns, leftOut, groups };
}

function chunkOf(chunk: FileMetaData['row_groups'][number]['columns'][number] | undefined, end: number): ColumnChunk {
  const meta = chunk?.meta_data;
  if (!meta || chunk.file_path)
    throw new BadParquet('keeps its values in other files, or encrypted: write it as one plain file');
  // Some writers name a dictionary at 0 where there is none.
  const dictionary = Number(meta.dictionary_page_offset ?? 0n);
  const data = count(meta.data_page_offset);
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const stop = start + count(meta.total_compressed_size);
  if (start < 4 || stop > end) throw new BadParquet('is damaged: a column lies outside of it');
  return { start, end: stop, codec: meta.codec };
}

function count(value: bigint | number | undefined): number {
  const number = Number(value);
  if (!(number >= 0 && number <= MOST_ROWS)) throw new BadParquet('is damaged: it promises impossible numbers');
  return number;
}

/** Walks the schema, which lists every node before its children. */
function columnsOf(schema: readonly SchemaElement[]): Pick<ParquetTable, 'columns' | 'leftOut'> & { leaves: number } {
  const columns: ParquetColumn[] = [];
  const leftOut: string[] = [];
  let [leaves, at] = [0, 1];
  for (let top = 0; top < (schema[0]?.num_children ?? 0); top++) {
    const element = schema[at];
    if (typeof element?.name !== 'string') throw new BadParquet('is damaged: its schema is cut off');
    const kind = element.num_children || element.repetition_type === 'REPEATED' ? undefined : kindOf(element);
    if (kind) columns.push({ name: element.name, kind, element, leaf: leaves });
    else leftOut.push(element.name);
    for (let open = 1; open > 0; at++) {
      const node = schema[at];
      if (!node) throw new BadParquet('is damaged: its schema is cut off');
      if (!node.num_children) leaves++;
      open += count(node.num_children ?? 0) - 1;
    }
  }
  if (columns.length === 0) throw new BadParquet('has no column with one value a cell (only lists, records or bytes)');
  return { columns, leftOut, leaves };
}

/** Undefined: not of one value a cell. As pyarrow maps types, and as the worker uses them. */
function kindOf(element: SchemaElement): CellKind | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (logical?.type === 'NULL') return { is: 'nothing' };
  if (logical?.type === 'DECIMAL' || converted === 'DECIMAL') return decimalOf(element);
  switch (type) {
    case 'BOOLEAN':
      return { is: 'boolean' };
    case 'FLOAT':
      return { is: 'float', bits: 32 };
    case 'DOUBLE':
      return { is: 'float', bits: 64 };
    case 'INT96':
      return { is: 'timestamp', unit: 'INT96', utc: false };
    case 'INT32':
    case 'INT64':
      return integerKind(element);
    case 'BYTE_ARRAY':
      return converted === 'UTF8' || converted === 'JSON' || logical?.type === 'STRING' || logical?.type === 'JSON'
        ? { is: 'text' }
        : undefined;
    case 'FIXED_LEN_BYTE_ARRAY':
      return logical?.type === 'FLOAT16' && element.type_length === 2 ? { is: 'float', bits: 16 } : undefined;
    default:
      return undefined;
  }
}

const DECIMAL_TYPES = new Set<string>(['INT32', 'INT64', 'FIXED_LEN_BYTE_ARRAY', 'BYTE_ARRAY']);

function decimalOf({ type, scale, logical_type: logical, type_length: length }: SchemaElement): CellKind | undefined {
  const places = (logical?.type === 'DECIMAL' ? logical.scale : scale) ?? 0;
  if (!type || !DECIMAL_TYPES.has(type)) return undefined;
  if (type === 'FIXED_LEN_BYTE_ARRAY' && !((length ?? 0) > 0 && (length ?? 0) <= 32)) return undefined;
  return Number.isInteger(places) && places >= 0 && places <= 76 ? { is: 'decimal', scale: places } : undefined;
}

function integerKind({ converted_type: converted, logical_type: logical }: SchemaElement): CellKind {
  if (logical?.type === 'DATE' || converted === 'DATE') return { is: 'date' };
  if (logical?.type === 'TIME') return { is: 'time', unit: logical.unit };
  if (logical?.type === 'TIMESTAMP') return { is: 'timestamp', unit: logical.unit, utc: logical.isAdjustedToUTC };
  if (converted === 'TIME_MILLIS') return { is: 'time', unit: 'MILLIS' };
  if (converted === 'TIME_MICROS') return { is: 'time', unit: 'MICROS' };
  // Of old, these were always in UTC.
  if (converted === 'TIMESTAMP_MILLIS') return { is: 'timestamp', unit: 'MILLIS', utc: true };
  if (converted === 'TIMESTAMP_MICROS') return { is: 'timestamp', unit: 'MICROS', utc: true };
  const unsigned = logical?.type === 'INTEGER' ? !logical.isSigned : (converted?.startsWith('UINT_') ?? false);
  return { is: 'integer', unsigned };
}
