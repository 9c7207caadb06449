// The text of a cell, exactly as the contract defines it: unquoted, then stripped. The slow and certain way; the encoder
// comes here only for what it has not seen before.
import { decode, type Encoding } from './encoding.ts';

/** Set in the end of a cell that must be unquoted: it is negative then, and the quotes are part of the cell. */
const ESCAPED = 0x80000000;

/** Text after CSV unquoting, not stripped, of a cell as wasm/assembly/rows.ts finds it. */
export function cellText(bytes: Buffer, start: number, end: number, encoding: Encoding): string {
  if (end >= 0) return decode(bytes, start, end, encoding);
  const raw = decode(bytes, start, end + ESCAPED, encoding);
  let text = '';
  for (let from = 1; ; ) {
    const quote = raw.indexOf('"', from);
    if (raw.charAt(quote + 1) !== '"') return text + raw.slice(from, quote) + raw.slice(quote + 1);
    text += raw.slice(from, quote + 1);
    from = quote + 2;
  }
}

/** Without U+0009–U+000D, U+0020, U+00A0 and U+FEFF at both ends. */
export function stripped(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return (code >= 0x09 && code <= 0x0d) || code === 0x20 || code === 0xa0 || code === 0xfeff;
}

/** `text` as a cell: quoted only if it must be. */
export function quotedCell(text: string, delimiter: string): string {
  const needed = text.includes(delimiter) || /["\r\n]/.test(text);
  return needed ? `"${text.replaceAll('"', '""')}"` : text;
}
