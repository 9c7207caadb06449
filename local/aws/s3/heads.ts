// What a writer says about an object (headers, metadata, encryption, class, tags), read from a request and written back to
// readers.
import { AwsServiceError } from '../service.ts';
import { invalidArgument, notImplemented, type S3Call, S3Error } from './call.ts';
import type { Encryption, ObjectHead, ObjectVersion } from './records.ts';
import type { Bucket } from './state.ts';

const KEPT_HEADERS = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
];
const STORAGE_CLASSES = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'DEEP_ARCHIVE',
  'GLACIER_IR',
];
const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
];
const MAX_META_BYTES = 2048;

export function isStorageClass(text: string): boolean {
  return STORAGE_CLASSES.includes(text);
}

export function readHead(call: S3Call, bucket: Bucket): ObjectHead {
  for (const name of Object.keys(call.request.headers)) {
    if (
      name.startsWith('x-amz-server-side-encryption-customer') ||
      name.startsWith('x-amz-object-lock') ||
      name === 'x-amz-website-redirect-location' ||
      name === 'x-amz-write-offset-bytes'
    ) {
      throw notImplemented(`the header ${name}`);
    }
    if (name.startsWith('x-amz-grant-')) throw aclRefused();
  }
  const acl = call.header('x-amz-acl');
  if (acl !== undefined && acl !== 'private' && acl !== 'bucket-owner-full-control') throw aclRefused();
  const storageClass = call.header('x-amz-storage-class');
  if (storageClass !== undefined && !isStorageClass(storageClass)) {
    throw new S3Error('InvalidStorageClass', 'The storage class you specified is not valid', 400, {
      StorageClassRequested: storageClass,
    });
  }
  return {
    headers: keptHeaders(call),
    meta: userMetadata(call),
    encryption: readEncryption(call, bucket),
    ...(storageClass === undefined || storageClass === 'STANDARD' ? {} : { storageClass }),
    ...readTagHeader(call),
  };
}

function keptHeaders(call: S3Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = call.header(name);
    if (value !== undefined) headers[name] = value;
  }
  // The framing of the upload is not the encoding of the object.
  const encoding = headers['content-encoding']
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== 'aws-chunked' && each !== '')
    .join(',');
  if (encoding) headers['content-encoding'] = encoding;
  else delete headers['content-encoding'];
  return headers;
}

function userMetadata(call: S3Call): Record<string, string> {
  const meta: Record<string, string> = {};
  let bytes = 0;
  for (const name of Object.keys(call.request.headers)) {
    if (!name.startsWith('x-amz-meta-')) continue;
    const value = call.header(name) ?? '';
    meta[name.slice('x-amz-meta-'.length)] = value;
    bytes += name.length - 'x-amz-meta-'.length + value.length;
  }
  if (bytes > MAX_META_BYTES) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', 400, {
      Size: String(bytes),
      MaxSizeAllowed: String(MAX_META_BYTES),
    });
  }
  return meta;
}

export function readEncryption(call: S3Call, bucket: Bucket): Encryption {
  const algorithm = call.header('x-amz-server-side-encryption');
  const keyId = call.header('x-amz-server-side-encryption-aws-kms-key-id');
  const bucketKey = call.header('x-amz-server-side-encryption-bucket-key-enabled');
  if (algorithm === undefined) {
    const byDefault = bucket.settings.get('encryption');
    return byDefault === undefined ? { algorithm: 'AES256' } : (JSON.parse(byDefault) as Encryption);
  }
  if (algorithm !== 'AES256' && algorithm !== 'aws:kms' && algorithm !== 'aws:kms:dsse') {
    throw invalidArgument(
      'The encryption method specified is not supported',
      'x-amz-server-side-encryption',
      algorithm,
    );
  }
  if (algorithm === 'AES256' && keyId !== undefined) {
    throw invalidArgument(
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      'x-amz-server-side-encryption',
      algorithm,
    );
  }
  return { algorithm, ...(keyId === undefined ? {} : { keyId }), ...(bucketKey === 'true' ? { bucketKey: true } : {}) };
}

export function encryptionHeaders({ algorithm, keyId, bucketKey }: Encryption): Record<string, string> {
  return {
    'x-amz-server-side-encryption': algorithm,
    ...(keyId === undefined ? {} : { 'x-amz-server-side-encryption-aws-kms-key-id': keyId }),
    ...(bucketKey ? { 'x-amz-server-side-encryption-bucket-key-enabled': 'true' } : {}),
  };
}

function readTagHeader(call: S3Call): { tags?: Record<string, string> } {
  const header = call.header('x-amz-tagging');
  if (!header) return {};
  const tags = Object.fromEntries(new URLSearchParams(header));
  checkTags(tags);
  return { tags };
}

export function checkTags(tags: Readonly<Record<string, string>>): void {
  if (Object.keys(tags).length > 10) throw new S3Error('BadRequest', 'Object tags cannot be greater than 10', 400);
  for (const [key, value] of Object.entries(tags)) {
    if (key.length < 1 || key.length > 128)
      throw new AwsServiceError('InvalidTag', 'The TagKey you have provided is invalid', 400);
    if (value.length > 256) throw new AwsServiceError('InvalidTag', 'The TagValue you have provided is invalid', 400);
  }
}

/** Headers of GET and HEAD that describe the object. */
export function objectHeaders(version: ObjectVersion): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'binary/octet-stream',
    ...version.headers,
    etag: `"${version.etag}"`,
    'last-modified': new Date(version.at).toUTCString(),
    'accept-ranges': 'bytes',
    ...encryptionHeaders(version.encryption),
  };
  for (const [name, value] of Object.entries(version.meta)) headers[`x-amz-meta-${name}`] = value;
  if (version.storageClass !== undefined) headers['x-amz-storage-class'] = version.storageClass;
  const tags = Object.keys(version.tags ?? {}).length;
  if (tags > 0) headers['x-amz-tagging-count'] = String(tags);
  return headers;
}

/** `response-content-disposition=…` and its like, which a presigned GET may carry. */
export function overrideHeaders(call: S3Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of OVERRIDES) {
    const value = call.parameter(`response-${name}`);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function aclRefused(): S3Error {
  return new S3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs', 400);
}
