// The data, as it comes from its presigned GET. A broken connection is resumed where it broke, with the same If-Match, so
// that no byte is lost, doubled or of another version. Feeds predict.ts.
import { PredictionFailure } from './failure.ts';
import { type Answer, backoff, codeOf, NetworkError, refusal, request } from './http.ts';

const ATTEMPTS = 4;

export interface DataLocation {
  url: string;
  etag: string;
  bytes: number;
}

export async function* download({ url, etag, bytes }: DataLocation): AsyncGenerator<Buffer> {
  let offset = 0;
  for (let attempt = 1; ; attempt++) {
    const before = offset;
    let why: string;
    try {
      const { body } = await open(url, etag, offset);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        offset += chunk.length;
        yield chunk;
      }
      if (offset === bytes) return;
      if (offset > bytes) throw new PredictionFailure('DataChanged', sizeText(bytes, offset));
      why = 'the connection was closed early';
    } catch (error) {
      if (error instanceof PredictionFailure && !error.retryable) throw error;
      why = error instanceof PredictionFailure ? error.message : codeOf(error);
    }
    if (offset > before) attempt = 1;
    if (attempt >= ATTEMPTS) {
      const text = `The data could not be read completely (${offset} of ${bytes} bytes): ${why}`;
      throw new PredictionFailure('ReadFailed', text, { retryable: true });
    }
    await backoff(attempt);
  }
}

async function open(url: string, etag: string, offset: number): Promise<Answer> {
  const headers: Record<string, string> = { 'if-match': etag };
  if (offset > 0) headers.range = `bytes=${offset}-`;
  const answer = await request(url, { method: 'GET', headers });
  if (answer.status === (offset > 0 ? 206 : 200)) return answer;
  const { status, text, retryable } = await refusal(answer);
  if (status === 412)
    throw new PredictionFailure('DataChanged', 'The data was changed after the job began. Start it again.');
  if (status === 404) throw new PredictionFailure('DataChanged', 'The data was deleted after the job began.');
  throw new PredictionFailure('ReadFailed', `The data could not be read: ${text}.`, { retryable });
}

function sizeText(expected: number, got: number): string {
  return `The data has ${got} bytes or more where ${expected} were announced: it was changed after the job began.`;
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
