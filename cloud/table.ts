// The head of a table in S3: encoding, delimiter, columns and a few rows from its first bytes. Chat offers columns from it and
// admission refuses unfit data before money is spent. The worker and the handler read whole tables with their own readers.
import { parse } from 'csv-parse/sync';
import { DataError } from './errors.ts';

/** More records than 64 KB can hold. */
const EVERY = 1_000_000;

/** Bytes of the head that are enough (issue of splits: the operator never reads more of a data set). */
export const HEAD_BYTES = 65_536;

export interface TableHead {
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
  readonly delimiter: ',' | ';' | '\t' | '|';
  /** Column names, stripped; trailing unnamed columns without values are left out. */
  readonly columns: readonly string[];
  /** All whole rows of the head as text, each as long as `columns`. */
  readonly rows: readonly (readonly string[])[];
  /** Rows in the whole table, estimated from its size; exact when the head is everything. */
  readonly estimatedRows: number;
}

/**
 * Reads the head of a table. `bytes` are the first HEAD_BYTES of an object of `size` bytes. Throws DataError in plain words for
 * an empty file, a header only, one column, duplicate column names, or something that is not a table at all.
 */
export function readHead(bytes: Uint8Array, size: number): TableHead {
  if (size === 0 || bytes.length === 0)
    throw unfit('EmptyFile', 'The file is empty. Send a CSV file with a header line and at least one row.');
  refuseForeign(bytes);
  const encoding = encodingOf(bytes);
  const whole = bytes.length >= size;
  const text = new TextDecoder(encoding).decode(bytes).replace(/^\uFEFF/, '');
  if (text.includes('\0')) throw unfit('NotATable', 'The file is not text (it has NUL bytes). Send a CSV file.');
  const delimiter = delimiterOf(text);
  const records = recordsOf(text, delimiter, whole);
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
  const bytesPerRow = rows.length > 0 ? bytes.length / (rows.length + 1) : bytes.length;
  return {
    encoding,
    delimiter,
    columns,
    rows: rows.map((row) => columns.map((_, at) => strip(row[at] ?? ''))),
    estimatedRows: whole ? rows.length : Math.max(1, Math.round(size / bytesPerRow) - 1),
  };
}

function unfit(errorCode: string, message: string): DataError {
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

function encodingOf(bytes: Uint8Array): TableHead['encoding'] {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  try {
    // `stream`: a character cut at the end of the head is not an error.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}

/** The delimiter that occurs most in the first record, outside quotes. */
function delimiterOf(text: string): TableHead['delimiter'] {
  const counts = { ',': 0, ';': 0, '\t': 0, '|': 0 };
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '\n' || char === '\r')) break;
    else if (!quoted && char in counts) counts[char as keyof typeof counts] += 1;
  }
  const best = (Object.keys(counts) as (keyof typeof counts)[]).reduce((a, b) => (counts[b] > counts[a] ? b : a));
  return best;
}

/** Records of the head. The last one of a cut head is left out: it may be half a record. */
function recordsOf(text: string, delimiter: string, whole: boolean): string[][] {
  const read = (to: number): string[][] =>
    parse(text, { delimiter, to, relax_quotes: true, relax_column_count: true, skip_empty_lines: true });
  // A quote that is still open at the cut is no error of the file: then fewer records are read.
  for (const most of whole ? [EVERY] : [EVERY, 20, 1]) {
    try {
      const records = read(most);
      if (!whole && records.length < 2 && !/[\r\n]/.test(text.trimEnd())) break;
      return whole || most < EVERY || records.length < 2 ? records : records.slice(0, -1);
    } catch (error) {
      if (whole) throw unfit('NotATable', `The file cannot be read as CSV: ${(error as Error).message}`);
    }
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
const strip = (text: string): string => text.replace(STRIPPED, '');
const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
