// Every place of a text: how it is to be read, and where the next record begins, told from the one before it alone.
import { expect } from 'chai';
import fc from 'fast-check';
import { QuoteTracker, quotesAt } from '../../../lambda/csv/quotes.ts';
import { oracleOf } from '../oracle.ts';
import { soup } from './soup.ts';

const COMMA = 0x2c;

describe('the tracker of quotes', () => {
  it('goes on from any place as if it had begun at the start', () => {
    fc.assert(
      fc.property(soup, (scraps) => {
        const text = `c0\n${scraps}`;
        const bytes = Buffer.from(text, 'latin1');
        const oracle = oracleOf(text, ',')!;
        for (let cut = 1; cut < bytes.length; cut++) {
          const tracker = new QuoteTracker(COMMA, oracle.quotes(cut), bytes[cut - 1]);
          const next = oracle.records.find(({ start }) => start >= cut)?.start ?? -1;
          expect(tracker.nextRecord(bytes, cut, bytes.length), `after a cut at ${cut}`).to.equal(next);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('says how each place of a record is to be read', () => {
    fc.assert(
      fc.property(soup, (scraps) => {
        const text = `c0\n${scraps}`;
        const bytes = Buffer.from(text, 'latin1');
        const oracle = oracleOf(text, ',')!;
        for (const { start, end } of oracle.records)
          for (let at = start; at < end; at++)
            expect(quotesAt(bytes, start, at, bytes.length, COMMA), `at ${at}`).to.equal(oracle.quotes(at));
      }),
      { numRuns: 100 },
    );
  });

  it('reads the end of an object as outside quotes, whatever stood before it', () => {
    const bytes = Buffer.from('"a""b"');
    expect(quotesAt(bytes, 0, bytes.length, bytes.length, COMMA)).to.equal('outside');
  });
});
