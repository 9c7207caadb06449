// Executes the manifest's preprocessing: the cells of one record become one row of the model's input. Encoded in float64
// and cast once, to the bit as trainer's encoder does it (golden vectors hold both to each other). Next: score/.
import type { BooleanColumn, DateColumn, Manifest } from '../../cloud/contract/contract.generated.ts';
import { cellText, stripped } from '../csv/cell.ts';
import type { Encoding } from '../csv/encoding.ts';
import { ESCAPED, PLAIN, QUOTED, type RecordScanner } from '../csv/records.ts';
import { partOf, readDate } from './date.ts';
import { ByteMemo } from './memo.ts';
import { numberReader, type NumberReader } from './notation.ts';
import { exactNumber, fastNumber } from './number.ts';

export type Numbers = Float32Array | Float64Array;

export interface CellCounts {
  missing: number;
  invalid: number;
  unknown: number;
}

/** What a number of the model's input type is clamped to, by the contract. */
const LIMITS = { float32: 3.4028234663852886e38, float64: 1e50 } as const;

type Column = Manifest['preprocessing']['columns'][number];

/** Numbers a column of the preprocessing puts into a row. */
export function columnWidth(column: Column): number {
  switch (column.kind) {
    case 'number':
    case 'boolean':
      return column.indicator ? 2 : 1;
    case 'date':
      return column.parts.length + (column.indicator ? 1 : 0);
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
  /** Of a stripped cell that is not missing. */
  read: NumberReader;
}

/** A column of categories or of yes and no. A code is a category's index; after the last come UNKNOWN and MISSING. */
interface CategoryStep {
  name: string;
  field: number;
  codes: Map<string, number>;
  /** ASCII letters count as lower case. */
  folded: boolean;
  /** By code: where in the row a number goes (-1: nowhere), and which. */
  places: Int32Array;
  values: Float64Array;
  /** Where 1 goes for a cell that is missing or unknown; -1: nowhere. */
  flag: number;
  memo: ByteMemo;
  counts: CellCounts;
}

/** A column of dates. */
interface DateStep {
  name: string;
  field: number;
  offset: number;
  column: DateColumn;
  counts: CellCounts;
}

export class RowEncoder {
  readonly width: number;
  // Apart, because one loop over all kinds costs a third more (branches and shapes that cannot be foreseen).
  readonly #numbers: NumberStep[] = [];
  /** Numbers written in another way than the plain one. */
  readonly #notated: NumberStep[] = [];
  readonly #categories: CategoryStep[] = [];
  readonly #dates: DateStep[] = [];
  readonly #missing: Set<string>;
  readonly #encoding: Encoding;
  readonly #type: 'float32' | 'float64';
  readonly #limit: number;
  /** A token such as "-999" is missing although it reads as a number: then every number is looked up first. */
  readonly #numericTokens: boolean;

  /** `places`: column name to its place in a record. */
  constructor(manifest: Manifest, places: ReadonlyMap<string, number>, encoding: Encoding) {
    const { columns, missing } = manifest.preprocessing;
    this.width = encodedWidth(columns);
    this.#missing = new Set(missing);
    this.#encoding = encoding;
    this.#type = manifest.onnx.input.type;
    this.#limit = LIMITS[this.#type];
    this.#numericTokens = missing.some((token) => !Number.isNaN(exactNumber(token)));
    let offset = 0;
    for (const column of columns) {
      const field = places.get(column.column) ?? -1;
      const step = { name: column.column, field, counts: { missing: 0, invalid: 0, unknown: 0 } };
      if (column.kind === 'date') this.#dates.push({ ...step, offset, column });
      else if (column.kind !== 'number')
        this.#categories.push({ ...step, ...categoryCodes(column, offset, this.#limit) });
      else {
        const { impute, indicator, center, scale, notation } = column;
        const read = notation ? numberReader(notation) : exactNumber;
        const steps = notation ? this.#notated : this.#numbers;
        steps.push({ ...step, offset, impute, indicator, center, scale, read });
      }
      offset += columnWidth(column);
    }
  }

  /** A batch's input of the model's type, all zeros: `encode` relies on the zeros. */
  allocate(rows: number): Numbers {
    return new (this.#type === 'float32' ? Float32Array : Float64Array)(rows * this.width);
  }

  /** Writes the record last scanned to `out` at `row`; the row must hold zeros. */
  encode(bytes: Buffer, record: RecordScanner, out: Numbers, row: number): void {
    const base = row * this.width;
    this.#encodeNumbers(this.#numbers, this.#numericTokens, bytes, record, out, base);
    this.#encodeCategories(bytes, record, out, base);
    if (this.#notated.length > 0) this.#encodeNumbers(this.#notated, true, bytes, record, out, base);
    if (this.#dates.length > 0) this.#encodeDates(bytes, record, out, base);
  }

  /** `slowly`: the fast way cannot be trusted with these cells. */
  #encodeNumbers(
    steps: readonly NumberStep[],
    slowly: boolean,
    bytes: Buffer,
    { starts, ends, forms }: RecordScanner,
    out: Numbers,
    base: number,
  ): void {
    const limit = this.#limit;
    for (const step of steps) {
      const { field } = step;
      const form = forms[field]!;
      const start = starts[field]! + (form & QUOTED);
      const end = ends[field]! - (form & QUOTED);
      const at = base + step.offset;
      let x = form === ESCAPED || slowly ? Number.NaN : fastNumber(bytes, start, end);
      if (x !== x) x = this.#slowNumber(step, bytes, start, end, form);
      if (x !== x) {
        x = step.impute;
        if (step.indicator) out[at + 1] = 1;
      }
      const value = (x - step.center) / step.scale;
      out[at] = clamp(value, limit);
    }
  }

  #encodeCategories(bytes: Buffer, { starts, ends, forms }: RecordScanner, out: Numbers, base: number): void {
    for (const step of this.#categories) {
      const { field, places, flag } = step;
      const form = forms[field]!;
      const start = starts[field]! + (form & QUOTED);
      const end = ends[field]! - (form & QUOTED);
      let code = step.memo.find(bytes, start, end);
      if (code < 0) code = this.#slowCategory(step, bytes, start, end, form);
      const unknown = places.length - 2;
      if (code >= unknown) {
        if (code === unknown) step.counts.unknown++;
        else step.counts.missing++;
        if (flag >= 0) out[base + flag] = 1;
      }
      const place = places[code]!;
      if (place >= 0) out[base + place] = step.values[code]!;
    }
  }

  #encodeDates(bytes: Buffer, { starts, ends, forms }: RecordScanner, out: Numbers, base: number): void {
    for (const { field, offset, column, counts } of this.#dates) {
      const form = forms[field]!;
      const text = this.#text(bytes, starts[field]! + (form & QUOTED), ends[field]! - (form & QUOTED), form);
      const missing = this.#missing.has(text);
      const ms = missing ? Number.NaN : readDate(text, column.orders);
      const absent = ms !== ms;
      if (absent) counts[missing || text === '' ? 'missing' : 'invalid']++;
      let at = base + offset;
      for (const { part, impute, center, scale } of column.parts) {
        const value = ((absent ? impute : partOf(ms, part)) - center) / scale;
        out[at++] = clamp(value, this.#limit);
      }
      if (column.indicator && absent) out[at] = 1;
    }
  }

  /** By column, only those with a count above 0. */
  counts(): Record<string, CellCounts> {
    const found = new Map<string, CellCounts>();
    for (const { name, counts } of [...this.#numbers, ...this.#notated, ...this.#categories, ...this.#dates]) {
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
    const value = step.read(text);
    if (value !== value) {
      if (text === '') step.counts.missing++;
      else step.counts.invalid++;
    }
    return value;
  }

  #slowCategory(step: CategoryStep, bytes: Buffer, start: number, end: number, form: number): number {
    const text = this.#text(bytes, start, end, form);
    const unknown = step.places.length - 2;
    const code = this.#missing.has(text) ? unknown + 1 : (step.codes.get(step.folded ? folded(text) : text) ?? unknown);
    step.memo.remember(bytes, start, end, code);
    return code;
  }
}

function clamp(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}

const folded = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

type Codes = Pick<CategoryStep, 'codes' | 'folded' | 'places' | 'values' | 'flag' | 'memo'>;

function categoryCodes(column: Exclude<Column, { kind: 'number' | 'date' }>, offset: number, limit: number): Codes {
  if (column.kind === 'boolean') return booleanCodes(column, offset, limit);
  const codes = new Map(column.categories.map((category, i) => [category, i]));
  if (codes.size !== column.categories.length) throw new Error('a category is listed twice');
  const indices = column.categories.map((_, i) => i);
  const shared = { codes, folded: false, flag: -1, memo: new ByteMemo(codes.size) };
  if (column.kind === 'oneHot') {
    const imputed = column.impute === null ? undefined : codes.get(column.impute);
    const places = [...indices, -1, imputed ?? -1].map((index) => (index < 0 ? -1 : offset + index));
    return { ...shared, places: Int32Array.from(places), values: new Float64Array(places.length).fill(1) };
  }
  const values = Float64Array.from([...indices, column.unknown, column.missing]);
  return {
    ...shared,
    places: new Int32Array(values.length).fill(offset),
    values: values.map((value) => clamp(value, limit)),
  };
}

/** Codes: no, yes, unknown, missing. */
function booleanCodes(column: BooleanColumn, offset: number, limit: number): Codes {
  const { yes, no, impute, indicator, center, scale } = column;
  const codes = new Map([...no.map((word) => [word, 0] as const), ...yes.map((word) => [word, 1] as const)]);
  const values = Float64Array.from([0, 1, impute, impute], (x) => (x - center) / scale);
  return {
    codes,
    folded: true,
    places: new Int32Array(4).fill(offset),
    values: values.map((value) => clamp(value, limit)),
    flag: indicator ? offset + 1 : -1,
    memo: new ByteMemo(codes.size),
  };
}
