// The one access rule (row 2.3): may this user use this address? Chat, operator and admission all ask here.
import { AccessError } from './errors.ts';
import { datasetsOf, modelsOf, predictionsOf, type Prefixes } from './keys.ts';

export interface Bucket extends Prefixes {
  readonly bucket: string;
}

export type What = 'dataset' | 'model' | 'prediction';

/**
 * The key an address stands for, when `userId` may read it; throws AccessError in plain words otherwise.
 * Allowed is only this installation's bucket and keys under exactly `<prefix>/user_<id>/` – with the slash, so that user 12
 * never opens user 123's – without empty, `.` or `..` segments, control characters, backslashes or percent-encodings.
 */
export function readableKey(bucket: Bucket, userId: string, what: What, uri: string): string {
  const match = /^s3:\/\/([^/]+)\/(.+)$/s.exec(uri);
  if (!match)
    throw refused(
      `${shown(uri)} is not an S3 address; it must look like s3://${bucket.bucket}/${folderOf(bucket, userId, what)}…`,
    );
  const [, name, key] = match as unknown as [string, string, string];
  if (name !== bucket.bucket)
    throw refused(
      `${shown(uri)} is in another bucket; only s3://${bucket.bucket}/ can be used. Upload the file here instead.`,
    );
  const folder = folderOf(bucket, userId, what);
  if (!isPlain(key))
    throw refused(`${shown(uri)} is not a plain address: no empty, "." or ".." parts, no % and no control characters.`);
  if (!key.startsWith(folder) || key.length === folder.length)
    throw refused(`${shown(uri)} is not yours; your ${what}s are under s3://${bucket.bucket}/${folder}.`);
  return key;
}

/** True for the same rule without the words. */
export function mayRead(bucket: Bucket, userId: string, what: What, uri: string): boolean {
  try {
    readableKey(bucket, userId, what, uri);
    return true;
  } catch {
    return false;
  }
}

const FOLDERS = { dataset: datasetsOf, model: modelsOf, prediction: predictionsOf } as const;
function folderOf(bucket: Bucket, userId: string, what: What): string {
  if (!/^[0-9]{1,20}$/.test(userId)) throw refused('The user is unknown.');
  return FOLDERS[what](bucket, userId);
}

function isPlain(key: string): boolean {
  if (/[\u0000-\u001f\u007f\\%]/.test(key) || key !== key.normalize('NFC') || key.length > 1024) return false;
  return key
    .split('/')
    .every((segment, at, all) => segment !== '.' && segment !== '..' && (segment !== '' || at === all.length));
}

const shown = (uri: string): string => JSON.stringify(uri.length > 200 ? `${uri.slice(0, 200)}…` : uri);
const refused = (message: string): AccessError =>
  new AccessError(message, { errorCode: 'AccessRefused', kind: 'denied' });
