// HTTP requests signed by hand, so that a test can sign wrongly. The arithmetic is checked against AWS's published examples
// in iam/signature.test.ts and against the SDK everywhere else.
import { request as httpRequest } from 'node:http';
import {
  amzDate,
  canonicalRequest,
  type CredentialScope,
  sha256Hex,
  signature,
  signingKey,
  stringToSign,
} from '../../../local/aws/iam/signature.ts';
import { REGION, ROOT } from './stand.ts';

export interface RawOptions {
  readonly method?: string;
  readonly path: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly service?: string;
  readonly region?: string;
  readonly at?: number;
  /** Default: the hash of the body. */
  readonly payloadHash?: string;
  /** Headers sent but not signed. */
  readonly unsigned?: Record<string, string>;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Last change before sending. */
  readonly tamper?: (request: { path: string; headers: Record<string, string> }) => void;
}

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** `<Code>` of an XML error, or `__type` of a JSON one. */
  readonly code: string | undefined;
}

export interface Signed {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly scope: CredentialScope;
  readonly date: string;
  readonly key: Buffer;
  readonly signature: string;
}

export function sign(url: string, options: RawOptions): Signed {
  const at = options.at ?? Date.now();
  const credentials = options.credentials ?? ROOT;
  const date = amzDate(at);
  const service = options.service ?? 's3';
  const payloadHash = options.payloadHash ?? sha256Hex(options.body ?? '');
  const headers: Record<string, string> = {
    host: new URL(url).host,
    'x-amz-date': date,
    ...(service === 's3' ? { 'x-amz-content-sha256': payloadHash } : {}),
    ...(options.credentials?.sessionToken ? { 'x-amz-security-token': options.credentials.sessionToken } : {}),
    ...options.headers,
  };
  const scope = {
    accessKeyId: credentials.accessKeyId,
    date: date.slice(0, 8),
    region: options.region ?? REGION,
    service,
  };
  const signedHeaders = Object.keys(headers).sort();
  const canonical = canonicalRequest(
    {
      method: options.method ?? 'GET',
      rawPath: options.path,
      rawQuery: options.query ?? '',
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      signedHeaders,
      payloadHash,
    },
    service,
  );
  const key = signingKey(credentials.secretAccessKey, scope);
  const given = signature(key, stringToSign(scope, date, canonical));
  const credential = `${scope.accessKeyId}/${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(';')}, Signature=${given}`;
  return {
    path: options.query ? `${options.path}?${options.query}` : options.path,
    headers,
    scope,
    date,
    key,
    signature: given,
  };
}

export async function send(url: string, options: RawOptions): Promise<RawAnswer> {
  const signed = sign(url, options);
  const request = { path: signed.path, headers: { ...signed.headers, ...options.unsigned } };
  options.tamper?.(request);
  return exchange(url, options.method ?? 'GET', request.path, request.headers, options.body);
}

export function exchange(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? /"__type":"(.*?)"/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers, code });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
