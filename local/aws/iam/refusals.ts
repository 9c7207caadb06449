// The same refusal has another code in every family of AWS services. authentication.ts and authorizer.ts speak S3's words;
// the front passes each refusal through here before the service writes it.
import { AwsServiceError } from '../service.ts';

type Wording = Record<string, [code: string, status: number]>;

const EC2: Wording = {
  InvalidAccessKeyId: ['AuthFailure', 401],
  InvalidToken: ['AuthFailure', 401],
  SignatureDoesNotMatch: ['SignatureDoesNotMatch', 403],
  AuthorizationHeaderMalformed: ['AuthFailure', 401],
  AuthorizationQueryParametersError: ['AuthFailure', 401],
  ExpiredToken: ['RequestExpired', 400],
  RequestTimeTooSkewed: ['RequestExpired', 400],
  AccessDenied: ['UnauthorizedOperation', 403],
  MissingAuthenticationToken: ['MissingAuthenticationToken', 403],
};

const QUERY: Wording = {
  InvalidAccessKeyId: ['InvalidClientTokenId', 403],
  InvalidToken: ['InvalidClientTokenId', 403],
  ExpiredToken: ['ExpiredToken', 403],
  RequestTimeTooSkewed: ['SignatureDoesNotMatch', 403],
  AuthorizationHeaderMalformed: ['IncompleteSignature', 400],
  AuthorizationQueryParametersError: ['IncompleteSignature', 400],
  MissingAuthenticationToken: ['MissingAuthenticationToken', 403],
};

const JSON_PROTOCOL: Wording = {
  InvalidAccessKeyId: ['UnrecognizedClientException', 400],
  InvalidToken: ['UnrecognizedClientException', 400],
  SignatureDoesNotMatch: ['InvalidSignatureException', 400],
  RequestTimeTooSkewed: ['InvalidSignatureException', 400],
  AuthorizationHeaderMalformed: ['IncompleteSignatureException', 400],
  AuthorizationQueryParametersError: ['IncompleteSignatureException', 400],
  ExpiredToken: ['ExpiredTokenException', 400],
  AccessDenied: ['AccessDeniedException', 400],
  MissingAuthenticationToken: ['MissingAuthenticationTokenException', 400],
};

const REST_JSON: Wording = Object.fromEntries(
  Object.entries(JSON_PROTOCOL).map(([code, [name]]) => [code, [name, 403]]),
);

const WORDINGS: Record<string, Wording> = {
  ec2: EC2,
  sts: QUERY,
  sqs: { ...QUERY, AccessDenied: ['AccessDenied', 403] },
  logs: JSON_PROTOCOL,
  lambda: REST_JSON,
};

/** The refusal in the words of `service`; anything that is not a refusal stays as it is. */
export function wordedFor(service: string, error: AwsServiceError): AwsServiceError {
  const wording = WORDINGS[service]?.[error.code];
  if (!wording) return error;
  return new AwsServiceError(wording[0], error.message, wording[1], error.details);
}
