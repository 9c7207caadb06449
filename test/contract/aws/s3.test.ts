// S3 as the SDK sees it: the same cases against ours always, and against moto and ministack when they are there.
// A case in DEVIATIONS must fail on that oracle: one that passes again has to leave the list.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Case, describeContract, refusal, type Subject } from './oracles.ts';

const MIB = 1024 * 1024;

async function text(output: GetObjectCommandOutput): Promise<string> {
  return (await output.Body?.transformToString()) ?? '';
}

async function put(s3: S3Client, Bucket: string, Key: string, Body: string | Buffer = Key) {
  return s3.send(new PutObjectCommand({ Bucket, Key, Body }));
}

async function keys(s3: S3Client, Bucket: string): Promise<string[]> {
  const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
  return (listed.Contents ?? []).map((each) => each.Key ?? '');
}

async function start(s3: S3Client, Bucket: string, Key: string): Promise<string> {
  return (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId ?? '';
}

async function part(s3: S3Client, Bucket: string, Key: string, UploadId: string, PartNumber: number, Body: Buffer) {
  const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
  return { PartNumber, ETag, ChecksumCRC32 };
}

type Run = (s3: S3Client, bucket: string, subject: Subject) => Promise<void>;

/** A case with a bucket of its own. */
function inBucket(title: string, run: Run): Case {
  return { title, run: async (subject) => run(subject.s3(), await subject.bucket(), subject) };
}

const BUCKETS: Case[] = [
  inBucket('creates, heads and lists a bucket', async (s3, Bucket) => {
    await s3.send(new HeadBucketCommand({ Bucket }));
    const { Buckets } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map((each) => each.Name)).to.include(Bucket);
  }),
  inBucket('tells where a bucket is', async (s3, Bucket) => {
    expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).to.equal('eu-west-1');
  }),
  inBucket('refuses to create a bucket that is already owned', async (s3, Bucket) => {
    expect(await refusal(s3.send(new CreateBucketCommand({ Bucket })))).to.deep.equal(['BucketAlreadyOwnedByYou', 409]);
  }),
  inBucket('refuses a bucket name with an underscore', async (s3) => {
    expect(await refusal(s3.send(new CreateBucketCommand({ Bucket: 'not_a_name' })))).to.deep.equal([
      'InvalidBucketName',
      400,
    ]);
  }),
  inBucket('deletes an empty bucket only', async (s3, Bucket) => {
    await put(s3, Bucket, 'a');
    expect(await refusal(s3.send(new DeleteBucketCommand({ Bucket })))).to.deep.equal(['BucketNotEmpty', 409]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    expect(await refusal(s3.send(new HeadBucketCommand({ Bucket })))).to.deep.equal(['NotFound', 404]);
  }),
  inBucket('says NoSuchBucket for a bucket that does not exist', async (s3) => {
    expect(await refusal(s3.send(new ListObjectsV2Command({ Bucket: 'nobody-made-this' })))).to.deep.equal([
      'NoSuchBucket',
      404,
    ]);
    expect(await refusal(put(s3, 'nobody-made-this', 'a'))).to.deep.equal(['NoSuchBucket', 404]);
  }),
];

