// The encoder against a naive reading of the contract.
import { expect } from 'chai';
import fc from 'fast-check';
import type { DateColumn, Manifest, Notation } from '../../../cloud/contract/contract.generated.ts';
import { stripped } from '../../../lambda/csv/cell.ts';
import { encodedWidth, type RowEncoder } from '../../../lambda/encode/rows.ts';
import { partOf, readDate } from '../../../cloud/contract/date.ts';
import { exactNumber } from '../../../cloud/contract/number.ts';
import { numberReader } from '../../../cloud/contract/notation.ts';
import { type Column, manifestOf, number } from '../../../bench/prediction/manifest.ts';
import { arbitraryTable } from '../table.ts';
import { Batches } from './batches.ts';

function encodeTable(manifest: Manifest, text: string, delimiter: string): { numbers: number[]; encoder: RowEncoder } {
  const [header = ''] = text.split(/\r\n|\r|\n/, 1);
  const rows = Buffer.from(text.slice(header.length).replace(/^\r\n|^\r|^\n/, ''));
  const batches = new Batches(manifest, header.split(delimiter), delimiter, rows);
  return { numbers: batches.all().flat(), encoder: batches.encoder };
}

function naive(column: Column, cell: string, missing: readonly string[]): number[] {
  const text = stripped(cell);
  const absent = missing.includes(text);
  switch (column.kind) {
    case 'number': {
      const read = column.notation ? numberReader(column.notation) : exactNumber;
      const value = absent ? Number.NaN : read(text);
      const x = Number.isNaN(value) ? column.impute : value;
      return [(x - column.center) / column.scale, ...(column.indicator ? [Number.isNaN(value) ? 1 : 0] : [])];
    }
    case 'boolean': {
      const word = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
      const known = !absent && (column.yes.includes(word) || column.no.includes(word));
      const x = known ? (column.yes.includes(word) ? 1 : 0) : column.impute;
      return [(x - column.center) / column.scale, ...(column.indicator ? [known ? 0 : 1] : [])];
    }
    case 'date': {
      const ms = absent ? Number.NaN : readDate(text, column.orders);
      const known = !Number.isNaN(ms);
      const parts = column.parts.map(
        ({ part, impute, center, scale }) => ((known ? partOf(ms, part) : impute) - center) / scale,
      );
      return [...parts, ...(column.indicator ? [known ? 0 : 1] : [])];
    }
    case 'oneHot': {
      const category = absent ? column.impute : text;
      return column.categories.map((other) => (other === category ? 1 : 0));
    }
    case 'ordinal': {
      const index = column.categories.indexOf(text);
      return [absent ? column.missing : index < 0 ? column.unknown : index];
    }
  }
}

