// Drift against training: says nothing where nothing drifted, whatever the sizes of samples, and speaks up where something did.
import { expect } from 'chai';
import fc from 'fast-check';
import { randomNumbers } from '../../../bench/prediction/credit.ts';
import { driftOf, type Group, isNoChance, psiOf } from '../../../operator/prediction/drift.ts';

const groupsOf = (now: readonly number[], trained: readonly number[]): Group[] =>
  now.map((count, at) => ({ what: String(at), now: count, trained: trained[at]! }));

const cumulative = (weights: readonly number[]): number[] => {
  let sum = 0;
  const whole = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => (sum += weight / whole));
};

/** How many of `rows` fall into each of the groups. */
function drawn(edges: readonly number[], rows: number, random: () => number): number[] {
  const counts = edges.map(() => 0);
  for (let row = 0; row < rows; row++) {
    const at = random();
    const group = edges.findIndex((edge) => at < edge);
    counts[group < 0 ? counts.length - 1 : group]!++;
  }
  return counts;
}

/** Deciles, a column of yes and no, some frequent and many rare texts, nearly always the same. */
const SHAPES = [
  [0, ...Array.from({ length: 10 }, () => 1), 0],
  [3, 1],
  [30, 20, 10, 5, 5, 2, 1, 0.5, 0.2, 0.1, 0.1, 0.05],
  [99, 0.5, 0.5],
];
/** Of tables; of one chunk at most 8,192 rows are sampled. */
const SIZES = [50, 100, 300, 1000, 10_000, 100_000];

describe('Drift', () => {
  it('is told of at most 1 % of tables where nothing drifted, of 50 to 100,000 rows', () => {
    const random = randomNumbers(6);
    for (const rows of SIZES) {
      const tables = rows > 1000 ? 20 : 400;
      let alarms = 0;
      for (let table = 0; table < tables; table++) {
        const told = Array.from({ length: 5 }, (_, copy) => SHAPES.map((shape) => ({ shape, copy }))).flat();
        const alarmed = told.some(({ shape, copy }) => {
          const edges = cumulative(shape);
          const trainedRows = [100, 800, 5000, 1000, 300][copy]!;
          const trained = drawn(edges, trainedRows, random).map((count) => count / trainedRows);
          const groups = groupsOf(drawn(edges, Math.min(rows, 6000), random), trained);
          return driftOf({ groups, trainedRows, tests: 2 * told.length }).level !== 'none';
        });
        if (alarmed) alarms++;
      }
      expect(alarms / tables, `${rows} rows`).to.be.at.most(0.01);
    }
  });

  it('is told where a normal distribution moved by half its width, from 150 rows on', () => {
    const deciles = [-1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816];
    const random = randomNumbers(7);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    for (const [rows, moved, level] of [
      [150, 0.9, 'major'],
      [5000, 0.6, 'major'],
      [5000, 0.4, 'moderate'],
      [5000, 0.1, 'none'],
    ] as const) {
      const counts = Array.from({ length: 10 }, () => 0);
      for (let row = 0; row < rows; row++) {
        const value = normal() + moved;
        counts[deciles.filter((edge) => value > edge).length]!++;
      }
      const trained = Array.from({ length: 10 }, () => 0.1);
      expect(driftOf({ groups: groupsOf(counts, trained), trainedRows: 1000, tests: 40 }).level).to.equal(level);
    }
  });

  it('is none at all where shares are equal', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 1e6 }), (now, trainedRows) => {
        const rows = now.reduce((a, b) => a + b, 0);
        const groups = groupsOf(
          now,
          now.map((count) => count / rows),
        );
        fc.pre(groups.every(({ trained }) => trained >= 0.5 / trainedRows));
        expect(psiOf(groups, rows, trainedRows)).to.be.closeTo(0, 1e-12);
        expect(driftOf({ groups, trainedRows, tests: 1 })).to.deep.equal({ psi: 0, level: 'none' });
      }),
    );
  });

  it('is the sum that the field calls population stability index', () => {
    const groups = groupsOf([200, 300, 500], [0.5, 0.3, 0.2]);
    const expected = -0.3 * Math.log(0.2 / 0.5) + 0.3 * Math.log(0.5 / 0.2);
    expect(psiOf(groups, 1000, 1000)).to.be.closeTo(expected, 1e-12);
    expect(driftOf({ groups, trainedRows: 1000, tests: 1 }).psi).to.be.closeTo(expected - 2 * 0.002, 1e-12);
  });

  it('is never less than nothing and never infinite', () => {
    const counts = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { maxLength: 15 });
    fc.assert(
      fc.property(counts, fc.nat(5000), (pairs, trainedRows) => {
        const whole = Math.max(
          1,
          pairs.reduce((sum, [, trained]) => sum + trained, 0),
        );
        const groups = pairs.map(([now, trained], at) => ({ what: String(at), now, trained: trained / whole }));
        const { psi } = driftOf({ groups, trainedRows, tests: 10 });
        expect(psi).to.be.within(0, 100);
      }),
    );
  });

  it('sees values that training had none of', () => {
    const groups = groupsOf([0, 60, 40], [0, 1, 0]);
    expect(driftOf({ groups, trainedRows: 800, tests: 40 }).level).to.equal('major');
    expect(driftOf({ groups: groupsOf([0, 3, 2], [0, 1, 0]), trainedRows: 800, tests: 40 }).level).to.equal('none');
  });

  it('asks chance as the χ² distribution has it', () => {
    // 3.841 is what chance passes in 5 % of tests with one degree of freedom, 7.879 in 0.5 %; one half is the share of both.
    const apart = (statistic: number): Group[] => {
      const difference = Math.sqrt(statistic / (4 * 500));
      return groupsOf([1000 * (0.5 + difference), 1000 * (0.5 - difference)], [0.5, 0.5]);
    };
    expect(isNoChance(apart(8.4), 1000, 1000, 1)).to.equal(true);
    expect(isNoChance(apart(7.3), 1000, 1000, 1)).to.equal(false);
    expect(isNoChance(apart(8.4), 1000, 1000, 10)).to.equal(false);
    expect(isNoChance([{ what: 'all', now: 5, trained: 1 }], 5, 5, 1)).to.equal(false);
  });
});
