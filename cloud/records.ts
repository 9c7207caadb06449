// The records of a table's head, as worker and handler read them: a quote opens a quoted cell only at the cell's start, doubled it is a
// quote, text after the closing one belongs to the cell; CRLF, LF and CR outside quotes end a record. Next: table.ts, unscored.ts.

/** A quote is opened and never closed. */
export class UnclosedQuote extends Error {}

export type Delimiter = ',' | ';' | '\t' | '|';

/** In order of preference when they cut alike. */
const DELIMITERS: readonly Delimiter[] = [',', ';', '\t', '|'];
const SNIFFED_RECORDS = 100;

/** Records with their cells, not stripped; empty lines are left out. Without `final` the last one may be torn, and is left out. */
export function* recordsOf(text: string, delimiter: Delimiter, final: boolean): Generator<string[]> {
  const special = new RegExp(`[${delimiter === '|' ? '\\|' : delimiter}\\r\\n]`, 'g');
  for (let at = 0; at < text.length; ) {
    const { cells, end, next } = recordAt(text, at, special, final);
    if (next === undefined) return;
    if (end > at) yield cells;
    at = next;
  }
}

/** `next` is undefined where the record is torn. */
function recordAt(
  text: string,
  from: number,
  special: RegExp,
  final: boolean,
): { cells: string[]; end: number; next?: number } {
  const cells: string[] = [];
  for (let at = from; ; at++) {
    const quoted = text[at] === '"' ? quotedAt(text, at, final) : { text: '', end: at };
    if (!quoted) return { cells, end: at };
    special.lastIndex = quoted.end;
    const found = special.exec(text);
    const end = found?.index ?? text.length;
    if (!found && !final) return { cells, end };
    cells.push(quoted.text + text.slice(quoted.end, end));
    at = end;
    if (!found) return { cells, end, next: end };
    if (found[0] === '\n') return { cells, end, next: end + 1 };
    if (found[0] !== '\r') continue;
    if (end + 1 === text.length && !final) return { cells, end };
    return { cells, end, next: text[end + 1] === '\n' ? end + 2 : end + 1 };
  }
}

/** What stands in the quotes that open at `open`; undefined where they don't close before the head is cut. */
function quotedAt(text: string, open: number, final: boolean): { text: string; end: number } | undefined {
  let inside = '';
  for (let from = open + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) {
      if (final) throw new UnclosedQuote();
      return undefined;
    }
    if (text[quote + 1] !== '"') return { text: inside + text.slice(from, quote), end: quote + 1 };
    inside += text.slice(from, quote + 1);
    from = quote + 2;
  }
}

/** The delimiter that cuts most of the first records into as many cells as the header, and into the most of them. */
export function sniffDelimiter(text: string, final: boolean): Delimiter {
  let best: { delimiter: Delimiter; alike: number; width: number } = { delimiter: ',', alike: 0, width: 0 };
  for (const delimiter of DELIMITERS) {
    const widths = firstWidths(text, delimiter, final);
    const width = widths[0] ?? 0;
    if (width < 2) continue;
    // Tenths, so that a few odd rows do not outweigh many more cells.
    const alike = Math.round((10 * widths.filter((other) => other === width).length) / widths.length);
    if (alike > best.alike || (alike === best.alike && width > best.width)) best = { delimiter, alike, width };
  }
  return best.delimiter;
}

function firstWidths(text: string, delimiter: Delimiter, final: boolean): number[] {
  const widths: number[] = [];
  try {
    for (const cells of recordsOf(text, delimiter, final)) {
      // What stands before the header has no text.
      if (widths.length === 0 && cells.every((cell) => cell.trim() === '')) continue;
      if (widths.push(cells.length) === SNIFFED_RECORDS) break;
    }
  } catch (error) {
    if (!(error instanceof UnclosedQuote)) throw error;
  }
  return widths;
}
