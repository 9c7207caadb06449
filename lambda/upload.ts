// PUTs to presigned URLs, tried again while that may help. Used for whole results (spool.ts), parts (parts.ts) and the
// answer (handler.ts).
import { PredictionFailure } from './failure.ts';
import { backoff, codeOf, refusal, request } from './http.ts';

const ATTEMPTS = 4;

export interface Upload {
  url: string;
  /** Names it in messages: “The predictions could not be stored: …”. */
  what: string;
  bytes: number;
  /** The same bytes each time it is called: once an attempt. */
  body: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Breaks it off; it then rejects. */
  signal?: AbortSignal;
}

/** Resolves with the ETag of what was stored; throws WriteFailed. Storing twice leaves the same as storing once. */
export async function upload({ url, what, bytes, body, signal }: Upload): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    let failure: PredictionFailure;
    try {
      const headers = { 'content-length': String(bytes) };
      const answer = await request(url, { method: 'PUT', headers, body: body(), ...(signal ? { signal } : {}) });
      if (answer.status === 200) {
        answer.body.resume();
        return answer.headers.etag ?? '';
      }
      const { text, retryable } = await refusal(answer);
      failure = new PredictionFailure('WriteFailed', `${what} could not be stored: ${text}.`, { retryable });
    } catch (error) {
      const text = `${what} could not be stored: ${codeOf(error)}.`;
      failure = new PredictionFailure('WriteFailed', text, { retryable: true });
    }
    if (!failure.retryable || attempt >= ATTEMPTS || signal?.aborted) throw failure;
    await backoff(attempt);
  }
}