const OBJECTS: Case[] = [
  inBucket('gives back what was put, with its metadata and headers', async (s3, Bucket) => {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'data.csv',
        Body: 'a,b\n1,2\n',
        ContentType: 'text/csv',
        ContentDisposition: 'attachment; filename="data.csv"',
        CacheControl: 'no-store',
        Metadata: { 'uploaded-at': '2026-01-01', 'original-filename': 'x.csv' },
      }),
    );
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'data.csv' }));
    expect(await text(got)).to.equal('a,b\n1,2\n');
    expect(got).to.deep.include({
      ContentType: 'text/csv',
      ContentDisposition: 'attachment; filename="data.csv"',
      CacheControl: 'no-store',
      ContentLength: 8,
    });
    expect(got.Metadata).to.deep.equal({ 'uploaded-at': '2026-01-01', 'original-filename': 'x.csv' });
    expect(got.ETag).to.equal(`"${createHash('md5').update('a,b\n1,2\n').digest('hex')}"`);
  }),
  inBucket('keeps an empty object', async (s3, Bucket) => {
    await put(s3, Bucket, 'empty', '');
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'empty' }));
    expect([await text(got), got.ContentLength, got.ETag]).to.deep.equal(['', 0, '"d41d8cd98f00b204e9800998ecf8427e"']);
  }),
  inBucket('keeps a key and a key below it apart', async (s3, Bucket) => {
    await put(s3, Bucket, 'co', '1');
    await put(s3, Bucket, 'co/b', '2');
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'co' })))).to.equal('1');
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'co/b' })))).to.equal('2');
  }),
  inBucket('keeps keys with blanks, signs, dots and other alphabets', async (s3, Bucket) => {
    const odd = ['a b+c&d=e?f#g%20', "it's (fine)!*~", 'ключ/鍵/🔑', 'x/../y', './z', 'double//slash', 'trailing/'];
    for (const key of odd) await put(s3, Bucket, key);
    for (const key of odd) expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: key })))).to.equal(key);
    expect((await keys(s3, Bucket)).sort()).to.deep.equal([...odd].sort());
  }),
  inBucket('replaces an object', async (s3, Bucket) => {
    await put(s3, Bucket, 'k', 'one');
    await put(s3, Bucket, 'k', 'two');
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).to.equal('two');
  }),
  inBucket('says NoSuchKey for a key that is not there, NotFound to HEAD', async (s3, Bucket) => {
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'no' })))).to.deep.equal(['NoSuchKey', 404]);
    expect(await refusal(s3.send(new HeadObjectCommand({ Bucket, Key: 'no' })))).to.deep.equal(['NotFound', 404]);
  }),
  inBucket('heads an object', async (s3, Bucket) => {
    await put(s3, Bucket, 'k', '12345');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect([head.ContentLength, head.AcceptRanges]).to.deep.equal([5, 'bytes']);
    expect(Date.now() - (head.LastModified?.getTime() ?? 0)).to.be.within(-2000, 60_000);
  }),
  inBucket('deletes an object, also one that is not there', async (s3, Bucket) => {
    await put(s3, Bucket, 'k');
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(await keys(s3, Bucket)).to.deep.equal([]);
  }),
  inBucket('deletes many objects at once', async (s3, Bucket) => {
    for (const key of ['a', 'b', 'c&<>']) await put(s3, Bucket, key);
    const { Deleted } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a' }, { Key: 'c&<>' }, { Key: 'never' }] } }),
    );
    expect(Deleted?.map((each) => each.Key).sort()).to.deep.equal(['a', 'c&<>', 'never']);
    const quiet = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'b' }], Quiet: true } }));
    expect(quiet.Deleted ?? []).to.deep.equal([]);
    expect(await keys(s3, Bucket)).to.deep.equal([]);
  }),
  inBucket('keeps, changes and deletes tags', async (s3, Bucket) => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '', Tagging: 'a=1&b=2' }));
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet).to.have.deep.members([
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ]);
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'k', Tagging: { TagSet: [{ Key: 'c', Value: '3' }] } }));
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet).to.deep.equal([
      { Key: 'c', Value: '3' },
    ]);
    await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: 'k' }));
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet).to.deep.equal([]);
  }),
  inBucket('keeps a storage class', async (s3, Bucket) => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', StorageClass: 'GLACIER_IR' }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).StorageClass).to.equal('GLACIER_IR');
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.[0]?.StorageClass).to.equal('GLACIER_IR');
  }),
  inBucket('refuses an unknown storage class', async (s3, Bucket) => {
    const made = s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', StorageClass: 'WARM' as 'STANDARD' }));
    expect(await refusal(made)).to.deep.equal(['InvalidStorageClass', 400]);
  }),
];

const RANGES: Case[] = [
  ...(
    [
      ['bytes=0-3', '0123', 'bytes 0-3/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
      ['bytes=8-99', '89', 'bytes 8-9/10'],
      ['bytes=-99', '0123456789', 'bytes 0-9/10'],
    ] as const
  ).map(([range, wanted, told]) =>
    inBucket(`answers ${range} of ten bytes with ${told}`, async (s3, Bucket) => {
      await put(s3, Bucket, 'k', '0123456789');
      const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'k', Range: range }));
      expect([await text(got), got.ContentRange, got.$metadata.httpStatusCode]).to.deep.equal([wanted, told, 206]);
    }),
  ),
  inBucket('refuses a range behind the end', async (s3, Bucket) => {
    await put(s3, Bucket, 'k', '0123456789');
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k', Range: 'bytes=10-' })))).to.deep.equal([
      'InvalidRange',
      416,
    ]);
  }),
  inBucket('ignores a range that makes no sense', async (s3, Bucket) => {
    await put(s3, Bucket, 'k', '0123456789');
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k', Range: 'bytes=5-2' })))).to.equal(
      '0123456789',
    );
  }),
];