const categories = fc.uniqueArray(fc.constantFrom('0', 'a"b', 'é', '😀', 'NA', 'x', '-1.5e3', '""', ','), {
  minLength: 1,
});
const anyColumn = (name: string): fc.Arbitrary<Column> =>
  fc.oneof(
    fc
      .record({
        impute: fc.double({ noNaN: true, noDefaultInfinity: true }),
        indicator: fc.boolean(),
        center: fc.constantFrom(0, 0.1, -3),
        scale: fc.constantFrom(1, 7, 1e-300),
      })
      .map((rest) => number(name, rest)),
    fc
      .record({
        notation: fc.constant<Notation>({ decimal: ',', thousands: '.', unit: '%' }),
        impute: fc.constantFrom(0, 1e300),
        indicator: fc.boolean(),
      })
      .map((rest) => number(name, rest)),
    fc.record({
      column: fc.constant(name),
      kind: fc.constant('boolean' as const),
      yes: fc.constantFrom<[string, ...string[]]>(['x', 'yes'], ['0']),
      no: fc.constantFrom<[string, ...string[]]>(['no'], ['-1.5e3', 'é']),
      impute: fc.constantFrom(0, 0.5, 1),
      indicator: fc.boolean(),
      center: fc.constantFrom(0, 0.3),
      scale: fc.constantFrom(1, 0.5, 1e-300),
    }),
    fc.record({
      column: fc.constant(name),
      kind: fc.constant('date' as const),
      orders: fc.constantFrom<DateColumn['orders']>(['YMD'], ['DMY', 'YMD'], ['MDY']),
      parts: fc.array(
        fc.record({
          part: fc.constantFrom('year' as const, 'month', 'day', 'weekday', 'hour', 'elapsed'),
          impute: fc.constantFrom(0, 2000.5),
          center: fc.constantFrom(0, 1999),
          scale: fc.constantFrom(1, 0.1, 1e-300),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      indicator: fc.boolean(),
    }),
    fc.record({
      column: fc.constant(name),
      kind: fc.constant('oneHot' as const),
      categories,
      impute: fc.constantFrom(null, 'x', '0', 'nowhere'),
    }),
    fc.record({
      column: fc.constant(name),
      kind: fc.constant('ordinal' as const),
      categories,
      unknown: fc.constant(-1),
      missing: fc.constantFrom(-2, 1e300),
    }),
  );

describe('the encoder', () => {
  it('does what the contract says, for every kind of column and cell, in both types', () => {
    fc.assert(
      fc.property(
        arbitraryTable,
        fc.tuple(anyColumn('c0'), anyColumn('c1'), anyColumn('c0')),
        fc.constantFrom<'float32' | 'float64'>('float32', 'float64'),
        fc.constantFrom<string[]>(['', 'NA', '?'], ['-1.5e3', '0'], []),
        ({ text, delimiter, rows }, columns, type, missing) => {
          const manifest = manifestOf({ columns, width: encodedWidth(columns), type, missing });
          const { numbers } = encodeTable(manifest, text, delimiter);
          const plain = rows.flatMap((row) =>
            columns.flatMap((column) => naive(column, row[Number(column.column[1])]!, missing)),
          );
          const limit = type === 'float32' ? 3.4028234663852886e38 : 1e50;
          const clamped = plain.map((value) => Math.max(-limit, Math.min(limit, value)));
          const wanted = type === 'float64' ? clamped : clamped.map(Math.fround);
          expect(numbers).to.deep.equal(wanted);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('recognises more categories than it can remember', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `word${i}`);
    const column: Column = { column: 'c0', kind: 'ordinal', categories: words, unknown: -1, missing: -2 };
    const long = 'y'.repeat(100);
    const cells = [...words, ...words, long, long];
    const { numbers, encoder } = encodeTable(
      manifestOf({ columns: [column], width: 1 }),
      `c0\n${cells.join('\n')}\n`,
      ',',
    );
    expect(numbers).to.deep.equal([...words.keys(), ...words.keys(), -1, -1]);
    expect(encoder.counts()).to.deep.equal({ c0: { missing: 0, invalid: 0, unknown: 2 } });
  });

  it('tells cells of any length apart, at first sight and when it knows them', () => {
    // Alike in length, in their first eight bytes and in their last: a look at only some of the bytes would mix them up.
    const word = fc
      .tuple(fc.integer({ min: 0, max: 70 }), fc.constantFrom('a', 'b'), fc.constantFrom('', 'x', 'y'), fc.nat())
      .map(([length, filling, odd, at]) => {
        const run = filling.repeat(length);
        const place = at % (length + 1);
        return run.slice(0, place) + odd + run.slice(place);
      });
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { minLength: 1, maxLength: 60 }),
        fc.array(word, { maxLength: 20 }),
        (known, others) => {
          const column: Column = { column: 'c0', kind: 'ordinal', categories: known, unknown: -1, missing: -2 };
          const cells = [...known, ...others, ...known.toReversed(), ...others];
          const manifest = manifestOf({ columns: [column], width: 1, missing: [] });
          const { numbers } = encodeTable(manifest, `c0;c1\n${cells.map((cell) => `${cell};\n`).join('')}`, ';');
          expect(numbers).to.deep.equal(cells.map((cell) => known.indexOf(cell)));
        },
      ),
    );
  });

  it('counts a column once although it is encoded twice', () => {
    const columns = [number('c0'), number('c0')];
    const { encoder } = encodeTable(manifestOf({ columns, width: 2 }), 'c0\nNA\nx\n', ',');
    expect(encoder.counts()).to.deep.equal({ c0: { missing: 1, invalid: 1, unknown: 0 } });
  });
});
