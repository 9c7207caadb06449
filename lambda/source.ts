// The object that holds the table, through its presigned GET. A broken connection is resumed where it broke, with the same
// If-Match, so that no byte is lost, doubled or of another version. Feeds predict.ts, and the formats that read an object
// here and there (Parquet).
import { PredictionFailure } from './failure.ts';
import { type Answer, backoff, codeOf, NetworkError, refusal, request } from './http.ts';

const ATTEMPTS = 4;
/** Read at once beyond the end of a chunk, for the rest of its last row. */
const ONWARD_BYTES = 64 * 1024;

export interface DataLocation {
  url: string;
  etag: string;
  /** Of the whole object. */
  bytes: number;
}

/** The object as those see it who read it: its size, and its bytes in order, from anywhere. */
export type TableObject = Pick<DataObject, 'bytes' | 'stream' | 'onward' | 'read'>;

export class DataObject {
  readonly bytes: number;
  readonly #location: DataLocation;

  constructor(location: DataLocation) {
    this.bytes = location.bytes;
    this.#location = location;
  }

  /** Bytes [from, to) in order; the whole object by default. Throws PredictionFailure. */
  async *stream(from = 0, to = this.bytes): AsyncGenerator<Buffer> {
    let offset = from;
    for (let attempt = 1; ; attempt++) {
      const before = offset;
      let why: string;
      try {
        const { body } = await open(this.#location, offset, to);
        for await (const piece of body as AsyncIterable<Buffer>) {
          offset += piece.length;
          yield piece;
        }
        if (offset === to) return;
        if (offset > to) throw new PredictionFailure('DataChanged', sizeText(this.bytes, offset));
        why = 'the connection was closed early';
      } catch (error) {
        if (error instanceof PredictionFailure && !error.retryable) throw error;
        why = error instanceof PredictionFailure ? error.message : codeOf(error);
      }
      if (offset > before) attempt = 1;
      if (attempt >= ATTEMPTS) {
        const text = `The data could not be read completely (${offset - from} of ${to - from} bytes): ${why}`;
        throw new PredictionFailure('ReadFailed', text, { retryable: true });
      }
      await backoff(attempt);
    }
  }

  /** Bytes [from, to) and then, while more is asked for, those that follow, in requests that double. */
  async *onward(from: number, to: number): AsyncGenerator<Buffer> {
    let end = Math.min(to + ONWARD_BYTES, this.bytes);
    yield* this.stream(from, end);
    for (let more = ONWARD_BYTES; end < this.bytes; more *= 2) {
      const begin = end;
      end = Math.min(begin + more, this.bytes);
      yield* this.stream(begin, end);
    }
  }

  /** Bytes [from, to) at once. */
  async read(from: number, to: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.stream(from, to)) pieces.push(piece);
    return Buffer.concat(pieces, to - from);
  }
}

async function open({ url, etag, bytes }: DataLocation, from: number, to: number): Promise<Answer> {
  const whole = from === 0 && to === bytes;
  const headers: Record<string, string> = { 'if-match': etag };
  if (!whole) headers.range = `bytes=${from}-${to - 1}`;
  const answer = await request(url, { method: 'GET', headers });
  if (answer.status === 200 && whole) return answer;
  if (answer.status === 206 && !whole) return requireRange(answer, from, bytes);
  const { status, text, retryable } = await refusal(answer);
  if (status === 412 || status === 416)
    throw new PredictionFailure('DataChanged', 'The data was changed after the job began. Start it again.');
  if (status === 404) throw new PredictionFailure('DataChanged', 'The data was deleted after the job began.');
  throw new PredictionFailure('ReadFailed', `The data could not be read: ${text}.`, { retryable });
}

/** Of what is sent, only what was asked for is believed. */
function requireRange(answer: Answer, from: number, bytes: number): Answer {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers['content-range'] ?? '') ?? [];
  if (start === undefined || total === undefined || Number(start) !== from) {
    answer.body.destroy();
    const text = 'The data could not be read: the storage answered with another range than was asked for.';
    throw new PredictionFailure('ReadFailed', text, { retryable: true });
  }
  if (Number(total) !== bytes) {
    answer.body.destroy();
    throw new PredictionFailure('DataChanged', sizeText(bytes, Number(total)));
  }
  return answer;
}

function sizeText(expected: number, got: number): string {
  return `The data has ${got} bytes where ${expected} were announced: it was changed after the job began.`;
}

/** A small object as a whole; `what` names it in messages. Refuses more than `most` bytes. */
export async function downloadWhole(url: string, what: string, most: number): Promise<Buffer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await request(url, { method: 'GET' });
      if (answer.status !== 200) {
        const { text, retryable } = await refusal(answer);
        throw new PredictionFailure('ReadFailed', `${what} could not be read: ${text}.`, { retryable });
      }
      return await gather(answer, what, most);
    } catch (error) {
      const failure = error instanceof PredictionFailure ? error : unreachable(what, error);
      if (!failure.retryable || attempt >= ATTEMPTS) throw failure;
      await backoff(attempt);
    }
  }
}

async function gather(answer: Answer, what: string, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) {
      answer.body.destroy();
      throw new PredictionFailure('ModelRefused', `${what} is larger than ${most / 1024 / 1024} MiB.`);
    }
    chunks.push(chunk);
  }
  if (!answer.body.complete) throw new NetworkError('ECONNRESET');
  return Buffer.concat(chunks, length);
}

function unreachable(what: string, error: unknown): PredictionFailure {
  return new PredictionFailure('ReadFailed', `${what} could not be read: ${codeOf(error)}.`, { retryable: true });
}
