import { expect } from 'chai';
import * as fc from 'fast-check';
import { guessTarget, lookAtColumns, lookAtTarget } from '../../cloud/preview.ts';

const times = (count: number, cell: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => cell(at));
const table = (columns: Record<string, readonly string[]>) => {
  const names = Object.keys(columns);
  const length = Math.max(...Object.values(columns).map((cells) => cells.length));
  return { columns: names, rows: times(length, String).map((_, at) => names.map((name) => columns[name]?.[at] ?? '')) };
};
const kindOf = (name: string, cells: readonly string[]) => lookAtColumns(table({ [name]: cells }))[0]?.kind;

describe('A look at columns', () => {
  const kinds: [name: string, cells: readonly string[], kind: string][] = [
    ['a', times(40, (at) => String(at % 7)), 'number'],
    ['price', times(40, (at) => `${1000 + at * 7}`), 'number'],
    ['comma', times(40, (at) => `${at},5`), 'number'],
    ['grouped', times(40, (at) => `1.${100 + at}.000,50`), 'number'],
    ['money', times(40, (at) => `€ ${at}.5`), 'number'],
    ['share', times(40, (at) => `${at} %`), 'number'],
    ['mostly', times(40, (at) => (at === 0 ? 'none of these' : String((at * 3) % 11))), 'number'],
    ['yes or no', times(40, (at) => (at % 2 ? 'Yes' : 'no')), 'boolean'],
    ['day', times(40, (at) => `2026-01-${String((at % 28) + 1).padStart(2, '0')}`), 'date'],
    ['day', times(40, (at) => `${(at % 28) + 1}.3.2026 10:30`), 'date'],
    ['town', times(40, (at) => ['Bonn', 'Ulm', 'Köln'][at % 3] ?? ''), 'category'],
    ['n', times(40, (at) => String(at + 1)), 'id'],
    ['customer_id', times(40, (at) => String(1000 + at * 17)), 'id'],
    ['hash', times(40, (at) => `x${at}y`), 'id'],
    ['words', times(40, (at) => `it is a sentence with the number ${at}`), 'text'],
    ['same', times(40, () => '1'), 'constant'],
    ['empty', times(40, () => 'NA'), 'constant'],
  ];
  for (const [name, cells, kind] of kinds)
    it(`takes ${name} (${cells[1]}) for ${kind}`, () => {
      expect(kindOf(name, cells)).to.equal(kind);
    });

  it('tells the share that is missing and an example', () => {
    const [look] = lookAtColumns(table({ a: ['', '?', '3', '4'] }));
    expect(look).to.include({ missing: 0.5, example: '3' });
    expect(lookAtColumns({ columns: ['a'], rows: [] })).to.deep.equal([{ kind: 'constant', missing: 0, example: '' }]);
  });
});

describe('The guess at the target', () => {
  const guess = (columns: Record<string, readonly string[]>) => {
    const head = table(columns);
    return guessTarget(head.columns, lookAtColumns(head));
  };
  const numbers = times(30, (at) => String(at % 9));
  it('is the column whose name says so', () => {
    expect(guess({ Churn: numbers, a: numbers })).to.deep.equal({ column: 0, reason: 'by its name' });
  });
  it('is else the last one, if it is of use', () => {
    expect(guess({ a: numbers, b: numbers })).to.deep.equal({ column: 1, reason: 'the last column' });
    expect(guess({ a: numbers, b: times(30, () => 'x') })).to.include({ column: 0, reason: 'the last column of use' });
    expect(guess({ a: times(30, () => 'x') })).to.equal(undefined);
  });
});

describe('A look at the target', () => {
  const yes = times(60, (at) => (at % 3 ? 'good' : 'bad'));
  it('tells classes and their shares', () => {
    const look = lookAtTarget(table({ a: times(60, (at) => String(at % 7)), class: yes }), 1);
    expect(look).to.deep.include({
      ...{ task: 'classification', suspects: [], constant: false, values: 2, numeric: false },
    });
    expect(look.shares.map(([name, share]) => `${name} ${share.toFixed(2)}`)).to.deep.equal(['good 0.67', 'bad 0.33']);
  });

  for (const [what, cells, task] of [
    ['two numbers', times(60, (at) => String((at % 2) + 0.5)), 'classification'],
    ['few whole numbers that come often', times(60, (at) => String(at % 5)), 'classification'],
    ['few numbers with fractions', times(60, (at) => String((at % 5) + 0.5)), 'regression'],
    ['few whole numbers that come seldom', times(12, (at) => String(at % 6)), 'regression'],
    ['many numbers', times(60, (at) => String(at * 3)), 'regression'],
  ] as const)
    it(`takes ${what} for a ${task}`, () => {
      expect(lookAtTarget(table({ y: cells }), 0).task).to.equal(task);
    });

  it('says when the sample holds one class, or none', () => {
    expect(lookAtTarget(table({ y: times(30, () => 'a') }), 0).constant).to.equal(true);
    expect(lookAtTarget(table({ y: times(30, () => '') }), 0).constant).to.equal(true);
  });

  it('suspects what equals the target, stands for it, or is the same in another unit', () => {
    const code = yes.map((cell) => (cell === 'good' ? '17' : '4'));
    const noise = times(60, (at) => String((at * 7) % 11));
    expect(lookAtTarget(table({ noise, code, copy: yes, class: yes }), 3).suspects).to.deep.equal([1, 2]);
    const metres = times(60, (at) => String((at * 37) % 101));
    const feet = metres.map((cell) => (Number(cell) * 3.2808).toFixed(4));
    expect(lookAtTarget(table({ noise, feet, metres }), 2).suspects).to.deep.equal([1]);
  });

  it('suspects no id, no column that tells only by chance, and nothing in few rows', () => {
    const id = times(60, (at) => `c${at}`);
    const rare = times(60, (at) => (at === 7 ? 'bad' : 'good'));
    const mark = times(60, (at) => (at === 7 ? 'x' : 'y'));
    expect(lookAtTarget(table({ id, class: yes }), 1).suspects).to.deep.equal([]);
    expect(lookAtTarget(table({ mark, class: rare }), 1).suspects).to.deep.equal([]);
    expect(lookAtTarget(table({ copy: yes.slice(0, 15), class: yes.slice(0, 15) }), 1).suspects).to.deep.equal([]);
    expect(lookAtTarget(table({ copy: yes, class: yes }), 1, 1).suspects).to.deep.equal([]);
  });

  it('never throws, whatever the cells (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string(), fc.string()), { maxLength: 40 }), (rows) => {
        const head = { columns: ['a', 'b', 'c'], rows };
        const looks = lookAtColumns(head);
        expect(looks).to.have.length(3);
        guessTarget(head.columns, looks);
        for (const at of [0, 1, 2]) {
          const { shares } = lookAtTarget(head, at);
          const whole = shares.reduce((sum, [, share]) => sum + share, 0);
          expect(whole).to.be.within(0, 1 + 1e-9);
        }
      }),
    );
  });
});
