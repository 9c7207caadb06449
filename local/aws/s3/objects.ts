// Objects: put, get, head, delete, tags. Every write ends in one journal decision; every read streams.
import type { AwsResponse } from '../service.ts';
import { type XmlElement, child, childText, children } from '../protocol/xml.ts';
import { slice } from './blobs.ts';
import { malformedXml, readXml, type S3Call, S3Error, xmlAnswer } from './call.ts';
import { checksumHeader, checksumMismatch, expectedChecksum, startDigest } from './checksums.ts';
import { checkRead, checkWrite, preconditionFailed, readConditions } from './conditions.ts';
import { checkTags, encryptionHeaders, objectHeaders, overrideHeaders, readHead } from './heads.ts';
import { readRange } from './ranges.ts';
import type { ObjectVersion, StoreRecord } from './records.ts';
import type { State } from './state.ts';
import { findVersion, nextVersionId, noSuchBucket, readContentMd5, type Store, versionHeader } from './store.ts';
import { createHash } from 'node:crypto';

const MAX_DELETES = 1000;
const ARCHIVED = ['GLACIER', 'DEEP_ARCHIVE'];

export async function putObject(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:PutObject', call.bucket, call.key);
  const head = readHead(call, store.bucket(call.bucket));
  if (head.tags) await store.allow(call, 's3:PutObjectTagging', call.bucket, call.key);
  const conditions = readConditions((name) => call.header(name));
  checkWrite(conditions, store.state.current(call.bucket, call.key), call.key);
  const received = await store.receive(call);
  const checksum = received.checksum && ({ ...received.checksum, type: 'FULL_OBJECT' } as const);
  try {
    return await store.journal.commit((state) => {
      const bucket = state.buckets.get(call.bucket);
      if (!bucket) throw noSuchBucket(call.bucket);
      checkWrite(conditions, state.current(call.bucket, call.key), call.key);
      const id = nextVersionId(bucket);
      const v: ObjectVersion = {
        ...head,
        id,
        at: store.now(),
        size: received.size,
        etag: received.md5,
        segments: received.segments,
        checksum,
      };
      const headers = {
        etag: `"${v.etag}"`,
        ...encryptionHeaders(v.encryption),
        ...versionHeader(bucket, id),
        ...(checksum
          ? { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type }
          : {}),
      };
      return { records: [{ t: 'put', b: call.bucket, k: call.key, v }], answer: { status: 200, headers } };
    });
  } catch (error) {
    store.discard(received.segments);
    throw error;
  }
}

/** GET and HEAD. */
export async function getObject(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, call.has('versionId') ? 's3:GetObjectVersion' : 's3:GetObject', call.bucket, call.key);
  const version = await store.version(call);
  const bucket = store.state.buckets.get(call.bucket);
  const headers = { ...objectHeaders(version), ...versionHeader(bucket, version.id) };
  const verdict = checkRead(
    readConditions((name) => call.header(name)),
    version,
  );
  if (verdict === 'unchanged')
    throw new S3Error(
      'NotModified',
      'Not Modified',
      304,
      {},
      { etag: headers.etag ?? '', 'last-modified': headers['last-modified'] ?? '' },
    );
  if (verdict === 'failed')
    throw preconditionFailed(call.header('if-match') === undefined ? 'If-Unmodified-Since' : 'If-Match');
  if (call.request.method !== 'HEAD' && ARCHIVED.includes(version.storageClass ?? '')) {
    throw new S3Error('InvalidObjectState', "The operation is not valid for the object's storage class", 403, {
      StorageClass: version.storageClass ?? '',
    });
  }
  const part = partRange(call, version);
  if (part) Object.assign(headers, { 'x-amz-mp-parts-count': String(version.parts?.length ?? 1) });
  const range = part ?? readRange(call.header('range'), version.size);
  if (range === 'unsatisfiable') {
    throw new S3Error(
      'InvalidRange',
      'The requested range is not satisfiable',
      416,
      { RangeRequested: call.header('range') ?? '', ActualObjectSize: String(version.size) },
      { 'content-range': `bytes */${version.size}` },
    );
  }
  if (call.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' && range === 'whole' && version.checksum) {
    headers[checksumHeader(version.checksum.algorithm)] = version.checksum.value;
    headers['x-amz-checksum-type'] = version.checksum.type;
  }
  Object.assign(headers, overrideHeaders(call));
  if (range === 'whole')
    return send(store, call, 200, { ...headers, 'content-length': String(version.size) }, version.segments);
  const length = range.end - range.start + 1;
  const partial = {
    ...headers,
    'content-length': String(length),
    'content-range': `bytes ${range.start}-${range.end}/${version.size}`,
  };
  return send(store, call, 206, partial, slice(version.segments, range.start, range.end));
}

