// What a sample of rows is sorted into, where handler and operator must agree: which of a feature's encodings is looked at,
// which of its texts are counted apart, which bucket a predicted number falls into. Pure.
import type { Manifest } from './contract.generated.ts';

type Column = Manifest['preprocessing']['columns'][number];
type Feature = Manifest['features'][number];

/** Ranges of the probability of a row's label. */
export const CONFIDENCE_BINS = 20;
/** Below the least seen in training, ten ranges between deciles, above the largest. */
export const QUANTILE_BINS = 12;

const BUCKET = Math.log(1.002);

/** Place in `preprocessing.columns` of the encoding that tells most about a feature's cells; -1: none tells. */
export function tellingColumn({ preprocessing: { columns } }: Manifest, { name, type }: Feature): number {
  const own = (fits: (column: Column) => boolean): number =>
    columns.findIndex((column) => column.column === name && fits(column));
  switch (type) {
    case 'number':
    case 'boolean':
      return own(({ kind }) => kind === type);
    case 'date':
      return own((column) => column.kind === 'date' && column.parts.some(({ part }) => part === 'elapsed'));
    case 'category': {
      // An ordinal knows up to 1,000 categories, a one-hot encoding only the most frequent.
      const ordinal = own(({ kind }) => kind === 'ordinal');
      return ordinal < 0 ? own(({ kind }) => kind === 'oneHot') : ordinal;
    }
  }
}

/** The texts of categories or of yes and no that are counted apart, with their share of all rows in training. */
export function textsCounted(column: Column, shares: Readonly<Record<string, number>>): Map<string, number> {
  const texts = Object.keys(shares).sort((a, b) => shares[b]! - shares[a]! || (a < b ? -1 : 1));
  if (column.kind === 'oneHot' || column.kind === 'ordinal') {
    const known = new Set(column.categories);
    return new Map(texts.filter((text) => known.has(text)).map((text) => [text, shares[text]!]));
  }
  if (column.kind !== 'boolean') return new Map();
  const sides = [column.yes, column.no].map((words) => texts.filter((text) => words.includes(inLowerCase(text))));
  // The encoding has forgotten how yes and no were written: the most frequent text stands for all of its side.
  return new Map(
    sides
      .filter((side) => side.length > 0)
      .map((side) => [side[0]!, side.reduce((sum, text) => sum + shares[text]!, 0)]),
  );
}

/** ASCII letters only, as words of yes and no are compared. */
export const inLowerCase = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Which bucket a finite number falls into: `0`, or its sign and the k of (1.002^k, 1.002^(k+1)]. */
export function bucketOf(value: number): string {
  if (value === 0) return '0';
  return `${value < 0 ? '-' : '+'}${Math.ceil(Math.log(Math.abs(value)) / BUCKET) - 1}`;
}

/** The numbers a bucket holds, from the lower to the higher; both 0 for `0`. Throws RangeError for what is no bucket. */
export function bucketEdges(bucket: string): [number, number] {
  if (bucket === '0') return [0, 0];
  const found = /^([+-])(-?[0-9]{1,6})$/.exec(bucket);
  if (!found) throw new RangeError('not a bucket');
  const k = Number(found[2]);
  const [near, far] = [Math.exp(k * BUCKET), Math.min(Math.exp((k + 1) * BUCKET), Number.MAX_VALUE)];
  return found[1] === '-' ? [-far, -near] : [near, far];
}
