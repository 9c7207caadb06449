// A file on its way from Telegram into the bucket: streamed, multipart above 5 MB, never whole in memory; nothing is left of one that
// failed or was cancelled. Next: inspection.ts looks at its head, and an unfit one is deleted.
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clients } from '../cloud/clients.ts';
import { calling, translate } from '../cloud/errors.ts';

/** S3's smallest part; a smaller file goes in one put. */
const PART_BYTES = 5 * 1024 * 1024;
/** Parts in flight: with the part being filled, about 15 MB a file. */
const PARTS_AT_ONCE = 2;

export interface UploadTarget {
  readonly clients: Clients;
  readonly bucket: string;
  /** SSE-KMS with this key; undefined: SSE-S3. */
  readonly kmsKeyId: string | undefined;
}

/** Rejects with what the source or S3 threw; then no object is there. `bytes`: what must come, when known. */
export async function upload(
  target: UploadTarget,
  source: Readable,
  file: { key: string; name: string; bytes: number; uploadedAt: number },
  signal: AbortSignal,
): Promise<void> {
  // A source that nobody reads yet may break off too; then the pipeline below finds it broken.
  source.on('error', () => undefined);
  const [{ Upload }, client] = await Promise.all([import('@aws-sdk/lib-storage'), target.clients.s3()]).catch(
    (error: unknown) => {
      source.destroy();
      throw translate('s3', error);
    },
  );
  const body = new PassThrough();
  const sending = new Upload({
    client,
    partSize: PART_BYTES,
    queueSize: PARTS_AT_ONCE,
    params: {
      Bucket: target.bucket,
      Key: file.key,
      Body: body,
      ContentType: 'text/csv',
      Metadata: {
        'uploaded-at': new Date(file.uploadedAt).toISOString(),
        // Header values are ASCII.
        'original-filename': encodeURIComponent(file.name.slice(0, 300).toWellFormed()).slice(0, 1000),
      },
      ...(target.kmsKeyId
        ? { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: target.kmsKeyId, BucketKeyEnabled: true }
        : { ServerSideEncryption: 'AES256' }),
    },
  });
  // A source that breaks off destroys the body, at which lib-storage aborts the multipart upload and only then rejects. Its own
  // abort() would reject at once and clean up some time later.
  const fed = pipeline(source, counted(file.bytes), body, { signal });
  const [first, second] = await Promise.allSettled([fed, calling('s3', () => sending.done())]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
}

/** Passes everything on and fails at the end when it was not as much as announced. */
function counted(expected: number) {
  return async function* (source: AsyncIterable<Buffer>) {
    let count = 0;
    for await (const chunk of source) {
      count += chunk.length;
      yield chunk;
    }
    if (expected > 0 && count !== expected) throw new Error(`${count} bytes came of ${expected}`);
  };
}
