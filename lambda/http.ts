// HTTP to presigned URLs, and nothing else: one request, one answer, errors without the URL in them. On node:http rather
// than fetch: half the start-up time and no copies between stream kinds. Used by source.ts and upload.ts.
import http from 'node:http';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: http.IncomingMessage;
}

/** Silence on the line for this long is a broken connection. */
const IDLE_MS = 30_000;

export interface Request {
  method: 'GET' | 'PUT';
  headers?: Record<string, string>;
  /** Sent as it is; `headers` must give its content-length. */
  body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Breaks the request off. */
  signal?: AbortSignal;
}

/** Rejects with NetworkError when no answer comes. */
export function request(url: string, { method, headers, body, signal }: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new NetworkError(codeOf(error)));
    // Loading TLS takes a third of a cold start, and is not asked for inside of a cluster.
    const send = url.startsWith('https:') ? process.getBuiltinModule('node:https').request : http.request;
    const call = send(url, { method, headers, ...(signal ? { signal } : {}) });
    call.setTimeout(IDLE_MS, () => call.destroy(new Error('ETIMEDOUT')));
    call.on('error', fail);
    call.once('response', (answer) => {
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
    });
    if (!body) return void call.end();
    void writeBody(call, body).catch((error: unknown) => call.destroy(error as Error));
  });
}

async function writeBody(call: http.ClientRequest, body: NonNullable<Request['body']>): Promise<void> {
  for await (const chunk of body) {
    if (call.destroyed) return;
    if (!call.write(chunk)) {
      await new Promise<void>((resolve) => {
        const go = () => {
          call.off('drain', go).off('close', go);
          resolve();
        };
        call.once('drain', go).once('close', go);
      });
    }
  }
  call.end();
}

/** No complete answer: the connection broke. `code` is the system's, e.g. ECONNRESET. */
export class NetworkError extends Error {
  constructor(code: string) {
    super(code);
  }
}

export function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? (/^[A-Z]+$/.test(message) ? message : 'connection broken');
}

/** S3's `<Code>` and `<Message>` of an error answer, e.g. "403 AccessDenied: Request has expired". */
export async function refusal({ status, body }: Answer): Promise<{ status: number; text: string; retryable: boolean }> {
  let xml = '';
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) if (xml.length < 4096) xml += chunk.toString('utf8');
  } catch {
    // The status says enough.
  }
  const code = /<Code>([A-Za-z0-9.]+)<\/Code>/.exec(xml)?.[1];
  const expired = /<Message>Request has expired\.?<\/Message>/.test(xml) || code === 'ExpiredToken';
  const retryable = status >= 500 || status === 429 || status === 408 || code === 'RequestTimeout' || expired;
  return { status, text: `${status}${code ? ` ${code}` : ''}${expired ? ' (the link has expired)' : ''}`, retryable };
}

/** Waits before attempt `n` (1, 2, …): 100 ms, 200 ms, 400 ms … */
export function backoff(n: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100 * 2 ** (n - 1)));
}