const CONDITIONS: Case[] = [
  inBucket('answers 304 to If-None-Match with the same ETag', async (s3, Bucket) => {
    const { ETag } = await put(s3, Bucket, 'k');
    expect((await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfNoneMatch: ETag }))))[1]).to.equal(304);
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfNoneMatch: '"other"' })))).to.equal('k');
  }),
  inBucket('answers 412 to If-Match with another ETag', async (s3, Bucket) => {
    const { ETag } = await put(s3, Bucket, 'k');
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfMatch: '"other"' })))).to.deep.equal([
      'PreconditionFailed',
      412,
    ]);
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfMatch: ETag })))).to.equal('k');
  }),
  inBucket(
    'answers 304 to If-Modified-Since in the future and 412 to If-Unmodified-Since in the past',
    async (s3, Bucket) => {
      await put(s3, Bucket, 'k');
      expect(
        (
          await refusal(
            s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfModifiedSince: new Date(Date.now() + 1000) })),
          )
        )[1],
      ).to.equal(304);
      expect(
        (await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfUnmodifiedSince: new Date(0) }))))[1],
      ).to.equal(412);
    },
  ),
  inBucket('puts only if nothing is there', async (s3, Bucket) => {
    const once = () => s3.send(new PutObjectCommand({ Bucket, Key: 'claim', Body: 'mine', IfNoneMatch: '*' }));
    await once();
    expect(await refusal(once())).to.deep.equal(['PreconditionFailed', 412]);
  }),
  inBucket('lets exactly one of many conditional puts win', async (s3, Bucket) => {
    const race = Array.from({ length: 10 }, (_, index) =>
      s3.send(new PutObjectCommand({ Bucket, Key: 'claim', Body: `${index}`, IfNoneMatch: '*' })),
    );
    const outcomes = await Promise.allSettled(race);
    const winner = outcomes.findIndex((each) => each.status === 'fulfilled');
    expect(outcomes.filter((each) => each.status === 'fulfilled')).to.have.length(1);
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'claim' })))).to.equal(`${winner}`);
  }),
  inBucket('puts only onto the ETag it names', async (s3, Bucket) => {
    const { ETag } = await put(s3, Bucket, 'k', 'one');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'two', IfMatch: ETag }));
    expect(
      await refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'three', IfMatch: ETag }))),
    ).to.deep.equal(['PreconditionFailed', 412]);
    expect(
      await refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'absent', Body: 'x', IfMatch: ETag }))),
    ).to.deep.equal(['NoSuchKey', 404]);
  }),
];

const COPIES: Case[] = [
  inBucket('copies an object with its metadata, across prefixes', async (s3, Bucket) => {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'instances/A:i/result/m o.bin',
        Body: 'model',
        ContentType: 'x/y',
        Metadata: { a: '1' },
      }),
    );
    const { CopyObjectResult } = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'models/m', CopySource: `${Bucket}/instances/A%3Ai/result/m%20o.bin` }),
    );
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'models/m' }));
    expect([await text(got), got.ContentType, got.Metadata?.a, got.ETag]).to.deep.equal([
      'model',
      'x/y',
      '1',
      CopyObjectResult?.ETag,
    ]);
  }),
  inBucket('replaces metadata when told to', async (s3, Bucket) => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', Metadata: { a: '1' } }));
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'k',
        CopySource: `${Bucket}/k`,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    );
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).Metadata).to.deep.equal({ b: '2' });
  }),
  inBucket('refuses to copy an object onto itself unchanged', async (s3, Bucket) => {
    await put(s3, Bucket, 'k');
    expect(
      await refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/k` }))),
    ).to.deep.equal(['InvalidRequest', 400]);
  }),
  inBucket('keeps a copy when its source is deleted', async (s3, Bucket) => {
    await put(s3, Bucket, 'a', 'bytes');
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'b' })))).to.equal('bytes');
  }),
  inBucket('says NoSuchKey for a source that is not there', async (s3, Bucket) => {
    expect(
      await refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }))),
    ).to.deep.equal(['NoSuchKey', 404]);
  }),
  inBucket('checks the conditions on the source', async (s3, Bucket) => {
    const { ETag } = await put(s3, Bucket, 'a');
    const copy = (conditions: object) =>
      s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a`, ...conditions }));
    await copy({ CopySourceIfMatch: ETag });
    expect(await refusal(copy({ CopySourceIfMatch: '"other"' }))).to.deep.equal(['PreconditionFailed', 412]);
    expect(await refusal(copy({ CopySourceIfNoneMatch: ETag }))).to.deep.equal(['PreconditionFailed', 412]);
  }),
];

