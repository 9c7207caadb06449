// The operators that our exporters' graphs are made of, as plain loops in float64. Each is what onnx.ai/onnx/operators tells
// for the versions in onnxgraph.ts, and follows onnxruntime where that leaves a choice. arithmetic.ts strings them together.
import type { Numbers } from '../encode/rows.ts';

/** A place for numbers that is filled for each batch of rows, perhaps with another array. */
export interface Store {
  data: Numbers;
}

/** Numbers of a batch of rows: column c of row r is `store.data[offset + r × stride + c]`. */
export interface Columns {
  store: Store;
  offset: number;
  stride: number;
  count: number;
}

const UNARY = ['Abs', 'Exp', 'Log', 'Neg', 'Relu', 'Sigmoid', 'Tanh'] as const;
const BINARY = ['Add', 'Div', 'Min', 'Mul', 'Sub'] as const;
export type UnaryOperator = (typeof UNARY)[number];
export type BinaryOperator = (typeof BINARY)[number];

export function isUnary(operator: string): operator is UnaryOperator {
  return (UNARY as readonly string[]).includes(operator);
}

export function isBinary(operator: string): operator is BinaryOperator {
  return (BINARY as readonly string[]).includes(operator);
}

/** Writes [rows, count]. */
export function mapOne(operator: UnaryOperator, x: Columns, rows: number, out: Numbers): void {
  const { offset, stride, count, store } = x;
  if (stride === count) return mapNumbers(operator, store.data, offset, rows * count, out, 0);
  for (let row = 0; row < rows; row++) mapNumbers(operator, store.data, offset + row * stride, count, out, row * count);
}

/** A loop an operator, because a loop that asks at each number, or calls a function, takes ten times as long. */
function mapNumbers(operator: UnaryOperator, x: Numbers, at: number, count: number, out: Numbers, to: number): void {
  switch (operator) {
    case 'Abs':
      for (let i = 0; i < count; i++) out[to + i] = Math.abs(x[at + i]!);
      break;
    case 'Exp':
      for (let i = 0; i < count; i++) out[to + i] = Math.exp(x[at + i]!);
      break;
    case 'Log':
      for (let i = 0; i < count; i++) out[to + i] = Math.log(x[at + i]!);
      break;
    case 'Neg':
      for (let i = 0; i < count; i++) out[to + i] = -x[at + i]!;
      break;
    case 'Relu':
      for (let i = 0; i < count; i++) out[to + i] = x[at + i]! < 0 ? 0 : x[at + i]!;
      break;
    case 'Sigmoid':
      for (let i = 0; i < count; i++) out[to + i] = sigmoid(x[at + i]!);
      break;
    case 'Tanh':
      for (let i = 0; i < count; i++) out[to + i] = Math.tanh(x[at + i]!);
      break;
  }
}

/** From the side where nothing overflows, as onnxruntime has it. */
function sigmoid(x: number): number {
  const upper = 1 / (1 + Math.exp(-Math.abs(x)));
  return x >= 0 ? upper : 1 - upper;
}

/** Writes [rows, count], the larger count of the two; a side of one column, or of stride 0, is used for all. */
export function mapTwo(operator: BinaryOperator, x: Columns, y: Columns, rows: number, out: Numbers): void {
  const count = Math.max(x.count, y.count);
  // All rows are one long one where each side lies close, or is the same number throughout.
  const whole = isEven(x, count) && isEven(y, count);
  const length = whole ? rows * count : count;
  const next = (side: Columns) => ((whole ? side.stride : side.count - 1) === 0 ? 0 : 1);
  const [nextX, nextY] = [next(x), next(y)];
  for (let row = 0; row < (whole ? 1 : rows); row++) {
    const [atX, atY] = [x.offset + row * x.stride, y.offset + row * y.stride];
    combine(operator, x.store.data, atX, nextX, y.store.data, atY, nextY, length, out, row * count);
  }
}

