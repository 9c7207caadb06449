// What a table's predictions must be, by another way than the handler's: one regular expression for a cell, over the whole
// text at once. Slow, certain, and knows nothing of chunks.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import { quotedCell, stripped } from '../../lambda/csv/cell.ts';
import { exactNumber } from '../../cloud/contract/number.ts';

export interface OracleRecord {
  /** Indices in the text: of its first character, its line ending, and the next record. */
  start: number;
  content: number;
  end: number;
  /** As it stands, without its line ending. */
  line: string;
  /** Unquoted texts. */
  cells: string[];
  /** A quote is opened in it that is never closed. */
  unclosed: boolean;
}

export interface Oracle {
  /** After the header and what stands before it. */
  records: OracleRecord[];
  header: OracleRecord;
  /** How the character at an index is to be read. */
  quotes(at: number): Quotes;
}

/** Of a text without byte order mark; undefined when it has no header. */
export function oracleOf(text: string, delimiter: string): Oracle | undefined {
  const plain = delimiter === '|' ? '[^|\r\n]*' : `[^${delimiter}\r\n]*`;
  const end = delimiter === '|' ? '\\|' : delimiter;
  const cell = new RegExp(`(?:"((?:[^"]|"")*)("?)(${plain})|(${plain}))(${end}|\r\n|\r|\n|$)`, 'y');
  const reading = new Map<number, Quotes>();
  const records: OracleRecord[] = [];
  let record: OracleRecord | undefined;
  for (let at = 0; at < text.length || record; ) {
    record ??= { start: at, content: at, end: at, line: '', cells: [], unclosed: false };
    cell.lastIndex = at;
    const [whole, inner, close, after, bare, separator] = cell.exec(text)!;
    if (inner !== undefined) {
      for (let i = 0; i < inner.length; i++) reading.set(at + 1 + i, 'inside');
      if (close) reading.set(at + 1 + inner.length, 'inside');
      for (const pair of inner.matchAll(/""/g)) reading.set(at + 2 + pair.index, 'escape');
      if (!close) record.unclosed = true;
    }
    record.cells.push(inner === undefined ? bare! : inner.replaceAll('""', '"') + after!);
    at += whole.length;
    if (separator === delimiter) continue;
    record.content = at - separator!.length;
    record.end = at;
    record.line = text.slice(record.start, record.content);
    records.push(record);
    record = undefined;
  }
  const first = records.findIndex(({ cells }) => cells.some((text) => stripped(text) !== ''));
  if (first < 0) return undefined;
  return {
    header: records[first]!,
    records: records.slice(first + 1),
    quotes: (at) => reading.get(at) ?? 'outside',
  };
}

export const isBlank = ({ cells, line, unclosed }: OracleRecord, columns: number): boolean =>
  cells.length === 1 && !unclosed && (line === '' || (columns > 1 && stripped(cells[0]!) === ''));

/** What `echo` makes of a first cell, by the contract's words; -7 stands for what is no number. */
export function echoed(cell: string): string {
  const text = stripped(cell);
  const value = ['', 'NA', '?'].includes(text) ? Number.NaN : exactNumber(text);
  return String(Number.isNaN(value) ? -7 : Math.max(-1e50, Math.min(1e50, value)));
}

/** Of a row that cannot be read: too many cells or too few, a NUL byte, a quote that never closes. */
export const isBad = (record: OracleRecord, columns: number): boolean =>
  !isBlank(record, columns) && (record.unclosed || record.cells.length !== columns || record.line.includes('\0'));

/** The cell due to a record where bad rows stay empty. */
export const predicted = (record: OracleRecord, columns: number): string =>
  isBad(record, columns) ? '' : echoed(record.cells[0]!);

/** A record with a cell behind its content; blank lines as they are. */
export function withCell(
  text: string,
  record: OracleRecord,
  added: string,
  delimiter: string,
  columns: number,
): string {
  const { line, content, end } = record;
  const cell = isBlank(record, columns) ? '' : delimiter + quotedCell(added, delimiter);
  return line + cell + text.slice(content, end);
}
