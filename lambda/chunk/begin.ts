// From a range of a CSV to its first record: reads the byte before the range, finds out how the range's own first byte is to
// be read, and leaves out the rest of a record that began before it. Next: predict.ts scores what begins in the range.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import type { Encoding } from '../csv/encoding.ts';
import { QuoteTracker } from '../csv/quotes.ts';
import { LONGEST_RECORD_BYTES } from '../csv/window.ts';
import { PredictionFailure } from '../failure.ts';
import type { TableObject } from '../source.ts';
import { Feed } from './feed.ts';
import { type Head, quotesWithin } from './head.ts';
import { Lookahead } from './lookahead.ts';
import { likeliestQuotes, SAMPLE_BYTES } from './reading.ts';
import { aligned, isHighSurrogate, unitAt, unitBytes } from './units.ts';

/** What of an object is asked for: the rows that begin in bytes [start, end). */
export interface Range {
  start: number;
  end: number;
  /** How the byte at `start` is to be read, where that is known. */
  quotes?: Quotes;
}

export interface Begun {
  /** At the first record that begins at the start of the range or later. */
  feed: Feed;
  /** How the bytes at both ends of the range were read; the end is known already where no record begins in it. */
  quotes: { start: Quotes; end?: Quotes };
}

export async function begin(object: TableObject, head: Head, range: Range): Promise<Begun> {
  const start = aligned(range.start, head.encoding);
  const last = aligned(range.end, head.encoding);
  const end = last >= object.bytes ? Number.POSITIVE_INFINITY : last;
  if (end <= head.next) {
    const feed = new Feed(new Lookahead(nothing()), head.encoding, head.next, end);
    return { feed, quotes: { start: quotesWithin(head, start), end: quotesWithin(head, end) } };
  }
  const { feed, before } = await openAt(object, Math.max(start, head.next), end, head.encoding);
  try {
    const quotes = await quotesOf(feed, before, head, start, range.quotes);
    const tracker = new QuoteTracker(
      head.header.delimiter.charCodeAt(0),
      start < head.next ? 'outside' : quotes,
      before,
    );
    const atEnd = await toFirstRecord(feed, tracker, quotes);
    return { feed, quotes: { start: quotes, ...(atEnd === undefined ? {} : { end: atEnd }) } };
  } catch (error) {
    await feed.close();
    throw error;
  }
}

async function quotesOf(feed: Feed, before: number, head: Head, start: number, known?: Quotes): Promise<Quotes> {
  if (start < head.next) return quotesWithin(head, start);
  if (start === head.next) return 'outside';
  if (known) return known;
  await feed.hold(SAMPLE_BYTES);
  const { bytes, from, to } = feed.window;
  const sample = bytes.subarray(from, Math.min(to, from + SAMPLE_BYTES));
  return likeliestQuotes(sample, before, head.header, feed.ended && to - from <= SAMPLE_BYTES);
}

/** A feed of the object from `start` on, and the unit before it. */
async function openAt(
  object: TableObject,
  start: number,
  end: number,
  encoding: Encoding,
): Promise<{ feed: Feed; before: number }> {
  const unit = unitBytes(encoding);
  const from = start - unit;
  const stream = new Lookahead(end === Number.POSITIVE_INFINITY ? object.stream(from) : object.onward(from, end));
  try {
    const before = unitAt(await stream.peek(unit), 0, encoding);
    // The other half of a character whose first half is `before`: its record began before the range.
    const skipped = unit === 2 && isHighSurrogate(before) ? 2 * unit : unit;
    stream.skip((await stream.peek(skipped)).length < skipped ? unit : skipped);
    return { feed: new Feed(stream, encoding, from + skipped, end), before };
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/** Resolves with how the end of the range was read when that came first. */
async function toFirstRecord(feed: Feed, tracker: QuoteTracker, quotes: Quotes): Promise<Quotes | undefined> {
  const { window, position } = feed;
  let end: Quotes | undefined;
  for (;;) {
    const to = end === undefined ? Math.min(window.to, feed.stop) : window.to;
    const record = tracker.nextRecord(window.bytes, window.from, to);
    feed.advance(record < 0 ? to : record);
    if (record >= 0) return end;
    if (end === undefined && feed.passed) {
      await feed.hold(1);
      end = tracker.quotes(window.length > 0 ? window.bytes[window.from] : undefined);
    } else if (feed.ended) return end ?? 'outside';
    else await feed.more();
    if (feed.position - position > LONGEST_RECORD_BYTES) throw overlong(quotes);
  }
}

function overlong(start: Quotes): PredictionFailure {
  const most = LONGEST_RECORD_BYTES / 1024 / 1024;
  const text = `A row is longer than ${most} MiB: probably a quote that is opened and never closed.`;
  return new PredictionFailure('InvalidData', text, { quotes: { start } });
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