function send(
  store: Store,
  call: S3Call,
  status: number,
  headers: Record<string, string>,
  segments: ObjectVersion['segments'],
): AwsResponse {
  if (call.request.method === 'HEAD' || segments.length === 0) return { status, headers };
  return { status, headers, body: store.blobs.read(segments) };
}

function partRange(call: S3Call, version: ObjectVersion): { start: number; end: number } | undefined {
  const text = call.parameter('partNumber');
  if (text === undefined) return undefined;
  if (call.header('range') !== undefined)
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter', 400);
  const parts = version.parts ?? [{ number: 1, size: version.size }];
  const index = Number(text) - 1;
  const part = parts[index];
  if (!part)
    throw new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable', 416, {
      PartNumberRequested: text,
      ActualPartCount: String(parts.length),
    });
  const start = parts.slice(0, index).reduce((sum, each) => sum + each.size, 0);
  return part.size === 0 ? undefined : { start, end: start + part.size - 1 };
}

interface Deleted {
  readonly versionId?: string;
  readonly markerId?: string;
}

/** What deleting means in this bucket: a record, and what to tell. */
export function decideDelete(
  store: Store,
  state: State,
  bucketName: string,
  key: string,
  versionId?: string,
  ifMatch?: string,
): { records: StoreRecord[]; answer: Deleted } {
  const bucket = state.buckets.get(bucketName);
  if (!bucket) throw noSuchBucket(bucketName);
  const current = findVersion(state, bucketName, key, versionId);
  if (ifMatch !== undefined) checkWrite({ ifMatch }, current, key);
  if (versionId !== undefined) {
    if (!current) return { records: [], answer: { versionId } };
    return {
      records: [{ t: 'del', b: bucketName, k: key, id: versionId }],
      answer: { versionId, ...(current.deleted ? { markerId: versionId } : {}) },
    };
  }
  if (!bucket.settings.has('versioning')) {
    return { records: current ? [{ t: 'del', b: bucketName, k: key, id: current.id }] : [], answer: {} };
  }
  const id = nextVersionId(bucket);
  const v: ObjectVersion = {
    id,
    at: store.now(),
    deleted: true,
    size: 0,
    etag: '',
    segments: [],
    headers: {},
    meta: {},
    encryption: { algorithm: 'AES256' },
  };
  return { records: [{ t: 'put', b: bucketName, k: key, v }], answer: { markerId: id } };
}

export async function deleteObject(store: Store, call: S3Call): Promise<AwsResponse> {
  const versionId = call.parameter('versionId');
  await store.allow(
    call,
    versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
    call.bucket,
    call.key,
  );
  const deleted = await store.journal.commit((state) =>
    decideDelete(store, state, call.bucket, call.key, versionId, call.header('if-match')),
  );
  const id = deleted.versionId ?? deleted.markerId;
  return {
    status: 204,
    headers: {
      ...(id === undefined ? {} : { 'x-amz-version-id': id }),
      ...(deleted.markerId === undefined ? {} : { 'x-amz-delete-marker': 'true' }),
    },
  };
}

