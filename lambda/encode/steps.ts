// The manifest's preprocessing as the engine executes it: a step a column, by kind, laid out in the engine's memory as
// wasm/assembly/rows.ts reads it. Made by rows.ts, which answers for the cells that the engine cannot read by itself.
import type { BooleanColumn, DateColumn, Manifest } from '../../cloud/contract/contract.generated.ts';
import { numberReader, type NumberReader } from '../../cloud/contract/notation.ts';
import { exactNumber } from '../../cloud/contract/number.ts';
import type { Engine } from '../csv/engine.ts';
import { CELL_BYTES } from '../csv/records.ts';
import { ByteMemo } from './memo.ts';

type Column = Manifest['preprocessing']['columns'][number];
type NumberColumn = Extract<Column, { kind: 'number' }>;
type CategoryColumn = Exclude<Column, { kind: 'number' | 'date' }>;

/** A column and where it is found and goes: the place of its cell in a record, that of its first number in a row. */
export interface Placed<C extends Column = Column> {
  column: C;
  field: number;
  offset: number;
}

export interface CellCounts {
  missing: number;
  invalid: number;
  unknown: number;
}

/** A column of numbers. */
export interface NumberStep {
  name: string;
  counts: CellCounts;
  /** Of a stripped cell that is not missing. */
  read: NumberReader;
}

/** A column of categories or of yes and no. A code is a category's index; after the last come unknown and missing. */
export interface CategoryStep {
  name: string;
  codes: Map<string, number>;
  unknown: number;
  /** ASCII letters count as lower case. */
  folded: boolean;
  memo: ByteMemo;
  /** Address of the engine's counts of cells: unknown ones, missing ones. */
  counters: number;
}

export interface DateStep {
  name: string;
  counts: CellCounts;
  offset: number;
  column: DateColumn;
}

export interface Steps {
  numbers: NumberStep[];
  categories: CategoryStep[];
  dates: DateStep[];
}

/** Fields of a step, as wasm/assembly/rows.ts has them. */
const STEP_BYTES = 48;
const CELL = 0;
const OFFSET = 4;
const Numeric = { slowly: 8, indicator: 12, impute: 16, center: 24, scale: 32 } as const;
const Category = { slots: 8, shift: 12, places: 16, values: 20, unknown: 24, flag: 28, counters: 32 } as const;

export interface StepOptions {
  /** What numbers are clamped to. */
  limit: number;
  /** A token such as "-999" is missing although it reads as a number: then every number is looked up first. */
  numericTokens: boolean;
}

export function layOutSteps(engine: Engine, columns: readonly Placed[], options: StepOptions): Steps {
  const numbers = columns.filter((placed) => isKind(placed, 'number'));
  const dates = columns.filter((placed) => isKind(placed, 'date'));
  const categories = columns.filter((placed) => isCategory(placed));
  const start = engine.allocate(columns.length * STEP_BYTES);
  const second = start + numbers.length * STEP_BYTES;
  const third = second + categories.length * STEP_BYTES;
  engine.run.setSteps(start, second, third, third + dates.length * STEP_BYTES);
  for (const [i, placed] of [...numbers, ...categories, ...dates].entries())
    engine.bytes.writeInt32LE(placed.field * CELL_BYTES, start + i * STEP_BYTES + CELL);
  return {
    numbers: numbers.map((placed, i) => numberStep(engine, start + i * STEP_BYTES, placed, options.numericTokens)),
    categories: categories.map((placed, i) => categoryStep(engine, second + i * STEP_BYTES, placed, options.limit)),
    dates: dates.map(({ column, offset }) => ({ name: column.column, counts: none(), offset, column })),
  };
}

function isKind<K extends 'number' | 'date'>(placed: Placed, kind: K): placed is Placed<Extract<Column, { kind: K }>> {
  return placed.column.kind === kind;
}

function isCategory(placed: Placed): placed is Placed<CategoryColumn> {
  return placed.column.kind !== 'number' && placed.column.kind !== 'date';
}

function numberStep(engine: Engine, at: number, { column, offset }: Placed<NumberColumn>, slowly: boolean): NumberStep {
  const { impute, indicator, center, scale, notation } = column;
  const { bytes } = engine;
  bytes.writeInt32LE(offset, at + OFFSET);
  bytes.writeInt32LE(slowly || notation ? 1 : 0, at + Numeric.slowly);
  bytes.writeInt32LE(indicator ? 1 : 0, at + Numeric.indicator);
  bytes.writeDoubleLE(impute, at + Numeric.impute);
  bytes.writeDoubleLE(center, at + Numeric.center);
  bytes.writeDoubleLE(scale, at + Numeric.scale);
  return { name: column.column, counts: none(), read: notation ? numberReader(notation) : exactNumber };
}

function categoryStep(
  engine: Engine,
  at: number,
  { column, offset }: Placed<CategoryColumn>,
  limit: number,
): CategoryStep {
  const { codes, folded, places, values, flag } =
    column.kind === 'boolean' ? booleanCodes(column, offset) : categoryCodes(column, offset);
  const unknown = places.length - 2;
  const memo = new ByteMemo(engine, codes.size);
  const placesAt = engine.allocate(places.length * 4);
  const valuesAt = engine.allocate(values.length * 8);
  const { bytes } = engine;
  for (const [i, place] of places.entries()) bytes.writeInt32LE(place, placesAt + 4 * i);
  for (const [i, value] of values.entries()) bytes.writeDoubleLE(clamp(value, limit), valuesAt + 8 * i);
  bytes.writeInt32LE(memo.address, at + Category.slots);
  bytes.writeInt32LE(memo.shift, at + Category.shift);
  bytes.writeInt32LE(placesAt, at + Category.places);
  bytes.writeInt32LE(valuesAt, at + Category.values);
  bytes.writeInt32LE(unknown, at + Category.unknown);
  bytes.writeInt32LE(flag, at + Category.flag);
  return { name: column.column, codes, unknown, folded, memo, counters: at + Category.counters };
}

interface Codes {
  codes: Map<string, number>;
  folded: boolean;
  /** By code: where in the row a number goes (-1: nowhere), and which. */
  places: number[];
  values: number[];
  /** Where 1 goes for a cell that is missing or unknown; -1: nowhere. */
  flag: number;
}

function categoryCodes(column: Exclude<CategoryColumn, BooleanColumn>, offset: number): Codes {
  const codes = new Map(column.categories.map((category, i) => [category, i]));
  if (codes.size !== column.categories.length) throw new Error('a category is listed twice');
  const indices = column.categories.map((_, i) => i);
  const shared = { codes, folded: false, flag: -1 };
  if (column.kind === 'oneHot') {
    const imputed = column.impute === null ? undefined : codes.get(column.impute);
    const places = [...indices, -1, imputed ?? -1].map((index) => (index < 0 ? -1 : offset + index));
    return { ...shared, places, values: places.map(() => 1) };
  }
  const values = [...indices, column.unknown, column.missing];
  return { ...shared, places: values.map(() => offset), values };
}

/** Codes: no, yes, unknown, missing. */
function booleanCodes({ yes, no, impute, indicator, center, scale }: BooleanColumn, offset: number): Codes {
  return {
    codes: new Map([...no.map((word) => [word, 0] as const), ...yes.map((word) => [word, 1] as const)]),
    folded: true,
    places: [offset, offset, offset, offset],
    values: [0, 1, impute, impute].map((x) => (x - center) / scale),
    flag: indicator ? offset + 1 : -1,
  };
}

export const none = (): CellCounts => ({ missing: 0, invalid: 0, unknown: 0 });

export function clamp(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}
