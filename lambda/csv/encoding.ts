// How the bytes of a table are text. Decided once from the head of the file; UTF-16 is transcoded to UTF-8 on the way in
// and back on the way out (transcode.ts), so everything between works on bytes where ASCII stands for itself.
// In a UTF-8 file a cell that is not valid UTF-8 is read as Windows-1252, cell by cell: the outcome then does not depend
// on where a large file is cut into pieces.
import { isUtf8 } from 'node:buffer';
import { PredictionFailure } from '../failure.ts';

export type Encoding = 'utf-8' | 'windows-1252' | 'utf-16le' | 'utf-16be';

export interface DetectedEncoding {
  encoding: Encoding;
  /** Length of the byte order mark at the start; 0: none. */
  bomBytes: number;
}

/** Bytes of the file that detection looks at. */
export const HEAD_BYTES = 64 * 1024;

const BINARY: readonly [string, string][] = [
  ['89504e470d0a1a0a', 'a PNG picture'],
  ['ffd8ff', 'a JPEG picture'],
  ['47494638', 'a GIF picture'],
  ['25504446', 'a PDF document'],
  ['504b0304', 'a ZIP archive or an Excel workbook'],
  ['d0cf11e0', 'an old Excel workbook'],
  ['1f8b', 'a gzip file'],
  ['28b52ffd', 'a Zstandard file'],
  ['50415231', 'a Parquet file'],
];

/** From the first bytes of the file (at most HEAD_BYTES are looked at). Throws InvalidData for known binary formats. */
export function detectEncoding(file: Uint8Array): DetectedEncoding {
  const head = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, HEAD_BYTES));
  const start = head.toString('hex', 0, 8);
  for (const [magic, what] of BINARY) {
    if (start.startsWith(magic)) {
      throw new PredictionFailure(
        'InvalidData',
        `The file is ${what}, not a CSV. Export the table as CSV and try again.`,
      );
    }
  }
  if (start.startsWith('efbbbf')) return { encoding: 'utf-8', bomBytes: 3 };
  if (start.startsWith('fffe')) return { encoding: 'utf-16le', bomBytes: 2 };
  if (start.startsWith('feff')) return { encoding: 'utf-16be', bomBytes: 2 };
  return { encoding: isUtf8(wholeCharacters(head)) ? 'utf-8' : 'windows-1252', bomBytes: 0 };
}

/** Without a UTF-8 sequence that the cut at the end of the head may have torn. */
function wholeCharacters(head: Buffer): Buffer {
  let end = head.length;
  for (let back = 1; back <= 3 && back <= head.length; back++) {
    const byte = head[head.length - back]!;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      end = head.length - back;
      break;
    }
  }
  return head.length < HEAD_BYTES ? head : head.subarray(0, end);
}

/** U+0080–U+009F of Windows-1252; the five bytes it leaves undefined stand for themselves, as in browsers. */
const UPPER =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** Text of bytes [start, end), which are UTF-8 (or transcoded to it) unless the file is Windows-1252. */
export function decode(bytes: Buffer, start: number, end: number, encoding: Encoding): string {
  if (encoding !== 'windows-1252' && isUtf8(bytes.subarray(start, end))) return bytes.toString('utf8', start, end);
  return bytes
    .toString('latin1', start, end)
    .replace(/[\u0080-\u009f]/g, (character) => UPPER.charAt(character.charCodeAt(0) - 0x80));
}

/** Bytes of `text` for a file of that encoding, before UTF-16 transcoding; undefined when Windows-1252 has no such character. */
export function encodeText(text: string, encoding: Encoding): Buffer | undefined {
  if (encoding !== 'windows-1252') return Buffer.from(text, 'utf8');
  const bytes = Buffer.alloc(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const upper = UPPER.indexOf(text.charAt(i));
    if (upper >= 0) bytes[i] = 0x80 + upper;
    else if (code < 0x80 || (code >= 0xa0 && code <= 0xff)) bytes[i] = code;
    else return undefined;
  }
  return bytes;
}
