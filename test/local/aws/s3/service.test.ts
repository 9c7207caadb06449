// What the contract suite leaves out: settings with effect, refusals of what is not here, suspended versioning, odd requests.
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteObjectCommand,
  GetBucketAclCommand,
  GetBucketEncryptionCommand,
  GetBucketLoggingCommand,
  GetBucketPolicyStatusCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutBucketEncryptionCommand,
  PutBucketLoggingCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { refusal } from '../../../contract/aws/oracles.ts';
import { send } from '../raw.ts';
import { Stand } from '../stand.ts';

describe('S3', () => {
  let stand: Stand;
  let s3: S3Client;
  let count = 0;
  let Bucket = '';
  before(async () => {
    stand = await Stand.start();
    s3 = stand.s3();
  });
  after(() => stand.close());
  beforeEach(async () => {
    Bucket = `bucket-${++count}`;
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  const put = (Key: string, more: object = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
  const versioning = (Status: 'Enabled' | 'Suspended') =>
    s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));

  it('refuses a public policy while public access is blocked', async () => {
    const statement = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    expect(await refusal(s3.send(new PutBucketPolicyCommand({ Bucket, Policy })))).to.deep.equal(['AccessDenied', 403]);
    expect((await refusal(s3.send(new GetBucketPolicyStatusCommand({ Bucket }))))[0]).to.equal('NoSuchBucketPolicy');
    const own = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ ...statement, Principal: { AWS: 'arn:aws:iam::000000000000:root' } }],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: own }));
    expect((await s3.send(new GetBucketPolicyStatusCommand({ Bucket }))).PolicyStatus?.IsPublic).to.equal(false);
  });

  it('keeps where to log to', async () => {
    expect((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled).to.equal(undefined);
    const LoggingEnabled = { TargetBucket: 'logs', TargetPrefix: 's3/' };
    await s3.send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: { LoggingEnabled } }));
    expect((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled).to.deep.equal(LoggingEnabled);
    await s3.send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: {} }));
    expect((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled).to.equal(undefined);
  });

  it('goes back to AES256 when the encryption setting is deleted', async () => {
    const rule = (SSEAlgorithm: 'AES256' | 'aws:kms', KMSMasterKeyID?: string) => ({
      Bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm, KMSMasterKeyID } }],
      },
    });
    await s3.send(new PutBucketEncryptionCommand(rule('aws:kms', 'k')));
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).to.equal(
      'AES256',
    );
    expect((await refusal(s3.send(new PutBucketEncryptionCommand(rule('AES256', 'k')))))[0]).to.equal(
      'InvalidArgument',
    );
  });

  it('echoes the encryption that a request asks for', async () => {
    await put('k', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'key-1', BucketKeyEnabled: true });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect([head.ServerSideEncryption, head.SSEKMSKeyId, head.BucketKeyEnabled]).to.deep.equal([
      'aws:kms',
      'key-1',
      true,
    ]);
    expect((await refusal(put('k', { ServerSideEncryption: 'AES256', SSEKMSKeyId: 'key-1' })))[0]).to.equal(
      'InvalidArgument',
    );
    expect((await refusal(put('k', { ServerSideEncryption: 'rot13' })))[0]).to.equal('InvalidArgument');
  });

  it('replaces the null version while versioning is suspended', async () => {
    await put('k', { Body: 'before' });
    await versioning('Enabled');
    const kept = await put('k', { Body: 'kept' });
    await versioning('Suspended');
    expect((await put('k', { Body: 'after' })).VersionId).to.equal('null');
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions?.map((each) => each.VersionId)).to.deep.equal(['null', kept.VersionId]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    const listed = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect([
      listed.Versions?.map((each) => each.VersionId),
      listed.DeleteMarkers?.map((each) => each.VersionId),
    ]).to.deep.equal([[kept.VersionId], ['null']]);
    expect((await refusal(s3.send(new DeleteBucketCommand({ Bucket }))))[0]).to.equal('BucketNotEmpty');
  });

  it('pages through versions and groups them', async () => {
    await versioning('Enabled');
    for (const key of ['a', 'a', 'b/1', 'b/2', 'c']) await put(key);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'c' }));
    const seen: string[] = [];
    let marker: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (marker) {
      const page: ListObjectVersionsCommandOutput = await s3.send(
        new ListObjectVersionsCommand({ Bucket, Delimiter: '/', MaxKeys: 1, ...marker }),
      );
      for (const each of page.Versions ?? []) seen.push(`${each.Key ?? ''}${each.IsLatest ? '*' : ''}`);
      for (const each of page.DeleteMarkers ?? []) seen.push(`${each.Key ?? ''}!`);
      for (const each of page.CommonPrefixes ?? []) seen.push(each.Prefix ?? '');
      marker = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
    }
    expect(seen).to.deep.equal(['a*', 'a', 'b/', 'c!', 'c']);
  });

  it('pages through open uploads', async () => {
    for (const Key of ['a', 'a', 'b/1', 'b/2', 'c']) await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const seen: (string | undefined)[] = [];
    let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
    while (marker) {
      const page: ListMultipartUploadsCommandOutput = await s3.send(
        new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1, ...marker }),
      );
      seen.push(...(page.Uploads ?? []).map((each) => each.Key));
      marker = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined;
    }
    expect(seen).to.deep.equal(['a', 'a', 'b/1', 'b/2', 'c']);
    const grouped = await s3.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', Prefix: 'b' }));
    expect(grouped.CommonPrefixes).to.deep.equal([{ Prefix: 'b/' }]);
  });

  it('gives full-object and composite checksums of uploads in parts, and verifies the promised one', async () => {
    const upload = async (ChecksumType: 'FULL_OBJECT' | 'COMPOSITE', ChecksumCRC32?: string) => {
      const { UploadId } = await s3.send(
        new CreateMultipartUploadCommand({ Bucket, Key: 'u', ChecksumAlgorithm: 'CRC32', ChecksumType }),
      );
      const part = await s3.send(
        new UploadPartCommand({ Bucket, Key: 'u', UploadId, PartNumber: 1, Body: '123456789' }),
      );
      const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 }];
      return s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key: 'u',
          UploadId,
          MultipartUpload: { Parts },
          ChecksumCRC32,
          ChecksumType,
        }),
      );
    };
    expect((await upload('FULL_OBJECT', 'y/Q5Jg==')).ChecksumCRC32).to.equal('y/Q5Jg==');
    expect((await upload('COMPOSITE')).ChecksumCRC32).to.match(/-1$/);
    expect((await refusal(upload('FULL_OBJECT', 'AAAAAA==')))[0]).to.equal('BadDigest');
    const sha = s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'u', ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' }),
    );
    expect((await refusal(sha))[0]).to.equal('InvalidRequest');
  });

  it('refuses parts with another checksum than the upload was started with', async () => {
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'u', ChecksumAlgorithm: 'SHA256' }),
    );
    const part = s3.send(
      new UploadPartCommand({ Bucket, Key: 'u', UploadId, PartNumber: 1, Body: 'x', ChecksumAlgorithm: 'CRC32' }),
    );
    expect((await refusal(part))[0]).to.equal('InvalidRequest');
  });

  it('gives the copy of an upload in parts an ETag and checksum of its own', async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'u' }));
    const part = await s3.send(new UploadPartCommand({ Bucket, Key: 'u', UploadId, PartNumber: 1, Body: 'hello' }));
    const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 }];
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'u', UploadId, MultipartUpload: { Parts } }));
    const { CopyObjectResult } = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/u`, ChecksumAlgorithm: 'SHA256' }),
    );
    expect(CopyObjectResult?.ETag).to.equal('"5d41402abc4b2a76b9719d911017c592"');
    expect(CopyObjectResult?.ChecksumSHA256).to.equal('LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=');
  });

  it('copies a version by its id, not a delete marker', async () => {
    await versioning('Enabled');
    const one = await put('k', { Body: 'one' });
    await put('k', { Body: 'two' });
    await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/k?versionId=${one.VersionId ?? ''}` }),
    );
    expect(await (await s3.send(new GetObjectCommand({ Bucket, Key: 'c' }))).Body?.transformToString()).to.equal('one');
    const marker = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    const copy = (versionId: string) =>
      refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/k?versionId=${versionId}` })));
    expect((await copy(marker.VersionId ?? ''))[0]).to.equal('InvalidRequest');
    expect((await copy('none'))[0]).to.equal('NoSuchVersion');
    expect((await refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource: 'nonsense' }))))[0]).to.equal(
      'InvalidArgument',
    );
  });

  it('deletes only the ETag it is told', async () => {
    const { ETag } = await put('k');
    expect((await refusal(s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch: '"other"' }))))[0]).to.equal(
      'PreconditionFailed',
    );
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch: ETag }));
    expect((await refusal(s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))))[1]).to.equal(404);
  });

  it('lists buckets by prefix, in pages', async () => {
    const first = await s3.send(new ListBucketsCommand({ Prefix: 'bucket-', MaxBuckets: 1 }));
    expect(first.Buckets).to.have.length(1);
    const second = await s3.send(
      new ListBucketsCommand({ Prefix: 'bucket-', ContinuationToken: first.ContinuationToken }),
    );
    expect(second.Buckets?.map((each) => each.Name)).to.not.include(first.Buckets?.[0]?.Name);
  });

  for (const [what, request, code] of [
    ['ACLs of objects', () => put('k', { ACL: 'public-read' }), 'AccessControlListNotSupported'],
    ['grants', () => put('k', { GrantRead: 'id=1' }), 'AccessControlListNotSupported'],
    ['the ACL subresource', () => s3.send(new GetBucketAclCommand({ Bucket })), 'NotImplemented'],
    [
      'object attributes',
      () => s3.send(new GetObjectAttributesCommand({ Bucket, Key: 'k', ObjectAttributes: ['ETag'] })),
      'NotImplemented',
    ],
    ['keys of the customer', () => put('k', { SSECustomerAlgorithm: 'AES256' }), 'NotImplemented'],
    [
      'an object owner',
      () =>
        s3.send(
          new PutBucketOwnershipControlsCommand({
            Bucket,
            OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] },
          }),
        ),
      'MalformedXML',
    ],
    ['another owner of the bucket', () => put('k', { ExpectedBucketOwner: '111111111111' }), 'AccessDenied'],
    ['keys above 1,024 bytes', () => put('é'.repeat(513)), 'KeyTooLongError'],
    ['metadata above 2 KB', () => put('k', { Metadata: { a: 'x'.repeat(2048) } }), 'MetadataTooLarge'],
    [
      'eleven tags',
      () => put('k', { Tagging: Array.from({ length: 11 }, (_, index) => `t${index}=1`).join('&') }),
      'BadRequest',
    ],
    ['an endless tag', () => put('k', { Tagging: `a=${'x'.repeat(257)}` }), 'InvalidTag'],
    ['half an MD5', () => put('k', { ContentMD5: 'AAAA' }), 'InvalidDigest'],
  ] as [string, () => Promise<unknown>, string][]) {
    it(`refuses ${what} with ${code}`, async () => {
      expect((await refusal(request()))[0]).to.equal(code);
    });
  }

  for (const [what, options, code, status] of [
    ['a path with a broken escape', { path: '/b/%zz' }, 'InvalidURI', 400],
    ['a method S3 does not know on the account', { method: 'DELETE', path: '/' }, 'MethodNotAllowed', 405],
    ['a method S3 does not know on a bucket', { method: 'PATCH', path: '/bucket-1' }, 'MethodNotAllowed', 405],
    ['a method S3 does not know on an object', { method: 'PATCH', path: '/bucket-1/k' }, 'MethodNotAllowed', 405],
    ['a POST to an object that means nothing', { method: 'POST', path: '/bucket-1/k' }, 'MethodNotAllowed', 405],
    ['browser uploads', { method: 'POST', path: '/bucket-1' }, 'NotImplemented', 501],
    [
      'XML that is none',
      { method: 'PUT', path: '/bucket-1', query: 'versioning', body: '<Versioning' },
      'MalformedXML',
      400,
    ],
    [
      'a bulk delete without a checksum',
      { method: 'POST', path: '/bucket-1', query: 'delete', body: '<Delete/>' },
      'InvalidRequest',
      400,
    ],
    ['a page size that is no number', { path: '/bucket-1', query: 'list-type=2&max-keys=ten' }, 'InvalidArgument', 400],
    ['an encoding S3 does not know', { path: '/bucket-1', query: 'encoding-type=base64' }, 'InvalidArgument', 400],
    [
      'a token that is not ours',
      { path: '/bucket-1', query: 'list-type=2&continuation-token=eHg%3D' },
      'InvalidArgument',
      400,
    ],
    [
      'a setting that cannot be deleted',
      { method: 'DELETE', path: '/bucket-1', query: 'versioning' },
      'MethodNotAllowed',
      405,
    ],
    [
      'a bucket of another region',
      { method: 'PUT', path: '/elsewhere', body: '' },
      'IllegalLocationConstraintException',
      400,
    ],
    [
      'two checksums',
      {
        method: 'PUT',
        path: '/bucket-1/k',
        body: 'x',
        headers: { 'x-amz-checksum-crc32': 'jNwb9A==', 'x-amz-checksum-sha1': 'x' },
      },
      'InvalidRequest',
      400,
    ],
    [
      'a checksum that is none',
      { method: 'PUT', path: '/bucket-1/k', body: 'x', headers: { 'x-amz-checksum-crc32': 'x' } },
      'InvalidRequest',
      400,
    ],
    [
      '6 GB',
      { method: 'PUT', path: '/bucket-1/k', headers: { 'x-amz-decoded-content-length': '6000000000' } },
      'EntityTooLarge',
      400,
    ],
    [
      'an unknown length',
      { method: 'PUT', path: '/bucket-1/k', body: 'x', headers: { 'transfer-encoding': 'chunked' } },
      'MissingContentLength',
      411,
    ],
  ] as [string, Parameters<typeof send>[1], string, number][]) {
    it(`refuses ${what} with ${code}`, async () => {
      const answer = await send(stand.aws.url, options);
      expect([answer.code, answer.status]).to.deep.equal([code, status]);
    });
  }

  it('verifies a checksum that comes behind the data', async () => {
    const trailing = (line: string) =>
      send(stand.aws.url, {
        method: 'PUT',
        path: `/${Bucket}/k`,
        payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        headers: { 'x-amz-decoded-content-length': '9', 'x-amz-trailer': 'x-amz-checksum-crc32c' },
        body: `9\r\n123456789\r\n0\r\n${line}\r\n`,
      });
    expect((await trailing('x-amz-checksum-crc32c:4waSgw==\r\n')).status).to.equal(200);
    expect((await trailing('x-amz-checksum-crc32c:AAAAAA==\r\n')).code).to.equal('BadDigest');
    expect((await trailing('')).code).to.equal('MalformedTrailerError');
  });
});
