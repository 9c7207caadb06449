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

/** Writes [rows, count]. The switch stands in the loop, where the processor foresees it; a call of a function would not be. */
export function mapOne(operator: UnaryOperator, x: Columns, rows: number, out: Numbers): void {
  const {
    offset,
    stride,
    count,
    store: { data },
  } = x;
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < count; i++) out[row * count + i] = ofOne(operator, data[offset + row * stride + i]!);
}

function ofOne(operator: UnaryOperator, x: number): number {
  switch (operator) {
    case 'Abs':
      return Math.abs(x);
    case 'Exp':
      return Math.exp(x);
    case 'Log':
      return Math.log(x);
    case 'Neg':
      return -x;
    case 'Relu':
      return x < 0 ? 0 : x;
    case 'Tanh':
      return Math.tanh(x);
    case 'Sigmoid': {
      const upper = 1 / (1 + Math.exp(-Math.abs(x))); // from the side where nothing overflows
      return x >= 0 ? upper : 1 - upper;
    }
  }
}

/** Writes [rows, count], the larger count of the two; a side of one column, or of stride 0, is used for all. */
export function mapTwo(operator: BinaryOperator, x: Columns, y: Columns, rows: number, out: Numbers): void {
  const count = Math.max(x.count, y.count);
  const [a, b] = [x.store.data, y.store.data];
  const [nextA, nextB] = [x.count === 1 ? 0 : 1, y.count === 1 ? 0 : 1];
  for (let row = 0; row < rows; row++) {
    let atA = x.offset + row * x.stride;
    let atB = y.offset + row * y.stride;
    for (let i = 0; i < count; i++, atA += nextA, atB += nextB)
      out[row * count + i] = ofTwo(operator, a[atA]!, b[atB]!);
  }
}

function ofTwo(operator: BinaryOperator, x: number, y: number): number {
  switch (operator) {
    case 'Add':
      return x + y;
    case 'Div':
      return x / y;
    case 'Min':
      return Math.min(x, y);
    case 'Mul':
      return x * y;
    case 'Sub':
      return x - y;
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