const LISTINGS: Case[] = [
  inBucket('lists keys in the order of their UTF-8 bytes', async (s3, Bucket) => {
    const sorted = ['A', 'a', 'a/', 'a0', 'aa', 'b', 'é', '\uffdc', '🔑'];
    for (const key of [...sorted].reverse()) await put(s3, Bucket, key);
    expect(await keys(s3, Bucket)).to.deep.equal(sorted);
  }),
  inBucket('groups by delimiter below a prefix', async (s3, Bucket) => {
    for (const key of ['p/1', 'p/a/1', 'p/a/2', 'p/b/1', 'q/1']) await put(s3, Bucket, key);
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'p/', Delimiter: '/' }));
    expect(listed.Contents?.map((each) => each.Key)).to.deep.equal(['p/1']);
    expect(listed.CommonPrefixes?.map((each) => each.Prefix)).to.deep.equal(['p/a/', 'p/b/']);
    expect(listed.KeyCount).to.equal(3);
  }),
  inBucket('pages through keys and prefixes without loss or repeat', async (s3, Bucket) => {
    for (const key of ['a', 'b/1', 'b/2', 'c', 'd/1', 'e']) await put(s3, Bucket, key);
    const seen: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 1, ContinuationToken: token }),
      );
      seen.push(
        ...(page.Contents ?? []).map((each) => each.Key),
        ...(page.CommonPrefixes ?? []).map((each) => each.Prefix),
      );
      expect(page.IsTruncated).to.equal(page.NextContinuationToken !== undefined);
      token = page.NextContinuationToken;
    } while (token !== undefined);
    expect(seen).to.deep.equal(['a', 'b/', 'c', 'd/', 'e']);
  }),
  inBucket('starts after a key', async (s3, Bucket) => {
    for (const key of ['a', 'b', 'c']) await put(s3, Bucket, key);
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: 'a' }));
    expect(listed.Contents?.map((each) => each.Key)).to.deep.equal(['b', 'c']);
  }),
  inBucket('lists in the old way, with markers', async (s3, Bucket) => {
    for (const key of ['a', 'b/1', 'b/2', 'c']) await put(s3, Bucket, key);
    const first = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 2 }));
    expect([first.IsTruncated, first.NextMarker]).to.deep.equal([true, 'b/']);
    const second = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', Marker: first.NextMarker }));
    expect(second.Contents?.map((each) => each.Key)).to.deep.equal(['c']);
  }),
  inBucket('answers no keys when none are asked for', async (s3, Bucket) => {
    await put(s3, Bucket, 'a');
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
    expect([listed.KeyCount, listed.IsTruncated]).to.deep.equal([0, false]);
  }),
  inBucket('refuses a negative page size', async (s3, Bucket) => {
    expect(await refusal(s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: -1 })))).to.deep.equal([
      'InvalidArgument',
      400,
    ]);
  }),
];

