// The head of a table to train on, which may also be packed: gzipped text is unpacked as far as its head needs, Parquet and Excel have
// their columns at the end or inside an archive, where a head does not reach. Tables to predict: unscored.ts.
import { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { DataError } from './errors.ts';
import { HEAD_BYTES, readHead, type TableHead } from './table.ts';

export type Format = 'text' | 'gzip' | 'parquet' | 'excel';

export interface PackedHead {
  readonly format: Format;
  /** Estimated bytes of the whole table as CSV: what time and memory depend on. */
  readonly tableBytes: number;
  /** Undefined: the columns can't be seen from here. */
  readonly head?: TableHead;
}

/** Bytes as CSV for each byte of the file: usual figures, not measured. */
const UNPACKED = { parquet: 4, excel: 3 } as const;

/** As `readHead`, and throws the same; `name` tells a workbook from another ZIP archive. */
export async function readPackedHead(bytes: Uint8Array, size: number, name: string): Promise<PackedHead> {
  const format = formatOf(bytes, name);
  if (format === 'parquet' || format === 'excel') return { format, tableBytes: size * UNPACKED[format] };
  if (format === 'text') return { format, tableBytes: size, head: readHead(bytes, size) };
  const { text, tableBytes } = await unpackHead(bytes, size);
  return { format, tableBytes, head: readHead(text, tableBytes) };
}

/** The first HEAD_BYTES inside a gzip file of `size` bytes that begins with `bytes`, and how much all of it is, estimated where cut. */
export async function unpackHead(bytes: Uint8Array, size: number): Promise<{ text: Uint8Array; tableBytes: number }> {
  const { text, read, ended } = await unpack(bytes);
  if (formatOf(text, '') !== 'text')
    throw new DataError('The file is packed twice. Unpack it once, or send the table as CSV.', {
      errorCode: 'GzippedTwice',
      kind: 'invalid',
    });
  const whole = ended && bytes.length >= size;
  const tableBytes = whole
    ? text.length
    : Math.max(text.length + 1, Math.round((size * text.length) / Math.max(1, read)));
  return { text, tableBytes };
}

const begins = (bytes: Uint8Array, magic: readonly number[]): boolean => magic.every((byte, at) => bytes[at] === byte);

/** By magic bytes; `name` tells a workbook from another ZIP archive. */
export function formatOf(bytes: Uint8Array, name: string): Format {
  if (begins(bytes, [0x1f, 0x8b])) return 'gzip';
  if (begins(bytes, [0x50, 0x41, 0x52, 0x31])) return 'parquet';
  return begins(bytes, [0x50, 0x4b, 3, 4]) && /\.xls[xm]$/i.test(name) ? 'excel' : 'text';
}

/** The first HEAD_BYTES of what is inside, never more: a bomb is not unpacked. `read`: packed bytes that it took. */
async function unpack(bytes: Uint8Array): Promise<{ text: Uint8Array; read: number; ended: boolean }> {
  // The head of a packed file is cut somewhere: no error until then.
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: HEAD_BYTES });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of Readable.from([bytes]).pipe(gunzip) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= HEAD_BYTES) break;
    }
  } catch {
    throw new DataError('The file is a damaged gzip archive. Pack it again, or send the table as CSV.', {
      errorCode: 'BadArchive',
      kind: 'invalid',
    });
  }
  return { text: Buffer.concat(chunks).subarray(0, HEAD_BYTES), read: gunzip.bytesWritten, ended: length < HEAD_BYTES };
}
