// CSV that other programs read back as it was meant.
import { parse } from 'csv-parse/sync';
import { expect } from 'chai';
import fc from 'fast-check';
import { csvLine, decimal } from '../../../cloud/ledger/csv.ts';

describe('CSV of the ledger', () => {
  it('quotes what RFC 4180 wants quoted, and ends lines with CRLF', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\r\ng', ' h', '', 1.5])).to.equal('a,"b,c","d""e","f\r\ng"," h",,1.5\r\n');
  });

  it('keeps text from being taken for a formula, and leaves numbers as they are', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])
      expect((parse(csvLine([text])) as string[][])[0]?.[0], text).to.equal(`'${text}`);
    expect(csvLine([-0.5, 'a=1'])).to.equal('-0.5,a=1\r\n');
  });

  it('writes numbers without an exponent', () => {
    expect([1e-9, -1.5e-7, 1.25e21, 0, -0, 0.1, 12.000000001, 1e300].map(decimal)).to.deep.equal([
      '0.000000001',
      '-0.00000015',
      '1250000000000000000000',
      '0',
      '0',
      '0.1',
      '12.000000001',
      `1${'0'.repeat(300)}`,
    ]);
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 4 }), (cells) => {
        const [read = []] = parse(csvLine(cells), { relax_column_count: true }) as string[][];
        expect(read.map((cell, at) => (cell === cells[at] ? cell : cell.slice(1)))).to.deep.equal(cells);
      }),
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(decimal(value)).to.match(/^-?\d+(\.\d+)?$/);
        expect(Number(decimal(value))).to.equal(value === 0 ? 0 : value);
      }),
    );
  });
});
