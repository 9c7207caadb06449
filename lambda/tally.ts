// Counts what one feature's cells were, from the numbers they were encoded as. A missing cell looks like the value it was
// imputed with, so it is first counted there and then, by the encoder's own counts, taken out again. For statistics.ts.
import type { Manifest, Statistics } from '../cloud/contract/contract.generated.ts';
import { inLowerCase, QUANTILE_BINS, textsCounted } from '../cloud/contract/statistics.ts';
import type { CellCounts, Numbers } from './encode/rows.ts';

type Column = Manifest['preprocessing']['columns'][number];
type Feature = Manifest['features'][number];
type Told = Statistics['features'][string];

/** Where a column's numbers are in an encoded row. */
export interface Place {
  readonly offset: number;
  readonly width: number;
  readonly type: 'float32' | 'float64';
}

export interface FeatureTally {
  readonly name: string;
  /** Counters it needs. */
  readonly slots: number;
  /** Adds the cells of encoded rows; `absent`: those among them that the encoder could not use. */
  count(input: Numbers, rows: number, absent: CellCounts, into: Int32Array): void;
  told(counts: Int32Array): Told;
}

/** Its counters lie from `at` on, the missing cells first. */
export function featureTally(feature: Feature, column: Column, place: Place, at: number): FeatureTally {
  const { name, statistics } = feature;
  switch (column.kind) {
    case 'number':
      return quantileTally(name, column, statistics?.quantiles, place, at);
    case 'date': {
      const part = column.parts.findIndex((one) => one.part === 'elapsed');
      const own = { ...place, offset: place.offset + part };
      return quantileTally(name, column.parts[part]!, statistics?.quantiles, own, at);
    }
    case 'boolean':
    case 'oneHot':
    case 'ordinal':
      return textTally(name, column, statistics?.shares ?? {}, place, at);
  }
}

interface Scaled {
  readonly impute: number;
  readonly center: number;
  readonly scale: number;
}

/**
 * Numbers against deciles. Encoding is monotone, rounding included, so encoded cells are compared with encoded deciles:
 * nothing is decoded. A negative scale turns both around.
 */
function quantileTally(
  name: string,
  { impute, center, scale }: Scaled,
  quantiles: readonly number[] | undefined,
  { offset, width, type }: Place,
  at: number,
): FeatureTally {
  const sign = Math.sign(scale);
  const encoded = (x: number): number => {
    const value = (sign * (x - center)) / scale;
    return type === 'float32' ? Math.fround(value) : value;
  };
  const edges = Float64Array.from(quantiles ?? [], encoded);
  const imputed = edges.length > 0 ? binOf(encoded(impute), edges) : 0;
  return {
    name,
    slots: 1 + (edges.length > 0 ? QUANTILE_BINS : 0),
    count(input, rows, { missing, invalid }, into) {
      into[at]! += missing + invalid;
      if (edges.length === 0) return;
      for (let row = 0, cell = offset; row < rows; row++, cell += width)
        into[at + 1 + binOf(sign * input[cell]!, edges)]!++;
      into[at + 1 + imputed]! -= missing + invalid;
    },
    told: (counts) => ({
      missing: counts[at]!,
      ...(edges.length > 0 && { bins: [...counts.subarray(at + 1, at + 1 + QUANTILE_BINS)] }),
    }),
  };
}

/** 0 below the least, then the first range that ends at or above the value, 11 above the largest. */
function binOf(value: number, edges: Float64Array): number {
  if (value < edges[0]!) return 0;
  let bin = 1;
  while (bin <= 10 && value > edges[bin]!) bin++;
  return bin;
}

type TextColumn = Extract<Column, { kind: 'boolean' | 'oneHot' | 'ordinal' }>;

function textTally(
  name: string,
  column: TextColumn,
  shares: Readonly<Record<string, number>>,
  place: Place,
  at: number,
): FeatureTally {
  const texts = [...textsCounted(column, shares).keys()];
  const other = at + 1 + texts.length;
  const { slots, codeOf, missing: missingSlot, unknown: unknownSlot } = coding(column, texts, place);
  const slotOf = (code: number): number => at + 1 + code;
  return {
    name,
    slots: texts.length + 2,
    count(input, rows, { missing, unknown }, into) {
      for (let row = 0, start = place.offset; row < rows; row++, start += place.width)
        into[slotOf(slots[codeOf(input, start)]!)]!++;
      into[slotOf(missingSlot)]! -= missing;
      into[at]! += missing;
      into[slotOf(unknownSlot)]! -= unknown;
      into[other]! += unknown;
    },
    told: (counts) => ({
      missing: counts[at]!,
      shares: Object.fromEntries(
        texts.map((text, i) => [text, counts[slotOf(i)]!] as const).filter(([, count]) => count > 0),
      ),
      other: counts[other]!,
    }),
  };
}

interface Coding {
  /** By code, the place of its text among those counted apart; one further for all others. */
  readonly slots: Int32Array;
  readonly codeOf: (input: Numbers, start: number) => number;
  /** Where a missing, an unknown cell is counted at first. */
  readonly missing: number;
  readonly unknown: number;
}

function coding(column: TextColumn, texts: readonly string[], { type }: Place): Coding {
  const words = (own: readonly string[]) => texts.findIndex((text) => own.includes(inLowerCase(text)));
  const orOther = (place: number) => (place < 0 ? texts.length : place);
  if (column.kind === 'boolean') {
    const { center, scale, impute } = column;
    const encoded = (x: number) => (type === 'float32' ? Math.fround((x - center) / scale) : (x - center) / scale);
    const [no, yes, imputed] = [encoded(0), encoded(1), encoded(impute)];
    const slots = Int32Array.of(orOther(words(column.no)), orOther(words(column.yes)), texts.length);
    const codeOf = (value: number) => (value === no ? 0 : value === yes ? 1 : 2);
    const absent = slots[codeOf(imputed)]!;
    return { slots, codeOf: (input, start) => codeOf(input[start]!), missing: absent, unknown: absent };
  }
  const { categories } = column;
  const count = categories.length;
  const places = new Map(texts.map((text, i) => [text, i]));
  const slots = Int32Array.from([...categories.map((text) => places.get(text) ?? texts.length), texts.length]);
  if (column.kind === 'ordinal') {
    const codeOf = (value: number) => (Number.isInteger(value) && value >= 0 && value < count ? value : count);
    return {
      slots,
      codeOf: (input, start) => codeOf(input[start]!),
      missing: slots[codeOf(column.missing)]!,
      unknown: slots[codeOf(column.unknown)]!,
    };
  }
  return {
    slots,
    codeOf: (input, start) => {
      let code = 0;
      while (code < count && input[start + code] === 0) code++;
      return code;
    },
    missing: column.impute === null ? texts.length : (places.get(column.impute) ?? texts.length),
    unknown: texts.length,
  };
}
