import { expect } from 'chai';
import fc from 'fast-check';
import { manifestOf, number } from '../../../bench/prediction/manifest.ts';
import { exactNumber } from '../../../cloud/contract/number.ts';
import { Batches } from './batches.ts';

const NONE = -7.5;
const manifest = manifestOf({ columns: [number('c0', { impute: NONE })], width: 1, missing: [] });

/** What the engine reads in a cell; NaN: it would rather ask. */
function fast(text: string): number {
  const batches = new Batches(manifest, ['c0', 'c1'], '\t', Buffer.from(`${text}\t\n`));
  batches.encoder.number = () => Number.NaN;
  const value = batches.all()[0]![0]!;
  return value === NONE ? Number.NaN : value;
}

/** The contract's grammar, spelled out by hand. */
function naive(text: string): number {
  const [, mantissa, exponent] = /^([^eE]*)(?:[eE](.*))?$/s.exec(text) ?? [];
  const digits = (part: string | undefined) =>
    part !== undefined && part !== '' && [...part].every((c) => c >= '0' && c <= '9');
  const unsigned = (part: string) => (/^[+-]/.test(part) ? part.slice(1) : part);
  const [whole, fraction, ...rest] = unsigned(mantissa ?? '').split('.');
  if (rest.length > 0) return Number.NaN;
  if (fraction === undefined ? !digits(whole) : !digits(fraction) || (whole !== '' && !digits(whole)))
    return Number.NaN;
  if (exponent !== undefined && !digits(unsigned(exponent))) return Number.NaN;
  const value = Number(text);
  return Math.abs(value) === Number.POSITIVE_INFINITY ? Number.NaN : value;
}

const numberLike = fc.oneof(
  fc.double().map(String),
  fc.integer().map(String),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value.toFixed(3)),
  fc.string({ unit: fc.constantFrom(...'0123456789+-.eE x'), maxLength: 24 }),
  fc.stringMatching(/^[+-]?[0-9]{0,18}\.?[0-9]{0,18}([eE][+-]?[0-9]{1,3})?$/),
);

describe('a number in a cell', () => {
  it('is Number() of it, to the bit, when the grammar allows it, and missing when not', () => {
    fc.assert(
      fc.property(numberLike, (text) => {
        expect(exactNumber(text)).to.satisfy((value: number) => Object.is(value, naive(text)));
      }),
      { numRuns: 3000 },
    );
  });

  it('is the same the fast way, or left to the exact way', () => {
    fc.assert(
      fc.property(numberLike, (text) => {
        const value = fast(text);
        expect(Number.isNaN(value) || Object.is(value, exactNumber(text)), `${text} read as ${value}`).to.equal(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('goes the fast way for what files are full of', () => {
    for (const text of ['0', '7', '-12', '+3', '1234.5678', '.5', '-0', '123456789012345']) {
      expect(Object.is(fast(text), Number(text)), text).to.equal(true);
    }
  });

  it('is not what only looks like one', () => {
    for (const text of [
      '',
      '.',
      '+',
      '-',
      '5.',
      '1e',
      'e5',
      '0x10',
      '1_000',
      '1,5',
      'Infinity',
      'NaN',
      '1e400',
      '٣',
      '1 2',
      '--1',
    ]) {
      expect(exactNumber(text), text).to.be.NaN;
      expect(fast(text), text).to.be.NaN;
    }
  });
});
