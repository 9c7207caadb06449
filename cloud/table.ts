// The head of a table in S3: encoding, delimiter, columns and a few rows from its first bytes. Chat offers columns from it and
// admission refuses unfit data before money is spent. The worker and the handler read whole tables with their own readers.
import { isUtf8 } from 'node:buffer';
import { DataError } from './errors.ts';
import { type Delimiter, recordsOf, sniffDelimiter, UnclosedQuote } from './records.ts';

/** Bytes of the head that are enough (issue of splits: the operator never reads more of a data set). */
export const HEAD_BYTES = 65_536;

export interface TableHead {
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
  readonly delimiter: Delimiter;
  /** Column names, stripped; trailing unnamed columns without values are left out. */
  readonly columns: readonly string[];
  /** All whole rows of the head as text, each as long as `columns`. */
  readonly rows: readonly (readonly string[])[];
  /** Rows in the whole table, estimated from its size; exact when the head is everything. */
  readonly estimatedRows: number;
}

/** Header and rows as they stand, whatever a model would need of them. */
export interface RawHead {
  readonly encoding: TableHead['encoding'];
  readonly delimiter: Delimiter;
  /** Whole records of the head, the header among them; cells not stripped. */
  readonly records: readonly (readonly string[])[];
  /** The head is everything. */
  readonly whole: boolean;
}

/**
 * Reads the head of a table to learn from. `bytes` are the first HEAD_BYTES of an object of `size` bytes. Throws DataError in plain words
 * for an empty file, a header only, one column, duplicate column names, or something that is not a table at all.
 */
export function readHead(bytes: Uint8Array, size: number): TableHead {
  const { encoding, delimiter, records, whole } = readRawHead(bytes, size);
  const header = (records[0] ?? []).map(strip);
  if (header.every((name) => name === ''))
    throw unfit('NoHeader', 'The first line names no columns. Send a CSV file whose first line is the header.');
  const rows = records.slice(1);
  if (rows.length === 0 && whole)
    throw unfit('NoRows', `The file has a header (${header.length} columns) but no rows.`);
  const columns = namedColumns(header, rows);
  if (columns.length < 2)
    throw unfit(
      'OneColumn',
      `The file has only one column (${JSON.stringify(cut(columns[0] ?? ''))}). A model needs a target and at least one other column; columns are told apart by , ; | or tabs.`,
    );
  refuseDuplicates(columns);
  return {
    encoding,
    delimiter,
    columns,
    rows: rows.map((row) => columns.map((_, at) => strip(row[at] ?? ''))),
    estimatedRows: whole ? rows.length : estimateRows(bytes.length, rows.length, size),
  };
}

/** Reads the head of any table of text; throws DataError where it is none, and where not even its header is whole. */
export function readRawHead(bytes: Uint8Array, size: number): RawHead {
  if (size === 0 || bytes.length === 0)
    throw unfit('EmptyFile', 'The file is empty. Send a CSV file with a header line and at least one row.');
  refuseForeign(bytes);
  const encoding = encodingOf(bytes);
  const whole = bytes.length >= size;
  const text = new TextDecoder(encoding).decode(bytes).replace(/^\uFEFF/, '');
  if (text.includes('\0')) throw unfit('NotATable', 'The file is not text (it has NUL bytes). Send a CSV file.');
  // A head of this size is looked at as one that goes on, as the handler does, which never sees the end.
  const delimiter = sniffDelimiter(text, whole && bytes.length < HEAD_BYTES);
  return { encoding, delimiter, records: wholeRecords(text, delimiter, whole), whole };
}

/** Rows of a table of `size` bytes, whose first `bytes` hold `rows` of them and the header. */
export function estimateRows(bytes: number, rows: number, size: number): number {
  const bytesPerRow = rows > 0 ? bytes / (rows + 1) : bytes;
  return Math.max(1, Math.round(size / bytesPerRow) - 1);
}

export function unfit(errorCode: string, message: string): DataError {
  return new DataError(message, { errorCode, kind: 'invalid' });
}

const FOREIGN: readonly (readonly [string, readonly number[]])[] = [
  ['a PNG picture', [0x89, 0x50, 0x4e, 0x47]],
  ['a JPEG picture', [0xff, 0xd8, 0xff]],
  ['a PDF document', [0x25, 0x50, 0x44, 0x46]],
  ['a ZIP archive or an Excel workbook', [0x50, 0x4b, 0x03, 0x04]],
  ['an old Excel workbook', [0xd0, 0xcf, 0x11, 0xe0]],
  ['a gzip archive', [0x1f, 0x8b]],
  ['a Parquet file', [0x50, 0x41, 0x52, 0x31]],
];

function refuseForeign(bytes: Uint8Array): void {
  const found = FOREIGN.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte));
  if (found) throw unfit('NotATable', `The file is ${found[0]}, not a table. Save the table as CSV and send that.`);
}

/** As the handler finds it (lambda/csv/encoding.ts). */
function encodingOf(bytes: Uint8Array): TableHead['encoding'] {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const byMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return byMark || isUtf8(wholeCharacters(bytes)) ? 'utf-8' : 'windows-1252';
}

/** Without the character that the end of a head may have torn. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  if (bytes.length < HEAD_BYTES) return bytes;
  const lead = [1, 2, 3].find((back) => bytes[bytes.length - back]! < 0x80 || bytes[bytes.length - back]! >= 0xc0);
  const torn = lead !== undefined && bytes[bytes.length - lead]! >= 0xc0;
  return torn ? bytes.subarray(0, bytes.length - lead) : bytes;
}

function wholeRecords(text: string, delimiter: Delimiter, whole: boolean): string[][] {
  try {
    const records = [...recordsOf(text, delimiter, whole)];
    if (records.length > 0 || whole) return records;
  } catch (error) {
    if (!(error instanceof UnclosedQuote)) throw error;
    throw unfit('NotATable', 'The file cannot be read as CSV: a quote is opened and never closed.');
  }
  throw unfit(
    'NotATable',
    'The first line is longer than 64 KB or has a quote that never closes. Send a CSV file with a header line.',
  );
}

function namedColumns(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  let width = header.length;
  while (width > 0 && header[width - 1] === '' && rows.every((row) => strip(row[width - 1] ?? '') === '')) width -= 1;
  return header.slice(0, width).map((name, at) => (name === '' ? `column_${at + 1}` : name));
}

function refuseDuplicates(columns: readonly string[]): void {
  const seen = new Map<string, number>();
  columns.forEach((name, at) => {
    const first = seen.get(name);
    if (first !== undefined)
      throw unfit(
        'DuplicateColumn',
        `The column ${JSON.stringify(cut(name))} stands twice in the header (columns ${first + 1} and ${at + 1}). Rename one of them.`,
      );
    seen.set(name, at);
  });
}

const STRIPPED = /^[\t-\r \u00a0\ufeff]+|[\t-\r \u00a0\ufeff]+$/g;
/** The artefact contract's stripping (manifest.schema.json). */
export const strip = (text: string): string => text.replace(STRIPPED, '');
const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
