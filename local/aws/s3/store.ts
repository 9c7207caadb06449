// What every S3 operation works with: the journal and its state, the data files, time, and the question "may they?".
import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { PolicyAuthorizer } from '../iam/authorizer.ts';
import { AwsServiceError, type PolicyDocument } from '../service.ts';
import type { Blobs } from './blobs.ts';
import { type S3Call, S3Error } from './call.ts';
import { checksumMismatch, type Digest, expectedChecksum, startDigest } from './checksums.ts';
import type { Journal } from './journal.ts';
import type { ChecksumAlgorithm, ObjectVersion, Segment } from './records.ts';
import type { Bucket, State } from './state.ts';

const MAX_PUT_BYTES = 5 * 1024 ** 3;

export interface Received {
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  readonly segments: readonly Segment[];
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

export interface StoreOptions {
  readonly journal: Journal;
  readonly blobs: Blobs;
  readonly now: () => number;
  readonly region: string;
  readonly accountId: string;
  readonly policyEngine: PolicyAuthorizer;
}

export class Store {
  readonly journal: Journal;
  readonly blobs: Blobs;
  readonly now: () => number;
  readonly region: string;
  readonly accountId: string;
  readonly #policyEngine: PolicyAuthorizer;
  readonly #policies = new Map<string, { text: string; document: PolicyDocument }>();

  constructor(options: StoreOptions) {
    this.journal = options.journal;
    this.blobs = options.blobs;
    this.now = options.now;
    this.region = options.region;
    this.accountId = options.accountId;
    this.#policyEngine = options.policyEngine;
  }

  get state(): State {
    return this.journal.state;
  }

