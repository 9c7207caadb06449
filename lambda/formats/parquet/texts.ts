// A value of a Parquet file as the text that a CSV of the same table would hold, to the letter as the worker makes it
// (trainer/table/parquet.py): a model then meets the same cells in training and in serving, whatever the format.
import type { CellKind, ParquetColumn, Unit } from '../../../cloud/contract/parquet.ts';

/** Of a physical value, as hyparquet reads it: number, bigint, boolean or bytes. '' where it is no value (NaN). */
export type ToText = (value: unknown) => string;

export function textsOf({ kind, element }: ParquetColumn): ToText {
  switch (kind.is) {
    case 'integer':
      return integerText(kind.unsigned, element.type === 'INT64' ? 64 : 32);
    case 'float':
      return floatTexts(kind.bits);
    case 'decimal':
      return (value) => decimalText(unscaled(value), kind.scale);
    case 'boolean':
      return (value) => (value ? 'true' : 'false');
    case 'date':
      return (value) => dayText(Number(value)) ?? String(value);
    case 'time':
      return (value) => clockText(BigInt(value as number | bigint) * NANOS[kind.unit]);
    case 'timestamp':
      return (value) => timestampText(nanosOf(value as bigint, kind), kind.utc) ?? String(value);
    case 'text':
    case 'nothing':
      return () => '';
  }
}

const NANOS: Readonly<Record<Unit, bigint>> = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n };
const DAY_NANOS = 86_400_000_000_000n;
const DAY_MS = 86_400_000;
/** 1970-01-01 in the days of INT96. */
const JULIAN_1970 = 2_440_588n;

function integerText(unsigned: boolean, bits: 32 | 64): ToText {
  if (!unsigned) return String;
  return bits === 64
    ? (value) => String(BigInt.asUintN(64, value as bigint))
    : (value) => String((value as number) >>> 0);
}

function floatTexts(bits: 16 | 32 | 64): ToText {
  if (bits === 64) return (value) => floatText(value as number);
  if (bits === 32) return (value) => floatText(shortest(value as number));
  return (value) => floatText(shortest(halfFloat(value as Uint8Array)));
}

/**
 * The shortest text that reads back as the number, as Python writes it; whole numbers below 1e15 as people do: 3, not 3.0.
 * NaN is no value.
 */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return '';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return value === 0 ? '0' : String(value);
  if (size >= 1e16 || size < 1e-4) return exponentText(value);
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Python's: at least two digits of exponent, with its sign. */
function exponentText(value: number): string {
  const [digits, exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`;
}

/** Of a float32: with that many digits every one is told from its neighbours. */
const MOST_DIGITS = 9;
/** All digits of a float32 that has few of them, and enough of any other. */
const ALL_DIGITS = 60;

/**
 * The float64 that the shortest text of a float32 stands for: 0.1, not 0.10000000149011612. Where two are as short, the nearer one, and
 * of two as near the one with an even last digit.
 */
export function shortest(value: number): number {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e7)) return value;
  for (let digits = 1; digits < MOST_DIGITS; digits++) {
    const near = Number(value.toPrecision(digits));
    if (Math.fround(near) === value) return isTie(value, digits) ? even(value, near, digits) : near;
    // Above a power of two numbers are twice as far apart as below: what is not nearest may still be near enough.
    const above = near + Math.sign(value) * lastPlace(value, digits);
    if (Math.fround(above) === value) return Number(above.toPrecision(digits));
  }
  return Number(value.toPrecision(MOST_DIGITS));
}

function lastPlace(value: number, digits: number): number {
  return Number(`1e${Number(value.toExponential().split('e')[1]) - digits + 1}`);
}

/** Whether the value lies just between two texts of so many digits. */
function isTie(value: number, digits: number): boolean {
  const rest = value
    .toExponential(ALL_DIGITS)
    .replace(/^-|\.|e.*$/g, '')
    .slice(digits);
  return /^50*$/.test(rest);
}

/** JavaScript rounds ties away from zero. */
function even(value: number, near: number, digits: number): number {
  const last = Number(
    near
      .toExponential(digits - 1)
      .replace(/e.*$/, '')
      .slice(-1),
  );
  if (last % 2 === 0) return near;
  return Number((near - Math.sign(value) * lastPlace(value, digits)).toPrecision(digits));
}

function halfFloat(bytes: Uint8Array): number {
  const bits = bytes[0]! | (bytes[1]! << 8);
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return (sign * fraction) / 2 ** 24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** Big-endian two's complement where it is bytes. */
function unscaled(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return BigInt(value as number | bigint);
  let number = 0n;
  for (const byte of value) number = number * 256n + BigInt(byte);
  return BigInt.asIntN(8 * value.length, number);
}

/** With all digits of the scale (1.20); as 1E-7 where the first digit is beyond the sixth place. */
export function decimalText(value: bigint, scale: number): string {
  const sign = value < 0n ? '-' : '';
  const digits = String(value < 0n ? -value : value);
  if (scale === 0) return sign + digits;
  const exponent = digits.length - 1 - scale;
  if (exponent < -6) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits.charAt(0)}${fraction}E${exponent}`;
  }
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** Undefined for days that JavaScript has no date for. */
function dayText(day: number): string | undefined {
  const date = new Date(day * DAY_MS);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().split('T')[0];
}

function nanosOf(value: bigint, { unit }: Extract<CellKind, { is: 'timestamp' }>): bigint {
  if (unit !== 'INT96') return value * NANOS[unit];
  return ((value >> 64n) - JULIAN_1970) * DAY_NANOS + BigInt.asUintN(64, value);
}

/** 2024-01-31 at midnight, 2024-01-31T12:30:00.5 else; with Z where the column is in UTC. */
function timestampText(nanos: bigint, utc: boolean): string | undefined {
  let [days, rest] = [nanos / DAY_NANOS, nanos % DAY_NANOS];
  if (rest < 0n) [days, rest] = [days - 1n, rest + DAY_NANOS];
  const day = dayText(Number(days));
  if (day === undefined || (rest === 0n && !utc)) return day;
  return `${day}T${clockText(rest)}${utc ? 'Z' : ''}`;
}

/** 12:30:00.5, without zeros at the end of the fraction. */
function clockText(nanos: bigint): string {
  const seconds = Number(nanos / 1_000_000_000n);
  const fraction = String(nanos % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return fraction === '' ? clock : `${clock}.${fraction}`;
}
