// The JSON protocols: AWS JSON 1.0/1.1 (Logs, SQS) name the operation in X-Amz-Target, REST-JSON (Lambda) in the path; both
// write errors the same way.
import { AwsServiceError, type AwsRequest, type AwsResponse } from '../service.ts';

/** Operation of an AWS JSON request: `Logs_20140328.PutLogEvents` is PutLogEvents. */
export function jsonTarget(request: Pick<AwsRequest, 'headers'>): string {
  const target = request.headers['x-amz-target'];
  const name = (Array.isArray(target) ? target[0] : target)?.split('.').at(-1);
  if (!name) throw new AwsServiceError('MissingAction', 'The request must name an operation in X-Amz-Target.', 400);
  return name;
}

/** The body as an object; throws SerializationException. */
export async function jsonBody(request: Pick<AwsRequest, 'body'>): Promise<Record<string, unknown>> {
  const bytes = await request.body();
  if (bytes.length === 0) return {};
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // falls through to the refusal
  }
  throw new AwsServiceError('SerializationException', 'The request body is not a JSON object.', 400);
}

export function jsonAnswer(value: unknown, version: '1.0' | '1.1' = '1.1', status = 200): AwsResponse {
  return { status, headers: { 'content-type': `application/x-amz-json-${version}` }, body: JSON.stringify(value) };
}

export function jsonError(
  error: AwsServiceError,
  requestId: string,
  version: '1.0' | '1.1' | 'rest' = '1.1',
): AwsResponse {
  return {
    status: error.status,
    headers: {
      'content-type': version === 'rest' ? 'application/json' : `application/x-amz-json-${version}`,
      'x-amzn-errortype': error.code,
      'x-amzn-requestid': requestId,
    },
    body: JSON.stringify({ __type: error.code, message: error.message, Message: error.message, ...error.details }),
  };
}