const UPLOADS: Case[] = [
  inBucket('puts parts together, with a composite ETag', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'big');
    const bodies = [Buffer.alloc(5 * MIB, 'a'), Buffer.from('tail')];
    const Parts = [
      await part(s3, Bucket, 'big', id, 1, bodies[0] as Buffer),
      await part(s3, Bucket, 'big', id, 7, bodies[1] as Buffer),
    ];
    const done = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key: 'big', UploadId: id, MultipartUpload: { Parts } }),
    );
    const md5s = bodies.map((body) => createHash('md5').update(body).digest());
    expect(done.ETag).to.equal(`"${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-2"`);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'big' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Buffer.concat(bodies))).to.equal(true);
    const across = await s3.send(
      new GetObjectCommand({ Bucket, Key: 'big', Range: `bytes=${5 * MIB - 2}-${5 * MIB + 1}` }),
    );
    expect(await text(across)).to.equal('aata');
  }),
  inBucket('answers one part by its number', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'big');
    const Parts = [
      await part(s3, Bucket, 'big', id, 1, Buffer.alloc(5 * MIB, 'a')),
      await part(s3, Bucket, 'big', id, 2, Buffer.from('tail')),
    ];
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'big', UploadId: id, MultipartUpload: { Parts } }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'big', PartNumber: 2 }));
    expect([await text(got), got.PartsCount]).to.deep.equal(['tail', 2]);
  }),
  inBucket('is what lib-storage uploads', async (s3, Bucket) => {
    const Body = Buffer.alloc(11 * MIB, 'xyz');
    await new Upload({ client: s3, params: { Bucket, Key: 'up', Body } }).done();
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'up' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Body)).to.equal(true);
  }),
  inBucket('lists open uploads and their parts, and forgets aborted ones', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'u');
    await part(s3, Bucket, 'u', id, 1, Buffer.from('1'));
    await part(s3, Bucket, 'u', id, 3, Buffer.from('333'));
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads?.map((each) => [each.Key, each.UploadId])).to.deep.equal([['u', id]]);
    const first = await s3.send(new ListPartsCommand({ Bucket, Key: 'u', UploadId: id, MaxParts: 1 }));
    expect([first.Parts?.map((each) => each.PartNumber), first.IsTruncated]).to.deep.equal([[1], true]);
    const second = await s3.send(
      new ListPartsCommand({ Bucket, Key: 'u', UploadId: id, PartNumberMarker: first.NextPartNumberMarker }),
    );
    expect(second.Parts?.map((each) => [each.PartNumber, each.Size])).to.deep.equal([[3, 3]]);
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'u', UploadId: id }));
    expect(await refusal(s3.send(new ListPartsCommand({ Bucket, Key: 'u', UploadId: id })))).to.deep.equal([
      'NoSuchUpload',
      404,
    ]);
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).to.deep.equal([]);
    expect(await keys(s3, Bucket)).to.deep.equal([]);
  }),
  inBucket('refuses small parts before the last', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'u');
    const Parts = [
      await part(s3, Bucket, 'u', id, 1, Buffer.from('1')),
      await part(s3, Bucket, 'u', id, 2, Buffer.from('2')),
    ];
    const done = s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key: 'u', UploadId: id, MultipartUpload: { Parts } }),
    );
    expect(await refusal(done)).to.deep.equal(['EntityTooSmall', 400]);
  }),
  inBucket('refuses parts out of order', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'u');
    const Parts = [
      await part(s3, Bucket, 'u', id, 1, Buffer.from('1')),
      await part(s3, Bucket, 'u', id, 2, Buffer.from('2')),
    ];
    const done = s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: 'u',
        UploadId: id,
        MultipartUpload: { Parts: Parts.reverse() },
      }),
    );
    expect(await refusal(done)).to.deep.equal(['InvalidPartOrder', 400]);
  }),
  inBucket('refuses a part that was not sent, or has another ETag', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'u');
    const one = await part(s3, Bucket, 'u', id, 1, Buffer.from('1'));
    const complete = (Parts: object[]) =>
      s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'u', UploadId: id, MultipartUpload: { Parts } }));
    expect(await refusal(complete([{ ...one, ETag: '"0123456789abcdef0123456789abcdef"' }]))).to.deep.equal([
      'InvalidPart',
      400,
    ]);
    expect(await refusal(complete([{ ...one, PartNumber: 2 }]))).to.deep.equal(['InvalidPart', 400]);
  }),
  inBucket('refuses part number 0 and 10001', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'u');
    for (const number of [0, 10_001])
      expect(await refusal(part(s3, Bucket, 'u', id, number, Buffer.from('x')))).to.deep.equal([
        'InvalidArgument',
        400,
      ]);
  }),
  inBucket('completes only if nothing is there', async (s3, Bucket) => {
    const id = await start(s3, Bucket, 'u');
    const Parts = [await part(s3, Bucket, 'u', id, 1, Buffer.from('1'))];
    await put(s3, Bucket, 'u', 'first');
    const done = s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: 'u',
        UploadId: id,
        MultipartUpload: { Parts },
        IfNoneMatch: '*',
      }),
    );
    expect(await refusal(done)).to.deep.equal(['PreconditionFailed', 412]);
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'u' })))).to.equal('first');
  }),
  inBucket('copies a range of an object as a part', async (s3, Bucket) => {
    await put(s3, Bucket, 'source', '0123456789');
    const id = await start(s3, Bucket, 'u');
    const copied = await s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'u',
        UploadId: id,
        PartNumber: 1,
        CopySource: `${Bucket}/source`,
        CopySourceRange: 'bytes=2-5',
      }),
    );
    const { ETag, ChecksumCRC32 } = copied.CopyPartResult ?? {};
    await s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: 'u',
        UploadId: id,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] },
      }),
    );
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'u' })))).to.equal('2345');
  }),
];

