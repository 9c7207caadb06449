// Listings: objects (V2 and V1), versions, open multipart uploads. One walk over the sorted keys serves them all; a common
// prefix is skipped by binary search, so a page costs its own length and not the bucket's.
import type { AwsResponse } from '../service.ts';
import { invalidArgument, type S3Call, xmlAnswer } from './call.ts';
import { compareKeys } from './keys.ts';
import type { ObjectVersion } from './records.ts';
import type { Bucket } from './state.ts';
import type { Store } from './store.ts';
import { uriEncode } from '../iam/signature.ts';

const MAX_KEYS = 1000;

interface Walk {
  readonly prefix: string;
  readonly delimiter: string;
  /** Everything up to this key, or under this common prefix, was already told. */
  readonly after: string;
  readonly max: number;
}

interface Page {
  readonly objects: readonly { readonly key: string; readonly version: ObjectVersion }[];
  readonly prefixes: readonly string[];
  readonly truncated: boolean;
  /** The last key or common prefix told. */
  readonly last: string;
}

function walk(bucket: Bucket, { prefix, delimiter, after, max }: Walk): Page {
  const objects: { key: string; version: ObjectVersion }[] = [];
  const prefixes: string[] = [];
  let last = '';
  let index =
    compareKeys(after, prefix) >= 0 && after !== ''
      ? bucket.keys.indexFrom(after, true)
      : bucket.keys.indexFrom(prefix);
  if (delimiter !== '' && after.endsWith(delimiter) && after.startsWith(prefix) && after.length > prefix.length)
    index = bucket.keys.indexBehind(after, index);
  for (let key = bucket.keys.at(index); key?.startsWith(prefix); key = bucket.keys.at(index)) {
    const version = bucket.versions.get(key)?.[0];
    if (!version || version.deleted) {
      index++;
      continue;
    }
    if (objects.length + prefixes.length >= max) return { objects, prefixes, truncated: max > 0, last };
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0) {
      objects.push({ key, version });
      last = key;
      index++;
    } else {
      last = key.slice(0, cut + delimiter.length);
      prefixes.push(last);
      index = bucket.keys.indexBehind(last, index);
    }
  }
  return { objects, prefixes, truncated: false, last };
}

/** `encoding-type=url` escapes names, so that any character survives XML. */
function encoder(call: S3Call): (text: string) => string {
  const type = call.parameter('encoding-type');
  if (type === undefined) return (text) => text;
  if (type !== 'url') throw invalidArgument('Invalid Encoding Method specified in Request', 'encoding-type', type);
  return (text) => uriEncode(text).replaceAll('%2F', '/');
}

function listContext(call: S3Call): Record<string, string> {
  const context: Record<string, string> = { 's3:prefix': call.parameter('prefix') ?? '' };
  const delimiter = call.parameter('delimiter');
  const max = call.parameter('max-keys');
  if (delimiter !== undefined) context['s3:delimiter'] = delimiter;
  if (max !== undefined) context['s3:max-keys'] = max;
  return context;
}

function content(encode: (text: string) => string, key: string, version: ObjectVersion, owner: string | undefined) {
  return {
    Key: encode(key),
    LastModified: new Date(version.at),
    ETag: `"${version.etag}"`,
    ChecksumAlgorithm: version.checksum?.algorithm,
    ChecksumType: version.checksum?.type,
    Size: version.size,
    Owner: owner === undefined ? undefined : { ID: owner },
    StorageClass: version.storageClass ?? 'STANDARD',
  };
}

