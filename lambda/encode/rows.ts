// Executes the manifest's preprocessing: the cells of one record become one row of the model's input. Encoded in float64
// and cast once, to the bit as trainer's encoder does it (golden vectors hold both to each other). Next: score/.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { cellText, stripped } from '../csv/cell.ts';
import type { Encoding } from '../csv/encoding.ts';
import { ESCAPED, QUOTED, type RecordScanner } from '../csv/records.ts';
import { ByteMemo } from './memo.ts';
import { exactNumber, fastNumber } from './number.ts';

export type Numbers = Float32Array | Float64Array;

export interface CellCounts {
  missing: number;
  invalid: number;
  unknown: number;
}

const LARGEST_FLOAT32 = 3.4028234663852886e38;

type Column = Manifest['preprocessing']['columns'][number];

/** Numbers a column of the preprocessing puts into a row. */
export function columnWidth(column: Column): number {
  switch (column.kind) {
    case 'number':
      return column.indicator ? 2 : 1;
    case 'oneHot':
      return column.categories.length;
    case 'ordinal':
      return 1;
  }
}

export function encodedWidth(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + columnWidth(column), 0);
}

/** One column, resolved: where its cell is, where its numbers go, what each category code writes. */
interface Step {
  name: string;
  field: number;
  offset: number;
  number: boolean;
  impute: number;
  indicator: boolean;
  center: number;
  scale: number;
  /** By category code: numbers for ordinal; for oneHot the place of the 1, or -1. The last two: unknown, missing. */
  values: Float64Array;
  oneHot: boolean;
  codes: Map<string, number>;
  memo: ByteMemo;
  counts: CellCounts;
}

export class RowEncoder {
  readonly width: number;
  readonly #steps: Step[];
  readonly #missing: Set<string>;
  readonly #encoding: Encoding;
  readonly #clamped: boolean;
  /** A token such as "-999" is missing although it reads as a number: then every number is looked up first. */
  readonly #numericTokens: boolean;

  /** `places`: column name to its place in a record. */
  constructor(manifest: Manifest, places: ReadonlyMap<string, number>, encoding: Encoding) {
    const { columns, missing } = manifest.preprocessing;
    this.width = encodedWidth(columns);
    this.#missing = new Set(missing);
    this.#encoding = encoding;
    this.#clamped = manifest.onnx.input.type === 'float32';
    this.#numericTokens = missing.some((token) => !Number.isNaN(exactNumber(token)));
    let offset = 0;
    this.#steps = columns.map((column) => {
      const step = resolve(column, places.get(column.column) ?? -1, offset);
      offset += columnWidth(column);
      return step;
    });
  }

  /** A batch's input of the model's type, all zeros: `encode` relies on the zeros. */
  allocate(rows: number): Numbers {
    return this.#clamped ? new Float32Array(rows * this.width) : new Float64Array(rows * this.width);
  }

  /** Writes the record last scanned to `out` at `row`; the row must hold zeros. */
  encode(bytes: Buffer, record: RecordScanner, out: Numbers, row: number): void {
    const base = row * this.width;
    const { starts, ends, forms } = record;
    for (const step of this.#steps) {
      const { field } = step;
      const form = forms[field]!;
      let start = starts[field]!;
      let end = ends[field]!;
      if (form === QUOTED) {
        start++;
        end--;
      }
      const at = base + step.offset;
      if (step.number) {
        let x = form === ESCAPED || this.#numericTokens ? Number.NaN : fastNumber(bytes, start, end);
        if (x !== x) x = this.#slowNumber(step, bytes, start, end, form);
        if (x !== x) {
          x = step.impute;
          if (step.indicator) out[at + 1] = 1;
        }
        const value = (x - step.center) / step.scale;
        out[at] = this.#clamped ? clamp(value) : value;
      } else {
        let code = step.memo.find(bytes, start, end);
        if (code < 0) code = this.#slowCategory(step, bytes, start, end, form);
        const known = step.codes.size;
        if (code >= known) {
          if (code === known) step.counts.unknown++;
          else step.counts.missing++;
        }
        const value = step.values[code]!;
        if (!step.oneHot) out[at] = this.#clamped ? clamp(value) : value;
        else if (value >= 0) out[at + value] = 1;
      }
    }
  }

  /** By column, only those with a count above 0. */
  counts(): Record<string, CellCounts> {
    const found = new Map<string, CellCounts>();
    for (const { name, counts } of this.#steps) {
      if (counts.missing + counts.invalid + counts.unknown === 0) continue;
      const sum = found.get(name) ?? { missing: 0, invalid: 0, unknown: 0 };
      // A column that is encoded twice has the same cells twice: the larger count is the true one.
      for (const kind of ['missing', 'invalid', 'unknown'] as const) sum[kind] = Math.max(sum[kind], counts[kind]);
      found.set(name, sum);
    }
    return Object.fromEntries(found);
  }

  #text(bytes: Buffer, start: number, end: number, form: number): string {
    // QUOTED was already narrowed to what is between the quotes.
    return stripped(cellText(bytes, start, end, form === ESCAPED ? ESCAPED : 0, this.#encoding));
  }

  #slowNumber(step: Step, bytes: Buffer, start: number, end: number, form: number): number {
    const text = this.#text(bytes, start, end, form);
    if (this.#missing.has(text)) {
      step.counts.missing++;
      return Number.NaN;
    }
    const value = exactNumber(text);
    if (value !== value) {
      if (text === '') step.counts.missing++;
      else step.counts.invalid++;
    }
    return value;
  }

  #slowCategory(step: Step, bytes: Buffer, start: number, end: number, form: number): number {
    const text = this.#text(bytes, start, end, form);
    const known = step.codes.size;
    const code = this.#missing.has(text) ? known + 1 : (step.codes.get(text) ?? known);
    step.memo.remember(bytes, start, end, code);
    return code;
  }
}

function clamp(value: number): number {
  return value > LARGEST_FLOAT32 ? LARGEST_FLOAT32 : value < -LARGEST_FLOAT32 ? -LARGEST_FLOAT32 : value;
}

function resolve(column: Column, field: number, offset: number): Step {
  const step: Step = {
    name: column.column,
    field,
    offset,
    number: column.kind === 'number',
    impute: 0,
    indicator: false,
    center: 0,
    scale: 1,
    values: new Float64Array(0),
    oneHot: column.kind === 'oneHot',
    codes: new Map(),
    memo: new ByteMemo(),
    counts: { missing: 0, invalid: 0, unknown: 0 },
  };
  if (column.kind === 'number') {
    const { impute, indicator, center, scale } = column;
    return { ...step, impute, indicator, center, scale };
  }
  const codes = new Map<string, number>();
  for (const [i, category] of column.categories.entries()) if (!codes.has(category)) codes.set(category, i);
  if (codes.size !== column.categories.length) throw new Error('a category is listed twice');
  const indices = column.categories.map((_, i) => i);
  const ends =
    column.kind === 'ordinal'
      ? [column.unknown, column.missing]
      : [-1, column.impute === null ? -1 : (codes.get(column.impute) ?? -1)];
  return { ...step, codes, values: Float64Array.from([...indices, ...ends]) };
}
