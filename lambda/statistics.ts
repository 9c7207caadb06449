// What a sample of the rows looked like: where numbers lie between the deciles of training, which categories there are, how
// sure the model is. Table asks how long the next batch may be and shows each batch once scored; the operator adds up the
// chunks and says what drifted. Reads the encoded rows, so no cell is parsed twice; what was missing the encoder's counts tell.
//
// Which rows: slices of 256, evenly spread, however long the table turns out to be. All at first; when 32 are kept, every
// second is dropped and from then on only every second looked at. A slice belongs to the level of its number's trailing
// zeros, and to drop every second is to drop the lowest level; so counts are kept by level and no slice is kept at all.
import type { Manifest, Statistics } from '../cloud/contract/contract.generated.ts';
import { bucketOf, CONFIDENCE_BINS, tellingColumn } from '../cloud/contract/statistics.ts';
import { type CellCounts, columnWidth, type Numbers } from './encode/rows.ts';
import { labelIndex } from './score/prediction.ts';
import { type FeatureTally, featureTally } from './tally.ts';

const SLICE_ROWS = 256;
const MOST_SLICES = 32;

type Counts = Readonly<Record<string, CellCounts>>;

interface Level {
  rows: number;
  /** Of all features, one after the other. */
  cells: Int32Array;
  confidence: Int32Array;
  values: Map<string, number>;
}

export class StatisticsCollector {
  readonly #manifest: Manifest;
  readonly #counts: () => Counts;
  readonly #tallies: FeatureTally[] = [];
  readonly #cells: number;
  readonly #levels = new Map<number, Level>();
  #stride = 1;
  #slice = 0;
  /** Rows that went by. */
  #position = 0;
  /** Of the encoder before the batch, when it is one to look at. */
  #before: Counts | undefined;

  /** `counts`: of all rows encoded so far, by column (RowEncoder.counts). */
  constructor(manifest: Manifest, counts: () => Counts) {
    this.#manifest = manifest;
    this.#counts = counts;
    const { columns } = manifest.preprocessing;
    const offsets: number[] = [];
    let width = 0;
    for (const column of columns) {
      offsets.push(width);
      width += columnWidth(column);
    }
    let at = 0;
    for (const feature of manifest.features) {
      const place = tellingColumn(manifest, feature);
      const column = columns[place];
      if (!column || !feature.statistics) continue;
      const tally = featureTally(
        feature,
        column,
        { offset: offsets[place]!, width, type: manifest.onnx.input.type },
        at,
      );
      at += tally.slots;
      this.#tallies.push(tally);
    }
    this.#cells = at;
  }

  /** Before a batch is read: rows it may have, at most `most`. */
  limit(most: number): number {
    const start = this.#slice * SLICE_ROWS;
    if (this.#position < start) return Math.min(most, start - this.#position);
    this.#before = this.#counts();
    return Math.min(most, start + SLICE_ROWS - this.#position);
  }

  /** The batch that `limit` was asked for: encoded rows, and scores as the evaluator gives them. */
  observe(input: Numbers, rows: number, scores: Float64Array): void {
    const before = this.#before;
    this.#before = undefined;
    this.#position += rows;
    if (!before) return;
    if (rows > 0) this.#count(before, input, rows, scores);
    if (this.#position >= (this.#slice + 1) * SLICE_ROWS) this.#next();
  }

  result(): Statistics {
    const levels = [...this.#levels.values()];
    const sum = this.#newLevel();
    for (const { rows, cells, confidence, values } of levels) {
      sum.rows += rows;
      for (const [i, count] of cells.entries()) sum.cells[i]! += count;
      for (const [i, count] of confidence.entries()) sum.confidence[i]! += count;
      for (const [bucket, count] of values) sum.values.set(bucket, (sum.values.get(bucket) ?? 0) + count);
    }
    const features = Object.fromEntries(this.#tallies.map((tally) => [tally.name, tally.told(sum.cells)]));
    return {
      sampled: sum.rows,
      features,
      ...(this.#manifest.target.classes
        ? { confidence: [...sum.confidence] }
        : { values: Object.fromEntries(sum.values) }),
    };
  }

  #count(before: Counts, input: Numbers, rows: number, scores: Float64Array): void {
    const level = this.#level();
    const now = this.#counts();
    level.rows += rows;
    for (const tally of this.#tallies) {
      const absent = since(before[tally.name], now[tally.name]);
      tally.count(input, rows, absent, level.cells);
    }
    if (this.#manifest.target.classes) this.#confidence(rows, scores, level.confidence);
    else this.#values(rows, scores, level.values);
  }

  #confidence(rows: number, scores: Float64Array, bins: Int32Array): void {
    const { target, threshold = null, onnx } = this.#manifest;
    const classes = target.classes!.length;
    const divisor = onnx.output.divisor ?? 1;
    for (let row = 0; row < rows; row++) {
      const from = row * classes;
      const probability = scores[from + labelIndex(scores, from, classes, divisor, threshold)]! / divisor;
      const bin = Math.floor(probability * CONFIDENCE_BINS);
      bins[Math.max(0, Math.min(CONFIDENCE_BINS - 1, bin))]!++;
    }
  }

  #values(rows: number, scores: Float64Array, values: Map<string, number>): void {
    const divisor = this.#manifest.onnx.output.divisor ?? 1;
    for (let row = 0; row < rows; row++) {
      const value = scores[row]! / divisor;
      if (!Number.isFinite(value)) continue;
      const bucket = bucketOf(value);
      values.set(bucket, (values.get(bucket) ?? 0) + 1);
    }
  }

  /** Of the slice that is looked at; slice 0 outlives all others. */
  #level(): Level {
    const zeros = this.#slice === 0 ? 31 : 31 - Math.clz32(this.#slice & -this.#slice);
    const there = this.#levels.get(zeros) ?? this.#newLevel();
    this.#levels.set(zeros, there);
    return there;
  }

  #newLevel(): Level {
    return {
      rows: 0,
      cells: new Int32Array(this.#cells),
      confidence: new Int32Array(CONFIDENCE_BINS),
      values: new Map(),
    };
  }

  #next(): void {
    const kept = this.#slice / this.#stride + 1;
    this.#slice += this.#stride;
    if (kept < MOST_SLICES) return;
    this.#levels.delete(Math.log2(this.#stride));
    this.#stride *= 2;
  }
}

function since(before: CellCounts | undefined, now: CellCounts | undefined): CellCounts {
  return {
    missing: (now?.missing ?? 0) - (before?.missing ?? 0),
    invalid: (now?.invalid ?? 0) - (before?.invalid ?? 0),
    unknown: (now?.unknown ?? 0) - (before?.unknown ?? 0),
  };
}
