// The body of a request as the service sees it: aws-chunked framing taken off, hash, chunk signatures and length proven while
// it streams. A lie is noticed at the end at the latest, as an error of the stream, so a service commits only after the end.
import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { AwsServiceError } from '../service.ts';
import { type CredentialScope, EMPTY_SHA256, sameSignature, scopeText, sha256Hex, signature } from './signature.ts';

/** What chunk signatures are chained from. */
export interface ChunkSeed {
  readonly signingKey: Buffer;
  readonly scope: CredentialScope;
  readonly amzDate: string;
  readonly signature: string;
}

export interface Payload {
  readonly stream: Readable;
  readonly trailers: Record<string, string>;
}

const MAX_LINE_BYTES = 16 * 1024;

export function openPayload(request: IncomingMessage, payloadHash: string, seed: ChunkSeed): Payload {
  if (payloadHash.startsWith('STREAMING-')) return openChunked(request, payloadHash, seed);
  if (payloadHash === 'UNSIGNED-PAYLOAD') return { stream: request, trailers: {} };
  if (!/^[0-9a-f]{64}$/.test(payloadHash)) {
    throw new AwsServiceError(
      'InvalidArgument',
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
      400,
      { ArgumentName: 'x-amz-content-sha256', ArgumentValue: payloadHash },
    );
  }
  const empty =
    request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0;
  if (empty && payloadHash === EMPTY_SHA256) return { stream: request, trailers: {} };
  return { stream: chain(request, new HashVerifier(payloadHash)), trailers: {} };
}

function openChunked(request: IncomingMessage, mode: string, seed: ChunkSeed): Payload {
  const signed = mode.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  if (!signed && mode !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    throw new AwsServiceError('NotImplemented', `${mode} is not supported by the local AWS endpoint.`, 501);
  }
  const length = Number(request.headers['x-amz-decoded-content-length'] ?? NaN);
  if (!Number.isInteger(length))
    throw new AwsServiceError('MissingContentLength', 'You must provide the Content-Length HTTP header.', 411);
  const decoder = new ChunkDecoder(length, signed ? seed : undefined);
  return { stream: chain(request, decoder), trailers: decoder.trailers };
}

function chain(request: IncomingMessage, transform: Transform): Readable {
  pipeline(request, transform, () => {
    // An error reaches the reader of `transform`; nobody else has to know.
  });
  return transform;
}

class HashVerifier extends Transform {
  readonly #expected: string;
  readonly #hash: Hash = createHash('sha256');

  constructor(expected: string) {
    super();
    this.#expected = expected;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const computed = this.#hash.digest('hex');
    done(computed === this.#expected ? null : hashMismatch(this.#expected, computed));
  }
}

export function hashMismatch(client: string, computed: string): AwsServiceError {
  return new AwsServiceError(
    'XAmzContentSHA256Mismatch',
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    400,
    {
      ClientComputedContentSHA256: client,
      S3ComputedContentSHA256: computed,
    },
  );
}

/** `<hex size>[;chunk-signature=<hex>]\r\n<bytes>\r\n … 0\r\n<trailers>\r\n` */
class ChunkDecoder extends Transform {
  readonly trailers: Record<string, string> = {};
  readonly #expectedBytes: number;
  readonly #seed: ChunkSeed | undefined;
  #previous: string;
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' = 'size';
  #line: Buffer[] = [];
  #lineBytes = 0;
  #left = 0;
  #bytes = 0;
  #chunkSignature = '';
  #chunkHash: Hash | undefined;
  #trailerText = '';

  constructor(expectedBytes: number, seed: ChunkSeed | undefined) {
    super();
    this.#expectedBytes = expectedBytes;
    this.#seed = seed;
    this.#previous = seed?.signature ?? '';
  }

  override _transform(input: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      let at = 0;
      while (at < input.length) at = this.#state === 'data' ? this.#data(input, at) : this.#text(input, at);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    if (this.#state !== 'done' || this.#bytes !== this.#expectedBytes) {
      done(new AwsServiceError('IncompleteBody', 'The request body terminated unexpectedly', 400));
    } else done();
  }

  #data(input: Buffer, at: number): number {
    const piece = input.subarray(at, at + this.#left);
    this.#left -= piece.length;
    this.#bytes += piece.length;
    this.#chunkHash?.update(piece);
    this.push(piece);
    if (this.#left === 0) {
      this.#checkChunk();
      this.#state = 'data-end';
    }
    return at + piece.length;
  }

  #text(input: Buffer, at: number): number {
    const end = input.indexOf(10, at);
    const piece = input.subarray(at, end < 0 ? input.length : end + 1);
    this.#line.push(piece);
    this.#lineBytes += piece.length;
    if (this.#lineBytes > MAX_LINE_BYTES) throw malformed();
    if (end >= 0) {
      const line = Buffer.concat(this.#line)
        .toString('latin1')
        .replace(/\r?\n$/, '');
      this.#line = [];
      this.#lineBytes = 0;
      this.#onLine(line);
    }
    return at + piece.length;
  }

  #onLine(line: string): void {
    if (this.#state === 'done') {
      if (line !== '') throw malformed();
    } else if (this.#state === 'data-end') {
      if (line !== '') throw malformed();
      this.#state = 'size';
    } else if (this.#state === 'size') this.#startChunk(line);
    else if (line === '') this.#finish();
    else this.#trailer(line);
  }

  #startChunk(line: string): void {
    const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!match || (this.#seed && !match[2])) throw malformed();
    this.#left = Number.parseInt(match[1] ?? '', 16);
    this.#chunkSignature = match[2] ?? '';
    if (this.#seed) this.#chunkHash = createHash('sha256');
    if (this.#left > 0) {
      this.#state = 'data';
      return;
    }
    this.#checkChunk();
    this.#state = 'trailer';
  }

  #checkChunk(): void {
    if (!this.#seed || !this.#chunkHash) return;
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${this.#seed.amzDate}\n${scopeText(this.#seed.scope)}\n${this.#previous}\n${EMPTY_SHA256}\n${this.#chunkHash.digest('hex')}`;
    this.#chunkHash = undefined;
    const expected = signature(this.#seed.signingKey, text);
    if (!sameSignature(expected, this.#chunkSignature)) throw badSignature();
    this.#previous = expected;
  }

  #trailer(line: string): void {
    const split = line.indexOf(':');
    if (split < 0) throw malformed();
    const name = line.slice(0, split).trim().toLowerCase();
    const value = line.slice(split + 1).trim();
    this.trailers[name] = value;
    if (name !== 'x-amz-trailer-signature') this.#trailerText += `${name}:${value}\n`;
  }

  #finish(): void {
    if (this.#seed && this.#trailerText !== '') {
      const text = `AWS4-HMAC-SHA256-TRAILER\n${this.#seed.amzDate}\n${scopeText(this.#seed.scope)}\n${this.#previous}\n${sha256Hex(this.#trailerText)}`;
      if (!sameSignature(signature(this.#seed.signingKey, text), this.trailers['x-amz-trailer-signature'] ?? ''))
        throw badSignature();
    }
    this.#state = 'done';
  }
}

function malformed(): AwsServiceError {
  return new AwsServiceError('InvalidRequest', 'The aws-chunked body is malformed.', 400);
}

function badSignature(): AwsServiceError {
  return new AwsServiceError(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    403,
  );
}
