// A plain HTTP server that stands in for S3 behind presigned URLs: objects by path, GET with If-Match and Range, PUT with
// a content length. Can be told to fail: break connections, refuse, answer with S3's error XML.
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Storage {
  url: string;
  objects: Map<string, Buffer>;
  requests: { method: string; path: string; headers: http.IncomingHttpHeaders }[];
  /** Asked before each request; true: it was answered. */
  intercept: (request: http.IncomingMessage, response: http.ServerResponse) => boolean;
  put(path: string, bytes: Buffer | string): { url: string; etag: string; sha256: string; bytes: number };
  close(): Promise<void>;
}

const etags = new WeakMap<Buffer, string>();

/** Reckoned once for an object, however often it is asked for: a large table takes longer to hash than to send. */
export function etagOf(bytes: Buffer): string {
  const known = etags.get(bytes);
  if (known !== undefined) return known;
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
  etags.set(bytes, etag);
  return etag;
}

export function refuse(response: http.ServerResponse, status: number, code: string, message = ''): true {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  return true;
}

export async function startStorage(): Promise<Storage> {
  const objects = new Map<string, Buffer>();
  const requests: Storage['requests'] = [];
  const server = http.createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]!;
    requests.push({ method: request.method ?? '', path, headers: request.headers });
    if (storage.intercept(request, response)) return;
    if (request.method === 'PUT') return void receive(request, response, path, objects);
    send(request, response, objects.get(path));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const storage: Storage = {
    url,
    objects,
    requests,
    intercept: () => false,
    put(path, contents) {
      const bytes = Buffer.from(contents);
      objects.set(path, bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { url: `${url}${path}?X-Amz-Signature=secret`, etag: etagOf(bytes), sha256, bytes: bytes.length };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return storage;
}

function send(request: http.IncomingMessage, response: http.ServerResponse, bytes: Buffer | undefined): void {
  if (!bytes) return void refuse(response, 404, 'NoSuchKey');
  const { 'if-match': ifMatch, range } = request.headers;
  if (ifMatch && ifMatch !== etagOf(bytes)) return void refuse(response, 412, 'PreconditionFailed');
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const start = Number(first ?? 0);
  const part = bytes.subarray(start, last ? Number(last) + 1 : bytes.length);
  const headers = { 'content-length': part.length, etag: etagOf(bytes) };
  if (!range) return void response.writeHead(200, headers).end(part);
  if (part.length === 0) return void refuse(response, 416, 'InvalidRange');
  const sent = `bytes ${start}-${start + part.length - 1}/${bytes.length}`;
  response.writeHead(206, { ...headers, 'content-range': sent }).end(part);
}

async function receive(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  path: string,
  objects: Map<string, Buffer>,
): Promise<void> {
  if (request.headers['content-length'] === undefined) return void refuse(response, 411, 'MissingContentLength');
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  objects.set(path, bytes);
  response.writeHead(200, { etag: etagOf(bytes) }).end();
}
