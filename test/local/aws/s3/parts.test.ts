// The pure parts of S3: order of keys, ranges, checksums, policies.
import { expect } from 'chai';
import fc from 'fast-check';
import { slice } from '../../../../local/aws/s3/blobs.ts';
import { isBucketName } from '../../../../local/aws/s3/buckets.ts';
import { checkRead, checkWrite } from '../../../../local/aws/s3/conditions.ts';
import { crc32c, crc64nvme } from '../../../../local/aws/s3/crc.ts';
import { compareKeys, SortedKeys } from '../../../../local/aws/s3/keys.ts';
import { checkPolicy, isPublic } from '../../../../local/aws/s3/policy.ts';
import { readCopyRange, readRange } from '../../../../local/aws/s3/ranges.ts';

const KEY = fc.string({ unit: 'grapheme', maxLength: 8 });

describe('keys', () => {
  it('are ordered as their UTF-8 bytes are', () => {
    fc.assert(
      fc.property(KEY, KEY, (a, b) => Math.sign(compareKeys(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  it('stay sorted and unique under any adding and removing', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.string({ maxLength: 2 }))), (steps) => {
        const model = new Set<string>();
        const keys = new SortedKeys();
        for (const [add, key] of steps) {
          if (add && !model.has(key)) keys.add(key);
          if (add) model.add(key);
          else {
            model.delete(key);
            keys.remove(key);
          }
        }
        const sorted = [...model].sort(compareKeys);
        expect(Array.from({ length: keys.size }, (_, index) => keys.at(index))).to.deep.equal(sorted);
      }),
    );
  });

  it('are skipped by prefix in one step', () => {
    const keys = new SortedKeys();
    for (const key of ['a', 'b/1', 'b/2', 'b/\u{1F511}', 'b0', 'c']) keys.add(key);
    expect(keys.at(keys.indexBehind('b/', 0))).to.equal('b0');
  });
});

describe('checksums in JavaScript', () => {
  it('agree with the published check values', () => {
    expect(crc32c(Buffer.from('123456789'))).to.equal(0xe3069283);
    expect(crc64nvme(Buffer.from('123456789'))).to.deep.equal({ high: 0xae8b1486, low: 0x0a799888 });
    expect(crc64nvme(Buffer.alloc(4096))).to.deep.equal({ high: 0x6482d367, low: 0xeb22b64e });
  });

  it('are the same in one piece and in many', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
        const data = Buffer.from(bytes);
        const [head, tail] = [data.subarray(0, at), data.subarray(at)];
        expect(crc32c(tail, crc32c(head))).to.equal(crc32c(data));
        expect(crc64nvme(tail, crc64nvme(head))).to.deep.equal(crc64nvme(data));
      }),
    );
  });
});

describe('ranges', () => {
  for (const [header, wanted] of [
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=3-', { start: 3, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=0-1,3-4', 'whole'],
    ['bytes=-', 'whole'],
    ['chars=1-2', 'whole'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=10-20', 'unsatisfiable'],
  ] as const) {
    it(`read ${header} of ten bytes`, () => expect(readRange(header, 10)).to.deep.equal(wanted));
  }

  it('of a copy must lie inside the source', () => {
    expect(readCopyRange('bytes=2-9', 10)).to.deep.equal({ start: 2, end: 9 });
    for (const bad of ['bytes=2-10', 'bytes=5-4', 'bytes=-3', 'bytes=2-'])
      expect(readCopyRange(bad, 10), bad).to.equal(undefined);
  });

  it('cut segments to exactly the bytes asked for', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.nat(), fc.nat(), (sizes, a, b) => {
        const total = sizes.reduce((sum, each) => sum + each, 0);
        const [start, end] = [a % total, b % total].sort((x, y) => x - y) as [number, number];
        const bytes = (segments: ReturnType<typeof slice>) =>
          segments.flatMap(({ blob, offset, length }) =>
            Array.from({ length }, (_, index) => `${blob}:${offset + index}`),
          );
        const segments = sizes.map((length, index) => ({ blob: `b${index}`, offset: index * 3, length }));
        expect(bytes(slice(segments, start, end))).to.deep.equal(bytes(segments).slice(start, end + 1));
      }),
    );
  });
});

