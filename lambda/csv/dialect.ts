// What the first record tells: the delimiter and the names of the columns. Next: encode/rows.ts looks its columns up.
import { listed, PredictionFailure } from '../failure.ts';
import { stripped } from './cell.ts';
import type { Encoding } from './encoding.ts';
import { INCOMPLETE, MalformedRecord, RecordScanner } from './records.ts';

/** In order of preference when they occur equally often. */
export const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

const SNIFFED_RECORDS = 100;

export interface Header {
  delimiter: Delimiter;
  /** Stripped names, in file order; may repeat. */
  names: string[];
  /** Where its line ending begins, and where the first row starts. */
  contentEnd: number;
  next: number;
}

/**
 * Reads the header of bytes [from, to): the first record with any text. Undefined: more bytes are needed. What stands
 * before `next` is passed through as it is.
 */
export function readHeader(
  bytes: Buffer,
  from: number,
  to: number,
  final: boolean,
  encoding: Encoding,
): Header | undefined {
  const delimiter = sniffDelimiter(bytes, from, to, final, encoding);
  const scanner = new RecordScanner(delimiter.charCodeAt(0));
  for (let at = from; at < to; ) {
    const next = scanHeader(scanner, bytes, at, to, final);
    if (next === INCOMPLETE) return undefined;
    const { contentEnd } = scanner;
    const names = scanner.texts(bytes, at, contentEnd, encoding).map(stripped);
    if (names.some(isText)) return { delimiter, names, contentEnd, next };
    at = next;
  }
  if (!final) return undefined;
  throw new PredictionFailure('InvalidData', 'The file is empty.');
}

const isText = (name: string): boolean => name !== '';

function scanHeader(scanner: RecordScanner, bytes: Buffer, from: number, to: number, final: boolean): number {
  try {
    return scanner.scan(bytes, from, to, final);
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    throw new PredictionFailure('InvalidData', `The header of the file ${error.message}.`);
  }
}

/** The delimiter that cuts most of the first records into as many cells as the header, and into the most of them. */
export function sniffDelimiter(bytes: Buffer, from: number, to: number, final: boolean, encoding: Encoding): Delimiter {
  let best: Delimiter = ',';
  let bestAlike = 0;
  let bestWidth = 0;
  for (const delimiter of DELIMITERS) {
    const widths = firstWidths(new RecordScanner(delimiter.charCodeAt(0)), bytes, from, to, final, encoding);
    const width = widths[0] ?? 0;
    if (width < 2) continue;
    // Tenths, so that a few odd rows do not outweigh many more cells. As the worker does when it learns a file.
    const alike = Math.round((10 * widths.filter((other) => other === width).length) / widths.length);
    if (alike > bestAlike || (alike === bestAlike && width > bestWidth)) {
      best = delimiter;
      bestAlike = alike;
      bestWidth = width;
    }
  }
  return best;
}

/** Cells of the first records, from the header on. */
function firstWidths(
  scanner: RecordScanner,
  bytes: Buffer,
  from: number,
  to: number,
  final: boolean,
  encoding: Encoding,
): number[] {
  const widths: number[] = [];
  try {
    for (let at = from; at < to && widths.length < SNIFFED_RECORDS; ) {
      const next = scanner.scan(bytes, at, to, final);
      if (next === INCOMPLETE) break;
      const { contentEnd } = scanner;
      const isHeader = () => scanner.texts(bytes, at, contentEnd, encoding).map(stripped).some(isText);
      if (contentEnd > at && (widths.length > 0 || isHeader())) widths.push(scanner.count);
      at = next;
    }
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
  }
  return widths;
}

/** Place of each column in a row. Throws MissingColumns with all that are missing, InvalidData for one that is there twice. */
export function places(header: readonly string[], columns: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  const twice = new Set<string>();
  for (const [i, name] of header.entries()) {
    if (found.has(name)) twice.add(name);
    else found.set(name, i);
  }
  const missing = columns.filter((name) => !found.has(name));
  if (missing.length > 0) {
    const are = missing.length === 1 ? 'A column the model needs is' : `${missing.length} columns the model needs are`;
    const text = `${are} not in the file: ${listed(missing)}. The file has: ${listed(header)}.`;
    throw new PredictionFailure('MissingColumns', text);
  }
  const ambiguous = columns.filter((name) => twice.has(name));
  if (ambiguous.length > 0) {
    throw new PredictionFailure(
      'InvalidData',
      `The file has more than one column named ${listed(ambiguous)}, so it is unclear which one the model should read.`,
    );
  }
  return found;
}
