// Who signed this request? Reads SigV4 from the Authorization header or from a presigned URL and proves it; the front calls
// it before a service sees anything. Refusals are thrown with S3's codes; refusals.ts says them in other services' words.
import type { IncomingMessage } from 'node:http';
import { AwsServiceError, type Principal } from '../service.ts';
import type { Sessions } from './sessions.ts';
import {
  ALGORITHM,
  type CredentialScope,
  canonicalRequest,
  EMPTY_SHA256,
  parseAmzDate,
  parseCredential,
  sameSignature,
  signature,
  signingKey,
  stringToSign,
} from './signature.ts';

export const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRES_SECONDS = 7 * 24 * 3600;
const SIGNING_KEYS_KEPT = 256;

/** What a request claims about itself; nothing is proven yet. */
export interface SignedClaim {
  readonly scope: CredentialScope;
  readonly amzDate: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  readonly presigned: boolean;
  /** Seconds a presigned URL is valid. */
  readonly expires: number;
  /** Declared hash of the payload; undefined: the body has to be read and hashed first. */
  readonly payloadHash: string | undefined;
}

export interface Authenticated {
  readonly principal: Principal;
  readonly signingKey: Buffer;
  readonly scope: CredentialScope;
  readonly amzDate: string;
  /** Signature of the head; seeds the chunk signatures of a streamed body. */
  readonly signature: string;
}

/** Reads the claim, or undefined when the request is not signed at all. */
export function readClaim(request: IncomingMessage, query: URLSearchParams): SignedClaim | undefined {
  const header = request.headers.authorization;
  if (header !== undefined) return headerClaim(request, header);
  if (query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature') || query.has('X-Amz-Credential'))
    return queryClaim(request, query);
  return undefined;
}

function headerClaim(request: IncomingMessage, header: string): SignedClaim {
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new AwsServiceError('InvalidArgument', 'Unsupported Authorization Type', 400);
  }
  const fields = new Map<string, string>();
  for (const piece of header.slice(ALGORITHM.length + 1).split(',')) {
    const split = piece.indexOf('=');
    fields.set(piece.slice(0, split).trim(), piece.slice(split + 1).trim());
  }
  const scope = parseCredential(fields.get('Credential') ?? '');
  const given = fields.get('Signature');
  const signedHeaders = fields.get('SignedHeaders')?.split(';');
  if (!scope || !given || !signedHeaders) {
    throw new AwsServiceError('AuthorizationHeaderMalformed', 'The authorization header is malformed.', 400);
  }
  const date = one(request.headers['x-amz-date']) ?? httpDate(request.headers.date);
  if (!date)
    throw new AwsServiceError('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header', 403);
  return {
    scope,
    amzDate: date,
    signedHeaders,
    signature: given,
    sessionToken: one(request.headers['x-amz-security-token']),
    presigned: false,
    expires: 0,
    payloadHash: one(request.headers['x-amz-content-sha256']),
  };
}