const CHECKSUMS: Case[] = [
  ...(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const).map((algorithm) =>
    inBucket(`keeps and gives back a ${algorithm} checksum`, async (s3, Bucket) => {
      const field = `Checksum${algorithm}` as const;
      const stored = await s3.send(
        new PutObjectCommand({ Bucket, Key: 'k', Body: 'data', ChecksumAlgorithm: algorithm }),
      );
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
      expect(head[field]).to.be.a('string').and.equal(stored[field]);
    }),
  ),
  inBucket('takes a stream, with its checksum behind the data', async (s3, Bucket) => {
    const Body = Readable.from([Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b')]);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body, ContentLength: 200_000, ChecksumAlgorithm: 'CRC32' }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }));
    expect(await text(got)).to.equal('a'.repeat(100_000) + 'b'.repeat(100_000));
    expect(got.ContentEncoding ?? '').to.equal('');
  }),
  inBucket('refuses data whose checksum is another one', async (s3, Bucket) => {
    const made = s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'data', ChecksumCRC32: 'AAAAAA==' }));
    expect(await refusal(made)).to.deep.equal(['BadDigest', 400]);
    expect(await keys(s3, Bucket)).to.deep.equal([]);
  }),
  inBucket('refuses data whose MD5 is another one', async (s3, Bucket) => {
    const made = s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'k',
        Body: 'data',
        ContentMD5: createHash('md5').update('other').digest('base64'),
      }),
    );
    expect(await refusal(made)).to.deep.equal(['BadDigest', 400]);
  }),
];

const VERSIONS: Case[] = [
  inBucket('keeps versions and lists them newest first', async (s3, Bucket) => {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).to.equal('Enabled');
    const one = await put(s3, Bucket, 'k', 'one');
    const two = await put(s3, Bucket, 'k', 'two');
    expect(one.VersionId).to.be.a('string').and.not.equal(two.VersionId);
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).to.equal('two');
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId: one.VersionId })))).to.equal(
      'one',
    );
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions?.map((each) => [each.VersionId, each.IsLatest])).to.deep.equal([
      [two.VersionId, true],
      [one.VersionId, false],
    ]);
  }),
  inBucket('hides an object behind a delete marker and brings it back', async (s3, Bucket) => {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    await put(s3, Bucket, 'k', 'one');
    const marker = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(marker.DeleteMarker).to.equal(true);
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).to.deep.equal(['NoSuchKey', 404]);
    expect(await keys(s3, Bucket)).to.deep.equal([]);
    expect(
      (await s3.send(new ListObjectVersionsCommand({ Bucket }))).DeleteMarkers?.map((each) => each.VersionId),
    ).to.deep.equal([marker.VersionId]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: marker.VersionId }));
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).to.equal('one');
  }),
  inBucket('says MethodNotAllowed when a delete marker is read by its id', async (s3, Bucket) => {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    await put(s3, Bucket, 'k', 'one');
    const { VersionId } = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId })))).to.deep.equal([
      'MethodNotAllowed',
      405,
    ]);
  }),
  inBucket('says NoSuchVersion for a version that is not there', async (s3, Bucket) => {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const { VersionId } = await put(s3, Bucket, 'other');
    await put(s3, Bucket, 'k');
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId })))).to.deep.equal([
      'NoSuchVersion',
      404,
    ]);
  }),
];