export async function listObjectsV2(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListBucket', call.bucket, undefined, listContext(call));
  const encode = encoder(call);
  const token = call.parameter('continuation-token');
  const startAfter = call.parameter('start-after');
  const max = call.count('max-keys', MAX_KEYS);
  const prefix = call.parameter('prefix') ?? '';
  const delimiter = call.parameter('delimiter') ?? '';
  const page = walk(store.bucket(call.bucket), {
    prefix,
    delimiter,
    max,
    after: token === undefined ? (startAfter ?? '') : readToken(token),
  });
  const owner = call.parameter('fetch-owner') === 'true' ? store.accountId : undefined;
  return xmlAnswer('ListBucketResult', {
    Name: call.bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    ContinuationToken: token,
    NextContinuationToken: page.truncated ? writeToken(page.last) : undefined,
    KeyCount: page.objects.length + page.prefixes.length,
    MaxKeys: max,
    EncodingType: call.parameter('encoding-type'),
    IsTruncated: page.truncated,
    Contents: page.objects.map(({ key, version }) => content(encode, key, version, owner)),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

export async function listObjectsV1(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListBucket', call.bucket, undefined, listContext(call));
  const encode = encoder(call);
  const max = call.count('max-keys', MAX_KEYS);
  const marker = call.parameter('marker') ?? '';
  const prefix = call.parameter('prefix') ?? '';
  const delimiter = call.parameter('delimiter') ?? '';
  const page = walk(store.bucket(call.bucket), { prefix, delimiter, max, after: marker });
  return xmlAnswer('ListBucketResult', {
    Name: call.bucket,
    Prefix: encode(prefix),
    Marker: encode(marker),
    NextMarker: page.truncated && delimiter !== '' ? encode(page.last) : undefined,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: max,
    EncodingType: call.parameter('encoding-type'),
    IsTruncated: page.truncated,
    Contents: page.objects.map(({ key, version }) => content(encode, key, version, store.accountId)),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

/** `?versions`: every version and delete marker, newest first for each key. */
export async function listVersions(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListBucketVersions', call.bucket, undefined, listContext(call));
  const bucket = store.bucket(call.bucket);
  const encode = encoder(call);
  const max = call.count('max-keys', MAX_KEYS);
  const prefix = call.parameter('prefix') ?? '';
  const delimiter = call.parameter('delimiter') ?? '';
  const keyMarker = call.parameter('key-marker') ?? '';
  const idMarker = call.parameter('version-id-marker');
  const told: { key: string; version: ObjectVersion; latest: boolean }[] = [];
  const prefixes: string[] = [];
  let last: { key: string; id?: string } | undefined;
  let truncated = false;
  let index =
    keyMarker === '' || compareKeys(keyMarker, prefix) < 0
      ? bucket.keys.indexFrom(prefix)
      : bucket.keys.indexFrom(keyMarker, idMarker === undefined);
  if (delimiter !== '' && keyMarker.endsWith(delimiter) && keyMarker.length > prefix.length)
    index = bucket.keys.indexBehind(keyMarker, index);
  for (let key = bucket.keys.at(index); key?.startsWith(prefix) && !truncated; key = bucket.keys.at(index)) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut >= 0) {
      if (told.length + prefixes.length >= max) truncated = true;
      else {
        last = { key: key.slice(0, cut + delimiter.length) };
        prefixes.push(last.key);
        index = bucket.keys.indexBehind(last.key, index);
      }
      continue;
    }
    const versions = bucket.versions.get(key) ?? [];
    const start =
      key === keyMarker && idMarker !== undefined ? versions.findIndex((each) => each.id === idMarker) + 1 : 0;
    for (const version of versions.slice(start)) {
      if (told.length + prefixes.length >= max) {
        truncated = true;
        break;
      }
      told.push({ key, version, latest: version === versions[0] });
      last = { key, id: version.id };
    }
    index++;
  }
  const entry = ({ key, version, latest }: (typeof told)[number]) => ({
    ...content(encode, key, version, store.accountId),
    VersionId: version.id,
    IsLatest: latest,
  });
  return xmlAnswer('ListVersionsResult', {
    Name: call.bucket,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: idMarker,
    NextKeyMarker: truncated && last && max > 0 ? encode(last.key) : undefined,
    NextVersionIdMarker: truncated && max > 0 ? last?.id : undefined,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: max,
    EncodingType: call.parameter('encoding-type'),
    IsTruncated: truncated && max > 0,
    Version: told.filter((each) => !each.version.deleted).map(entry),
    DeleteMarker: told
      .filter((each) => each.version.deleted)
      .map(({ key, version, latest }) => ({
        Key: encode(key),
        VersionId: version.id,
        IsLatest: latest,
        LastModified: new Date(version.at),
        Owner: { ID: store.accountId },
      })),
    CommonPrefixes: prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

/** `?uploads`: by key, then by start. */
export async function listUploads(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListBucketMultipartUploads', call.bucket);
  const encode = encoder(call);
  const max = call.count('max-uploads', MAX_KEYS);
  const prefix = call.parameter('prefix') ?? '';
  const delimiter = call.parameter('delimiter') ?? '';
  const keyMarker = call.parameter('key-marker') ?? '';
  const idMarker = keyMarker === '' ? '' : (call.parameter('upload-id-marker') ?? '');
  const open = [...store.state.uploads.values()]
    .filter((each) => each.bucket === call.bucket && each.key.startsWith(prefix))
    .sort((a, b) => compareKeys(a.key, b.key) || a.at - b.at || compareKeys(a.id, b.id));
  const start =
    idMarker === ''
      ? open.findIndex((each) => compareKeys(each.key, keyMarker) > 0)
      : open.findIndex((each) => each.id === idMarker) + 1;
  const behind = start < 0 ? [] : open.slice(start);
  const prefixes = new Set<string>();
  const told: typeof open = [];
  let taken = 0;
  for (const upload of behind) {
    const cut = delimiter === '' ? -1 : upload.key.indexOf(delimiter, prefix.length);
    const common = cut < 0 ? undefined : upload.key.slice(0, cut + delimiter.length);
    if (told.length + prefixes.size >= max && (common === undefined || !prefixes.has(common))) break;
    if (common === undefined) told.push(upload);
    else prefixes.add(common);
    taken++;
  }
  const last = behind[taken - 1];
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: call.bucket,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: taken < behind.length && last ? encode(last.key) : undefined,
    NextUploadIdMarker: taken < behind.length ? last?.id : undefined,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: call.parameter('encoding-type'),
    MaxUploads: max,
    IsTruncated: taken < behind.length,
    Upload: told.map((each) => ({
      Key: encode(each.key),
      UploadId: each.id,
      Initiated: new Date(each.at),
      StorageClass: each.head.storageClass ?? 'STANDARD',
      ChecksumAlgorithm: each.checksumAlgorithm,
      ChecksumType: each.checksumType,
    })),
    CommonPrefixes: [...prefixes].map((each) => ({ Prefix: encode(each) })),
  });
}

function writeToken(last: string): string {
  return Buffer.from(`1${last}`).toString('base64');
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString();
  if (!text.startsWith('1'))
    throw invalidArgument('The continuation token provided is incorrect', 'continuation-token', token);
  return text.slice(1);
}
