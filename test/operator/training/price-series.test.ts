// What a run in a pool costs while its price moves.
import { expect } from 'chai';
import { merged, priceAt, trimmed, usdBetween, type Series } from '../../../operator/training/price-series.ts';

const HOUR = 3_600_000;
/** 0.10 from hour 1, 0.20 from hour 2, 0.05 from hour 4; USD per hour. */
const series: Series = [
  { at: 1 * HOUR, usd: 0.1 },
  { at: 2 * HOUR, usd: 0.2 },
  { at: 4 * HOUR, usd: 0.05 },
];

describe('The cost of a run while the price moves', () => {
  const runs: [what: string, from: number, to: number, usd: number][] = [
    ['no change inside', 1.25, 1.75, 0.05],
    ['a change inside its first hour, which counts from the second on', 1.5, 3, 0.1 + 0.1],
    ['a change inside an hour that it does not use up', 1.5, 2.25, 0.075],
    ['changes at the beginning of an hour', 1, 5, 0.1 + 0.2 + 0.2 + 0.05],
    ['every change before the start', 6, 8, 0.1],
    ['a start at the very change', 2, 3, 0.2],
    ['an end at the very change', 1, 2, 0.1],
    ['a start before the first known change, at its price', 0, 1.5, 0.15],
    ['an end before the first known change', 0, 0.5, 0.05],
    ['a part of an hour at its end', 3.5, 5, 0.2 + 0.025],
    ['one second', 2, 2 + 1 / 3600, 0.2 / 3600],
    ['no time at all', 3, 3, 0],
    ['an end before the start', 3, 2, 0],
  ];
  for (const [what, from, to, usd] of runs)
    it(`is right with ${what}`, () => {
      expect(usdBetween(series, from * HOUR, to * HOUR)).to.be.closeTo(usd, 1e-12);
    });

  it('asks for a part of it what the hours since the launch cost', () => {
    const part = (from: number, to: number) => usdBetween(series, from * HOUR, to * HOUR, 1.5 * HOUR);
    expect(part(2, 3)).to.be.closeTo(0.1 / 2 + 0.2 / 2, 1e-12);
    expect(part(3.75, 3.5)).to.equal(0);
    const cuts = [1.5, 1.6, 2.4, 2.5, 3.9, 4.5, 5.1, 7];
    const parts = cuts.slice(1).map((to, at) => part(cuts[at] as number, to) ?? 0);
    expect(parts.reduce((sum, usd) => sum + usd, 0)).to.be.closeTo(part(1.5, 7) ?? 0, 1e-12);
  });

  it('is one price for each hour of a pool that changes by the minute', () => {
    const restless = Array.from({ length: 600 }, (_, minute) => ({ at: minute * 60_000, usd: minute + 1 }));
    expect(usdBetween(restless, 30 * 60_000, 180 * 60_000)).to.be.closeTo(31 + 91 + 151 / 2, 1e-9);
  });

  it('is unknown for an unknown pool', () => {
    expect(usdBetween([], 0, HOUR)).to.equal(undefined);
    expect(priceAt([], HOUR)).to.equal(undefined);
  });
});

describe('A series of prices', () => {
  it('knows the price at any time', () => {
    expect([0, 1, 1.5, 2, 3.9, 4, 99].map((hour) => priceAt(series, hour * HOUR))).to.deep.equal([
      0.1, 0.1, 0.1, 0.2, 0.2, 0.05, 0.05,
    ]);
  });

  it('takes news in any order, without repetitions, the last word first', () => {
    const grown = merged(series, [
      { at: 6 * HOUR, usd: 0.07 },
      { at: 5 * HOUR, usd: 0.05 },
      { at: 2 * HOUR, usd: 0.2 },
    ]);
    expect(grown).to.deep.equal([...series, { at: 6 * HOUR, usd: 0.07 }]);
    expect(merged(series, [{ at: 2 * HOUR, usd: 0.3 }])[1]?.usd).to.equal(0.3);
    expect(merged([], [])).to.deep.equal([]);
  });

  it('forgets what no longer holds', () => {
    expect(trimmed(series, 3 * HOUR)).to.deep.equal(series.slice(1));
    expect(trimmed(series, 9 * HOUR)).to.deep.equal(series.slice(2));
    expect(trimmed(series, 0)).to.equal(series);
  });
});
