// The rows of a table, in WebAssembly with SIMD: records found in the window, their cells encoded into the model's input,
// and the window's bytes with new cells written out. Allocates nothing: lambda/csv/engine.ts lays the memory out, and
// lambda/encode/rows.ts answers what is rare or hard (the imports). Compiled by lambda/wasm/generate.ts.
// Rules of a record are those of Python's csv module and of RFC 4180: a quote opens a quoted cell only at the cell's
// start; doubled it is a quote; text after the closing quote belongs to the cell; CRLF, LF and CR outside quotes end a
// record. A NUL byte is an ordinary one, but noted.

import { find, learn } from './rows/memo';
import { parsed } from './rows/number';

/** Value of a cell that `parsed` is not sure of; NaN: none. */
@external('slow', 'number')
declare function slowNumber(step: i32, start: i32, end: i32): f64;
/** Code of a cell that the memo does not hold. */
@external('slow', 'category')
declare function slowCategory(step: i32, start: i32, end: i32): i32;
/** Writes the numbers of a cell of dates into row `row` of the batch. */
@external('slow', 'date')
declare function slowDate(step: i32, start: i32, end: i32, row: i32): void;

const QUOTE: u32 = 0x22;
const LF: u32 = 0x0a;
const CR: u32 = 0x0d;

/** Answers of `read`: it went over what there is, or met a record that is no row. */
const DONE: i32 = 0;
const RAGGED: i32 = 1;
const NUL_BYTE: i32 = 2;
const UNCLOSED: i32 = 3;

/** How a byte is to be read: outside quotes, in a quoted cell, as the second of a doubled quote. */
const OUTSIDE: i32 = 0;
const INSIDE: i32 = 1;
const ESCAPE: i32 = 2;

/** Where reading stopped: a record begins there. */
export let position: i32 = 0;
/** Of the record that is no row: how many cells, where its line ending begins (its end when it has none), what follows. */
export let count: i32 = 0;
export let contentEnd: i32 = 0;
export let next: i32 = 0;
/** A NUL byte stands in the record at `position`, whole or not. */
export let nul: bool = false;
/** Rows of the batch so far: encoded ones, and ends of all, those kept without an encoding among them. */
export let rows: i32 = 0;
export let ends: i32 = 0;

let delimiter: u32 = 0;
/** At a low nibble, the byte with that nibble that means something: one swizzle and one comparison find them all. */
let meaning: i32 = 0;
let cells: i32 = 0;
let mostCells: i32 = 0;

/** Cells of a record go to `at`, 8 bytes each, as many as `most`; further ones are only counted. */
export function setRecords(separator: u32, at: i32, most: i32): void {
  delimiter = separator;
  cells = at;
  mostCells = most;
  meaning = memory.data(16, 16) as i32;
  // 0xff stands for nothing, since its own low nibble is 15; so does 0 there.
  v128.store(meaning, i8x16(0, -1, 0x22, -1, -1, -1, -1, -1, -1, -1, 0x0a, -1, -1, 0x0d, -1, 0));
  store<u8>(meaning + (separator & 15), separator);
}

/** Where the memory is free from on. */
export function heap(): i32 {
  return __heap_base as i32;
}

let columns: i32 = 0;
let cuts: i32 = 0;
let mostRows: i32 = 0;
let input: i32 = 0;
let width: i32 = 0;
let single: bool = false;
let limit: f64 = 0;

/** `wide`: cells of a row; 0: every record is reported as ragged, empty lines too. Rows' ends go to `places`, numbers to `at`. */
export function setBatch(wide: i32, places: i32, at: i32, numbers: i32, float32: bool, largest: f64): void {
  columns = wide;
  cuts = places;
  input = at;
  width = numbers;
  single = float32;
  limit = largest;
  rows = 0;
  ends = 0;
}

let numberSteps: i32 = 0;
let categorySteps: i32 = 0;
let dateSteps: i32 = 0;
let stepsEnd: i32 = 0;

/** Steps of encoding, STEP bytes each: numbers, categories, dates, one kind after the other. */
export function setSteps(numbers: i32, categories: i32, dates: i32, end: i32): void {
  numberSteps = numbers;
  categorySteps = categories;
  dateSteps = dates;
  stepsEnd = end;
}

