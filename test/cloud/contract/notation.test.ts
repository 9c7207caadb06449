// Numbers are written as people of several countries write them, and read back.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Notation } from '../../../cloud/contract/contract.generated.ts';
import { exactNumber } from '../../../cloud/contract/number.ts';
import { numberReader } from '../../../cloud/contract/notation.ts';

const thousands = (whole: string, separator: string) => whole.replace(/\B(?=(\d{3})+(?!\d))/g, separator);
const anyNotation = fc
  .record<Notation>({
    decimal: fc.constantFrom('.', ','),
    thousands: fc.constantFrom('', ',', '.', ' ', "'"),
    unit: fc.constantFrom('', '%', '$', '€', 'kg', 'EUR'),
  })
  .filter(({ decimal, thousands: separator }) => decimal !== separator);

describe('a number in a notation', () => {
  it('is the number it was written from', () => {
    fc.assert(
      fc.property(
        anyNotation,
        fc.bigInt({ min: 0n, max: 10n ** 17n }),
        fc.stringMatching(/^[0-9]{0,6}$/),
        fc.constantFrom('', '-', '+'),
        fc.boolean(),
        fc.constantFrom('', ' ', '\u00a0'),
        fc.constantFrom(' ', '\u00a0', '\u2009', '\u202f'),
        fc.boolean(),
        (notation, whole, fraction, sign, front, gap, space, grouped) => {
          const { decimal, thousands: separator, unit } = notation;
          const digits = grouped ? thousands(String(whole), separator === ' ' ? space : separator) : String(whole);
          const number = digits + (fraction === '' ? '' : decimal + fraction);
          const text = unit === '' ? sign + number : front ? sign + unit + gap + number : sign + number + gap + unit;
          const plain = exactNumber(`${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`);
          expect(numberReader(notation)(text), text).to.satisfy((value: number) => Object.is(value, plain));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('is missing when it is written in another', () => {
    const german = numberReader({ decimal: ',', thousands: '.', unit: '€' });
    for (const text of [
      '1.2',
      '1.23,5',
      '1.2345',
      '1234.567',
      '12.34.567',
      '1,234,567',
      '€',
      '',
      'x€',
      '1 234',
      '.5',
      '5,',
      '--5',
    ])
      expect(german(text), text).to.be.NaN;
    for (const [text, value] of [
      ['1.234', 1234],
      ['1.234,5', 1234.5],
      ['1234,5', 1234.5],
      ['-1.234.567,25 €', -1234567.25],
      ['-€ 5', -5],
      ['€-5', -5],
      ['5e3', 5000],
      [',5', 0.5],
    ] as const)
      expect(german(text), text).to.equal(value);
    const swiss = numberReader({ decimal: '.', thousands: "'", unit: 'CHF' });
    expect(swiss("CHF\u2009-1\u2019234'567.5")).to.equal(-1234567.5);
    const plain = numberReader({ decimal: ',', thousands: '', unit: '' });
    expect(plain('1.5')).to.be.NaN;
    expect(plain('1,5')).to.equal(1.5);
    expect(plain('1,5,5')).to.be.NaN;
  });
});
