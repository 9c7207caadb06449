// S3 as operator and tests use it: a narrow interface and its real side. Errors are CloudErrors (errors.ts), bodies small JSON
// or text; large objects never pass through here, they are copied on the server side.
import type { ListMultipartUploadsOutput, ListPartsOutput } from '@aws-sdk/client-s3';
import type { Clients } from './clients.ts';
import { calling, translate, type CloudError } from './errors.ts';

export interface ObjectFacts {
  readonly bytes: number;
  /** With its quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface ListedObject extends ObjectFacts {
  readonly key: string;
}

/** A multipart upload that was begun and neither completed nor aborted. */
export interface OpenUpload {
  readonly key: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** One part of an open upload; numbers from 1 to 10,000. */
export interface UploadedPart {
  readonly number: number;
  /** With its quotes. */
  readonly etag: string;
  readonly bytes: number;
}

export interface Bucket {
  readonly name: string;
  /** Undefined when there is no such object. */
  head(key: string): Promise<ObjectFacts | undefined>;
  /**
   * The object, its first `bytes` or its `last` ones; undefined when there is none. With `etag`: kind `precondition` when it changed.
   */
  get(
    key: string,
    options?: { bytes?: number; last?: number; etag?: string },
  ): Promise<{ body: Uint8Array; etag: string } | undefined>;
  /** `ifAbsent`/`ifMatch`: kind `precondition` when the condition does not hold. Returns the ETag. */
  put(
    key: string,
    body: string | Uint8Array,
    options?: { ifAbsent?: boolean; ifMatch?: string; contentType?: string },
  ): Promise<string>;
  /** Server side, at most 5 GB (S3 CopyObject). Returns the ETag of the copy. */
  copy(from: string, to: string, options?: { ifMatch?: string }): Promise<string>;
  /** All keys under a prefix, paged by 1,000. */
  list(prefix: string): Promise<ListedObject[]>;
  delete(key: string): Promise<void>;
  /** Any number of keys, 1,000 a call (S3 DeleteObjects); what is gone already is no error. Throws when S3 refused one of them. */
  deleteMany(keys: readonly string[]): Promise<void>;
  /** Begins a multipart upload and returns its id. */
  createUpload(key: string, options?: { contentType?: string }): Promise<string>;
  /** What lies in an open upload, by number, paged by 1,000; undefined when there is no such upload (any more). */
  listParts(upload: Pick<OpenUpload, 'key' | 'id'>): Promise<UploadedPart[] | undefined>;
  /**
   * Makes the object of parts, in order; the others are dropped. Returns its ETag. Kind `precondition` when a part is not there with
   * that ETag, `notFound` when there is no such upload (any more).
   */
  completeUpload(
    upload: Pick<OpenUpload, 'key' | 'id'>,
    parts: readonly Pick<UploadedPart, 'number' | 'etag'>[],
  ): Promise<string>;
  /** Open multipart uploads under a prefix, paged by 1,000. */
  uploads(prefix: string): Promise<OpenUpload[]>;
  /** Idempotent. */
  abortUpload(upload: Pick<OpenUpload, 'key' | 'id'>): Promise<void>;
  /** Throws when the bucket can't be reached. */
  check(): Promise<void>;
}

/** Keys of one DeleteObjects call. */
const DELETE_PAGE = 1000;

export function bucketOf(clients: Clients, name: string): Bucket {
  const sdk = () => import('@aws-sdk/client-s3');
  const ask = async <T>(
    call: (s3: Awaited<ReturnType<Clients['s3']>>, commands: Awaited<ReturnType<typeof sdk>>) => Promise<T>,
  ): Promise<T> => {
    const [s3, commands] = await Promise.all([clients.s3(), sdk()]);
    return calling('s3', () => call(s3, commands));
  };
  const orAbsent = async <T>(answer: Promise<T>): Promise<T | undefined> => {
    try {
      return await answer;
    } catch (error) {
      const failure = error as CloudError;
      if (failure.kind === 'notFound' && failure.errorCode !== 'NoSuchBucket') return undefined;
      throw failure;
    }
  };
  return {
    name,
    head: (key) =>
      orAbsent(
        ask(async (s3, { HeadObjectCommand }) => {
          const answer = await s3.send(new HeadObjectCommand({ Bucket: name, Key: key }));
          return {
            bytes: answer.ContentLength ?? 0,
            etag: answer.ETag ?? '',
            modifiedAt: answer.LastModified?.getTime() ?? 0,
          };
        }),
      ),
    get: async (key, options = {}) => {
      try {
        return await orAbsent(
          ask(async (s3, { GetObjectCommand }) => {
            const answer = await s3.send(
              new GetObjectCommand({ Bucket: name, Key: key, Range: rangeOf(options), IfMatch: options.etag }),
            );
            return { body: (await answer.Body?.transformToByteArray()) ?? new Uint8Array(), etag: answer.ETag ?? '' };
          }),
        );
      } catch (error) {
        // A range of an empty object can't be satisfied.
        if ((error as CloudError).errorCode === 'InvalidRange')
          return { body: new Uint8Array(), etag: options.etag ?? '' };
        throw error;
      }
    },
    put: (key, body, options = {}) =>
      ask(async (s3, { PutObjectCommand }) => {
        const answer = await s3.send(
          new PutObjectCommand({
            Bucket: name,
            Key: key,
            Body: typeof body === 'string' ? Buffer.from(body) : body,
            IfNoneMatch: options.ifAbsent ? '*' : undefined,
            IfMatch: options.ifMatch,
            ContentType: options.contentType ?? 'application/json',
          }),
        );
        return answer.ETag ?? '';
      }),
    copy: (from, to, options = {}) =>
      ask(async (s3, { CopyObjectCommand }) => {
        const answer = await s3.send(
          new CopyObjectCommand({
            Bucket: name,
            Key: to,
            CopySource: `${name}/${from.split('/').map(encodeURIComponent).join('/')}`,
            CopySourceIfMatch: options.ifMatch,
          }),
        );
        return answer.CopyObjectResult?.ETag ?? '';
      }),
    list: async (prefix) => {
      const found: ListedObject[] = [];
      let next: string | undefined;
      do {
        const page = await ask((s3, { ListObjectsV2Command }) =>
          s3.send(new ListObjectsV2Command({ Bucket: name, Prefix: prefix, ContinuationToken: next })),
        );
        for (const { Key, Size, ETag, LastModified } of page.Contents ?? [])
          if (Key !== undefined)
            found.push({ key: Key, bytes: Size ?? 0, etag: ETag ?? '', modifiedAt: LastModified?.getTime() ?? 0 });
        next = page.NextContinuationToken;
      } while (next);
      return found;
    },
    delete: async (key) => {
      await ask((s3, { DeleteObjectCommand }) => s3.send(new DeleteObjectCommand({ Bucket: name, Key: key })));
    },
    deleteMany: async (keys) => {
      for (let at = 0; at < keys.length; at += DELETE_PAGE) {
        const Objects = keys.slice(at, at + DELETE_PAGE).map((Key) => ({ Key }));
        const answer = await ask((s3, { DeleteObjectsCommand }) =>
          s3.send(new DeleteObjectsCommand({ Bucket: name, Delete: { Objects, Quiet: true } })),
        );
        const [refused] = answer.Errors ?? [];
        // S3 answers 200 also when it refused some of the keys.
        if (refused)
          throw translate('s3', {
            name: refused.Code ?? 'InternalError',
            message: `${refused.Key} was not deleted: ${refused.Message}`,
            $metadata: { httpStatusCode: refused.Code === 'InternalError' ? 500 : 400 },
          });
      }
    },
    createUpload: (key, options = {}) =>
      ask(async (s3, { CreateMultipartUploadCommand }) => {
        const ContentType = options.contentType ?? 'application/octet-stream';
        const answer = await s3.send(new CreateMultipartUploadCommand({ Bucket: name, Key: key, ContentType }));
        return answer.UploadId ?? '';
      }),
    listParts: ({ key, id }) =>
      orAbsent(
        ask(async (s3, { ListPartsCommand }) => {
          const found: UploadedPart[] = [];
          let from: string | undefined;
          for (;;) {
            const page: ListPartsOutput = await s3.send(
              new ListPartsCommand({ Bucket: name, Key: key, UploadId: id, PartNumberMarker: from }),
            );
            for (const { PartNumber, ETag, Size } of page.Parts ?? [])
              found.push({ number: PartNumber ?? 0, etag: ETag ?? '', bytes: Size ?? 0 });
            if (!page.IsTruncated) return found;
            from = page.NextPartNumberMarker;
          }
        }),
      ),
    completeUpload: ({ key, id }, parts) =>
      ask(async (s3, { CompleteMultipartUploadCommand }) => {
        const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
        const answer = await s3.send(
          new CompleteMultipartUploadCommand({ Bucket: name, Key: key, UploadId: id, MultipartUpload: { Parts } }),
        );
        return answer.ETag ?? '';
      }),
    uploads: async (prefix) => {
      const found: OpenUpload[] = [];
      let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
      for (;;) {
        const page: ListMultipartUploadsOutput = await ask((s3, { ListMultipartUploadsCommand }) =>
          s3.send(new ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix, ...from })),
        );
        for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
          if (Key !== undefined && UploadId !== undefined)
            found.push({ key: Key, id: UploadId, startedAt: Initiated?.getTime() ?? 0 });
        if (!page.IsTruncated) return found;
        from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      }
    },
    abortUpload: async ({ key, id }) => {
      await orAbsent(
        ask((s3, { AbortMultipartUploadCommand }) =>
          s3.send(new AbortMultipartUploadCommand({ Bucket: name, Key: key, UploadId: id })),
        ),
      );
    },
    check: async () => {
      await ask((s3, { ListObjectsV2Command }) => s3.send(new ListObjectsV2Command({ Bucket: name, MaxKeys: 1 })));
    },
  };
}

function rangeOf({ bytes, last }: { bytes?: number; last?: number }): string | undefined {
  if (last !== undefined) return `bytes=-${last}`;
  return bytes === undefined ? undefined : `bytes=0-${bytes - 1}`;
}

/** Reads a small JSON object; undefined when there is none. Throws S3Error (`invalid`) when it isn't JSON. */
export async function readJson<T>(bucket: Pick<Bucket, 'get'>, key: string): Promise<T | undefined> {
  const found = await bucket.get(key);
  if (!found) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(found.body)) as T;
  } catch {
    throw translate('s3', { name: 'InvalidJson', message: `${key} is not JSON`, $metadata: { httpStatusCode: 400 } });
  }
}
