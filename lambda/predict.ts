// The pipeline of one table: chunks of bytes → window → records → encoded batch → scores → the same bytes with
// predictions. Pulls only when it can go on and waits for the sink, so memory does not depend on the size of the data.
// Called by handler.ts with a presigned download as source and the output spool as sink.
import { readHeader, type Header } from './csv/dialect.ts';
import { detectEncoding, type DetectedEncoding, type Encoding } from './csv/encoding.ts';
import { fromUtf8, toUtf8 } from './csv/transcode.ts';
import { Window } from './csv/window.ts';
import { PredictionFailure } from './failure.ts';
import { type Predicted, type Prediction, Table } from './table.ts';

/** Resolves once the bytes given may be overwritten. */
export type Write = (bytes: Buffer) => Promise<void>;

/** Scores a whole table; throws PredictionFailure. `write` gets the output in order, in pieces of whole rows. */
export async function predict(asked: Prediction, source: AsyncIterable<Uint8Array>, write: Write): Promise<Predicted> {
  const feed = new Feed(source);
  try {
    return await predictAll(asked, feed, write);
  } finally {
    await feed.close();
  }
}

async function predictAll(asked: Prediction, feed: Feed, write: Write): Promise<Predicted> {
  const { encoding, bom } = await feed.open();
  const out: Write = (bytes) => write(fromUtf8(bytes, encoding));
  if (bom.length > 0) await write(bom);
  const header = await readWholeHeader(feed, encoding);
  const table = new Table(asked, header, encoding);
  await out(
    table.header(
      feed.window.bytes.subarray(feed.window.from, header.contentEnd),
      feed.window.bytes.subarray(header.contentEnd, header.next),
    ),
  );
  feed.window.advance(header.next);
  for (;;) {
    await feed.fill();
    const final = feed.ended;
    while (feed.window.length > 0) {
      const end = table.read(feed.window, final);
      if (end === feed.window.from) break;
      await out(await table.score(feed.window.bytes, feed.window.from, end));
      feed.window.advance(end);
    }
    if (final) break;
    if (feed.window.length > 0) feed.window.starve();
  }
  return table.result();
}

/** The source as a window: byte order mark taken off, UTF-16 transcoded. */
class Feed {
  readonly window = new Window();
  ended = false;
  readonly #source: AsyncIterator<Uint8Array>;
  #transcoder: ReturnType<typeof toUtf8>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async open(): Promise<{ encoding: Encoding; bom: Buffer }> {
    await this.fill();
    const { window } = this;
    const head = Buffer.from(window.bytes.subarray(window.from, window.to));
    const detected: DetectedEncoding = detectEncoding(head);
    const bom = head.subarray(0, detected.bomBytes);
    this.#transcoder = toUtf8(detected.encoding);
    window.advance(window.from + detected.bomBytes);
    if (this.#transcoder) {
      window.advance(window.to);
      window.push(this.#transcoder.push(head.subarray(detected.bomBytes)));
      if (this.ended) window.push(this.#transcoder.end());
    }
    return { encoding: detected.encoding, bom };
  }

  /** Lets go of a source that is not read to its end: a download would keep its connection. */
  async close(): Promise<void> {
    if (!this.ended) await this.#source.return?.();
  }

  /** Reads until the window has what it wants or the source ends. */
  async fill(): Promise<void> {
    while (!this.ended && this.window.hungry) {
      const next = await this.#source.next();
      if (!next.done) this.window.push(this.#transcoder ? this.#transcoder.push(next.value) : next.value);
      else {
        this.ended = true;
        if (this.#transcoder) this.window.push(this.#transcoder.end());
      }
    }
  }
}

async function readWholeHeader(feed: Feed, encoding: Encoding): Promise<Header> {
  for (;;) {
    const { window } = feed;
    if (window.length === 0 && feed.ended) throw new PredictionFailure('InvalidData', 'The file is empty.');
    const header = readHeader(window.bytes, window.from, window.to, feed.ended, encoding);
    if (header) return header;
    window.starve();
    await feed.fill();
  }
}
