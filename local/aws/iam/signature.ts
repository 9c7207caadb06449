// Signature Version 4, the arithmetic only: canonical request, string to sign, signing key, signature. authentication.ts
// applies it to HTTP requests, payload.ts to the chunks of a streamed body.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** `<date>/<region>/<service>/aws4_request` */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export function scopeText(scope: CredentialScope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

/** Reads `AKID/20260101/eu-west-1/s3/aws4_request`; undefined when it is not of that shape. */
export function parseCredential(credential: string): CredentialScope | undefined {
  const parts = credential.split('/');
  const terminator = parts.pop();
  const service = parts.pop();
  const region = parts.pop();
  const date = parts.pop();
  const accessKeyId = parts.join('/');
  if (terminator !== 'aws4_request' || !service || !region || !date || !/^\d{8}$/.test(date) || !accessKeyId)
    return undefined;
  return { accessKeyId, date, region, service };
}

export function sha256Hex(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

export function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** RFC 3986 as AWS wants it: everything but letters, digits and `-_.~` is escaped. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Decodes percent escapes; `+` stays what it is. Leaves malformed escapes alone, so that the signature fails and not the parser. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** S3 signs the path escaped once, all other services escaped twice. */
export function canonicalPath(rawPath: string, service: string): string {
  const once = rawPath
    .split('/')
    .map((segment) => uriEncode(percentDecode(segment)))
    .join('/');
  if (service === 's3') return once || '/';
  return once.split('/').map(uriEncode).join('/') || '/';
}

/** Sorted by escaped name, then value; the signature of a presigned URL is not part of what it signs. */
export function canonicalQuery(rawQuery: string): string {
  if (rawQuery === '') return '';
  const pairs: [string, string][] = [];
  for (const piece of rawQuery.split('&')) {
    if (piece === '') continue;
    const split = piece.indexOf('=');
    const name = uriEncode(percentDecode((split < 0 ? piece : piece.slice(0, split)).replaceAll('+', ' ')));
    const value = split < 0 ? '' : uriEncode(percentDecode(piece.slice(split + 1).replaceAll('+', ' ')));
    if (name !== 'X-Amz-Signature') pairs.push([name, value]);
  }
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

export interface CanonicalInput {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly headers: NodeJS.Dict<string[]>;
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
}

export function canonicalRequest(input: CanonicalInput, service: string): string {
  const headers = input.signedHeaders
    .map(
      (name) => `${name}:${(input.headers[name] ?? []).map((value) => value.trim().replace(/ +/g, ' ')).join(',')}\n`,
    )
    .join('');
  return [
    input.method,
    canonicalPath(input.rawPath, service),
    canonicalQuery(input.rawQuery),
    headers,
    input.signedHeaders.join(';'),
    input.payloadHash,
  ].join('\n');
}

export function stringToSign(scope: CredentialScope, amzDate: string, canonical: string): string {
  return `${ALGORITHM}\n${amzDate}\n${scopeText(scope)}\n${sha256Hex(canonical)}`;
}

export function signingKey(secret: string, scope: CredentialScope): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, scope.date), scope.region), scope.service), 'aws4_request');
}

export function signature(key: Buffer, text: string): string {
  return hmac(key, text).toString('hex');
}

/** Compares in constant time, whatever was sent. */
export function sameSignature(expected: string, given: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** `20260101T120000Z` in milliseconds since the epoch; undefined when malformed. */
export function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const at = Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`);
  return Number.isNaN(at) ? undefined : at;
}

export function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}
