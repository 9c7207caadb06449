// What the handlers of all chunks counted, added up. Whole numbers but for the mean, so that the sum of the chunks is that of the table
// however it was cut; only the first bad row asks for their order. Pure; summary.ts says what it means.
import type { PredictionDone } from '../../cloud/contract/contract.generated.ts';

export interface CellTotals {
  readonly missing: number;
  /** Not a number, or no date, where one is due. */
  readonly invalid: number;
  /** Categories the model does not know. */
  readonly unknown: number;
}

/** Of one feature, of the rows sampled. */
export interface SampledCells {
  readonly missing: number;
  /** See Statistics of the contract; empty where there are none. */
  readonly bins: readonly number[];
  readonly texts: ReadonlyMap<string, number>;
  readonly other: number;
}

export interface Totals {
  readonly rows: number;
  readonly badRows: number;
  /** Counted from 1 in the table. */
  readonly firstBadRow?: { readonly row: number; readonly problem: string };
  /** Of all rows, by column; only columns with any. */
  readonly cells: ReadonlyMap<string, CellTotals>;
  /** Classification: rows by class. */
  readonly classes: ReadonlyMap<string, number>;
  /** Regression; absent while no row has a number. */
  readonly values?: { readonly min: number; readonly max: number; readonly sum: number; readonly rows: number };
  readonly sampled: number;
  readonly features: ReadonlyMap<string, SampledCells>;
  /** Classification: rows sampled by the probability of their label, in twentieths. */
  readonly confidence: readonly number[];
  /** Regression: rows sampled by bucket of the predicted number. */
  readonly buckets: ReadonlyMap<string, number>;
}

export const NOTHING: Totals = {
  rows: 0,
  badRows: 0,
  cells: new Map(),
  classes: new Map(),
  sampled: 0,
  features: new Map(),
  confidence: [],
  buckets: new Map(),
};

/** Of one chunk. `classification`: its summary is rows by class. */
export function totalsOf(answer: PredictionDone, classification: boolean): Totals {
  const { num_predictions: rows, bad_rows: badRows = 0, first_bad_row: firstBadRow, counts, summary } = answer;
  const { sampled = 0, features = {}, confidence = [], values: buckets = {} } = answer.statistics ?? {};
  const { min, max, mean } = summary;
  const predicted = rows - badRows;
  return {
    rows,
    badRows,
    firstBadRow,
    cells: new Map(Object.entries(counts)),
    classes: new Map(classification ? Object.entries(summary) : []),
    ...(!classification &&
      min !== undefined &&
      max !== undefined &&
      mean !== undefined && { values: { min, max, sum: mean * predicted, rows: predicted } }),
    sampled,
    features: new Map(
      Object.entries(features).map(([name, { missing, bins = [], shares = {}, other = 0 }]) => [
        name,
        { missing, bins, texts: new Map(Object.entries(shares)), other },
      ]),
    ),
    confidence,
    buckets: new Map(Object.entries(buckets)),
  };
}

/** `a` stands before `b` in the table. */
export function added(a: Totals, b: Totals): Totals {
  const bad = b.firstBadRow && { ...b.firstBadRow, row: a.rows + b.firstBadRow.row };
  return {
    rows: a.rows + b.rows,
    badRows: a.badRows + b.badRows,
    firstBadRow: a.firstBadRow ?? bad,
    cells: joined(a.cells, b.cells, (x, y) => ({
      missing: x.missing + y.missing,
      invalid: x.invalid + y.invalid,
      unknown: x.unknown + y.unknown,
    })),
    classes: joined(a.classes, b.classes, plus),
    values: a.values && b.values ? addedValues(a.values, b.values) : (a.values ?? b.values),
    sampled: a.sampled + b.sampled,
    features: joined(a.features, b.features, (x, y) => ({
      missing: x.missing + y.missing,
      bins: addedBins(x.bins, y.bins),
      texts: joined(x.texts, y.texts, plus),
      other: x.other + y.other,
    })),
    confidence: addedBins(a.confidence, b.confidence),
    buckets: joined(a.buckets, b.buckets, plus),
  };
}

const plus = (x: number, y: number): number => x + y;

function addedValues(a: NonNullable<Totals['values']>, b: NonNullable<Totals['values']>): Totals['values'] {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max), sum: a.sum + b.sum, rows: a.rows + b.rows };
}

function addedBins(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0) return b;
  return a.map((count, at) => count + (b[at] ?? 0));
}

function joined<V>(
  a: ReadonlyMap<string, V>,
  b: ReadonlyMap<string, V>,
  add: (x: V, y: V) => V,
): ReadonlyMap<string, V> {
  if (b.size === 0) return a;
  const sum = new Map(a);
  for (const [key, value] of b) {
    const there = sum.get(key);
    sum.set(key, there === undefined ? value : add(there, value));
  }
  return sum;
}
