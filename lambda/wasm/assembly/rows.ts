// The rows of a table, in WebAssembly with SIMD: records found in the window, their cells encoded into the model's input,
// and the window's bytes with new cells written out. Allocates nothing: lambda/csv/engine.ts lays the memory out, and
// lambda/encode/rows.ts answers what is rare or hard (the imports). Compiled by lambda/wasm/generate.ts.
// Rules of a record are those of Python's csv module and of RFC 4180: a quote opens a quoted cell only at the cell's
// start; doubled it is a quote; text after the closing quote belongs to the cell; CRLF, LF and CR outside quotes end a
// record. A NUL byte is an ordinary one, but noted.

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

/**
 * Number of a cell, or NaN where this way is not sure (then the slow one is asked): at most 15 digits and no exponent, so
 * that digits and power of ten are both exact in float64 and one division rounds correctly.
 */
@inline
function parsed(start: i32, end: i32): f64 {
  const length = end - start;
  if (((length - 1) as u32) < 8) {
    // Up to eight digits at once: pairs, fours, the whole.
    let digits = (load<u64>(start) ^ 0x3030303030303030) << ((64 - (length << 3)) as u64);
    if ((((digits + 0x7676767676767676) | digits) & 0x8080808080808080) == 0) {
      digits = (digits * 2561) >> 8;
      digits = ((digits & 0x00ff00ff00ff00ff) * 6553601) >> 16;
      return (((digits & 0x0000ffff0000ffff) * 42949672960001) >> 32) as f64;
    }
  }
  return decimal(start, end);
}

const POWERS = memory.data<f64>([1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]);

function decimal(start: i32, end: i32): f64 {
  let at = start;
  if (at >= end) return NaN;
  let byte: u32 = load<u8>(at);
  const negative = byte == 0x2d;
  if (negative || byte == 0x2b) at++;
  if (end - at > 16) return NaN;
  let digits: u64 = 0;
  let point = 0;
  const first = at;
  for (; at < end; at++) {
    byte = (load<u8>(at) as u32) - 0x30;
    if (byte > 9) {
      if (byte != (-2 as u32) || point != 0) return NaN; // a second "." or something else
      point = at + 1;
    } else digits = digits * 10 + byte;
  }
  const fraction = point == 0 ? 0 : end - point;
  const all = end - first - (point == 0 ? 0 : 1);
  if (all == 0 || all > 15 || (point != 0 && fraction == 0)) return NaN;
  const value = (digits as f64) / load<f64>(POWERS + (fraction << 3));
  return negative ? -value : value;
}

// What the raw bytes of a cell meant is remembered, so that a category is decoded, unquoted, stripped and looked up once
// and then recognised by its bytes: an open-addressing table a step, SLOT bytes a slot: key, length or -1, code. A cell of
// up to eight bytes (most codes) is its own key; of longer ones the text is kept too and compared.
const SLOT: i32 = 16;
const MOST_BYTES: i32 = 64;
const SPREAD: u64 = 0x9e3779b97f4a7c15;
const MASKS = memory.data<u64>([
  0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, 0xffffffffffffffff,
]);

/** For lengths above 8. */
function hash(start: i32, length: i32): u64 {
  let key: u64 = length as u64;
  const last = start + length - 8;
  for (let at = start; at < last; at += 8) key = rotl((key ^ load<u64>(at)) * SPREAD, 29);
  return (key ^ load<u64>(last)) * SPREAD;
}

/** Of a step: its table, how far a key is shifted to a slot's number. */
@inline
function find(step: i32, start: i32, end: i32): i32 {
  const length = (end & 0x7fffffff) - start;
  if (length > MOST_BYTES) return -1;
  const key = length <= 8 ? load<u64>(start) & load<u64>(MASKS + (length << 3)) : hash(start, length);
  const slots = load<i32>(step, 8);
  const shift = load<i32>(step, 12);
  const mask = ((1 << (64 - shift)) - 1) as u64;
  let slot = (key * SPREAD) >> (shift as u64);
  while (true) {
    const at = slots + ((slot as i32) << 4);
    const held = load<i32>(at, 8);
    if (held == length && load<u64>(at) == key && (length <= 8 || same(slots, slot as i32, shift, start, length)))
      return load<i32>(at, 12);
    if (held < 0) return -1;
    slot = (slot + 1) & mask;
  }
}

/** Texts stand behind the slots, MOST_BYTES each. */
@inline
function textOf(slots: i32, slot: i32, shift: i32): i32 {
  return slots + (SLOT << (64 - shift)) + slot * MOST_BYTES;
}

function same(slots: i32, slot: i32, shift: i32, start: i32, length: i32): bool {
  return memory.compare(textOf(slots, slot, shift), start, length) == 0;
}

/** Makes `find` know a cell. A table is half empty at least: its owner counts (see memoBytes in lambda/encode/memo.ts). */
export function remember(index: i32, start: i32, end: i32, code: i32): void {
  const step = categorySteps + index * STEP;
  const length = (end & 0x7fffffff) - start;
  const key = length <= 8 ? load<u64>(start) & load<u64>(MASKS + (length << 3)) : hash(start, length);
  const slots = load<i32>(step, 8);
  const shift = load<i32>(step, 12);
  let slot = ((key * SPREAD) >> (shift as u64)) as i32;
  while (load<i32>(slots + (slot << 4), 8) >= 0) slot = (slot + 1) & ((1 << (64 - shift)) - 1);
  const at = slots + (slot << 4);
  store<u64>(at, key);
  store<i32>(at, length, 8);
  store<i32>(at, code, 12);
  if (length > 8) memory.copy(textOf(slots, slot, shift), start, length);
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
