// Arbitrary tables as bytes, for property tests: every kind of quoting, delimiter and line ending, with awkward cells.
import fc from 'fast-check';

export interface ArbitraryTable {
  text: string;
  delimiter: string;
  header: string[];
  rows: string[][];
}

const AWKWARD = [
  '',
  ' ',
  '"',
  '""',
  ',',
  ';',
  '\t',
  '|',
  '\n',
  '\r',
  '\r\n',
  'é',
  '😀',
  '\u00a0',
  '\ufeff',
  'a"b',
  '0',
  '-1.5e3',
  'NA',
  'YES',
  'No',
  '2024-02-29T23:30+01:00',
  '31.12.1999',
  '1.234,5 %',
];

const cell = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0')),
  fc.double({ noNaN: true }).map(String),
  fc.array(fc.constantFrom(...AWKWARD, 'x'), { maxLength: 5 }).map((parts) => parts.join('')),
);

/** Tables of at least two columns named c0, c1, …; `text` is the file. */
export const arbitraryTable: fc.Arbitrary<ArbitraryTable> = fc
  .record({ width: fc.integer({ min: 2, max: 5 }), delimiter: fc.constantFrom(',', ';', '\t', '|') })
  .chain(({ width, delimiter }) =>
    fc
      .record({
        rows: fc.array(fc.array(fc.tuple(cell, fc.boolean()), { minLength: width, maxLength: width }), {
          minLength: 1,
          maxLength: 12,
        }),
        ending: fc.constantFrom('\n', '\r\n', '\r'),
        last: fc.boolean(),
      })
      .map(({ rows, ending, last }) => {
        const header = Array.from({ length: width }, (_, i) => `c${i}`);
        const written = rows.map((row) => row.map(([text, quoted]) => write(text, quoted, delimiter)).join(delimiter));
        const text = [header.join(delimiter), ...written].join(ending) + (last ? ending : '');
        return { text, delimiter, header, rows: rows.map((row) => row.map(([text]) => text)) };
      }),
  );

function write(text: string, quoted: boolean, delimiter: string): string {
  const must = text.includes(delimiter) || /[\r\n]/.test(text) || text.startsWith('"');
  return quoted || must ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The bytes in pieces, cut at arbitrary places. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : places[i - 1], end));
}

export async function* stream(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}
