// The checksums a client may send with data, as a header or a trailer, and what is stored of them. A digest runs while the
// data is written; `verify` compares at the end.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { AwsServiceError, type AwsRequest } from '../service.ts';
import { crc32c, crc64nvme } from './crc.ts';
import type { Checksum, ChecksumAlgorithm } from './records.ts';

export const ALGORITHMS: readonly ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'];
const BYTES: Record<ChecksumAlgorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 };

export interface Digest {
  update(chunk: Buffer): void;
  base64(): string;
}

export function startDigest(algorithm: ChecksumAlgorithm): Digest {
  switch (algorithm) {
    case 'CRC32': {
      let crc = 0;
      return { update: (chunk) => void (crc = crc32(chunk, crc)), base64: () => base64OfWords(crc) };
    }
    case 'CRC32C': {
      let crc = 0;
      return { update: (chunk) => void (crc = crc32c(chunk, crc)), base64: () => base64OfWords(crc) };
    }
    case 'CRC64NVME': {
      let crc = { high: 0, low: 0 };
      return { update: (chunk) => void (crc = crc64nvme(chunk, crc)), base64: () => base64OfWords(crc.high, crc.low) };
    }
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm.toLowerCase());
      return { update: (chunk) => void hash.update(chunk), base64: () => hash.digest('base64') };
    }
  }
}

function base64OfWords(...words: number[]): string {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => bytes.writeUInt32BE(word, index * 4));
  return bytes.toString('base64');
}

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

export function isAlgorithm(text: string): text is ChecksumAlgorithm {
  return (ALGORITHMS as readonly string[]).includes(text);
}

/** What a request promises about its data. */
export interface ExpectedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** The promised value, known at once (header) or after the data (trailer). */
  readonly expected: () => string | undefined;
}

/** Reads `x-amz-checksum-*`, `x-amz-trailer` and `x-amz-sdk-checksum-algorithm`; at most one algorithm is allowed. */
export function expectedChecksum(request: Pick<AwsRequest, 'headers' | 'trailers'>): ExpectedChecksum | undefined {
  const { headers, trailers } = request;
  const inHeaders = ALGORITHMS.filter((algorithm) => headers[checksumHeader(algorithm)] !== undefined);
  if (inHeaders.length > 1)
    throw new AwsServiceError(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
      400,
    );
  const [algorithm] = inHeaders;
  if (algorithm) {
    const value = String(headers[checksumHeader(algorithm)]);
    checkShape(algorithm, value);
    return { algorithm, expected: () => value };
  }
  const announced = String(headers['x-amz-trailer'] ?? '').toLowerCase();
  const inTrailer = ALGORITHMS.find((each) => announced === checksumHeader(each));
  if (inTrailer) {
    return {
      algorithm: inTrailer,
      expected: () => {
        const value = trailers[checksumHeader(inTrailer)];
        if (value === undefined)
          throw new AwsServiceError(
            'MalformedTrailerError',
            'The request contained trailing data that was not well-formed or did not conform to our published schema.',
            400,
          );
        checkShape(inTrailer, value);
        return value;
      },
    };
  }
  const wanted = String(headers['x-amz-sdk-checksum-algorithm'] ?? '').toUpperCase();
  return isAlgorithm(wanted) ? { algorithm: wanted, expected: () => undefined } : undefined;
}

function checkShape(algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== BYTES[algorithm] || bytes.toString('base64') !== value) {
    throw new AwsServiceError('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`, 400);
  }
}

export function checksumMismatch(algorithm: ChecksumAlgorithm): AwsServiceError {
  return new AwsServiceError('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`, 400);
}

/** Checksum of the parts' checksums, as S3 stores it for a multipart upload of type COMPOSITE. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly string[]): Checksum {
  const digest = startDigest(algorithm);
  for (const part of parts) digest.update(Buffer.from(part, 'base64'));
  return { algorithm, type: 'COMPOSITE', value: `${digest.base64()}-${parts.length}` };
}
