// The pipeline of one table, or of a chunk of one: pieces of bytes → window → records → encoded batch → scores → the same
// bytes with predictions. Pulls only when it can go on and waits for whoever writes, so memory does not depend on the size
// of the data. Called by handler.ts with a presigned download as source and the spool or the parts of an upload as sink.
import type { PredictionDone, Quotes } from '../cloud/contract/contract.generated.ts';
import { begin, type Range } from './chunk/begin.ts';
import { Feed } from './chunk/feed.ts';
import { type Head, readHead } from './chunk/head.ts';
import { Lookahead } from './chunk/lookahead.ts';
import { quotesAt } from './csv/quotes.ts';
import { LONGEST_RECORD_BYTES } from './csv/window.ts';
import { badRow, PredictionFailure } from './failure.ts';
import { type OutputFormat, type RowWriter, rowWriter, type Write } from './output.ts';
import type { TableObject } from './source.ts';
import { type Predicted, type Prediction, Table } from './table.ts';

export type PredictedRange = Predicted & Required<Pick<PredictionDone, 'range' | 'quotes'>>;

/** Scores a whole table; throws PredictionFailure. `write` gets the output in order, a CSV in pieces of whole rows. */
export async function predict(
  asked: Prediction,
  source: AsyncIterable<Uint8Array>,
  write: Write,
  format: OutputFormat = {},
): Promise<Predicted> {
  const stream = new Lookahead(source);
  let feed: Feed | undefined;
  try {
    const head = await readHead(stream);
    stream.skip(head.next);
    const table = new Table(asked, head.header, head.encoding);
    const rows = await rowWriter(table, head, asked, format, write);
    feed = new Feed(stream, head.encoding, head.next, Number.POSITIVE_INFINITY);
    await scoreRows(table, feed, head, rows);
    await rows.end();
    return requireRows(table.result());
  } finally {
    await (feed ?? stream).close();
  }
}

/**
 * Scores the rows that begin in a range of a CSV; throws PredictionFailure. Whatever the ranges that a table is cut into,
 * their outputs one after the other are the output of `predict`, provided each was read as the one before it ended.
 */
export async function predictRange(
  asked: Prediction,
  object: TableObject,
  range: Range,
  write: Write,
  format: OutputFormat = { header: range.start === 0 },
): Promise<PredictedRange> {
  const head = await headOf(object);
  const table = new Table(asked, head.header, head.encoding);
  const rows = await rowWriter(table, head, asked, format, write);
  const { feed, quotes } = await begin(object, head, range);
  try {
    const start = range.start === 0 ? 0 : feed.position;
    const end = quotes.end ?? (await scoreRows(table, feed, head, rows));
    await rows.end();
    return { ...table.result(), range: { start, end: feed.position }, quotes: { start: quotes.start, end } };
  } catch (error) {
    // A row is good or bad only under the reading that the chunk had of its first byte.
    if (!(error instanceof PredictionFailure) || error.type !== 'InvalidData') throw error;
    throw new PredictionFailure(error.type, error.message, { ...error.details, quotes: { start: quotes.start } });
  } finally {
    await feed.close();
  }
}

async function headOf(object: TableObject): Promise<Head> {
  const stream = new Lookahead(object.onward(0, 0));
  try {
    return await readHead(stream);
  } finally {
    await stream.close();
  }
}

/** From the record at which the feed stands to the end of its range; resolves with how that end is to be read. */
async function scoreRows(table: Table, feed: Feed, { header }: Head, rows: RowWriter): Promise<Quotes> {
  const { window } = feed;
  const delimiter = header.delimiter.charCodeAt(0);
  let quotes: Quotes = 'outside';
  for (;;) {
    while (window.length > 0 && !feed.passed) {
      const end = table.read(window, feed.ended, feed.stop);
      if (end === window.from) break;
      if (end > feed.stop) quotes = quotesAt(window.bytes, window.from, feed.stop, end, delimiter);
      await rows.write(await table.score(window.from, end));
      feed.advance(end);
    }
    if (feed.passed || feed.ended) return quotes;
    if (feed.overlong) throw overlong(table);
    await feed.more();
  }
}

function overlong(table: Table): PredictionFailure {
  const most = LONGEST_RECORD_BYTES / 1024 / 1024;
  const problem = `is longer than ${most} MiB: probably a quote is opened in it and never closed`;
  return badRow(table.result().rows + 1, problem);
}

function requireRows(result: Predicted): Predicted {
  if (result.rows > 0) return result;
  throw new PredictionFailure('InvalidData', 'The file has a header and no rows: there is nothing to predict.');
}