function isEven({ count, stride }: Columns, wanted: number): boolean {
  return stride === 0 ? count === 1 : stride === count && count === wanted;
}

function combine(
  operator: BinaryOperator,
  x: Numbers,
  atX: number,
  nextX: number,
  y: Numbers,
  atY: number,
  nextY: number,
  count: number,
  out: Numbers,
  to: number,
): void {
  const end = to + count;
  switch (operator) {
    case 'Add':
      for (; to < end; to++, atX += nextX, atY += nextY) out[to] = x[atX]! + y[atY]!;
      break;
    case 'Div':
      for (; to < end; to++, atX += nextX, atY += nextY) out[to] = x[atX]! / y[atY]!;
      break;
    case 'Min':
      for (; to < end; to++, atX += nextX, atY += nextY) out[to] = Math.min(x[atX]!, y[atY]!);
      break;
    case 'Mul':
      for (; to < end; to++, atX += nextX, atY += nextY) out[to] = x[atX]! * y[atY]!;
      break;
    case 'Sub':
      for (; to < end; to++, atX += nextX, atY += nextY) out[to] = x[atX]! - y[atY]!;
      break;
  }
}

/** Writes [rows, outputs]; `weights` [outputs, count]. Each sum runs from the first column to the last, four rows abreast. */
export function multiply(x: Columns, weights: Float64Array, outputs: number, rows: number, out: Numbers): void {
  const {
    offset,
    stride,
    count,
    store: { data },
  } = x;
  for (let row = 0; row < rows; row += 4) {
    const a = offset + row * stride;
    // Behind the last row: the last row again.
    const b = offset + Math.min(row + 1, rows - 1) * stride;
    const c = offset + Math.min(row + 2, rows - 1) * stride;
    const d = offset + Math.min(row + 3, rows - 1) * stride;
    for (let output = 0; output < outputs; output++) {
      const from = output * count;
      let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
      for (let i = 0; i < count; i++) {
        const weight = weights[from + i]!;
        sumA += data[a + i]! * weight;
        sumB += data[b + i]! * weight;
        sumC += data[c + i]! * weight;
        sumD += data[d + i]! * weight;
      }
      const to = row * outputs + output;
      out[to] = sumA;
      if (row + 1 < rows) out[to + outputs] = sumB;
      if (row + 2 < rows) out[to + 2 * outputs] = sumC;
      if (row + 3 < rows) out[to + 3 * outputs] = sumD;
    }
  }
}

/** Writes [rows, 1]. */
export function sumColumns(x: Columns, rows: number, out: Numbers): void {
  const {
    offset,
    stride,
    count,
    store: { data },
  } = x;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += data[offset + row * stride + i]!;
    out[row] = sum;
  }
}

/** Writes [rows, count]: shares that add up to 1, taken from the largest down so that nothing overflows. */
export function softmax(x: Columns, rows: number, out: Numbers): void {
  const {
    offset,
    stride,
    count,
    store: { data },
  } = x;
  for (let row = 0; row < rows; row++) {
    const from = offset + row * stride;
    const to = row * count;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) most = Math.max(most, data[from + i]!);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const share = Math.exp(data[from + i]! - most);
      out[to + i] = share;
      sum += share;
    }
    for (let i = 0; i < count; i++) out[to + i]! /= sum;
  }
}

export function clip(x: Columns, low: number, high: number, rows: number, out: Numbers): void {
  const {
    offset,
    stride,
    count,
    store: { data },
  } = x;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < count; i++) {
      const value = data[offset + row * stride + i]!;
      out[row * count + i] = value < low ? low : value > high ? high : value;
    }
  }
}

/** Into the columns from `to` on of [rows, width]; casts to `out`'s type. */
export function copyColumns(x: Columns, rows: number, out: Numbers, to: number, width: number): void {
  const {
    offset,
    stride,
    count,
    store: { data },
  } = x;
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < count; i++) out[row * width + to + i] = data[offset + row * stride + i]!;
}
