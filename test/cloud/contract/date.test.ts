// Dates are written in every way the contract knows, read back, and compared with the instant they were written from.
import { expect } from 'chai';
import fc from 'fast-check';
import { partOf, readDate } from '../../../cloud/contract/date.ts';

const DAY = 86_400_000;
const two = (value: number) => String(value).padStart(2, '0');
const instants = fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9998, 0, 1) });
const offsets = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });

function offsetText(minutes: number, style: number): string {
  const size = Math.abs(minutes);
  const sign = minutes < 0 ? '-' : '+';
  if (style === 2 && size % 60 === 0) return sign + two(size / 60);
  return sign + two(Math.floor(size / 60)) + (style === 1 ? '' : ':') + two(size % 60);
}

describe('a date in a cell', () => {
  it('is the instant it was written from, in every order, with every kind of time and offset', () => {
    fc.assert(
      fc.property(
        instants,
        offsets,
        fc.constantFrom('YMD' as const, 'DMY' as const, 'MDY' as const),
        fc.constantFrom('-', '/', '.'),
        fc.constantFrom('T', ' '),
        fc.nat(2),
        fc.boolean(),
        (ms, offset, order, between, before, style, padded) => {
          const local = new Date(ms + offset * 60_000);
          const year = String(local.getUTCFullYear()).padStart(4, '0');
          const [month, day] = [local.getUTCMonth() + 1, local.getUTCDate()].map((n) => (padded ? two(n) : String(n)));
          const parts = { YMD: [year, month, day], DMY: [day, month, year], MDY: [month, day, year] }[order];
          const clock = local.toISOString().slice(-13, -1); // hh:mm:ss.mmm
          const text = `${parts.join(between)}${before}${clock}${style === 0 ? ' ' : ''}${offsetText(offset, style)}`;
          expect(readDate(text, [order]), text).to.equal(ms);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('may lack the time, the seconds, the offset, and be eight digits', () => {
    const day = Date.UTC(2024, 1, 29);
    const minute = day + (13 * 60 + 5) * 60_000;
    for (const [text, ms] of [
      ['2024-02-29', day],
      ['2024/2/29', day],
      ['20240229', day],
      ['20240229T13:05', minute],
      ['2024-02-29 13:05', minute],
      ['2024-02-29 3:05', minute - 10 * 3_600_000],
      ['2024-02-29T13:05Z', minute],
      ['2024-02-29T13:05:00.9999999 Z', minute + 999],
      ['2024-02-29 13:05:00.5+00', minute + 500],
      ['0001-01-01', -62_135_596_800_000],
    ] as const)
      expect(readDate(text, ['YMD']), text).to.equal(ms);
  });

  it('is read in the first order that makes it a date', () => {
    expect(readDate('03/04/2024', ['DMY', 'MDY'])).to.equal(Date.UTC(2024, 3, 3));
    expect(readDate('03/04/2024', ['MDY', 'DMY'])).to.equal(Date.UTC(2024, 2, 4));
    expect(readDate('03/14/2024', ['DMY', 'MDY'])).to.equal(Date.UTC(2024, 2, 14));
    expect(readDate('2024-03-14', ['DMY', 'YMD'])).to.equal(Date.UTC(2024, 2, 14));
  });

  it('is not what only looks like one', () => {
    for (const text of [
      '',
      '2023-02-29',
      '2024-13-01',
      '2024-00-10',
      '2024-01-00',
      '2024-01-32',
      '0000-01-01',
      '24-01-01',
      '2024-1',
      '2024-01/01',
      '2024-01-01T',
      '2024-01-01T24:00',
      '2024-01-01T10:60',
      '2024-01-01T10:00:60',
      '2024-01-01T100:00',
      '2024-01-01  10:00',
      '2024-01-01T10:00:00.',
      '2024-01-01T10:00:00.1234567890',
      '2024-01-01T10:00+24:00',
      '2024-01-01T10:00+1',
      '2024-01-01T10:00  Z',
      '2024-01-01Z',
      '2024-001-01',
      '202401011',
      '１２-01-2024',
      '01.02.24',
    ])
      expect(readDate(text, ['YMD', 'DMY', 'MDY']), text).to.be.NaN;
    expect(readDate('20240101', ['DMY'])).to.be.NaN;
  });

  it('has parts in UTC', () => {
    const ms = Date.UTC(2024, 1, 29, 23, 30);
    expect((['year', 'month', 'day', 'weekday', 'hour'] as const).map((part) => partOf(ms, part))).to.deep.equal([
      2024, 2, 29, 3, 23,
    ]);
    expect(partOf(Date.UTC(2024, 0, 1), 'weekday')).to.equal(0);
    expect(partOf(1.5 * DAY, 'elapsed')).to.equal(1.5);
    expect(partOf(-0.25 * DAY, 'elapsed')).to.equal(-0.25);
  });
});
