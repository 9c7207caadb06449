// What the first record tells: the delimiter and the names of the columns. Next: encode/rows.ts looks its columns up.
import { listed, PredictionFailure } from '../failure.ts';
import { cellText, stripped } from './cell.ts';
import type { Encoding } from './encoding.ts';
import { INCOMPLETE, MalformedRecord, RecordScanner } from './records.ts';

/** In order of preference when they occur equally often. */
export const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

const UNDECIDED_BYTES = 1024 * 1024;

export interface Header {
  delimiter: Delimiter;
  /** Stripped names, in file order; may repeat. */
  names: string[];
  /** Where its line ending begins, and where the first row starts. */
  contentEnd: number;
  next: number;
}

/** Reads the first record of bytes [from, to); undefined: more bytes are needed. */
export function readHeader(
  bytes: Buffer,
  from: number,
  to: number,
  final: boolean,
  encoding: Encoding,
): Header | undefined {
  let torn = false;
  let unreadable: MalformedRecord | undefined;
  let best: { delimiter: Delimiter; scanner: RecordScanner; next: number } | undefined;
  for (const delimiter of DELIMITERS) {
    const scanner = new RecordScanner(delimiter.charCodeAt(0));
    let next: number;
    try {
      next = scanner.scan(bytes, from, to, final);
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error;
      unreadable = error;
      continue;
    }
    if (next === INCOMPLETE) torn = true;
    else if (!best || scanner.count > best.scanner.count) best = { delimiter, scanner, next };
  }
  // Delimiters disagree on where the record ends only when a quote follows one of them: then see that quote closed first.
  if (torn && (!best || to - from < UNDECIDED_BYTES)) return undefined;
  if (!best)
    throw new PredictionFailure('InvalidData', `The header of the file ${unreadable?.message ?? 'is unreadable'}.`);
  const { delimiter, scanner, next } = best;
  const names = Array.from({ length: scanner.count }, (_, i) =>
    stripped(cellText(bytes, scanner.starts[i]!, scanner.ends[i]!, scanner.forms[i]!, encoding)),
  );
  return { delimiter, names, contentEnd: scanner.contentEnd, next };
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
