// A number from the bytes of a cell. Two ways that agree to the bit: `fastNumber` for what most cells hold (at most 15
// digits, no exponent: then digits and power of ten are both exact in float64, and one division rounds correctly), and
// `exactNumber` for the rest of the contract's grammar.

/** The value, or NaN when this way is not sure: then ask exactNumber. */
export function fastNumber(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  let byte = i < end ? bytes[i]! : 0;
  const negative = byte === 0x2d;
  if (negative || byte === 0x2b) i++;
  const first = i;
  let digits = 0;
  for (; i < end; i++) {
    byte = bytes[i]! - 0x30;
    if (byte < 0 || byte > 9) break;
    digits = digits * 10 + byte;
  }
  const whole = i - first;
  if (i === end) return whole > 0 && whole <= 15 ? (negative ? -digits : digits) : Number.NaN;
  if (byte !== -2) return Number.NaN; // not "."
  const point = ++i;
  for (; i < end; i++) {
    byte = bytes[i]! - 0x30;
    if (byte < 0 || byte > 9) return Number.NaN;
    digits = digits * 10 + byte;
  }
  const fraction = end - point;
  if (fraction === 0 || whole + fraction > 15) return Number.NaN;
  const value = digits / POWERS[fraction]!;
  return negative ? -value : value;
}

const POWERS = Float64Array.from({ length: 16 }, (_, power) => Number(`1e${power}`));

const GRAMMAR = /^[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** The value of a stripped cell, or NaN when it is no number by the contract's grammar or overflows. */
export function exactNumber(text: string): number {
  if (!GRAMMAR.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}
