// Everything that can go wrong at AWS, in our own classes. Errors of the SDK are translated here and nowhere else (row 1.1);
// the rest of the program reads `retryable`, `kind` and `message`, never a code of AWS.
import {
  CAPACITY_CODES,
  NOT_FOUND_CODES,
  DENIED_CODES,
  PRECONDITION_CODES,
  THROTTLED_CODES,
  UNREACHABLE_CODES,
} from './error-codes.ts';

export type Service = 's3' | 'ec2' | 'lambda' | 'logs' | 'sqs' | 'sts';

/** What a failure means to the caller. `unreachable`: no answer came, so nothing is known. */
export type FailureKind =
  | 'notFound'
  | 'denied'
  | 'throttled'
  | 'capacity'
  | 'precondition'
  | 'unreachable'
  | 'invalid'
  | 'server';

export interface FailureDetails {
  readonly service: string;
  readonly errorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryable: boolean;
  readonly kind: FailureKind;
}

/** Base of all; `message` is fit for a user (no stack, no secret). */
export class CloudError extends Error {
  readonly service: string;
  readonly errorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryable: boolean;
  readonly kind: FailureKind;
  constructor(message: string, details: Partial<FailureDetails> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.service = details.service ?? 'spotlearn';
    this.errorCode = details.errorCode;
    this.requestId = details.requestId;
    this.retryable = details.retryable ?? false;
    this.kind = details.kind ?? 'invalid';
  }
}

export class AwsError extends CloudError {}
export class S3Error extends AwsError {}
export class Ec2Error extends AwsError {}
export class LambdaError extends AwsError {}
export class LogsError extends AwsError {}
export class SqsError extends AwsError {}
export class CostTrackingError extends CloudError {}
export class ConfigurationError extends CloudError {}
/** A user named something that is not theirs, not there or not possible. */
export class AccessError extends CloudError {}
/** A table that can't be used, with what is wrong and what to do. */
export class DataError extends CloudError {}

const CLASSES: Record<Service, new (message: string, details: FailureDetails, options?: ErrorOptions) => AwsError> = {
  s3: S3Error,
  ec2: Ec2Error,
  lambda: LambdaError,
  logs: LogsError,
  sqs: SqsError,
  sts: AwsError,
};

interface SdkError {
  name?: string;
  code?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
  $retryable?: { throttling?: boolean };
  $fault?: 'client' | 'server';
}

/** Translates what an SDK call threw. A CloudError passes through unchanged. */
export function translate(service: Service, thrown: unknown): CloudError {
  if (thrown instanceof CloudError) return thrown;
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) }) as SdkError;
  const code = error.name && error.name !== 'Error' ? error.name : error.code;
  const kind = kindOf(error, code);
  const retryable =
    kind === 'throttled' ||
    kind === 'unreachable' ||
    kind === 'server' ||
    kind === 'capacity' ||
    error.$retryable !== undefined;
  const requestId = error.$metadata?.requestId;
  const said = error.message ? error.message.replace(/https?:\/\/\S+/g, '<address>') : 'no message';
  const message = `${service}: ${said}${requestId ? ` (request ${requestId})` : ''}`;
  return new CLASSES[service](message, { service, errorCode: code, requestId, retryable, kind }, { cause: thrown });
}

function kindOf(error: SdkError, code: string | undefined): FailureKind {
  const status = error.$metadata?.httpStatusCode;
  if (code !== undefined) {
    if (CAPACITY_CODES.has(code)) return 'capacity';
    if (THROTTLED_CODES.has(code)) return 'throttled';
    if (NOT_FOUND_CODES.has(code)) return 'notFound';
    if (DENIED_CODES.has(code)) return 'denied';
    if (PRECONDITION_CODES.has(code)) return 'precondition';
    if (UNREACHABLE_CODES.has(code)) return 'unreachable';
  }
  if (status === 404) return 'notFound';
  if (status === 403 || status === 401) return 'denied';
  if (status === 412 || status === 409) return 'precondition';
  if (status === 429) return 'throttled';
  if (status === undefined) return 'unreachable';
  return status >= 500 ? 'server' : 'invalid';
}

/** Runs one SDK call and translates what it throws. */
export async function calling<T>(service: Service, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw translate(service, thrown);
  }
}

/** True for a failure after which the same call may succeed and nothing is proven. */
export function isTransient(thrown: unknown): boolean {
  return thrown instanceof CloudError && thrown.retryable && thrown.kind !== 'capacity';
}