  /** Throws AccessDenied, or NoSuchBucket to those who would be allowed. */
  async allow(
    call: S3Call,
    action: string,
    bucket = call.bucket,
    key?: string,
    context: Record<string, string> = {},
  ): Promise<void> {
    const owner = call.header('x-amz-expected-bucket-owner');
    if (owner !== undefined && owner !== this.accountId) throw new S3Error('AccessDenied', 'Access Denied', 403);
    const policy = this.#policyOf(bucket);
    if (policy) await this.#policyEngine.ready();
    const resource = bucket === '' ? '*' : `arn:aws:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;
    this.#policyEngine.authorize(
      call.request.principal,
      action,
      resource,
      { ...requestContext(call), ...context },
      policy,
    );
    if (bucket !== '' && !this.state.buckets.has(bucket)) throw noSuchBucket(bucket);
  }

  /**
   * True when the principal of the call could do `action`; used to choose between 404 and 403. The key is offered as
   * `s3:prefix`, so a permission to list limited to a prefix tells about keys below it. S3 does not document whether it
   * does the same: a client with such a permission should read 403 and 404 alike.
   */
  async isAllowed(call: S3Call, action: string): Promise<boolean> {
    try {
      await this.allow(call, action, call.bucket, undefined, { 's3:prefix': call.key });
      return true;
    } catch (error) {
      if (error instanceof AwsServiceError && error.code === 'AccessDenied') return false;
      throw error;
    }
  }

  /** The version a read names, or S3's refusal. A key that is not there is only told to those who may list. */
  async version(call: S3Call): Promise<ObjectVersion> {
    const wanted = call.parameter('versionId');
    const found = findVersion(this.state, call.bucket, call.key, wanted);
    if (found?.deleted) {
      const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': found.id };
      if (wanted !== undefined)
        throw new S3Error(
          'MethodNotAllowed',
          'The specified method is not allowed against this resource.',
          405,
          { Method: call.request.method, ResourceType: 'DeleteMarker' },
          { ...headers, allow: 'DELETE' },
        );
      if (!(await this.isAllowed(call, 's3:ListBucket'))) throw new S3Error('AccessDenied', 'Access Denied', 403);
      throw noSuchKey(call.key, headers);
    }
    if (found) return found;
    if (!(await this.isAllowed(call, 's3:ListBucket'))) throw new S3Error('AccessDenied', 'Access Denied', 403);
    if (wanted !== undefined)
      throw new S3Error('NoSuchVersion', 'The specified version does not exist.', 404, {
        Key: call.key,
        VersionId: wanted,
      });
    throw noSuchKey(call.key);
  }

  /** Streams a request's body into a data file, proving length, Content-MD5 and checksum; nothing is left behind on a refusal. */
  async receive(call: S3Call, always?: ChecksumAlgorithm): Promise<Received> {
    const declared = declaredLength(call);
    const expected = expectedChecksum(call.request);
    const algorithm = expected?.algorithm ?? always;
    const digest = algorithm && startDigest(algorithm);
    const contentMd5 = readContentMd5(call);
    const { size, md5, segments } = await this.write(call.request.stream, digest);
    const value = digest?.base64();
    try {
      if (size !== declared)
        throw new S3Error(
          'IncompleteBody',
          'You did not provide the number of bytes specified by the Content-Length HTTP header',
          400,
        );
      if (contentMd5 && contentMd5 !== md5) {
        throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', 400, {
          ExpectedDigest: contentMd5,
          CalculatedDigest: md5,
        });
      }
      const promised = expected?.expected();
      if (expected && promised !== undefined && promised !== value) throw checksumMismatch(expected.algorithm);
    } catch (error) {
      this.discard(segments);
      throw error;
    }
    return { size, md5, segments, checksum: algorithm && value !== undefined ? { algorithm, value } : undefined };
  }

  async write(stream: Readable, digest?: Digest): Promise<{ size: number; md5: string; segments: Segment[] }> {
    const md5 = createHash('md5');
    let size = 0;
    let writer: Awaited<ReturnType<Blobs['create']>> | undefined;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        if (chunk.length === 0) continue;
        writer ??= await this.blobs.create();
        const written = writer.write(chunk);
        md5.update(chunk);
        digest?.update(chunk);
        size += chunk.length;
        await written;
      }
      await writer?.finish();
    } catch (error) {
      await writer?.discard();
      throw error;
    }
    return { size, md5: md5.digest('hex'), segments: writer ? [{ blob: writer.blob, offset: 0, length: size }] : [] };
  }

  /** Reads stored data once, for what can only be known by reading. */
  async digestOf(segments: readonly Segment[], digest?: Digest): Promise<string> {
    const md5 = createHash('md5');
    for await (const chunk of this.blobs.read(segments) as AsyncIterable<Buffer>) {
      md5.update(chunk);
      digest?.update(chunk);
    }
    return md5.digest('hex');
  }

  /** Deletes received data that no object will refer to. */
  discard(segments: readonly Segment[]): void {
    this.blobs.remove(segments.map((segment) => segment.blob));
  }

  bucket(name: string): Bucket {
    const bucket = this.state.buckets.get(name);
    if (!bucket) throw noSuchBucket(name);
    return bucket;
  }

  #policyOf(bucket: string): PolicyDocument | undefined {
    const text = this.state.buckets.get(bucket)?.settings.get('policy');
    if (text === undefined) return undefined;
    const known = this.#policies.get(bucket);
    if (known?.text === text) return known.document;
    const document = JSON.parse(text) as PolicyDocument;
    this.#policies.set(bucket, { text, document });
    return document;
  }
}

export function findVersion(
  state: State,
  bucket: string,
  key: string,
  versionId: string | undefined,
): ObjectVersion | undefined {
  const versions = state.buckets.get(bucket)?.versions.get(key);
  return versionId === undefined ? versions?.[0] : versions?.find((each) => each.id === versionId);
}

export function noSuchBucket(bucket: string): S3Error {
  return new S3Error('NoSuchBucket', 'The specified bucket does not exist', 404, { BucketName: bucket });
}

export function noSuchKey(key: string, headers: Record<string, string> = {}): S3Error {
  return new S3Error('NoSuchKey', 'The specified key does not exist.', 404, { Key: key }, headers);
}

/** The id of the next version of an object in this bucket. */
export function nextVersionId(bucket: Bucket): string {
  return bucket.settings.get('versioning') === 'Enabled' ? randomBytes(24).toString('base64url') : 'null';
}

/** `x-amz-version-id` is answered by buckets that have ever had versioning. */
export function versionHeader(bucket: Bucket | undefined, id: string): Record<string, string> {
  return bucket?.settings.has('versioning') ? { 'x-amz-version-id': id } : {};
}

function declaredLength(call: S3Call): number {
  const decoded = call.header('x-amz-decoded-content-length') ?? call.header('content-length');
  const length = Number(decoded ?? NaN);
  if (!Number.isInteger(length) || length < 0)
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.', 411);
  if (length > MAX_PUT_BYTES) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', 400, {
      ProposedSize: String(length),
      MaxSizeAllowed: String(MAX_PUT_BYTES),
    });
  }
  return length;
}

/** Hex of Content-MD5. */
export function readContentMd5(call: S3Call): string | undefined {
  const header = call.header('content-md5');
  if (header === undefined) return undefined;
  const bytes = Buffer.from(header, 'base64');
  if (bytes.length !== 16)
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.', 400, { 'Content-MD5': header });
  return bytes.toString('hex');
}

const CONDITION_HEADERS = [
  'x-amz-acl',
  'x-amz-storage-class',
  'x-amz-copy-source',
  'x-amz-metadata-directive',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-content-sha256',
];

/** Condition keys that the request itself carries. */
function requestContext(call: S3Call): Record<string, string> {
  const context: Record<string, string> = {
    's3:authType': call.request.presigned ? 'REST-QUERY-STRING' : 'REST-HEADER',
    's3:signatureversion': 'AWS4-HMAC-SHA256',
    's3:ResourceAccount': call.request.principal.accountId,
  };
  for (const name of CONDITION_HEADERS) {
    const value = call.header(name);
    // The hash of each body is another one: with it no decision could be remembered.
    if (value !== undefined && !(name === 'x-amz-content-sha256' && value.length === 64)) context[`s3:${name}`] = value;
  }
  const versionId = call.parameter('versionId');
  if (versionId !== undefined) context['s3:VersionId'] = versionId;
  return context;
}
