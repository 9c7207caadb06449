// What is inside a gzip file, as it comes: it can't be split, so one invocation streams all of it. However much a few bytes unpack to,
// only a piece of it is held. Next: the same path as for plain text.
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PredictionFailure } from '../failure.ts';
import { formatOf, MAGIC_BYTES } from './format.ts';

const PIECE_BYTES = 64 * 1024;

/** All members of the file, one after another. Throws InvalidData for a damaged file, or one that is packed twice. */
export async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  const input = Readable.from(source, { highWaterMark: 1 });
  pipeline(input, gunzip, () => undefined); // an error of either ends the loop below
  let first: Uint8Array | undefined = new Uint8Array();
  try {
    for await (const piece of gunzip as AsyncIterable<Uint8Array>) {
      if (first && first.length + piece.length < MAGIC_BYTES) first = Buffer.concat([first, piece]);
      else if (first) {
        const start: Uint8Array = Buffer.concat([first, piece]);
        refusePackedTwice(start);
        first = undefined;
        yield start;
      } else yield piece;
    }
    if (first?.length) yield first;
  } catch (error) {
    if (error instanceof PredictionFailure) throw error;
    throw damaged(error);
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}

function refusePackedTwice(start: Uint8Array): void {
  const format = formatOf(start);
  if (format === 'text') return;
  const what = format === 'gzip' ? 'another gzip file' : 'a Parquet file';
  throw new PredictionFailure(
    'InvalidData',
    `The gzip file holds ${what}. Unpack it once and predict with what is inside.`,
  );
}

function damaged(error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'Z_BUF_ERROR':
      return new PredictionFailure('InvalidData', 'The gzip file is cut off: its end is missing. Upload it again.');
    case 'Z_DATA_ERROR':
    case 'Z_NEED_DICT':
      return new PredictionFailure(
        'InvalidData',
        'The gzip file is damaged, or has something else behind its end. Pack it again, or send the table as CSV.',
      );
    default:
      return error;
  }
}
