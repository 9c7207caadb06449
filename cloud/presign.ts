// Presigned URLs: how a worker, a handler or a browser reads or writes one object without any permission (row 2.4).
import { calling } from './errors.ts';
import type { Clients } from './clients.ts';

/** Default life of a download link, seconds. */
export const LINK_SECONDS = 3600;

/** A GET of one object, for `seconds` (at most 7 days, less with session credentials). `fileName` is what a browser saves it as. */
export async function presignGet(
  clients: Clients,
  bucket: string,
  key: string,
  seconds = LINK_SECONDS,
  fileName?: string,
): Promise<string> {
  const [{ GetObjectCommand }, { getSignedUrl }, client] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
    clients.presigning(),
  ]);
  const disposition =
    fileName === undefined
      ? {}
      : { ResponseContentDisposition: `attachment; filename="${fileName.replace(/[^\w.-]/g, '_')}"` };
  return calling('s3', () =>
    getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key, ...disposition }), { expiresIn: seconds }),
  );
}

/** A PUT of one whole object, for `seconds`. */
export async function presignPut(
  clients: Clients,
  bucket: string,
  key: string,
  seconds = LINK_SECONDS,
): Promise<string> {
  const [{ PutObjectCommand }, { getSignedUrl }, client] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
    clients.presigning(),
  ]);
  return calling('s3', () =>
    getSignedUrl(client, new PutObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: seconds }),
  );
}

/** A PUT of one part of a multipart upload, for `seconds`. */
export async function presignPart(
  clients: Clients,
  bucket: string,
  key: string,
  part: { readonly uploadId: string; readonly number: number },
  seconds = LINK_SECONDS,
): Promise<string> {
  const [{ UploadPartCommand }, { getSignedUrl }, client] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
    clients.presigning(),
  ]);
  const command = new UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: part.uploadId,
    PartNumber: part.number,
  });
  return calling('s3', () => getSignedUrl(client, command, { expiresIn: seconds }));
}