export async function deleteObjects(store: Store, call: S3Call): Promise<AwsResponse> {
  const body = await verifiedBody(call);
  const document = readXml(body.toString(), 'Delete');
  const wanted = children(document, 'Object');
  if (wanted.length === 0 || wanted.length > MAX_DELETES) throw malformedXml();
  if (!store.state.buckets.has(call.bucket)) throw noSuchBucket(call.bucket);
  const outcomes = await Promise.all(wanted.map((each) => deleteOne(store, call, each)));
  const quiet = childText(document, 'Quiet') === 'true';
  return xmlAnswer('DeleteResult', {
    Deleted: quiet ? [] : outcomes.flatMap((outcome) => (outcome.deleted ? [outcome.deleted] : [])),
    Error: outcomes.flatMap((outcome) => (outcome.error ? [outcome.error] : [])),
  });
}

async function deleteOne(store: Store, call: S3Call, element: XmlElement) {
  const key = child(element, 'Key')?.text ?? '';
  const versionId = childText(element, 'VersionId');
  const etag = childText(element, 'ETag');
  try {
    if (key === '')
      throw new S3Error(
        'UserKeyMustBeSpecified',
        'The bucket POST must contain the specified field name. If it is specified, please check the order of the fields.',
        400,
      );
    await store.allow(call, versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', call.bucket, key);
    const { markerId } = await store.journal.commit((state) =>
      decideDelete(store, state, call.bucket, key, versionId, etag),
    );
    return {
      deleted: {
        Key: key,
        VersionId: versionId,
        DeleteMarker: markerId === undefined ? undefined : true,
        DeleteMarkerVersionId: markerId,
      },
    };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const refused = error instanceof S3Error || error.name === 'AwsServiceError';
    return {
      error: {
        Key: key,
        VersionId: versionId,
        Code: refused ? String(error.code) : 'InternalError',
        Message: refused ? error.message : 'We encountered an internal error. Please try again.',
      },
    };
  }
}

/** The body of an operation that S3 insists on being checksummed. */
async function verifiedBody(call: S3Call): Promise<Buffer> {
  const md5 = readContentMd5(call);
  const expected = expectedChecksum(call.request);
  if (md5 === undefined && !expected)
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5', 400);
  const body = await call.request.body();
  if (md5 !== undefined && createHash('md5').update(body).digest('hex') !== md5)
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', 400);
  if (expected) {
    const digest = startDigest(expected.algorithm);
    digest.update(body);
    const promised = expected.expected();
    if (promised !== undefined && promised !== digest.base64()) throw checksumMismatch(expected.algorithm);
  }
  return body;
}

/** `?tagging` of an object: GET, PUT, DELETE. */
export async function objectTagging(store: Store, call: S3Call): Promise<AwsResponse> {
  const verb = { GET: 'Get', PUT: 'Put', DELETE: 'Delete' }[call.request.method];
  if (!verb) throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
  await store.allow(call, `s3:${verb}ObjectTagging`, call.bucket, call.key);
  const version = await store.version(call);
  const headers = versionHeader(store.state.buckets.get(call.bucket), version.id);
  if (verb === 'Get') {
    return xmlAnswer(
      'Tagging',
      { TagSet: { Tag: Object.entries(version.tags ?? {}).map(([Key, Value]) => ({ Key, Value })) } },
      headers,
    );
  }
  const tags = verb === 'Put' ? readTagSet(await call.xml('Tagging')) : {};
  checkTags(tags);
  await store.journal.commit(() => ({
    records: [{ t: 'change', b: call.bucket, k: call.key, id: version.id, tags }],
    answer: undefined,
  }));
  return { status: verb === 'Put' ? 200 : 204, headers };
}

export function readTagSet(document: XmlElement): Record<string, string> {
  const set = child(document, 'TagSet');
  if (!set) throw malformedXml();
  return Object.fromEntries(
    children(set, 'Tag').map((tag) => [child(tag, 'Key')?.text ?? '', child(tag, 'Value')?.text ?? '']),
  );
}
