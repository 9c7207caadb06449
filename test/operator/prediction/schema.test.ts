import { expect } from 'chai';
import type { Manifest } from '../../../cloud/contract/contract.generated.ts';
import { fitOf } from '../../../operator/prediction/schema.ts';

type Column = Manifest['preprocessing']['columns'][number];
type Feature = Manifest['features'][number];

const number = { kind: 'number', impute: 0, indicator: false, center: 0, scale: 1 } as const;
const MODEL: { features: Feature[]; preprocessing: { missing: string[]; columns: Column[] } } = {
  features: [
    { name: 'age', type: 'number', example: '35' },
    { name: 'price', type: 'number', example: '1.234,5 €' },
    { name: 'joined', type: 'date', example: '31.12.1999' },
    { name: 'own_telephone', type: 'boolean', example: 'yes' },
    { name: 'city', type: 'category', example: 'Berlin' },
  ],
  preprocessing: {
    missing: ['', 'NA'],
    columns: [
      { column: 'age', ...number },
      { column: 'price', ...number, notation: { decimal: ',', thousands: '.', unit: '€' } },
      { column: 'joined', kind: 'date', orders: ['DMY'], parts: [], indicator: false },
      {
        column: 'own_telephone',
        kind: 'boolean',
        yes: ['yes'],
        no: ['no'],
        impute: 0,
        indicator: false,
        center: 0,
        scale: 1,
      },
      { column: 'city', kind: 'ordinal', categories: ['Berlin', 'Bonn'], unknown: -1, missing: -2 },
      { column: 'city', kind: 'oneHot', categories: ['Berlin'], impute: null },
    ],
  },
};
const COLUMNS = ['age', 'price', 'joined', 'own_telephone', 'city'];
const ROW = ['35', '1.234,5 €', '31.12.1999', 'YES', 'Bonn'];
const SPEC = { predictionColumn: 'prediction', onBadRow: 'Fail' } as const;

const fit = (columns: readonly string[], rows: readonly (readonly string[])[] = [], spec: object = {}) =>
  fitOf({ ...SPEC, ...spec }, MODEL, { columns, rows, leftOut: [] });
const message = (...args: Parameters<typeof fit>): string => fit(...args).problem?.message ?? 'fits';

/** Rows in which one column has these cells. */
const withCells = (column: string, cells: readonly string[]): string[][] =>
  cells.map((cell) => ROW.map((usual, i) => (COLUMNS[i] === column ? cell : usual)));

describe('A table fits a model', () => {
  it('with its columns in any order, and others besides', () => {
    const columns = ['id', ...COLUMNS.toReversed()];
    expect(fit(columns, [['7', ...ROW.toReversed()]])).to.deep.equal({ warnings: [] });
  });

  it('with cells that are missing, quoted blanks, and a few that cannot be read', () => {
    expect(fit(COLUMNS, withCells('age', ['', 'NA', ' 3 ', '4.5', 'abc', '1e3']))).to.deep.equal({ warnings: [] });
  });

  it('as far as can be seen where its columns cannot', () => {
    expect(fitOf(SPEC, MODEL, { rows: [], leftOut: [] })).to.deep.equal({ warnings: [] });
  });
});

describe('A table does not fit a model', () => {
  it('that lacks columns; close names are suggested', () => {
    const found = fit(['Age ', 'price', 'joined', 'own telephon', 'town']);
    expect(found.problem?.reason).to.equal('MissingColumns');
    expect(found.problem?.message).to.equal(
      'The table lacks the columns "age", "own_telephone", "city" that the model needs. It has "Age ", "price", "joined", "own telephon", "town".' +
        ' Perhaps you only need to rename "Age " to "age", "own telephon" to "own_telephone".',
    );
  });

  it('that holds what is needed as lists', () => {
    const found = fitOf(SPEC, MODEL, { columns: COLUMNS.slice(1), rows: [], leftOut: ['age'] });
    expect(found.problem?.message).to.contain('"age", which the file holds as lists');
  });

  it('that has a needed column twice, or the prediction already', () => {
    expect(message([...COLUMNS, 'age'])).to.contain('more than one column named "age"');
    expect(message([...COLUMNS, 'x', 'x'])).to.equal('fits');
    expect(message([...COLUMNS, 'prediction'])).to.contain('choose another predictionColumn');
  });

  it('for which features are asked that it was not trained on', () => {
    expect(fit(COLUMNS, [], { features: ['age', 'zip'] }).problem?.reason).to.equal('InvalidSpec');
  });

  it('with a row of another length, unless such rows may be', () => {
    const rows = [ROW, ROW.slice(1)];
    expect(message(COLUMNS, rows)).to.contain('Row 2 has 4 cells where the header has 5');
    expect(message(COLUMNS, rows, { onBadRow: 'Empty' })).to.equal('fits');
  });

  const ADVICE = 'Write this column as it was written in training, or train a model with a table like this one.';
  const unreadable: [string, string[], string][] = [
    [
      'age',
      ['3', '', 'abc', 'x', 'y'],
      'Row 3, column "age": "abc" is not a number such as the model learned from (35). The same goes for 3 of the first 4 values.',
    ],
    [
      'age',
      ['x', 'y'],
      'Row 1, column "age": "x" is not a number such as the model learned from (35). The same goes for all of the first 2 values.',
    ],
    ['age', ['1,5'], 'Row 1, column "age": "1,5" is not a number such as the model learned from (35).'],
    [
      'price',
      ['1,234.5'],
      'Row 1, column "price": "1,234.5" is not a number such as the model learned from (1.234,5 €).',
    ],
    [
      'joined',
      ['1999-12-31'],
      'Row 1, column "joined": "1999-12-31" is not a date such as the model learned from (31.12.1999).',
    ],
    [
      'own_telephone',
      ['perhaps'],
      'Row 1, column "own_telephone": "perhaps" is neither yes nor no such as the model learned from (yes).',
    ],
  ];
  for (const [column, cells, words] of unreadable)
    it(`whose ${column} is mostly like ${JSON.stringify(cells.at(-1))}`, () => {
      expect(message(COLUMNS, withCells(column, cells))).to.equal(`${words} ${ADVICE}`);
    });

  it('and long values are cut in what is said', () => {
    expect(message(COLUMNS, withCells('age', ['x'.repeat(500)]))).to.have.length.below(300);
  });
});

describe('A table is warned of', () => {
  it('when nearly all values of a category are unknown', () => {
    const found = fit(COLUMNS, withCells('city', ['Rom', 'Rom', 'Paris', 'Oslo', 'Wien', 'Riga']));
    expect(found.problem).to.equal(undefined);
    expect('warnings' in found && found.warnings).to.deep.equal([
      'No value of "city" in the first rows was seen in training: "Rom", "Paris", "Oslo", where the model knows values such as "Berlin". Predictions will not make use of this column.',
    ]);
  });

  it('but not for a few cells, or when some are known', () => {
    expect(fit(COLUMNS, withCells('city', ['Rom', 'Rom', 'Rom', 'Rom']))).to.deep.equal({ warnings: [] });
    expect(fit(COLUMNS, withCells('city', ['Rom', 'Rom', 'Rom', 'Rom', 'Bonn', 'Berlin']))).to.deep.equal({
      warnings: [],
    });
  });

  it('when columns cannot be part of the result', () => {
    const found = fitOf(SPEC, MODEL, { columns: COLUMNS, rows: [], leftOut: ['tags'] });
    expect('warnings' in found && found.warnings[0]).to.contain('left out of the result: "tags"');
  });
});