describe('conditions', () => {
  const version = { etag: 'e', at: Date.parse('2026-01-01T00:00:00.500Z') };
  const before = 'Wed, 31 Dec 2025 00:00:00 GMT';
  const same = 'Thu, 01 Jan 2026 00:00:00 GMT';

  it('prefer ETags to dates', () => {
    expect(checkRead({ ifMatch: '"e"', ifUnmodifiedSince: before }, version)).to.equal('ok');
    expect(checkRead({ ifNoneMatch: '"x"', ifModifiedSince: same }, version)).to.equal('ok');
    expect(checkRead({ ifNoneMatch: '"x", W/"e"' }, version)).to.equal('unchanged');
    expect(checkRead({ ifModifiedSince: same }, version)).to.equal('unchanged');
    expect(checkRead({ ifUnmodifiedSince: before }, version)).to.equal('failed');
    expect(checkRead({ ifModifiedSince: 'nonsense', ifUnmodifiedSince: 'nonsense' }, version)).to.equal('ok');
  });

  it('of a write know only * for If-None-Match', () => {
    expect(() => checkWrite({ ifNoneMatch: '"e"' }, undefined, 'k')).to.throw('not implemented');
  });
});

describe('bucket names', () => {
  for (const name of ['abc', 'a-b.c', '0'.repeat(63)])
    it(`may be ${name.slice(0, 10)}`, () => expect(isBucketName(name)).to.equal(true));
  for (const name of [
    'ab',
    'Abc',
    '-abc',
    'abc-',
    'a..b',
    'a.-b',
    '127.0.0.1',
    'xn--abc',
    'abc-s3alias',
    'a'.repeat(64),
  ]) {
    it(`may not be ${name.slice(0, 20)}`, () => expect(isBucketName(name)).to.equal(false));
  }
});

describe('bucket policies', () => {
  const policy = (statement: object) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*', ...statement },
      ],
    });

  it('are public when they allow everybody without a fixed condition', () => {
    expect(isPublic(checkPolicy(policy({}), 'b'))).to.equal(true);
    expect(isPublic(checkPolicy(policy({ Principal: { AWS: '*' } }), 'b'))).to.equal(true);
    expect(isPublic(checkPolicy(policy({ Effect: 'Deny' }), 'b'))).to.equal(false);
    expect(isPublic(checkPolicy(policy({ Principal: { AWS: 'arn:aws:iam::1:root' } }), 'b'))).to.equal(false);
    expect(
      isPublic(checkPolicy(policy({ Condition: { StringEquals: { 'aws:PrincipalAccount': '1' } } }), 'b')),
    ).to.equal(false);
    expect(isPublic(checkPolicy(policy({ Condition: { StringLike: { 'aws:PrincipalArn': '*' } } }), 'b'))).to.equal(
      true,
    );
  });

  for (const [what, text] of [
    ['an array', '[]'],
    ['no statement', '{"Version":"2012-10-17"}'],
    ['an unknown version', '{"Version":"2020-01-01","Statement":[{}]}'],
    ['no effect', policy({ Effect: undefined })],
    ['an odd effect', policy({ Effect: 'Maybe' })],
    ['no principal', policy({ Principal: undefined })],
    ['no action', policy({ Action: [] })],
    ['an action of another service', policy({ Action: 'ec2:RunInstances' })],
    ['no resource', policy({ Resource: undefined })],
    ['another bucket', policy({ Resource: 'arn:aws:s3:::bb/*' })],
    ['21 KB', policy({ Sid: 'x'.repeat(21_000) })],
  ] as const) {
    it(`are malformed with ${what}`, () =>
      expect(() => checkPolicy(text, 'b'))
        .to.throw()
        .with.property('code', 'MalformedPolicy'));
  }
});
