// Vectors the other way round: what the handler makes of nasty cells, for the worker's tests to agree with (the worker's own are in
// test/golden). `node test/lambda/encode/vectors.ts` writes test/golden/handler.json; seeded, so the same each time.
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Column, manifestOf } from '../../../bench/prediction/manifest.ts';
import worker from '../../golden/linear_regression/manifest.json' with { type: 'json' };
import { encodedWidth } from '../../../lambda/encode/rows.ts';
import { Batches } from './batches.ts';

export const PATH = new URL('../../golden/handler.json', import.meta.url);
const ROWS = 400;
const SEED = 20_261_126;
/** The worker's list, which is the same in every manifest. */
const MISSING = worker.preprocessing.missing;

const plain = { impute: 7.25, indicator: true, center: 0.1, scale: 3 };
const part = (name: 'year' | 'month' | 'day' | 'weekday' | 'hour' | 'elapsed') => ({
  part: name,
  impute: 1.5,
  center: 0.3,
  scale: 7,
});
const COLUMNS: readonly Column[] = [
  { column: 'number', kind: 'number', ...plain },
  { column: 'number', kind: 'number', impute: -1, indicator: false, center: 0, scale: 1 },
  { column: 'german', kind: 'number', ...plain, notation: { decimal: ',', thousands: '.', unit: '€' } },
  { column: 'swiss', kind: 'number', ...plain, notation: { decimal: '.', thousands: "'", unit: 'CHF' } },
  { column: 'spaced', kind: 'number', ...plain, notation: { decimal: ',', thousands: ' ', unit: '%' } },
  { column: 'comma', kind: 'number', ...plain, notation: { decimal: '.', thousands: ',', unit: '$' } },
  { column: 'flag', kind: 'boolean', yes: ['yes', 'ja', 'ä'], no: ['no', 'nein'], ...plain },
  {
    column: 'when',
    kind: 'date',
    orders: ['YMD', 'DMY'],
    parts: [part('year'), part('month'), part('day')],
    indicator: true,
  },
  {
    column: 'when',
    kind: 'date',
    orders: ['MDY'],
    parts: [part('weekday'), part('hour'), part('elapsed')],
    indicator: false,
  },
  { column: 'word', kind: 'oneHot', categories: ['red', 'a"b', 'é', '1'], impute: 'red' },
  { column: 'word', kind: 'ordinal', categories: ['red', '😀', '1.0'], unknown: -1, missing: -2 },
];
const NAMES = [...new Set(COLUMNS.map(({ column }) => column))];

const digits = fc.stringMatching(/^[0-9]{1,7}$/);
const grouped = (separators: string) =>
  fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      digits,
      fc.constantFrom(...separators),
      fc.boolean(),
      fc.stringMatching(/^[.,]?[0-9]{0,3}$/),
    )
    .map(
      ([sign, whole, separator, group, rest]) =>
        sign + (group ? whole.replace(/\B(?=(\d{3})+(?!\d))/g, separator) : whole) + rest,
    );
const unit = fc.constantFrom('', '€', ' €', '%', 'CHF', ' CHF', '$', 'kg');
const numberCell = fc.oneof(
  fc.double({ noNaN: true }).map(String),
  fc.tuple(unit, grouped(",. '\u00a0\u2009\u202f"), unit).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('-', '+', ''), unit, digits).map((parts) => parts.join('')),
  fc.string({ unit: fc.constantFrom(...'0123456789+-.,eE €%$x'), maxLength: 12 }),
);
const dateCell = fc.oneof(
  fc
    .date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  fc
    .tuple(
      fc.nat(40),
      fc.constantFrom('.', '/', '-'),
      fc.nat(14),
      fc.integer({ min: 1890, max: 2110 }),
      fc.constantFrom(
        '',
        ' 7:05',
        ' 07:05',
        'T23:59:59.9999',
        ' 24:00',
        ' 10:00 +02',
        'T10:00-0330',
        'Z',
        ' 10:00:00Z',
      ),
      fc.nat(2),
    )
    .map(([day, between, month, year, time, order]) => {
      const parts = [
        [day, month, year],
        [month, day, year],
        [year, month, day],
      ][order]!;
      return parts.join(between) + time;
    }),
  fc.integer({ min: 18_000_101, max: 21_001_231 }).map(String),
);
const wordCell = fc.constantFrom(
  'red',
  'Red',
  ' red\t',
  'a"b',
  'é',
  '1',
  '1.0',
  '😀',
  'YES',
  'Ja',
  'Ä',
  'nein',
  'NO',
  'x',
);
const odd = fc.constantFrom('', ' ', 'NA', '?', '-', 'null', '\u00a0', '"', '\n', '\ufeff12');
const cell = fc.oneof(
  { weight: 4, arbitrary: numberCell },
  { weight: 3, arbitrary: dateCell },
  { weight: 3, arbitrary: wordCell },
  odd,
);

/** Cells by row, columns in the order of `names`; `encoded`: the numbers of each row, as text that reads back exactly. */
export interface Vectors {
  missing: readonly string[];
  columns: readonly Column[];
  names: readonly string[];
  rows: readonly (readonly string[])[];
  encoded: readonly (readonly string[])[];
}

export function vectors(): Vectors {
  const rows = fc.sample(fc.array(cell, { minLength: NAMES.length, maxLength: NAMES.length }), {
    numRuns: ROWS,
    seed: SEED,
  });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const bytes = Buffer.from(`${rows.map((row) => row.map(quoted).join(',')).join('\n')}\n`);
  const columns = COLUMNS as [Column, ...Column[]];
  const manifest = manifestOf({ columns, width: encodedWidth(columns), missing: MISSING });
  const asText = (value: number) => (Object.is(value, -0) ? '-0' : String(value));
  const encoded = new Batches(manifest, NAMES, ',', bytes).all().map((row) => row.map(asText));
  return { missing: MISSING, columns, names: NAMES, rows, encoded };
}

export const asText = (value: Vectors): string => `${JSON.stringify(value)}\n`;

if (import.meta.main) writeFileSync(PATH, asText(vectors()));
