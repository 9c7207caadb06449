// The seam inside the local AWS: the front (front.ts) reads HTTP, checks the SigV4 signature and finds the principal;
// a service (s3/, ec2/, lambda/, logs/, sqs/, sts/) turns one authenticated request into one answer in AWS's own shape.
// A service asks the authorizer before it acts, naming the action, the resource ARN and the condition keys it knows.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Clock } from '../../cloud/clock.ts';

/** Who signed the request. `userId` is `aws:userid`: `<role id>:<session name>`, for an instance `<role id>:<instance id>`. */
export interface Principal {
  /** ARN of the assumed-role session or user, e.g. `arn:aws:sts::000000000000:assumed-role/spotlearn-worker/i-0abc`. */
  readonly arn: string;
  readonly accountId: string;
  readonly userId: string;
  /** Name of the role whose policies apply; undefined for the account root (which may do everything). */
  readonly roleName: string | undefined;
}

export interface AwsRequest {
  /** Service of the credential scope: s3, ec2, lambda, logs, sqs, sts. */
  readonly service: string;
  readonly region: string;
  readonly method: string;
  /** Raw, still percent-encoded path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The decoded body (aws-chunked already unwrapped and verified), to be streamed … */
  readonly stream: Readable;
  /** … or read whole, in bytes; refuses above `limit` (default 16 MiB). */
  body(limit?: number): Promise<Buffer>;
  readonly principal: Principal;
  readonly requestId: string;
  /** True when the caller presigned the URL (query authentication). */
  readonly presigned: boolean;
  /** Trailers of an aws-chunked body (lower-case names), complete once `stream` has ended; empty for any other body. */
  readonly trailers: Readonly<Record<string, string>>;
}

export interface AwsResponse {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer | Readable;
}

/** An error in AWS's own words; the service's protocol decides how it is written (XML or JSON). */
export class AwsServiceError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: Record<string, string>;
  constructor(code: string, message: string, status = 400, details: Record<string, string> = {}) {
    super(message);
    this.name = 'AwsServiceError';
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

export interface Authorizer {
  /**
   * Throws AwsServiceError `AccessDenied` (403; EC2: `UnauthorizedOperation`) unless the principal may do `action`
   * (e.g. `s3:GetObject`) on `resource` (ARN or `*`) under `context` (condition keys beside the global ones, which are added).
   */
  authorize(
    principal: Principal,
    action: string,
    resource: string,
    context?: Record<string, string | string[]>,
    resourcePolicy?: PolicyDocument,
  ): void;
}

/** An IAM policy document as AWS writes it. */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: readonly object[] | object;
}

/** Temporary credentials of one role session, as STS, IMDS and a Lambda function's environment hand them out. */
export interface SessionCredentials {
  /** `ASIA…` */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
  readonly principal: Principal;
}

export interface CredentialIssuer {
  /**
   * Credentials of `assumed-role/<roleName>/<sessionName>` for `ttlSeconds` from now; call again to rotate, both stay valid.
   * Throws AwsServiceError `NoSuchEntity` for an unknown role.
   */
  issueSession(roleName: string, sessionName: string, ttlSeconds: number): SessionCredentials;
}

/** What the log of a service looks like: pino's shape, keys first. */
export interface ServiceLogger {
  debug(keys: object, message: string): void;
  info(keys: object, message: string): void;
  warn(keys: object, message: string): void;
  error(keys: object, message: string): void;
}

/** What a service is given when it is built; `endpoint()` is known once the server listens. */
export interface ServiceContext {
  /** The service's own folder is `join(stateDir, <its name>)`. */
  readonly stateDir: string;
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly iam: CredentialIssuer;
  readonly logger: ServiceLogger;
  /** URL of the AWS endpoint, e.g. `http://127.0.0.1:4566`. */
  endpoint(): string;
}

export interface AwsService {
  /** Credential-scope name, e.g. `ec2`. */
  readonly name: string;
  handle(request: AwsRequest): Promise<AwsResponse>;
  /** Writes an error in the service's own protocol. */
  error(error: AwsServiceError, request: Pick<AwsRequest, 'requestId' | 'path'>): AwsResponse;
  close?(): Promise<void>;
}
