// Executes the manifest's preprocessing: records of the window become rows of the model's input. Encoded in float64 and cast
// once, to the bit as trainer's encoder does it (golden vectors hold both to each other). The engine reads what it can;
// cells that are new to it, dates and odd numbers it asks for here. Next: score/.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { partOf, readDate } from '../../cloud/contract/date.ts';
import { exactNumber } from '../../cloud/contract/number.ts';
import { inLowerCase } from '../../cloud/contract/statistics.ts';
import { cellText, stripped } from '../csv/cell.ts';
import type { Encoding } from '../csv/encoding.ts';
import type { Engine, SlowCells } from '../csv/engine.ts';
import { CELL_BYTES } from '../csv/records.ts';
import { type CellCounts, clamp, layOutSteps, none, type Placed, type Steps } from './steps.ts';

export type { CellCounts } from './steps.ts';
export type Numbers = Float32Array | Float64Array;

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

/** The records of a table: their delimiter, how many cells each has, and which of them by the column's name. */
export interface Shape {
  delimiter: string;
  columns: number;
  places: ReadonlyMap<string, number>;
}

export class RowEncoder implements SlowCells {
  readonly width: number;
  readonly #engine: Engine;
  readonly #encoding: Encoding;
  readonly #missing: Set<string>;
  readonly #type: 'float32' | 'float64';
  readonly #limit: number;
  readonly #steps: Steps;
  readonly #cells: number;
  readonly #at: number;
  readonly #length: number;
  #input: Numbers;

  /** For batches of at most `mostRows` rows. */
  constructor(engine: Engine, manifest: Manifest, shape: Shape, encoding: Encoding, mostRows: number) {
    const { columns, missing } = manifest.preprocessing;
    const { delimiter, places } = shape;
    this.width = encodedWidth(columns);
    this.#engine = engine;
    this.#encoding = encoding;
    this.#missing = new Set(missing);
    this.#type = manifest.onnx.input.type;
    this.#limit = LIMITS[this.#type];
    const numericTokens = missing.some((token) => !Number.isNaN(exactNumber(token)));
    this.#steps = layOutSteps(engine, placed(columns, places), { limit: this.#limit, numericTokens });
    this.#length = mostRows * this.width;
    const single = this.#type === 'float32';
    this.#at = engine.allocate(this.#length * (single ? 4 : 8));
    this.#cells = engine.allocate(shape.columns * CELL_BYTES);
    engine.run.setRecords(delimiter.charCodeAt(0), this.#cells, shape.columns);
    engine.run.setBatch(shape.columns, engine.allocate(mostRows * 4), this.#at, this.width, single, this.#limit);
    engine.slow = this;
    this.#input = this.#look();
  }

  /** Rows of the batch, of the model's type; good until the engine's next `allocate`. */
  get input(): Numbers {
    if (this.#input.buffer !== this.#engine.bytes.buffer) this.#input = this.#look();
    return this.#input;
  }

  /** Stripped text of the first cell of the record that reading stopped at. */
  firstCell(): string {
    const { bytes } = this.#engine;
    return this.#text(bytes.readInt32LE(this.#cells), bytes.readInt32LE(this.#cells + 4));
  }

  number(index: number, start: number, end: number): number {
    const text = this.#text(start, end);
    const { counts, read } = this.#steps.numbers[index]!;
    if (this.#missing.has(text)) {
      counts.missing++;
      return Number.NaN;
    }
    const value = read(text);
    if (value !== value) counts[text === '' ? 'missing' : 'invalid']++;
    return value;
  }

  category(index: number, start: number, end: number): number {
    const text = this.#text(start, end);
    const { codes, unknown, folded, memo } = this.#steps.categories[index]!;
    const code = this.#missing.has(text) ? unknown + 1 : (codes.get(folded ? inLowerCase(text) : text) ?? unknown);
    memo.remember(index, start, end, code);
    return code;
  }

  date(index: number, start: number, end: number, row: number): void {
    const { offset, column, counts } = this.#steps.dates[index]!;
    const text = this.#text(start, end);
    const missing = this.#missing.has(text);
    const ms = missing ? Number.NaN : readDate(text, column.orders);
    const absent = ms !== ms;
    if (absent) counts[missing || text === '' ? 'missing' : 'invalid']++;
    const { input } = this;
    let at = row * this.width + offset;
    for (const { part, impute, center, scale } of column.parts) {
      const value = ((absent ? impute : partOf(ms, part)) - center) / scale;
      input[at++] = clamp(value, this.#limit);
    }
    if (column.indicator && absent) input[at] = 1;
  }

  /** By column, only those with a count above 0. */
  counts(): Record<string, CellCounts> {
    const { numbers, categories, dates } = this.#steps;
    const { bytes } = this.#engine;
    const engines = categories.map(({ name, counters }) => ({
      name,
      counts: { missing: bytes.readUInt32LE(counters + 4), invalid: 0, unknown: bytes.readUInt32LE(counters) },
    }));
    const found = new Map<string, CellCounts>();
    for (const { name, counts } of [...numbers, ...engines, ...dates]) {
      if (counts.missing + counts.invalid + counts.unknown === 0) continue;
      const sum = found.get(name) ?? none();
      // A column that is encoded twice has the same cells twice: the larger count is the true one.
      for (const kind of ['missing', 'invalid', 'unknown'] as const) sum[kind] = Math.max(sum[kind], counts[kind]);
      found.set(name, sum);
    }
    return Object.fromEntries(found);
  }

  #text(start: number, end: number): string {
    return stripped(cellText(this.#engine.bytes, start, end, this.#encoding));
  }

  #look(): Numbers {
    const buffer = this.#engine.bytes.buffer as ArrayBuffer;
    return new (this.#type === 'float32' ? Float32Array : Float64Array)(buffer, this.#at, this.#length);
  }
}

function placed(columns: readonly Column[], places: ReadonlyMap<string, number>): Placed[] {
  let offset = 0;
  return columns.map((column) => {
    const field = places.get(column.column);
    if (field === undefined) throw new Error('a column that the model needs has no place');
    const one = { column, field, offset };
    offset += columnWidth(column);
    return one;
  });
}
