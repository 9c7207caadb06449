// Whatever the cutting and whatever goes wrong: each row once, in order, or the failure of the right row.
import { expect } from 'chai';
import fc from 'fast-check';
import { LEAST_CHUNK_BYTES } from '../../../operator/prediction/cut.ts';
import { MIB } from '../../../operator/prediction/numbers.ts';
import type { Terms } from '../../../operator/prediction/plan.ts';
import { randomNumbers } from '../../../bench/prediction/credit.ts';
import { type Faults, Operation } from './operation.ts';
import { MadeTable, type Rec } from './table.ts';

const record = fc.record({
  bytes: fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: 2, max: 400_000 }) },
    { weight: 4, arbitrary: fc.integer({ min: MIB, max: 4 * MIB }) },
    { weight: 1, arbitrary: fc.integer({ min: 6 * MIB, max: 20 * MIB }) },
  ),
  opens: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 1000 })),
  bad: fc.constant(false),
});
const records = fc.array(record, { minLength: 60, maxLength: 300, size: 'max' });
const terms: fc.Arbitrary<Terms> = fc.record({
  splitRows: fc.constant(1),
  parallel: fc.integer({ min: 1, max: 12 }),
  chunkSeconds: fc.integer({ min: 1, max: 20 }),
  timeoutSeconds: fc.constant(300),
  mostParts: fc.integer({ min: 1, max: 50 }),
});
const chance = (max: number) => fc.double({ min: 0, max, noNaN: true });
const faults: fc.Arbitrary<Faults> = fc.record({
  wrong: chance(0.6),
  lost: chance(0.3),
  ghost: chance(0.2),
  throttled: chance(0.3),
  killed: chance(0.03),
  capacity: fc.constantFrom(Infinity, 11 * MIB, 16 * MIB),
});
const growth = fc.constantFrom(1, 1, 100, 0);
const seed = fc.integer({ min: 1, max: 2 ** 31 });
const spoiled = (all: readonly Rec[], bad: readonly number[]): Rec[] =>
  all.map((one, i) => ({ ...one, bad: bad.some((at) => at % all.length === i) }));

describe('A table in pieces', () => {
  it('comes out whole, each row once and in order, whatever goes wrong', () => {
    fc.assert(
      fc.property(records, terms, faults, growth, seed, (all, asked, wrong, grows, lot) => {
        const table = new MadeTable(all, 'fail');
        fc.pre(table.bytes > 2 * LEAST_CHUNK_BYTES);
        const { decision, records: got, most } = new Operation(table, asked, wrong, grows, randomNumbers(lot)).run();
        expect(decision).to.include({ is: 'done' });
        expect(got).to.deep.equal(all.map((_, i) => i));
        if (decision.is === 'done') expect(decision.merged).to.include({ rows: all.length, badRows: 0 });
        expect(most).to.be.at.most(asked.parallel);
      }),
      { numRuns: 150 },
    );
  });

  it('fails with the first bad row of the table, however its pieces were read', () => {
    fc.assert(
      fc.property(
        records,
        fc.array(fc.nat(300), { minLength: 1, maxLength: 4 }),
        terms,
        faults,
        seed,
        (all, bad, asked, wrong, lot) => {
          const table = new MadeTable(spoiled(all, bad), 'fail');
          fc.pre(table.bytes > 2 * LEAST_CHUNK_BYTES);
          const { decision } = new Operation(table, asked, wrong, 1, randomNumbers(lot)).run();
          const row = table.records.findIndex((one) => one.bad) + 1;
          expect(decision.is === 'failed' && decision.failure).to.include({
            why: 'BadRow',
            row,
            message: `Row ${row} has 3 cells where the header has 4.`,
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('counts bad rows that may stay empty, and names the first', () => {
    fc.assert(
      fc.property(
        records,
        fc.array(fc.nat(300), { minLength: 1, maxLength: 9 }),
        terms,
        faults,
        seed,
        (all, bad, asked, wrong, lot) => {
          const table = new MadeTable(spoiled(all, bad), 'empty');
          fc.pre(table.bytes > 2 * LEAST_CHUNK_BYTES);
          const { decision, records: got } = new Operation(table, asked, wrong, 1, randomNumbers(lot)).run();
          if (decision.is !== 'done') throw new Error('it failed');
          expect(got).to.deep.equal(all.map((_, i) => i));
          const marked = table.records.filter((one) => one.bad);
          expect(decision.merged.badRows).to.equal(marked.length);
          expect(decision.merged.firstBadRow?.row).to.equal(table.records.indexOf(marked[0]!) + 1);
        },
      ),
      { numRuns: 60 },
    );
  });
});