const SETTINGS: Case[] = [
  inBucket('keeps lifecycle rules', async (s3, Bucket) => {
    expect(await refusal(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })))).to.deep.equal([
      'NoSuchLifecycleConfiguration',
      404,
    ]);
    const Rules = [
      { ID: 'datasets', Status: 'Enabled' as const, Filter: { Prefix: 'datasets/' }, Expiration: { Days: 90 } },
      {
        ID: 'models',
        Status: 'Enabled' as const,
        Filter: { Prefix: 'models/' },
        Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' as const }],
        Expiration: { Days: 180 },
      },
      {
        ID: 'uploads',
        Status: 'Enabled' as const,
        Filter: { Prefix: '' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
        NoncurrentVersionExpiration: { NoncurrentDays: 30 },
      },
    ];
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
    expect((await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules).to.deep.equal(Rules);
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await refusal(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })))).to.deep.equal([
      'NoSuchLifecycleConfiguration',
      404,
    ]);
  }),
  inBucket('encrypts by default with AES256, or as the bucket says', async (s3, Bucket) => {
    expect((await put(s3, Bucket, 'a')).ServerSideEncryption).to.equal('AES256');
    const rule = {
      ApplyServerSideEncryptionByDefault: {
        SSEAlgorithm: 'aws:kms' as const,
        KMSMasterKeyID: 'arn:aws:kms:eu-west-1:000000000000:key/k',
      },
      BucketKeyEnabled: true,
    };
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }));
    expect(
      (await s3.send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration?.Rules?.[0],
    ).to.deep.include(rule);
    await put(s3, Bucket, 'b');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'b' }));
    expect([head.ServerSideEncryption, head.SSEKMSKeyId]).to.deep.equal([
      'aws:kms',
      rule.ApplyServerSideEncryptionByDefault.KMSMasterKeyID,
    ]);
  }),
  inBucket('blocks public access from the start', async (s3, Bucket) => {
    const all = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };
    expect((await s3.send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration).to.deep.equal(
      all,
    );
  }),
  inBucket('changes and removes the public access block', async (s3, Bucket) => {
    const some = {
      BlockPublicAcls: true,
      IgnorePublicAcls: false,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: false,
    };
    await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: some }));
    expect((await s3.send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration).to.deep.equal(
      some,
    );
    await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
    expect(await refusal(s3.send(new GetPublicAccessBlockCommand({ Bucket })))).to.deep.equal([
      'NoSuchPublicAccessBlockConfiguration',
      404,
    ]);
  }),
  inBucket('lets the bucket owner own every object', async (s3, Bucket) => {
    const { OwnershipControls } = await s3.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    expect(OwnershipControls?.Rules?.[0]?.ObjectOwnership).to.equal('BucketOwnerEnforced');
  }),
  inBucket('keeps, gives back and deletes a bucket policy', async (s3, Bucket) => {
    expect(await refusal(s3.send(new GetBucketPolicyCommand({ Bucket })))).to.deep.equal(['NoSuchBucketPolicy', 404]);
    const statement = {
      Sid: 'Tls',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    expect(JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? '')).to.deep.equal(
      JSON.parse(Policy),
    );
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
    expect(await refusal(s3.send(new GetBucketPolicyCommand({ Bucket })))).to.deep.equal(['NoSuchBucketPolicy', 404]);
  }),
  inBucket('refuses a policy that is not JSON', async (s3, Bucket) => {
    expect(await refusal(s3.send(new PutBucketPolicyCommand({ Bucket, Policy: 'Deny all' })))).to.deep.equal([
      'MalformedPolicy',
      400,
    ]);
  }),
  inBucket('keeps tags of a bucket', async (s3, Bucket) => {
    expect(await refusal(s3.send(new GetBucketTaggingCommand({ Bucket })))).to.deep.equal(['NoSuchTagSet', 404]);
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }));
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).to.deep.equal([{ Key: 'a', Value: 'b' }]);
  }),
];

