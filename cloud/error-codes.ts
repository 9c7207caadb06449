// AWS error codes by what they mean to us. Only errors.ts reads them. Sources: EC2 API error codes; S3 error responses;
// Lambda Invoke errors; the retry classification of the SDK's middleware-retry.

/** No room in this pool now: another type or zone may do. */
export const CAPACITY_CODES: ReadonlySet<string> = new Set([
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientFreeAddressesInSubnet',
  'InsufficientCapacity',
  'UnfulfillableCapacity',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  'Unsupported',
  'VcpuLimitExceeded',
]);

/** Asked too fast. */
export const THROTTLED_CODES: ReadonlySet<string> = new Set([
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestThrottled',
  'SlowDown',
  'EC2ThrottledException',
  'BandwidthLimitExceeded',
]);

export const NOT_FOUND_CODES: ReadonlySet<string> = new Set([
  'NoSuchKey',
  'NoSuchBucket',
  'NoSuchUpload',
  'NotFound',
  'ResourceNotFoundException',
  'InvalidInstanceID.NotFound',
  'InvalidVolume.NotFound',
  'InvalidLaunchTemplateId.NotFound',
  'InvalidGroup.NotFound',
  'InvalidAMIID.NotFound',
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
]);

export const DENIED_CODES: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedOperation',
  'AuthFailure',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidToken',
  'CredentialsProviderError',
]);

/** A condition of ours (If-Match, If-None-Match, a token, the ETag of a part) did not hold. */
export const PRECONDITION_CODES: ReadonlySet<string> = new Set([
  'PreconditionFailed',
  'ConditionalRequestConflict',
  'IdempotentParameterMismatch',
  'InvalidPart',
  'ResourceConflictException',
]);

/** No answer came. */
export const UNREACHABLE_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'TimeoutError',
  'RequestTimeout',
  'AbortError',
  'NetworkingError',
]);
