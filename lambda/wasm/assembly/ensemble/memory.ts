// Memory, handed out upwards and never given back, and the tables in it: all of them of 32-bit entries unless they say so.

const MOST_BYTES: u64 = 1 << 30;
const PAGE: u64 = 65536;
let free: usize = (__heap_base + 15) & ~15;

/** Room for so many bytes, zeroed, at a multiple of 16; 0 beyond a gigabyte. */
export function take(bytes: u64): usize {
  const start = free;
  const end = <u64>free + ((bytes + 15) & ~15);
  if (end > MOST_BYTES) return 0;
  const missing = <i64>end - <i64>(<u64>memory.size() * PAGE);
  if (missing > 0 && memory.grow(<i32>((missing + <i64>PAGE - 1) / <i64>PAGE)) < 0) return 0;
  free = <usize>end;
  return start;
}

/** Gives back what was taken last, from `end` on; nothing may have been written there. */
export function giveBack(end: usize): void {
  free = (end + 15) & ~15;
}

// @ts-ignore: decorator
@inline
export function word(table: usize, index: i32): i32 {
  return load<i32>(table + (<usize>index << 2));
}

// @ts-ignore: decorator
@inline
export function setWord(table: usize, index: i32, value: i32): void {
  store<i32>(table + (<usize>index << 2), value);
}

// @ts-ignore: decorator
@inline
export function number(table: usize, index: i32): f64 {
  return load<f64>(table + (<usize>index << 3));
}

// @ts-ignore: decorator
@inline
export function setNumber(table: usize, index: i32, value: f64): void {
  store<f64>(table + (<usize>index << 3), value);
}
