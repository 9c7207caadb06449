// The end of a table in parts: what lies in the upload is held against what the handlers said they put, then S3 strings it together
// (decision 9), and the object must be of the size and the ETag that follow from the parts. Doing it again, because a leader died in
// between, finds it done.
import { createHash } from 'node:crypto';
import type { Bucket, UploadedPart } from '../../cloud/bucket.ts';
import { CloudError } from '../../cloud/errors.ts';
import { type Merged, overwritten } from './merged.ts';
import type { Plan } from './plan.ts';

export interface Merge {
  readonly key: string;
  readonly plan: Plan;
  readonly merged: Merged;
  /** Encrypted by KMS, parts have ETags that are not their MD5, and the object's does not follow from them. */
  readonly kms: boolean;
}

export type Completed =
  | { readonly is: 'completed' }
  /** Parts of these chunks are not those they answered with: somebody wrote over them. */
  | { readonly is: 'overwritten'; readonly chunks: ReadonlySet<string> }
  | { readonly is: 'inconsistent'; readonly message: string };

export async function complete(
  bucket: Pick<Bucket, 'listParts' | 'completeUpload' | 'head'>,
  { key, plan, merged, kms }: Merge,
): Promise<Completed> {
  const upload = { key, id: plan.upload?.id ?? '' };
  const parts = merged.parts ?? [];
  const listed = await bucket.listParts(upload);
  if (listed) {
    const chunks = overwritten(plan, merged.answers, listed);
    if (chunks.size > 0) return { is: 'overwritten', chunks };
    try {
      await bucket.completeUpload(upload, parts);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      // Written over since they were listed: looked at again by whoever retries.
      if (error.kind === 'precondition') throw retryable(error);
      // What is not found any more may have been completed by the try whose answer was lost.
      if (error.kind !== 'notFound') throw error;
    }
  }
  return checked(await bucket.head(key), parts, kms);
}

const retryable = ({ message, service, errorCode, requestId, kind }: CloudError): CloudError =>
  new CloudError(message, { service, errorCode, requestId, kind, retryable: true });

function checked(
  found: { bytes: number; etag: string } | undefined,
  parts: readonly UploadedPart[],
  kms: boolean,
): Completed {
  if (!found)
    return {
      is: 'inconsistent',
      message: 'The upload of the result was ended by somebody else before it was complete. Create the job again.',
    };
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const [etag, expected] = [bare(found.etag), etagOf(parts)];
  const fits = kms ? etag.endsWith(`-${parts.length}`) : etag === expected;
  if (found.bytes === bytes && fits) return { is: 'completed' };
  return {
    is: 'inconsistent',
    message: `The result is not what its parts add up to: ${found.bytes} bytes (${etag}) instead of ${bytes} (${expected}). It must not be used. Create the job again.`,
  };
}

/** S3's ETag of a multipart object: MD5 of the parts' MD5s, and how many they are. */
export function etagOf(parts: readonly Pick<UploadedPart, 'etag'>[]): string {
  const md5 = createHash('md5');
  for (const { etag } of parts) md5.update(Buffer.from(bare(etag), 'hex'));
  return `${md5.digest('hex')}-${parts.length}`;
}

const bare = (etag: string): string => etag.replaceAll('"', '');
