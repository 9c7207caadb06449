// The head of a table, for whoever predicts any part of it: encoding, delimiter and names of the columns. Looks at the
// same bytes whether it is read for a whole file or for a chunk, so that both see the same table.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import { type Header, readHeader } from '../csv/dialect.ts';
import { detectEncoding, type Encoding, HEAD_BYTES } from '../csv/encoding.ts';
import { QuoteTracker } from '../csv/quotes.ts';
import { toUtf8 } from '../csv/transcode.ts';
import { LONGEST_RECORD_BYTES } from '../csv/window.ts';
import { PredictionFailure } from '../failure.ts';
import type { Lookahead } from './lookahead.ts';
import { objectBytes, unitAt } from './units.ts';

export interface Head {
  encoding: Encoding;
  /** The byte order mark; empty: none. */
  bom: Buffer;
  header: Header;
  /** The header's text and what stands before it, without the byte order mark; its line ending. */
  content: Buffer;
  ending: Buffer;
  /** Offset in the object at which the first row begins; its bytes up to there. */
  next: number;
  bytes: Buffer;
}

/** Reads the head without using it up. 64 KiB tell it; only a longer header makes it look at more. */
export async function readHead(stream: Lookahead): Promise<Head> {
  for (let size = HEAD_BYTES; ; size *= 2) {
    const bytes = await stream.peek(size);
    const head = headOf(bytes, bytes.length < size);
    if (head) return head;
    if (size >= LONGEST_RECORD_BYTES) {
      const most = LONGEST_RECORD_BYTES / 1024 / 1024;
      const text = `The header is longer than ${most} MiB: probably a quote that is opened and never closed.`;
      throw new PredictionFailure('InvalidData', text);
    }
  }
}

function headOf(bytes: Buffer, final: boolean): Head | undefined {
  const { encoding, bomBytes } = detectEncoding(bytes);
  const text = textOf(bytes.subarray(bomBytes), encoding, final);
  const header = readHeader(text, 0, text.length, final, encoding);
  if (!header) return undefined;
  const next = bomBytes + objectBytes(text, 0, header.next, encoding);
  return {
    encoding,
    bom: bytes.subarray(0, bomBytes),
    header,
    content: text.subarray(0, header.contentEnd),
    ending: text.subarray(header.contentEnd, header.next),
    next,
    bytes: bytes.subarray(0, next),
  };
}

/** How the unit at `offset` of the object is to be read, which must be within the head. */
export function quotesWithin({ encoding, bom, header, bytes }: Head, offset: number): Quotes {
  const tracker = new QuoteTracker(header.delimiter.charCodeAt(0), 'outside', undefined);
  const text = textOf(bytes.subarray(bom.length, Math.max(bom.length, offset)), encoding, false);
  tracker.advance(text, 0, text.length);
  return tracker.quotes(offset < bytes.length ? unitAt(bytes, offset, encoding) : undefined);
}

function textOf(bytes: Buffer, encoding: Encoding, final: boolean): Buffer {
  const transcoder = toUtf8(encoding);
  if (!transcoder) return bytes;
  const text = transcoder.push(bytes);
  return final ? Buffer.concat([text, transcoder.end()]) : text;
}
