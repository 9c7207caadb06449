// The pages of a Parquet file, unpacked. By node:zlib where it can, which is native and stops at the size announced; a page that holds
// more or less than its header says is refused.
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { snappyUncompress } from 'hyparquet/src/snappy.js';
import type { CompressionCodec } from 'hyparquet';
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors/src/lz4.js';
import { BadParquet } from '../../../cloud/contract/parquet.ts';

/** Exactly `length` bytes; throws BadParquet. */
export function unpacked(packed: Uint8Array, length: number, codec: CompressionCodec): Uint8Array {
  if (codec === 'UNCOMPRESSED') return ofLength(packed, length);
  if (length === 0) return new Uint8Array();
  try {
    return ofLength(unpack(packed, length, codec), length);
  } catch (error) {
    if (error instanceof BadParquet) throw error;
    throw new BadParquet('is damaged: a page cannot be unpacked');
  }
}

function unpack(packed: Uint8Array, length: number, codec: CompressionCodec): Uint8Array {
  const most = { maxOutputLength: length };
  switch (codec) {
    case 'SNAPPY':
      return snappy(packed, length);
    case 'GZIP':
      return gunzipSync(packed, most);
    case 'BROTLI':
      return brotliDecompressSync(packed, most);
    case 'ZSTD':
      return zstdDecompressSync(packed, most);
    case 'LZ4':
      return decompressLz4(packed, length);
    case 'LZ4_RAW':
      return decompressLz4Raw(packed, length);
    default:
      throw new BadParquet(`is packed with ${codec}, which is not supported: write it with snappy, zstd or gzip`);
  }
}

function snappy(packed: Uint8Array, length: number): Uint8Array {
  if (!isSnappyOf(packed, length)) throw new BadParquet('is damaged: a page cannot be unpacked');
  const page = new Uint8Array(length);
  snappyUncompress(packed, page);
  return page;
}

/**
 * Whether the elements of a Snappy block (google/snappy, format_description.txt) come to exactly `length` bytes. A damaged one may announce four
 * billion, which the library copies one by one before it says that they don't fit.
 */
function isSnappyOf(packed: Uint8Array, length: number): boolean {
  let at = 0;
  while ((packed[at] ?? 0) >= 0x80) at += 1;
  at += 1;
  let made = 0;
  while (at < packed.length && made <= length) {
    const tag = packed[at] ?? 0;
    at += 1;
    const kind = tag & 3;
    if (kind === 0) {
      const long = Math.max(0, (tag >> 2) - 59);
      let size = long === 0 ? tag >> 2 : 0;
      for (let byte = 0; byte < long; byte += 1) size += (packed[at + byte] ?? 0) * 256 ** byte;
      at += long + size + 1;
      made += size + 1;
    } else {
      at += kind === 3 ? 4 : kind;
      made += kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    }
  }
  return at === packed.length && made === length;
}

function ofLength(page: Uint8Array, length: number): Uint8Array {
  if (page.length !== length) throw new BadParquet('is damaged: a page has another size than it says');
  return page;
}
