// Offsets in the object where the text between is UTF-8: in a UTF-16 file a character is cut only between its units.
import type { Encoding } from '../csv/encoding.ts';

/** Bytes of the smallest piece of text: a cut at an odd offset of a UTF-16 file stands for the next even one. */
export function unitBytes(encoding: Encoding): 1 | 2 {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? 2 : 1;
}

/** The first offset from `offset` on at which a unit begins. */
export function aligned(offset: number, encoding: Encoding): number {
  return offset + (offset % unitBytes(encoding));
}

/** The unit at `offset` of the object's own bytes. */
export function unitAt(bytes: Buffer, offset: number, encoding: Encoding): number {
  if (encoding === 'utf-16le') return bytes.readUInt16LE(offset);
  return encoding === 'utf-16be' ? bytes.readUInt16BE(offset) : bytes.readUInt8(offset);
}

/** Whether the unit is the first half of a character: no record begins between it and the next. */
export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** Bytes in the object of text [from, to), which holds whole characters. */
export function objectBytes(text: Buffer, from: number, to: number, encoding: Encoding): number {
  return unitBytes(encoding) === 1 ? to - from : 2 * text.toString('utf8', from, to).length;
}