const PRESIGNED: Case[] = [
  inBucket('serves a presigned GET with the headers it asks for', async (s3, Bucket) => {
    await put(s3, Bucket, 'my data.csv', 'a,b');
    const url = await getSignedUrl(
      s3,
      new GetObjectCommand({
        Bucket,
        Key: 'my data.csv',
        ResponseContentDisposition: 'attachment; filename="x.csv"',
        ResponseContentType: 'text/csv',
      }),
      { expiresIn: 60 },
    );
    const response = await fetch(url);
    expect([
      response.status,
      await response.text(),
      response.headers.get('content-disposition'),
      response.headers.get('content-type'),
    ]).to.deep.equal([200, 'a,b', 'attachment; filename="x.csv"', 'text/csv']);
  }),
  inBucket('takes a presigned PUT', async (s3, Bucket, subject) => {
    const presigner = subject.s3({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const url = await getSignedUrl(presigner, new PutObjectCommand({ Bucket, Key: 'up' }), { expiresIn: 60 });
    expect((await fetch(url, { method: 'PUT', body: 'payload' })).status).to.equal(200);
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'up' })))).to.equal('payload');
  }),
  inBucket('takes presigned parts', async (s3, Bucket, subject) => {
    const presigner = subject.s3({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const { UploadId } = await presigner.send(new CreateMultipartUploadCommand({ Bucket, Key: 'up' }));
    const url = await getSignedUrl(presigner, new UploadPartCommand({ Bucket, Key: 'up', UploadId, PartNumber: 1 }), {
      expiresIn: 60,
    });
    const response = await fetch(url, { method: 'PUT', body: 'payload' });
    const ETag = response.headers.get('etag') ?? '';
    await presigner.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: 'up',
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
    expect(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'up' })))).to.equal('payload');
  }),
  inBucket('refuses a presigned URL for another key', async (s3, Bucket) => {
    await put(s3, Bucket, 'mine');
    await put(s3, Bucket, 'your');
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'mine' }), { expiresIn: 60 });
    const response = await fetch(url.replace('/mine?', '/your?'));
    expect([response.status, (await response.text()).includes('<Code>SignatureDoesNotMatch</Code>')]).to.deep.equal([
      403,
      true,
    ]);
  }),
  inBucket('refuses a presigned GET used to PUT', async (s3, Bucket) => {
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'k' }), { expiresIn: 60 });
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).to.equal(403);
  }),
  inBucket('refuses a presigned URL whose time is over', async (s3, Bucket) => {
    await put(s3, Bucket, 'k');
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'k' }), {
      expiresIn: 60,
      signingDate: new Date(Date.now() - 120_000),
    });
    const response = await fetch(url);
    expect([response.status, /<Code>AccessDenied<.*Request has expired/s.test(await response.text())]).to.deep.equal([
      403,
      true,
    ]);
  }),
];

const DEVIATIONS = {
  moto: {
    'refuses a bucket name with an underscore': 'names are hardly checked',
    'deletes many objects at once': 'Quiet is ignored',
    'checks the conditions on the source': 'CopySourceIf* is ignored',
    'lists in the old way, with markers': 'common prefixes do not count',
    'refuses a negative page size': 'answers 500',
    'answers one part by its number': 'answers the whole object',
    'refuses parts out of order': 'complains about their size instead',
    'refuses part number 0 and 10001': '0 is not checked before the upload is looked up',
    'refuses data whose checksum is another one': 'checksums are not verified',
    'refuses data whose MD5 is another one': 'Content-MD5 is not verified',
    'says MethodNotAllowed when a delete marker is read by its id': 'says NoSuchVersion',
    'encrypts by default with AES256, or as the bucket says': 'no encryption by default',
    'blocks public access from the start': 'buckets are as before April 2023',
    'lets the bucket owner own every object': 'buckets are as before April 2023',
    'refuses a policy that is not JSON': 'any text is a policy',
    'refuses a presigned URL for another key': 'signatures are not verified',
    'refuses a presigned GET used to PUT': 'signatures are not verified',
    'refuses a presigned URL whose time is over': 'expiry is not checked',
  },
  ministack: {
    'ignores a range that makes no sense': 'answers 416',
    'refuses to copy an object onto itself unchanged': 'copies',
    'answers no keys when none are asked for': 'says the listing is truncated',
    'refuses a negative page size': 'answers',
    'refuses small parts before the last': 'takes them',
    'refuses parts out of order': 'takes them',
    'keeps and gives back a CRC32 checksum': 'not echoed by PUT',
    'keeps and gives back a CRC32C checksum': 'not echoed by PUT',
    'keeps and gives back a CRC64NVME checksum': 'not echoed by PUT',
    'keeps and gives back a SHA1 checksum': 'not echoed by PUT',
    'keeps and gives back a SHA256 checksum': 'not echoed by PUT',
    'encrypts by default with AES256, or as the bucket says': 'no encryption by default',
    'blocks public access from the start': 'buckets are as before April 2023',
    'refuses a policy that is not JSON': 'any text is a policy',
  },
};

describeContract('S3', DEVIATIONS, [
  ...BUCKETS,
  ...OBJECTS,
  ...RANGES,
  ...CONDITIONS,
  ...COPIES,
  ...LISTINGS,
  ...UPLOADS,
  ...CHECKSUMS,
  ...VERSIONS,
  ...SETTINGS,
  ...PRESIGNED,
]);