function queryClaim(request: IncomingMessage, query: URLSearchParams): SignedClaim {
  const missing = ['Algorithm', 'Credential', 'Signature', 'Date', 'SignedHeaders', 'Expires'].some(
    (name) => !query.get(`X-Amz-${name}`),
  );
  if (missing) {
    throw queryError(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  if (query.get('X-Amz-Algorithm') !== ALGORITHM) throw queryError(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const scope = parseCredential(query.get('X-Amz-Credential') ?? '');
  if (!scope) {
    throw queryError(
      'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  const date = query.get('X-Amz-Date') ?? '';
  if (parseAmzDate(date) === undefined)
    throw queryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  const expires = Number(query.get('X-Amz-Expires'));
  if (!Number.isInteger(expires)) throw queryError('X-Amz-Expires should be a number');
  if (expires < 0) throw queryError('X-Amz-Expires must be non-negative');
  if (expires > MAX_EXPIRES_SECONDS)
    throw queryError(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    );
  return {
    scope,
    amzDate: date,
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    sessionToken: query.get('X-Amz-Security-Token') ?? one(request.headers['x-amz-security-token']),
    presigned: true,
    expires,
    payloadHash:
      query.get('X-Amz-Content-Sha256') ??
      one(request.headers['x-amz-content-sha256']) ??
      (scope.service === 's3' ? 'UNSIGNED-PAYLOAD' : EMPTY_SHA256),
  };
}

export class Authenticator {
  readonly #sessions: Sessions;
  readonly #region: string;
  readonly #now: () => number;
  readonly #keys = new Map<string, Buffer>();

  constructor(sessions: Sessions, region: string, now: () => number) {
    this.#sessions = sessions;
    this.#region = region;
    this.#now = now;
  }

  /** Proves the claim or throws; `payloadHash` is the declared one or that of the body read before. */
  authenticate(request: IncomingMessage, claim: SignedClaim, payloadHash: string): Authenticated {
    this.#checkScope(claim);
    const known = this.#sessions.lookUp(claim.scope.accessKeyId, claim.sessionToken);
    if (typeof known === 'string') throw keyError(known, claim.scope.accessKeyId);
    this.#checkTime(claim);
    checkSignedHeaders(request, claim);
    const [rawPath = '/', rawQuery = ''] = splitUrl(request.url ?? '/');
    const canonical = canonicalRequest(
      {
        method: request.method ?? 'GET',
        rawPath,
        rawQuery,
        headers: request.headersDistinct,
        signedHeaders: claim.signedHeaders,
        payloadHash,
      },
      claim.scope.service,
    );
    const toSign = stringToSign(claim.scope, claim.amzDate, canonical);
    const key = this.#signingKey(known.secretAccessKey, claim.scope);
    if (!sameSignature(signature(key, toSign), claim.signature)) {
      throw new AwsServiceError(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
        403,
        {
          AWSAccessKeyId: claim.scope.accessKeyId,
          StringToSign: toSign,
          SignatureProvided: claim.signature,
          CanonicalRequest: canonical,
        },
      );
    }
    return {
      principal: known.principal,
      signingKey: key,
      scope: claim.scope,
      amzDate: claim.amzDate,
      signature: claim.signature,
    };
  }

  #checkScope(claim: SignedClaim): void {
    const wrong =
      claim.scope.region !== this.#region
        ? `the region '${claim.scope.region}' is wrong; expecting '${this.#region}'`
        : claim.scope.date !== claim.amzDate.slice(0, 8)
          ? `Invalid credential date "${claim.scope.date}". This date is not the same as X-Amz-Date: "${claim.amzDate.slice(0, 8)}".`
          : undefined;
    if (!wrong) return;
    if (claim.presigned) throw queryError(`Error parsing the X-Amz-Credential parameter; ${wrong}`);
    throw new AwsServiceError('AuthorizationHeaderMalformed', `The authorization header is malformed; ${wrong}`, 400, {
      Region: this.#region,
    });
  }

  #checkTime(claim: SignedClaim): void {
    const at = parseAmzDate(claim.amzDate);
    if (at === undefined)
      throw new AwsServiceError('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header', 403);
    const now = this.#now();
    if (!claim.presigned) {
      if (Math.abs(now - at) <= MAX_SKEW_MS) return;
      throw new AwsServiceError(
        'RequestTimeTooSkewed',
        'The difference between the request time and the current time is too large.',
        403,
        {
          RequestTime: claim.amzDate,
          ServerTime: new Date(now).toISOString(),
          MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
        },
      );
    }
    if (at - now > MAX_SKEW_MS) throw new AwsServiceError('AccessDenied', 'Request is not valid yet', 403);
    const expiresAt = at + claim.expires * 1000;
    if (now >= expiresAt) {
      throw new AwsServiceError('AccessDenied', 'Request has expired', 403, {
        'X-Amz-Expires': String(claim.expires),
        Expires: new Date(expiresAt).toISOString(),
        ServerTime: new Date(now).toISOString(),
      });
    }
  }

  #signingKey(secret: string, scope: CredentialScope): Buffer {
    const name = `${scope.accessKeyId}/${scope.date}/${scope.region}/${scope.service}`;
    const cached = this.#keys.get(name);
    if (cached) return cached;
    const key = signingKey(secret, scope);
    if (this.#keys.size >= SIGNING_KEYS_KEPT) this.#keys.clear();
    this.#keys.set(name, key);
    return key;
  }
}

/** `/path?query` in two, both still escaped. */
export function splitUrl(url: string): [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

/** Host, and with S3 every `x-amz-*` header, must be covered: an unsigned header could be slipped in on the way. */
function checkSignedHeaders(request: IncomingMessage, claim: SignedClaim): void {
  const signed = new Set(claim.signedHeaders);
  const unsigned = signed.has('host') ? [] : ['host'];
  if (claim.scope.service === 's3') {
    for (const name of Object.keys(request.headers)) {
      if (name.startsWith('x-amz-') && !signed.has(name) && !(claim.presigned && name === 'x-amz-content-sha256'))
        unsigned.push(name);
    }
  }
  if (unsigned.length > 0) {
    throw new AwsServiceError('AccessDenied', 'There were headers present in the request which were not signed', 403, {
      HeadersNotSigned: unsigned.join(', '),
    });
  }
}

function keyError(refusal: 'UnknownKey' | 'InvalidToken' | 'ExpiredToken', accessKeyId: string): AwsServiceError {
  if (refusal === 'ExpiredToken') return new AwsServiceError('ExpiredToken', 'The provided token has expired.', 400);
  if (refusal === 'InvalidToken')
    return new AwsServiceError('InvalidToken', 'The provided token is malformed or otherwise invalid.', 400);
  return new AwsServiceError(
    'InvalidAccessKeyId',
    'The AWS Access Key Id you provided does not exist in our records.',
    403,
    {
      AWSAccessKeyId: accessKeyId,
    },
  );
}

function queryError(message: string): AwsServiceError {
  return new AwsServiceError('AuthorizationQueryParametersError', message, 400);
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function httpDate(text: string | undefined): string | undefined {
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
}
