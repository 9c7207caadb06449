// Executes the manifest's preprocessing: the cells of one record become one row of the model's input. Encoded in float64
// and cast once, to the bit as trainer's encoder does it (golden vectors hold both to each other). Next: score/.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { cellText, stripped } from '../csv/cell.ts';
import type { Encoding } from '../csv/encoding.ts';
import { ESCAPED, PLAIN, QUOTED, type RecordScanner } from '../csv/records.ts';
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

/** A column of numbers, resolved: where its cell is and where its numbers go. */
interface NumberStep {
  name: string;
  field: number;
  offset: number;
  impute: number;
  indicator: boolean;
  center: number;
  scale: number;
  counts: CellCounts;
}

/** A column of categories. A code is a category's index; after the last come UNKNOWN and MISSING. */
interface CategoryStep {
  name: string;
  field: number;
  codes: Map<string, number>;
  /** By code: where in the row a number goes (-1: nowhere), and which. */
  places: Int32Array;
  values: Float64Array;
  memo: ByteMemo;
  counts: CellCounts;
}

export class RowEncoder {
  readonly width: number;
  // Apart, because one loop over both kinds costs a third more (branches and shapes that cannot be foreseen).
  readonly #numbers: NumberStep[] = [];
  readonly #categories: CategoryStep[] = [];
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
    for (const column of columns) {
      const field = places.get(column.column) ?? -1;
      const step = { name: column.column, field, counts: { missing: 0, invalid: 0, unknown: 0 } };
      if (column.kind !== 'number') this.#categories.push({ ...step, ...categoryCodes(column, offset, this.#clamped) });
      else {
        const { impute, indicator, center, scale } = column;
        this.#numbers.push({ ...step, offset, impute, indicator, center, scale });
      }
      offset += columnWidth(column);
    }
  }

  /** A batch's input of the model's type, all zeros: `encode` relies on the zeros. */
  allocate(rows: number): Numbers {
    return this.#clamped ? new Float32Array(rows * this.width) : new Float64Array(rows * this.width);
  }

  /** Writes the record last scanned to `out` at `row`; the row must hold zeros. */
  encode(bytes: Buffer, record: RecordScanner, out: Numbers, row: number): void {
    const base = row * this.width;
    this.#encodeNumbers(bytes, record, out, base);
    this.#encodeCategories(bytes, record, out, base);
  }

  #encodeNumbers(bytes: Buffer, { starts, ends, forms }: RecordScanner, out: Numbers, base: number): void {
    const clamped = this.#clamped;
    for (const step of this.#numbers) {
      const { field } = step;
      const form = forms[field]!;
      const start = starts[field]! + (form & QUOTED);
      const end = ends[field]! - (form & QUOTED);
      const at = base + step.offset;
      let x = form === ESCAPED || this.#numericTokens ? Number.NaN : fastNumber(bytes, start, end);
      if (x !== x) x = this.#slowNumber(step, bytes, start, end, form);
      if (x !== x) {
        x = step.impute;
        if (step.indicator) out[at + 1] = 1;
      }
      const value = (x - step.center) / step.scale;
      out[at] = clamped ? clamp(value) : value;
    }
  }

  #encodeCategories(bytes: Buffer, { starts, ends, forms }: RecordScanner, out: Numbers, base: number): void {
    for (const step of this.#categories) {
      const { field, places } = step;
      const form = forms[field]!;
      const start = starts[field]! + (form & QUOTED);
      const end = ends[field]! - (form & QUOTED);
      let code = step.memo.find(bytes, start, end);
      if (code < 0) code = this.#slowCategory(step, bytes, start, end, form);
      const unknown = places.length - 2;
      if (code >= unknown) {
        if (code === unknown) step.counts.unknown++;
        else step.counts.missing++;
      }
      const place = places[code]!;
      if (place >= 0) out[base + place] = step.values[code]!;
    }
  }

  /** By column, only those with a count above 0. */
  counts(): Record<string, CellCounts> {
    const found = new Map<string, CellCounts>();
    for (const { name, counts } of [...this.#numbers, ...this.#categories]) {
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
    return stripped(cellText(bytes, start, end, form === ESCAPED ? ESCAPED : PLAIN, this.#encoding));
  }

  #slowNumber(step: NumberStep, bytes: Buffer, start: number, end: number, form: number): number {
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

  #slowCategory(step: CategoryStep, bytes: Buffer, start: number, end: number, form: number): number {
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

type CategoryColumn = Exclude<Column, { kind: 'number' }>;

function categoryCodes(
  column: CategoryColumn,
  offset: number,
  clamped: boolean,
): Pick<CategoryStep, 'codes' | 'places' | 'values' | 'memo'> {
  const codes = new Map(column.categories.map((category, i) => [category, i]));
  if (codes.size !== column.categories.length) throw new Error('a category is listed twice');
  const indices = column.categories.map((_, i) => i);
  const memo = new ByteMemo(codes.size);
  if (column.kind === 'oneHot') {
    const imputed = column.impute === null ? undefined : codes.get(column.impute);
    const places = [...indices, -1, imputed ?? -1].map((index) => (index < 0 ? -1 : offset + index));
    return { codes, places: Int32Array.from(places), values: new Float64Array(places.length).fill(1), memo };
  }
  const values = Float64Array.from([...indices, column.unknown, column.missing]);
  return {
    codes,
    places: new Int32Array(values.length).fill(offset),
    values: clamped ? values.map(clamp) : values,
    memo,
  };
}
