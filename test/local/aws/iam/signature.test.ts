// The examples that AWS publishes for Signature Version 4 with S3 (all with the same well-known key).
import { expect } from 'chai';
import {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  EMPTY_SHA256,
  parseAmzDate,
  parseCredential,
  sameSignature,
  sha256Hex,
  signature,
  signingKey,
  stringToSign,
} from '../../../../local/aws/iam/signature.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const SCOPE = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', date: '20130524', region: 'us-east-1', service: 's3' };
const DATE = '20130524T000000Z';
const HOST = 'examplebucket.s3.amazonaws.com';

function signed(
  method: string,
  rawPath: string,
  rawQuery: string,
  headers: Record<string, string>,
  payloadHash: string,
): string {
  const canonical = canonicalRequest(
    {
      method,
      rawPath,
      rawQuery,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      signedHeaders: Object.keys(headers).sort(),
      payloadHash,
    },
    's3',
  );
  return signature(signingKey(SECRET, SCOPE), stringToSign(SCOPE, DATE, canonical));
}

describe('SigV4 arithmetic', () => {
  it("signs AWS's example of a GET with a range", () => {
    const headers = { host: HOST, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY_SHA256, 'x-amz-date': DATE };
    expect(signed('GET', '/test.txt', '', headers, EMPTY_SHA256)).to.equal(
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  it("signs AWS's example of a PUT with a key that needs escaping", () => {
    const hash = sha256Hex('Welcome to Amazon S3.');
    const headers = {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      host: HOST,
      'x-amz-content-sha256': hash,
      'x-amz-date': DATE,
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    };
    expect(signed('PUT', '/test%24file.text', '', headers, hash)).to.equal(
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    );
  });

  it("signs AWS's examples of queries", () => {
    const headers = { host: HOST, 'x-amz-content-sha256': EMPTY_SHA256, 'x-amz-date': DATE };
    expect(signed('GET', '/', 'lifecycle', headers, EMPTY_SHA256)).to.equal(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
    expect(signed('GET', '/', 'max-keys=2&prefix=J', headers, EMPTY_SHA256)).to.equal(
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    );
  });

  it("signs AWS's example of a presigned URL", () => {
    const query =
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=ignored';
    expect(signed('GET', '/test.txt', query, { host: HOST }, 'UNSIGNED-PAYLOAD')).to.equal(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });

  it('escapes a path once for S3 and twice for the others', () => {
    expect(canonicalPath("/b/a b+c'(d)", 's3')).to.equal('/b/a%20b%2Bc%27%28d%29');
    expect(canonicalPath('/functions/arn%3Aaws', 'lambda')).to.equal('/functions/arn%253Aaws');
    expect(canonicalPath('/broken%zz', 's3')).to.equal('/broken%25zz');
    expect(canonicalPath('', 's3')).to.equal('/');
  });

  it('sorts a query by name, then value', () => {
    expect(canonicalQuery('b=2&a=%2F&b=1&c&&a=x+y')).to.equal('a=%2F&a=x%20y&b=1&b=2&c=');
  });

  it('reads scopes and dates, and refuses what is not one', () => {
    expect(parseCredential('A/K/20130524/eu-west-1/ec2/aws4_request')).to.deep.equal({
      accessKeyId: 'A/K',
      date: '20130524',
      region: 'eu-west-1',
      service: 'ec2',
    });
    expect(parseCredential('AK/2013/eu-west-1/ec2/aws4_request')).to.equal(undefined);
    expect(parseAmzDate('20130524T010203Z')).to.equal(Date.UTC(2013, 4, 24, 1, 2, 3));
    expect(parseAmzDate('20131324T010203Z')).to.equal(undefined);
    expect(parseAmzDate('yesterday')).to.equal(undefined);
  });

  it('compares signatures of any length', () => {
    expect([sameSignature('abc', 'abc'), sameSignature('abc', 'abd'), sameSignature('abc', 'ab')]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });
});
