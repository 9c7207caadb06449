// S3, not yet here: the front can already be driven by the other services.
import type { PolicyAuthorizer } from '../iam/authorizer.ts';
import { xmlDocument } from '../protocol/xml.ts';
import { type AwsService, AwsServiceError, type ServiceContext } from '../service.ts';

export type S3Service = AwsService;

export async function s3Service(
  _context: ServiceContext,
  _options: { policyEngine: PolicyAuthorizer },
): Promise<S3Service> {
  return {
    name: 's3',
    handle: async () => {
      throw new AwsServiceError(
        'NotImplemented',
        'A header you provided implies functionality that is not implemented.',
        501,
      );
    },
    error: (error, request) => ({
      status: error.status,
      headers: { 'content-type': 'application/xml' },
      body: xmlDocument('Error', {
        Code: error.code,
        Message: error.message,
        ...error.details,
        RequestId: request.requestId,
      }),
    }),
  };
}
