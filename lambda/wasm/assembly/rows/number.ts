// Numbers in cells, to the bit as Number() reads their text. Part of rows.ts.

/**
 * Number of a cell, or NaN where this way is not sure (then the slow one is asked): at most 15 digits and no exponent, so
 * that digits and power of ten are both exact in float64 and one division rounds correctly.
 */
@inline
export function parsed(start: i32, end: i32): f64 {
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
