// The end of a multipart upload: the named parts are checked and their data strung together, no byte moves; the ETag is the MD5
// of the parts' MD5s. Completing again, because the answer was lost, answers the same.
import { createHash } from 'node:crypto';
import { childText, children } from '../protocol/xml.ts';
import type { AwsResponse } from '../service.ts';
import { malformedXml, type S3Call, S3Error, xmlAnswer } from './call.ts';
import { ALGORITHMS, checksumHeader, compositeChecksum, startDigest } from './checksums.ts';
import { checkWrite, readConditions } from './conditions.ts';
import { encryptionHeaders } from './heads.ts';
import { findUpload } from './multipart.ts';
import type { Checksum, ChecksumAlgorithm, ObjectVersion, UploadPart } from './records.ts';
import type { Upload } from './state.ts';
import { nextVersionId, noSuchBucket, type Store, versionHeader } from './store.ts';

const MIN_PART_BYTES = 5 * 1024 * 1024;
const COMPLETE_BODY_BYTES = 8 * 1024 * 1024;

interface NamedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>;
}

export async function completeUpload(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:PutObject', call.bucket, call.key);
  const named = children(await call.xml('CompleteMultipartUpload', COMPLETE_BODY_BYTES), 'Part').map(
    (each): NamedPart => {
      const number = Number(childText(each, 'PartNumber'));
      const etag = childText(each, 'ETag')?.replace(/^"|"$/g, '');
      if (!Number.isInteger(number) || etag === undefined) throw malformedXml();
      const checksums = ALGORITHMS.flatMap((algorithm) => {
        const value = childText(each, `Checksum${algorithm}`);
        return value === undefined ? [] : [[algorithm, value] as const];
      });
      return { number, etag, checksums: new Map(checksums) };
    },
  );
  const done = finishedBefore(store, call);
  if (done) return completed(store, call, done);
  const conditions = readConditions((name) => call.header(name));
  const before = findUpload(store.state, call);
  const parts = chooseParts(call, before, named);
  checkWrite(conditions, store.state.current(call.bucket, call.key), call.key);
  const checksum = await objectChecksum(store, call, before, parts);
  return store.journal.commit((state) => {
    const upload = findUpload(state, call);
    const chosen = chooseParts(call, upload, named);
    const bucket = state.buckets.get(call.bucket);
    if (!bucket) throw noSuchBucket(call.bucket);
    checkWrite(conditions, state.current(call.bucket, call.key), call.key);
    const md5 = createHash('md5');
    for (const part of chosen) md5.update(part.etag, 'hex');
    const v: ObjectVersion = {
      ...upload.head,
      id: nextVersionId(bucket),
      at: store.now(),
      size: chosen.reduce((sum, part) => sum + part.size, 0),
      etag: `${md5.digest('hex')}-${chosen.length}`,
      segments: chosen.flatMap((part) => part.segments),
      checksum,
      parts: chosen.map(({ number, size, checksum: value }) => ({ number, size, checksum: value })),
      uploadId: upload.id,
    };
    return {
      records: [{ t: 'complete', id: upload.id, b: call.bucket, k: call.key, v }],
      answer: completed(store, call, v),
    };
  });
}

/** Completing again, because the first answer was lost, answers the same. */
function finishedBefore(store: Store, call: S3Call): ObjectVersion | undefined {
  const id = call.parameter('uploadId');
  if (id === undefined || store.state.uploads.has(id)) return undefined;
  return store.state.buckets
    .get(call.bucket)
    ?.versions.get(call.key)
    ?.find((each) => each.uploadId === id);
}

function completed(store: Store, call: S3Call, v: ObjectVersion): AwsResponse {
  const headers = { ...encryptionHeaders(v.encryption), ...versionHeader(store.state.buckets.get(call.bucket), v.id) };
  return xmlAnswer(
    'CompleteMultipartUploadResult',
    {
      Location: `http://${call.header('host') ?? ''}/${call.bucket}/${encodeURIComponent(call.key)}`,
      Bucket: call.bucket,
      Key: call.key,
      ETag: `"${v.etag}"`,
      ...(v.checksum ? { [`Checksum${v.checksum.algorithm}`]: v.checksum.value, ChecksumType: v.checksum.type } : {}),
    },
    headers,
  );
}

function chooseParts(call: S3Call, upload: Upload, named: readonly NamedPart[]): UploadPart[] {
  if (named.length === 0) throw malformedXml();
  const chosen = named.map((each, index) => {
    if (index > 0 && each.number <= (named[index - 1]?.number ?? 0)) {
      throw new S3Error(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
        400,
        { UploadId: upload.id },
      );
    }
    const part = upload.parts.get(each.number);
    const claimed = upload.checksumAlgorithm && each.checksums.get(upload.checksumAlgorithm);
    if (part?.etag !== each.etag || (claimed !== undefined && claimed !== part.checksum)) {
      throw new S3Error(
        'InvalidPart',
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        400,
        {
          UploadId: upload.id,
          PartNumber: String(each.number),
          ETag: each.etag,
        },
      );
    }
    return part;
  });
  for (const part of chosen.slice(0, -1)) {
    if (part.size >= MIN_PART_BYTES) continue;
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', 400, {
      ProposedSize: String(part.size),
      MinSizeAllowed: String(MIN_PART_BYTES),
      PartNumber: String(part.number),
      ETag: part.etag,
    });
  }
  const size = call.header('x-amz-mp-object-size');
  const actual = chosen.reduce((sum, part) => sum + part.size, 0);
  if (size !== undefined && Number(size) !== actual) {
    throw new S3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${size} does not match what was computed: ${actual}`,
      400,
    );
  }
  return chosen;
}

async function objectChecksum(
  store: Store,
  call: S3Call,
  upload: Upload,
  parts: readonly UploadPart[],
): Promise<Checksum | undefined> {
  const algorithm = upload.checksumAlgorithm;
  if (!algorithm) return undefined;
  let checksum: Checksum;
  if (upload.checksumType === 'FULL_OBJECT') {
    const digest = startDigest(algorithm);
    await store.digestOf(
      parts.flatMap((part) => part.segments),
      digest,
    );
    checksum = { algorithm, type: 'FULL_OBJECT', value: digest.base64() };
  } else
    checksum = compositeChecksum(
      algorithm,
      parts.map((part) => part.checksum ?? ''),
    );
  const claimed = call.header(checksumHeader(algorithm));
  if (claimed !== undefined && claimed !== checksum.value) {
    throw new S3Error(
      'BadDigest',
      `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`,
      400,
    );
  }
  return checksum;
}
