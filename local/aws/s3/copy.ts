// Server-side copy. The copy refers to the same data files, so it costs a journal line; only an object that came in parts is
// read once, because the copy's ETag is the MD5 of all its bytes.
import type { AwsResponse } from '../service.ts';
import { type S3Call, S3Error, invalidArgument, xmlAnswer } from './call.ts';
import { isAlgorithm, startDigest } from './checksums.ts';
import { checkRead, checkWrite, preconditionFailed, readConditions } from './conditions.ts';
import { encryptionHeaders, isStorageClass, readEncryption, readHead } from './heads.ts';
import type { Checksum, ChecksumAlgorithm, ObjectHead, ObjectVersion } from './records.ts';
import type { Bucket } from './state.ts';
import { findVersion, nextVersionId, noSuchBucket, noSuchKey, type Store, versionHeader } from './store.ts';

const MAX_COPY_BYTES = 5 * 1024 ** 3;

export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
  readonly version: ObjectVersion;
}

/** Finds the source of a copy, for those who may read it, and checks the `x-amz-copy-source-if-*` headers. */
export async function readCopySource(store: Store, call: S3Call): Promise<CopySource> {
  const header = call.header('x-amz-copy-source') ?? '';
  const [path = '', query = ''] = header.split('?', 2);
  const match = /^\/?([^/]+)\/(.+)$/s.exec(safeDecode(path));
  if (!match?.[1] || !match[2])
    throw invalidArgument(
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
      'x-amz-copy-source',
      header,
    );
  const [, bucket, key] = match;
  const versionId = new URLSearchParams(query).get('versionId') ?? undefined;
  await store.allow(call, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', bucket, key);
  const version = findVersion(store.state, bucket, key, versionId);
  if (!version && versionId !== undefined)
    throw new S3Error('NoSuchVersion', 'The specified version does not exist.', 404, {
      Key: key,
      VersionId: versionId,
    });
  if (!version || (version.deleted && versionId === undefined)) throw noSuchKey(key);
  if (version.deleted)
    throw new S3Error(
      'InvalidRequest',
      'The source of a copy request may not specifically refer to a delete marker by version id.',
      400,
    );
  const verdict = checkRead(
    readConditions((name) => call.header(name), 'x-amz-copy-source-'),
    version,
  );
  if (verdict !== 'ok') throw preconditionFailed('x-amz-copy-source-If');
  return { bucket, key, versionId, version };
}

export async function copyObject(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:PutObject', call.bucket, call.key);
  const source = await readCopySource(store, call);
  const head = copiedHead(call, store.bucket(call.bucket), source);
  if (source.version.size > MAX_COPY_BYTES) {
    throw new S3Error(
      'InvalidRequest',
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
      400,
    );
  }
  const conditions = readConditions((name) => call.header(name));
  checkWrite(conditions, store.state.current(call.bucket, call.key), call.key);
  const { etag, checksum } = await copiedDigest(store, call, source.version);
  return store.journal.commit((state) => {
    const bucket = state.buckets.get(call.bucket);
    if (!bucket) throw noSuchBucket(call.bucket);
    const version = findVersion(state, source.bucket, source.key, source.version.id);
    if (!version || version.at !== source.version.at || version.etag !== source.version.etag)
      throw noSuchKey(source.key);
    checkWrite(conditions, state.current(call.bucket, call.key), call.key);
    const v: ObjectVersion = {
      ...head,
      id: nextVersionId(bucket),
      at: store.now(),
      size: version.size,
      etag,
      segments: version.segments,
      checksum,
    };
    const headers = {
      ...encryptionHeaders(v.encryption),
      ...versionHeader(bucket, v.id),
      ...(state.buckets.get(source.bucket)?.settings.has('versioning')
        ? { 'x-amz-copy-source-version-id': version.id }
        : {}),
    };
    const result = {
      LastModified: new Date(v.at),
      ETag: `"${etag}"`,
      ...(checksum ? { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type } : {}),
    };
    return {
      records: [{ t: 'put', b: call.bucket, k: call.key, v }],
      answer: xmlAnswer('CopyObjectResult', result, headers),
    };
  });
}

function copiedHead(call: S3Call, bucket: Bucket, source: CopySource): ObjectHead {
  const directive = call.header('x-amz-metadata-directive') ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE')
    throw invalidArgument('Unknown metadata directive.', 'x-amz-metadata-directive', directive);
  const { version } = source;
  const asked = readHead(call, bucket);
  const encryption = readEncryption(call, bucket);
  const storageClass = call.header('x-amz-storage-class');
  if (storageClass !== undefined && !isStorageClass(storageClass))
    throw invalidArgument('The storage class you specified is not valid', 'x-amz-storage-class', storageClass);
  const onto = source.bucket === call.bucket && source.key === call.key && source.versionId === undefined;
  if (
    onto &&
    directive === 'COPY' &&
    storageClass === undefined &&
    call.header('x-amz-server-side-encryption') === undefined
  ) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
      400,
    );
  }
  const tags = call.header('x-amz-tagging-directive') === 'REPLACE' ? asked.tags : version.tags;
  return {
    headers: directive === 'REPLACE' ? asked.headers : version.headers,
    meta: directive === 'REPLACE' ? asked.meta : version.meta,
    encryption,
    ...(asked.storageClass === undefined ? {} : { storageClass: asked.storageClass }),
    ...(tags === undefined ? {} : { tags }),
  };
}

async function copiedDigest(
  store: Store,
  call: S3Call,
  version: ObjectVersion,
): Promise<{ etag: string; checksum: Checksum | undefined }> {
  const wanted = call.header('x-amz-checksum-algorithm')?.toUpperCase();
  if (wanted !== undefined && !isAlgorithm(wanted))
    throw invalidArgument('Checksum algorithm provided is unsupported.', 'x-amz-checksum-algorithm', wanted);
  const algorithm: ChecksumAlgorithm | undefined = wanted ?? version.checksum?.algorithm;
  const kept =
    version.checksum?.algorithm === algorithm && version.checksum?.type === 'FULL_OBJECT'
      ? version.checksum
      : undefined;
  if (!version.etag.includes('-') && (!algorithm || kept)) return { etag: version.etag, checksum: kept };
  const digest = algorithm && startDigest(algorithm);
  const etag = await store.digestOf(version.segments, digest);
  return {
    etag,
    checksum: digest && algorithm ? { algorithm, type: 'FULL_OBJECT', value: digest.base64() } : undefined,
  };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