/** Bits of the 64 bytes at `at` that mean something, the first byte's lowest; none from `to` on. */
@inline
function structure(at: i32, to: i32, table: v128): u64 {
  const low = i8x16.splat(15);
  const a = v128.load(at);
  const b = v128.load(at, 16);
  const c = v128.load(at, 32);
  const d = v128.load(at, 48);
  const bits =
    (i8x16.bitmask(i8x16.eq(a, i8x16.swizzle(table, v128.and(a, low)))) as u64) |
    ((i8x16.bitmask(i8x16.eq(b, i8x16.swizzle(table, v128.and(b, low)))) as u64) << 16) |
    ((i8x16.bitmask(i8x16.eq(c, i8x16.swizzle(table, v128.and(c, low)))) as u64) << 32) |
    ((i8x16.bitmask(i8x16.eq(d, i8x16.swizzle(table, v128.and(d, low)))) as u64) << 48);
  return to - at < 64 ? bits & (((1 as u64) << ((to - at) as u64)) - 1) : bits;
}

/**
 * A cell: where its text begins and ends. A negative end marks text that must be unquoted, its quotes included; a cell in
 * quotes with none inside is stored without them. `closed`: 0 no quoted cell, else what follows its closing quote; -1
 * when quotes are doubled inside.
 */
@inline
function storeCell(at: i32, start: i32, end: i32, closed: i32): void {
  if (closed != 0) {
    if (closed == end) {
      start++;
      end--;
    } else end |= 0x80000000;
  }
  store<u64>(at, (start as u32 as u64) | ((end as u32 as u64) << 32));
}

/** An empty batch of at most `most` rows, its input all zeros. */
export function clear(most: i32): void {
  memory.fill(input, 0, rows * width * (single ? 4 : 8));
  rows = 0;
  ends = 0;
  mostRows = most;
}

/**
 * Reads records of bytes [from, to) into rows of the batch, as long as they are whole, begin before `stop` and the batch
 * has room. `final`: no byte follows.
 */
export function read(from: i32, to: i32, stop: i32, final: bool): i32 {
  position = from;
  nul = false;
  if (from >= to || from >= stop || (ends >= mostRows && columns != 0)) return DONE;
  const mark = delimiter;
  const table = v128.load(meaning);
  const cellsEnd = cells + (mostCells << 3);
  let begin = from;
  let start = from;
  let cell = cells;
  let closed = 0;
  let doubled = false;
  let state = OUTSIDE;
  let base = from;
  let bits = structure(base, to, table);
  while (true) {
    while (bits == 0 && (base += 64) < to) bits = structure(base, to, table);
    let at = to;
    let byte = LF;
    if (bits != 0) {
      at = base + (ctz(bits) as i32);
      bits &= bits - 1;
      byte = load<u8>(at);
      if (state != OUTSIDE) {
        if (byte == QUOTE) {
          if (state == ESCAPE) state = INSIDE;
          else if (at + 1 < to && load<u8>(at, 1) == QUOTE) {
            state = ESCAPE;
            doubled = true;
          } else {
            state = OUTSIDE;
            closed = doubled ? -1 : at + 1;
          }
        } else if (byte == 0) nul = true;
        continue;
      }
      if (byte == mark) {
        if (cell < cellsEnd) storeCell(cell, start, at, closed);
        cell += 8;
        start = at + 1;
        closed = 0;
        doubled = false;
        continue;
      }
      if (byte == QUOTE) {
        if (at == start) state = INSIDE;
        continue;
      }
      if (byte == 0) {
        nul = true;
        continue;
      }
      if (at < start) continue; // the LF of a CRLF
    } else if (!final || begin == to) return DONE;

    if (cell < cellsEnd) storeCell(cell, start, at, closed);
    cell += 8;
    let follow = at < to ? at + 1 : to;
    if (byte == CR) {
      if (follow < to) {
        if (load<u8>(follow) == LF) follow++;
      } else if (!final) return DONE;
    }
    if (at != begin || columns == 0) {
      const found = (cell - cells) >> 3;
      if (found != columns || nul || state != OUTSIDE) {
        count = found;
        contentEnd = at;
        next = follow;
        return nul ? NUL_BYTE : state != OUTSIDE ? UNCLOSED : RAGGED;
      }
      if (single) encode<f32>(rows);
      else encode<f64>(rows);
      rows++;
      store<i32>(cuts + (ends << 2), at);
      ends++;
    }
    position = follow;
    if (ends == mostRows || follow >= stop) return DONE;
    begin = follow;
    start = follow;
    cell = cells;
    closed = 0;
    doubled = false;
  }
}

