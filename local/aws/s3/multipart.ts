// Multipart uploads while they are open: start, parts (sent or copied), list, abort. completion.ts makes the object of them.
import { randomBytes } from 'node:crypto';
import type { AwsResponse } from '../service.ts';
import { slice } from './blobs.ts';
import { invalidArgument, type S3Call, S3Error, xmlAnswer } from './call.ts';
import { checksumHeader, isAlgorithm, startDigest } from './checksums.ts';
import { readCopySource } from './copy.ts';
import { encryptionHeaders, readHead } from './heads.ts';
import { readCopyRange } from './ranges.ts';
import type { ChecksumAlgorithm, UploadPart } from './records.ts';
import type { State, Upload } from './state.ts';
import { noSuchBucket, type Received, type Store } from './store.ts';

const MAX_PARTS = 10_000;

export async function createUpload(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:PutObject', call.bucket, call.key);
  const head = readHead(call, store.bucket(call.bucket));
  const wanted = call.header('x-amz-checksum-algorithm')?.toUpperCase();
  if (wanted !== undefined && !isAlgorithm(wanted))
    throw invalidArgument(
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
      'x-amz-checksum-algorithm',
      wanted,
    );
  const checksumType = readChecksumType(call, wanted);
  const id = randomBytes(32).toString('base64url');
  const u = { id, bucket: call.bucket, key: call.key, at: store.now(), head, checksumAlgorithm: wanted, checksumType };
  await store.journal.commit((state) => {
    if (!state.buckets.has(call.bucket)) throw noSuchBucket(call.bucket);
    return { records: [{ t: 'upload', u }], answer: undefined };
  });
  const headers = {
    ...encryptionHeaders(head.encryption),
    ...(wanted && checksumType ? { 'x-amz-checksum-algorithm': wanted, 'x-amz-checksum-type': checksumType } : {}),
  };
  return xmlAnswer('InitiateMultipartUploadResult', { Bucket: call.bucket, Key: call.key, UploadId: id }, headers);
}

function readChecksumType(
  call: S3Call,
  algorithm: ChecksumAlgorithm | undefined,
): 'FULL_OBJECT' | 'COMPOSITE' | undefined {
  const type = call.header('x-amz-checksum-type')?.toUpperCase();
  if (!algorithm) return undefined;
  const byDefault = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  if (type === undefined) return byDefault;
  const possible =
    algorithm === 'CRC64NVME'
      ? ['FULL_OBJECT']
      : algorithm.startsWith('SHA')
        ? ['COMPOSITE']
        : ['FULL_OBJECT', 'COMPOSITE'];
  if (!possible.includes(type))
    throw new S3Error(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
      400,
    );
  return type as 'FULL_OBJECT' | 'COMPOSITE';
}

export function findUpload(state: State, call: S3Call): Upload {
  const upload = state.uploads.get(call.parameter('uploadId') ?? '');
  if (upload?.bucket === call.bucket && upload.key === call.key) return upload;
  throw new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    404,
    {
      UploadId: call.parameter('uploadId') ?? '',
    },
  );
}

function partNumber(call: S3Call): number {
  const text = call.parameter('partNumber') ?? '';
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > MAX_PARTS)
    throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', 'partNumber', text);
  return number;
}

export async function uploadPart(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:PutObject', call.bucket, call.key);
  const number = partNumber(call);
  const upload = findUpload(store.state, call);
  const received = await store.receive(call, upload.checksumAlgorithm);
  try {
    checkPartAlgorithm(upload, received);
    const part = await keepPart(store, call, number, received);
    const headers: Record<string, string> = { etag: `"${part.etag}"`, ...encryptionHeaders(upload.head.encryption) };
    if (received.checksum) headers[checksumHeader(received.checksum.algorithm)] = received.checksum.value;
    return { status: 200, headers };
  } catch (error) {
    store.discard(received.segments);
    throw error;
  }
}

function checkPartAlgorithm(upload: Upload, received: Received): void {
  if (!upload.checksumAlgorithm || received.checksum?.algorithm === upload.checksumAlgorithm) return;
  throw new S3Error(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm.toLowerCase()}, actual checksum Type: ${received.checksum?.algorithm.toLowerCase() ?? 'null'}`,
    400,
  );
}

export async function uploadPartCopy(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:PutObject', call.bucket, call.key);
  const number = partNumber(call);
  const upload = findUpload(store.state, call);
  const { version, bucket, key } = await readCopySource(store, call);
  const header = call.header('x-amz-copy-source-range');
  const range = header === undefined ? { start: 0, end: version.size - 1 } : readCopyRange(header, version.size);
  if (!range)
    throw invalidArgument(
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      'x-amz-copy-source-range',
      header ?? '',
    );
  const segments = slice(version.segments, range.start, range.end);
  const digest = upload.checksumAlgorithm && startDigest(upload.checksumAlgorithm);
  const md5 = await store.digestOf(segments, digest);
  const checksum =
    digest && upload.checksumAlgorithm ? { algorithm: upload.checksumAlgorithm, value: digest.base64() } : undefined;
  const size = range.end - range.start + 1;
  const part = await keepPart(store, call, number, { size, md5, segments, checksum }, () => {
    // The data must still be somebody's, or it is being deleted.
    const still = store.state.buckets
      .get(bucket)
      ?.versions.get(key)
      ?.some((each) => each.id === version.id && each.etag === version.etag);
    if (!still) throw new S3Error('NoSuchKey', 'The specified key does not exist.', 404, { Key: key });
  });
  const result = {
    LastModified: new Date(part.at),
    ETag: `"${part.etag}"`,
    ...(checksum ? { [`Checksum${checksum.algorithm}`]: checksum.value } : {}),
  };
  return xmlAnswer('CopyPartResult', result, encryptionHeaders(upload.head.encryption));
}

function keepPart(
  store: Store,
  call: S3Call,
  number: number,
  received: Received,
  check: () => void = () => {},
): Promise<UploadPart> {
  return store.journal.commit((state) => {
    const upload = findUpload(state, call);
    check();
    const p: UploadPart = {
      number,
      at: store.now(),
      size: received.size,
      etag: received.md5,
      segments: received.segments,
      checksum: received.checksum?.value,
    };
    return { records: [{ t: 'part', id: upload.id, p }], answer: p };
  });
}

export async function abortUpload(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:AbortMultipartUpload', call.bucket, call.key);
  await store.journal.commit((state) => ({
    records: [{ t: 'abort', id: findUpload(state, call).id }],
    answer: undefined,
  }));
  return { status: 204 };
}

export async function listParts(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListMultipartUploadParts', call.bucket, call.key);
  const upload = findUpload(store.state, call);
  const max = call.count('max-parts', 1000);
  const marker = call.parameter('part-number-marker') === undefined ? 0 : call.count('part-number-marker', MAX_PARTS);
  const behind = [...upload.parts.values()].filter((part) => part.number > marker).sort((a, b) => a.number - b.number);
  const page = behind.slice(0, max);
  return xmlAnswer('ListPartsResult', {
    Bucket: call.bucket,
    Key: call.key,
    UploadId: upload.id,
    StorageClass: upload.head.storageClass ?? 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? marker,
    MaxParts: max,
    IsTruncated: behind.length > page.length,
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumType,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: new Date(part.at),
      ETag: `"${part.etag}"`,
      Size: part.size,
      ...(upload.checksumAlgorithm && part.checksum !== undefined
        ? { [`Checksum${upload.checksumAlgorithm}`]: part.checksum }
        : {}),
    })),
  });
}
