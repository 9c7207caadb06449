// The table of an object, whatever its format, as CSV bytes for predict.ts: text as it is, gzip unpacked, Parquet written out row by row.
// Readers of other formats are loaded when a file needs them: most invocations never do.
import type { ParquetTable } from '../../cloud/contract/parquet.ts';
import { PredictionFailure } from '../failure.ts';
import type { DataObject } from '../source.ts';
import { formatOf, MAGIC_BYTES, type Format } from './format.ts';

type Origin = Pick<DataObject, 'bytes' | 'stream' | 'read'>;

export interface Source {
  readonly format: Format;
  /** CSV: the header first. Must be read to the end or let go of by `return`. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Of Parquet: what its columns are; formats/sink.ts keeps their types. */
  readonly parquet?: ParquetTable;
}

/** Opens a whole object (of a CSV: not a chunk of it). `rowGroups` [start, end): of a Parquet file. Throws InvalidData. */
export async function openSource(origin: Origin, rowGroups?: { start: number; end: number }): Promise<Source> {
  const stream: AsyncIterator<Uint8Array> = origin.stream(0, origin.bytes)[Symbol.asyncIterator]();
  const head = await peek(stream);
  const format = formatOf(head);
  if (rowGroups && format !== 'parquet')
    throw new PredictionFailure('InvalidEvent', 'Row groups were asked for, but the file is not a Parquet file.');
  if (format === 'text') return { format, bytes: rejoined(head, stream) };
  if (format === 'gzip') {
    const { gunzipped } = await import('./gzip.ts');
    return { format, bytes: gunzipped(rejoined(head, stream)) };
  }
  await stream.return?.();
  const { openParquet, rowsOf } = await import('./parquet/source.ts');
  const slice = (start: number, end: number): Promise<Uint8Array> => origin.read(start, end);
  const parquet = await openParquet(slice, origin.bytes);
  return { format, parquet, bytes: rowsOf(slice, parquet, rowGroups) };
}

async function peek(stream: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < MAGIC_BYTES) {
    const next = await stream.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* rejoined(head: Uint8Array, stream: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for (let next = await stream.next(); !next.done; next = await stream.next()) yield next.value;
  } finally {
    await stream.return?.();
  }
}