/** The record last reported is a row of the output all the same. */
export function keep(): void {
  store<i32>(cuts + (ends << 2), contentEnd);
  ends++;
}

/** Bytes of a step. Its first fields are the same for all: the cell's place among the cells, times 8; offset in a row. */
const STEP: i32 = 48;

@inline
function encode<T>(row: i32): void {
  const size = sizeof<T>() as i32;
  const base = input + row * width * size;
  for (let step = numberSteps; step < categorySteps; step += STEP) {
    const cell = cells + load<i32>(step);
    const start = load<i32>(cell);
    const end = load<i32>(cell, 4);
    const at = base + load<i32>(step, 4) * size;
    let x = load<i32>(step, 8) ? NaN : parsed(start, end);
    if (x != x) {
      x = slowNumber((step - numberSteps) / STEP, start, end);
      if (x != x) {
        x = load<f64>(step, 16);
        if (load<i32>(step, 12)) store<T>(at + size, 1 as T);
      }
    }
    store<T>(at, clamped((x - load<f64>(step, 24)) / load<f64>(step, 32)) as T);
  }
  for (let step = categorySteps; step < dateSteps; step += STEP) {
    const cell = cells + load<i32>(step);
    const start = load<i32>(cell);
    const end = load<i32>(cell, 4);
    let code = find(step, start, end);
    if (code < 0) code = slowCategory((step - categorySteps) / STEP, start, end);
    const flaw = code - load<i32>(step, 24);
    if (flaw >= 0) {
      const counter = step + 32 + (flaw << 2);
      store<u32>(counter, load<u32>(counter) + 1);
      const flag = load<i32>(step, 28);
      if (flag >= 0) store<T>(base + flag * size, 1 as T);
    }
    const place = load<i32>(load<i32>(step, 16) + (code << 2));
    if (place >= 0) store<T>(base + place * size, load<f64>(load<i32>(step, 20) + (code << 3)) as T);
  }
  for (let step = dateSteps; step < stepsEnd; step += STEP) {
    const cell = cells + load<i32>(step);
    slowDate((step - dateSteps) / STEP, load<i32>(cell), load<i32>(cell, 4), row);
  }
}

@inline
function clamped(value: f64): f64 {
  return value > limit ? limit : value < -limit ? -limit : value;
}

/** Makes the memo of a step of categories know a cell. */
export function remember(index: i32, start: i32, end: i32, code: i32): void {
  learn(categorySteps + index * STEP, start, end, code);
}

/** Above this, the engine's own copy beats 16 bytes at a time. */
const LONG: i32 = 256;

/** Copies 16 bytes at a time, so up to 15 too many: what is behind must be free on both sides. */
@inline
function copy(to: i32, from: i32, length: i32): void {
  if (length > LONG) memory.copy(to, from, length);
  else for (let i = 0; i < length; i += 16) v128.store(to + i, v128.load(from + i));
}

/**
 * Writes bytes [from, to) to `out` with a row's new cells at each row's end: `added` holds where they stand and how many
 * bytes they are. Returns the length. Out must have room for 16 bytes more.
 */
export function append(from: i32, to: i32, out: i32, added: i32): i32 {
  const end = cuts + (ends << 2);
  let at = out;
  for (let cut = cuts; cut < end; cut += 4) {
    const stop = load<i32>(cut);
    copy(at, from, stop - from);
    at += stop - from;
    from = stop;
    const length = load<i32>(added, 4);
    copy(at, load<i32>(added), length);
    at += length;
    added += 8;
  }
  memory.copy(at, from, to - from);
  return at + to - from - out;
}
