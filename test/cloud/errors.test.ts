import { expect } from 'chai';
import {
  AwsError,
  calling,
  CloudError,
  Ec2Error,
  isTransient,
  LambdaError,
  S3Error,
  translate,
} from '../../cloud/errors.ts';

const sdk = (name: string, httpStatusCode?: number, more = {}) =>
  Object.assign(new Error('what AWS said'), { name, $metadata: { httpStatusCode, requestId: 'r-1' }, ...more });

describe('An error of AWS', () => {
  const table: [string, number | undefined, string, boolean][] = [
    ['NoSuchKey', 404, 'notFound', false],
    ['AccessDenied', 403, 'denied', false],
    ['RequestLimitExceeded', 503, 'throttled', true],
    ['TooManyRequestsException', 429, 'throttled', true],
    ['InsufficientInstanceCapacity', 500, 'capacity', true],
    ['PreconditionFailed', 412, 'precondition', false],
    ['ECONNREFUSED', undefined, 'unreachable', true],
    ['SomethingNew', 500, 'server', true],
    ['SomethingNew', 400, 'invalid', false],
    ['SomethingNew', 404, 'notFound', false],
    ['SomethingNew', 401, 'denied', false],
    ['SomethingNew', 409, 'precondition', false],
    ['SomethingNew', 429, 'throttled', true],
    ['SomethingNew', undefined, 'unreachable', true],
  ];
  for (const [code, status, kind, retryable] of table)
    it(`${code} (${status ?? 'no answer'}) is ${kind}${retryable ? ', worth a retry' : ''}`, () => {
      const error = translate('ec2', sdk(code, status));
      expect(error).to.be.instanceOf(Ec2Error).and.instanceOf(AwsError).and.instanceOf(CloudError);
      expect(error).to.include({ kind, retryable, errorCode: code, requestId: 'r-1', service: 'ec2' });
    });

  it('keeps what the SDK itself calls retryable', () => {
    expect(translate('s3', sdk('Odd', 400, { $retryable: { throttling: false } })).retryable).to.equal(true);
  });

  it('has the class of its service and the request id in its words', () => {
    expect(translate('s3', sdk('NoSuchKey', 404))).to.be.instanceOf(S3Error);
    expect(translate('lambda', sdk('X', 400))).to.be.instanceOf(LambdaError);
    expect(translate('s3', sdk('NoSuchKey', 404)).message).to.equal('s3: what AWS said (request r-1)');
  });

  it('never shows an address, which may be presigned', () => {
    const error = Object.assign(new Error('GET https://b.s3/x?X-Amz-Signature=abc failed'), { name: 'Y' });
    expect(translate('s3', error).message).not.to.include('Signature');
  });

  it('reads a system error’s code, and text that was thrown', () => {
    expect(translate('sqs', Object.assign(new Error('no'), { code: 'ECONNRESET' })).kind).to.equal('unreachable');
    expect(translate('logs', 'boom').message).to.equal('logs: boom');
    expect(translate('sts', {}).message).to.equal('sts: no message');
  });

  it('passes through unchanged when it is ours already', async () => {
    const ours = new CloudError('known');
    let thrown: unknown;
    await calling('s3', () => Promise.reject(ours)).catch((error: unknown) => (thrown = error));
    expect(thrown).to.equal(ours);
    expect(await calling('s3', async () => 7)).to.equal(7);
  });

  it('is transient when nothing is proven; missing capacity is proof', () => {
    expect(isTransient(translate('ec2', sdk('Throttling', 400)))).to.equal(true);
    expect(isTransient(translate('ec2', sdk('InsufficientInstanceCapacity', 500)))).to.equal(false);
    expect(isTransient(new Error('x'))).to.equal(false);
  });
});
