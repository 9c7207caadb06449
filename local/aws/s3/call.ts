// One S3 request, read: bucket, key, and typed access to its headers and parameters. Also S3's error shape.
import { AwsServiceError, type AwsRequest, type AwsResponse } from '../service.ts';
import { XmlSyntaxError, type XmlElement, type XmlValue, parseXml, xmlDocument } from '../protocol/xml.ts';

export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const MAX_KEY_BYTES = 1024;

/** An S3 error that also answers with headers, e.g. `x-amz-delete-marker`. */
export class S3Error extends AwsServiceError {
  readonly headers: Record<string, string>;
  constructor(
    code: string,
    message: string,
    status: number,
    details: Record<string, string> = {},
    headers: Record<string, string> = {},
  ) {
    super(code, message, status, details);
    this.headers = headers;
  }
}

export class S3Call {
  readonly request: AwsRequest;
  readonly bucket: string;
  /** Empty for a bucket's own operations. */
  readonly key: string;

  constructor(request: AwsRequest) {
    this.request = request;
    const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(request.path) ?? [];
    this.bucket = decode(bucket);
    this.key = decode(key);
    if (Buffer.byteLength(this.key) > MAX_KEY_BYTES) {
      throw new S3Error('KeyTooLongError', 'Your key is too long', 400, {
        Size: String(Buffer.byteLength(this.key)),
        MaxSizeAllowed: String(MAX_KEY_BYTES),
      });
    }
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(',') : value;
  }

  has(parameter: string): boolean {
    return this.request.query.has(parameter);
  }

  parameter(name: string): string | undefined {
    return this.request.query.get(name) ?? undefined;
  }

  /** A whole number parameter between `min` and `max`; above `max` it is `max`. */
  count(name: string, max: number, min = 0): number {
    const text = this.parameter(name);
    if (text === undefined || text === '') return max;
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value > 0x7fffffff)
      throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, text);
    if (value < min)
      throw invalidArgument(`Argument ${name} must be an integer between ${min} and 2147483647`, name, text);
    return Math.min(value, max);
  }

  /** The body as XML with the given root element. */
  async xml(root: string, limit?: number): Promise<XmlElement> {
    return readXml((await this.request.body(limit)).toString(), root);
  }
}

export function readXml(text: string, root: string): XmlElement {
  try {
    const element = parseXml(text);
    if (element.name === root) return element;
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
  }
  throw malformedXml();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", 400);
  }
}

export function malformedXml(): S3Error {
  return new S3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
    400,
  );
}

export function invalidArgument(message: string, name: string, value: string): S3Error {
  return new S3Error('InvalidArgument', message, 400, { ArgumentName: name, ArgumentValue: value });
}

export function notImplemented(what: string): S3Error {
  return new S3Error('NotImplemented', `The local S3 does not implement ${what}.`, 501);
}

export function xmlAnswer(root: string, value: XmlValue, headers: Record<string, string> = {}): AwsResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...headers },
    body: xmlDocument(root, value, S3_NAMESPACE),
  };
}

export function errorAnswer(error: AwsServiceError, request: Pick<AwsRequest, 'requestId' | 'path'>): AwsResponse {
  const headers = error instanceof S3Error ? error.headers : {};
  if (error.status === 304) return { status: 304, headers };
  const body = {
    Code: error.code,
    Message: error.message,
    ...error.details,
    Resource: request.path,
    RequestId: request.requestId,
    HostId: request.requestId,
  };
  return {
    status: error.status,
    headers: { 'content-type': 'application/xml', ...headers },
    body: xmlDocument('Error', body),
  };
}
