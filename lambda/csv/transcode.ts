// UTF-16 in and out: parse and encode see UTF-8 only. Lossless, because a torn surrogate pair is refused rather than
// replaced, so the bytes of a row come out as they went in.
import { PredictionFailure } from '../failure.ts';
import type { Encoding } from './encoding.ts';

export interface Transcoder {
  /** UTF-8 of the next bytes of the file; torn characters wait for the next call. */
  push(chunk: Uint8Array): Buffer;
  /** What is left at the end of the file. */
  end(): Buffer;
}

/** Undefined when the bytes need no transcoding. */
export function toUtf8(encoding: Encoding): Transcoder | undefined {
  if (encoding !== 'utf-16le' && encoding !== 'utf-16be') return undefined;
  const decoder = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true });
  let odd: number | undefined;
  const convert = (chunk: Uint8Array, last: boolean): Buffer => {
    const joined = odd === undefined ? Buffer.from(chunk) : Buffer.concat([Uint8Array.of(odd), chunk]);
    odd = joined.length % 2 === 1 && !last ? joined[joined.length - 1] : undefined;
    const even = odd === undefined ? joined : joined.subarray(0, -1);
    if (even.length % 2 === 1) throw torn();
    if (encoding === 'utf-16be') even.swap16();
    try {
      return Buffer.from(decoder.decode(even, { stream: !last }), 'utf8');
    } catch {
      throw torn();
    }
  };
  return { push: (chunk) => convert(chunk, false), end: () => convert(new Uint8Array(), true) };
}

function torn(): PredictionFailure {
  return new PredictionFailure(
    'InvalidData',
    'The file says it is UTF-16 but holds bytes that are not. Save it as UTF-8.',
  );
}

/** Back to the file's own encoding. `bytes` must hold whole characters (output is always whole rows). */
export function fromUtf8(bytes: Buffer, encoding: Encoding): Buffer {
  if (encoding !== 'utf-16le' && encoding !== 'utf-16be') return bytes;
  const wide = Buffer.from(bytes.toString('utf8'), 'utf16le');
  return encoding === 'utf-16be' ? wide.swap16() : wide;
}
