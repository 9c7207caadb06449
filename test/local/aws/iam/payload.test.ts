// Streamed bodies: AWS's published example of signed chunks, and everything a liar could change in one.
import { expect } from 'chai';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { openPayload } from '../../../../local/aws/iam/payload.ts';
import { sha256Hex, signature, signingKey } from '../../../../local/aws/iam/signature.ts';

const SCOPE = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', date: '20130524', region: 'us-east-1', service: 's3' };
const SEED = {
  scope: SCOPE,
  amzDate: '20130524T000000Z',
  signingKey: signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', SCOPE),
  signature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
};
const SIGNATURES = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
];
const EXAMPLE = `10000;chunk-signature=${SIGNATURES[0]}\r\n${'a'.repeat(65_536)}\r\n400;chunk-signature=${SIGNATURES[1]}\r\n${'a'.repeat(1024)}\r\n0;chunk-signature=${SIGNATURES[2]}\r\n`;
const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** A request whose body comes in pieces of `step` bytes. */
function request(body: string, headers: Record<string, string> = {}, step = 1000): IncomingMessage {
  const bytes = Buffer.from(body);
  const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
    bytes.subarray(index * step, (index + 1) * step),
  );
  return Object.assign(Readable.from(pieces, { objectMode: false }), { headers }) as unknown as IncomingMessage;
}

async function read(body: string, mode: string, decodedLength: number | undefined, step?: number) {
  const headers: Record<string, string> =
    decodedLength === undefined ? {} : { 'x-amz-decoded-content-length': String(decodedLength) };
  const { stream, trailers } = openPayload(request(body, headers, step), mode, SEED);
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return { text: Buffer.concat(chunks).toString(), trailers };
}

async function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing refused',
    (error: { code?: string }) => error.code ?? 'another error',
  );
}

describe('aws-chunked bodies', () => {
  it("takes AWS's example of signed chunks, however it is cut", async () => {
    for (const step of [1, 7, 1000, 100_000]) {
      const { text } = await read(`${EXAMPLE}\r\n`, SIGNED, 66_560, step);
      expect(text).to.equal('a'.repeat(66_560));
    }
  }).timeout(20_000);

  it('refuses a changed byte, a changed signature and a chunk left out', async () => {
    const body = `${EXAMPLE}\r\n`;
    expect(await code(read(body.replace('\r\na', '\r\nb'), SIGNED, 66_560))).to.equal('SignatureDoesNotMatch');
    expect(await code(read(body.replace('0055', '0056'), SIGNED, 66_560))).to.equal('SignatureDoesNotMatch');
    const without = body.slice(0, body.indexOf('400;')) + body.slice(body.indexOf('0;chunk-signature=b6c6'));
    expect(await code(read(without, SIGNED, 65_536))).to.equal('SignatureDoesNotMatch');
    expect(await code(read(body.replaceAll(/;chunk-signature=\w+/g, ''), SIGNED, 66_560))).to.equal('InvalidRequest');
  });

  it('refuses a body that ends early or has another length than it says', async () => {
    expect(await code(read(EXAMPLE.slice(0, 70_000), SIGNED, 66_560))).to.equal('IncompleteBody');
    expect(await code(read(EXAMPLE.slice(0, 50_000), SIGNED, 66_560))).to.equal('IncompleteBody');
    expect(await code(read('3\r\nabc\r\n0\r\n\r\n', UNSIGNED, 4))).to.equal('IncompleteBody');
    expect(await code(read('3\r\nabc\r\n0\r\n\r\n', UNSIGNED, undefined))).to.equal('MissingContentLength');
  });

  it('gives the trailers of an unsigned body', async () => {
    const { text, trailers } = await read(
      '3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n',
      UNSIGNED,
      5,
      1,
    );
    expect([text, trailers]).to.deep.equal(['abcde', { 'x-amz-checksum-crc32': 'AAAA' }]);
  });

  it('checks the signature of trailers', async () => {
    const line = (kind: string, previous: string, rest: string) =>
      signature(
        SEED.signingKey,
        `AWS4-HMAC-SHA256-${kind}\n${SEED.amzDate}\n20130524/us-east-1/s3/aws4_request\n${previous}\n${rest}`,
      );
    const one = line('PAYLOAD', SEED.signature, `${sha256Hex('')}\n${sha256Hex('abc')}`);
    const last = line('PAYLOAD', one, `${sha256Hex('')}\n${sha256Hex('')}`);
    const trailer = line('TRAILER', last, sha256Hex('x-amz-checksum-crc32:NSRBwg==\n'));
    const body = `3;chunk-signature=${one}\r\nabc\r\n0;chunk-signature=${last}\r\nx-amz-checksum-crc32:NSRBwg==\r\nx-amz-trailer-signature:${trailer}\r\n\r\n`;
    expect((await read(body, `${SIGNED}-TRAILER`, 3)).text).to.equal('abc');
    expect(await code(read(body.replace('NSRBwg', 'AAAAAA'), `${SIGNED}-TRAILER`, 3))).to.equal(
      'SignatureDoesNotMatch',
    );
  });

  it('refuses framing that is none', async () => {
    for (const body of [
      'zz\r\nabc\r\n0\r\n\r\n',
      '3\r\nabcX\r\n0\r\n\r\n',
      '0\r\nno colon\r\n\r\n',
      '0\r\n\r\nmore\r\n',
      `${'1'.repeat(20_000)}`,
    ]) {
      expect(await code(read(body, UNSIGNED, 3)), body.slice(0, 20)).to.equal('InvalidRequest');
    }
  });

  it('refuses hashes and modes it does not know', async () => {
    expect(await code(read('x', 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', 1))).to.equal('NotImplemented');
    expect(await code(read('x', 'sha256', 1))).to.equal('InvalidArgument');
  });
});
