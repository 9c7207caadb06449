// Lifecycle rules carried out: years in one call, because the executor is given the time.
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type LifecycleRule,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { refusal } from '../../../contract/aws/oracles.ts';
import { Stand } from '../stand.ts';

const DAY_MS = 86_400_000;
const Bucket = 'aging';

describe('S3 lifecycle', () => {
  let stand: Stand;
  let s3: S3Client;
  beforeEach(async () => {
    stand = await Stand.start();
    s3 = stand.s3();
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterEach(() => stand.close());

  const rules = (...Rules: Partial<LifecycleRule>[]) =>
    s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: {
          Rules: Rules.map((rule) => ({ Status: 'Enabled', Filter: { Prefix: '' }, ...rule })),
        },
      }),
    );
  const put = (Key: string, more: object = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
  const keys = async () =>
    ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map((each) => each.Key);
  const versioned = () =>
    s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const after = (days: number) => stand.aws.s3.runLifecycle(Date.now() + days * DAY_MS);

  it('expires objects of a prefix, at the midnight after their day', async () => {
    await rules({ ID: 'datasets', Filter: { Prefix: 'datasets/' }, Expiration: { Days: 90 } });
    await put('datasets/a');
    await put('models/a');
    await after(90);
    expect(await keys()).to.deep.equal(['datasets/a', 'models/a']);
    expect((await after(91)).expired).to.equal(1);
    expect(await keys()).to.deep.equal(['models/a']);
  });

  it('moves models to Glacier Instant Retrieval, from which they are still read, then expires them', async () => {
    await rules({
      Filter: { Prefix: 'models/' },
      Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' }],
      Expiration: { Days: 180 },
    });
    await put('models/m');
    expect((await after(31)).transitioned).to.equal(1);
    expect((await after(32)).transitioned).to.equal(0);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'models/m' }));
    expect([got.StorageClass, await got.Body?.transformToString()]).to.deep.equal(['GLACIER_IR', 'x']);
    await after(181);
    expect(await keys()).to.deep.equal([]);
  });

  it('makes an object in the archive unreadable', async () => {
    await rules({ Transitions: [{ Days: 1, StorageClass: 'GLACIER' }] });
    await put('k');
    await after(2);
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).to.deep.equal([
      'InvalidObjectState',
      403,
    ]);
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).StorageClass).to.equal('GLACIER');
  });

  it('aborts uploads that nobody finished', async () => {
    await rules({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } });
    await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'u' }));
    expect((await after(0)).aborted).to.equal(0);
    expect((await after(2)).aborted).to.equal(1);
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).to.deep.equal([]);
  });

  it('hides expired objects of a versioned bucket, and drops old versions later', async () => {
    await versioned();
    await rules({ Expiration: { Days: 10 }, NoncurrentVersionExpiration: { NoncurrentDays: 30 } });
    await put('k');
    await put('k');
    await after(11);
    expect(await keys()).to.deep.equal([]);
    const listed = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect([listed.Versions?.length, listed.DeleteMarkers?.length]).to.deep.equal([2, 1]);
    expect((await after(45)).noncurrentExpired).to.equal(2);
  });

  it('keeps the newest noncurrent versions when told to, and moves the others', async () => {
    await versioned();
    await rules({
      NoncurrentVersionExpiration: { NoncurrentDays: 5, NewerNoncurrentVersions: 1 },
      NoncurrentVersionTransitions: [{ NoncurrentDays: 1, StorageClass: 'STANDARD_IA' }],
    });
    for (let count = 0; count < 3; count++) await put('k');
    expect((await after(2)).transitioned).to.equal(2);
    expect((await after(7)).noncurrentExpired).to.equal(1);
    expect(
      (await s3.send(new ListObjectVersionsCommand({ Bucket }))).Versions?.map((each) => each.StorageClass),
    ).to.deep.equal(['STANDARD', 'STANDARD_IA']);
  });

  it('removes a delete marker with nothing behind it', async () => {
    await versioned();
    await rules({ Expiration: { ExpiredObjectDeleteMarker: true } });
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'never' }));
    await after(1);
    expect((await s3.send(new ListObjectVersionsCommand({ Bucket }))).DeleteMarkers ?? []).to.deep.equal([]);
  });

  it('chooses by tag and size, by date, and not when disabled', async () => {
    await put('tagged', { Tagging: 'keep=no' });
    await put('big', { Body: 'x'.repeat(100) });
    await put('small');
    await rules(
      { ID: 't', Filter: { Tag: { Key: 'keep', Value: 'no' } }, Expiration: { Days: 1 } },
      {
        ID: 's',
        Filter: { And: { Prefix: 'b', ObjectSizeGreaterThan: 50, ObjectSizeLessThan: 200 } },
        Expiration: { Date: new Date('2026-01-01T00:00:00Z') },
      },
      { ID: 'd', Status: 'Disabled', Expiration: { Days: 1 } },
    );
    await after(3);
    expect(await keys()).to.deep.equal(['small']);
    const { Rules } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(Rules?.[1]?.Filter).to.deep.equal({
      And: { Prefix: 'b', ObjectSizeGreaterThan: 50, ObjectSizeLessThan: 200 },
    });
    expect(Rules?.[1]?.Expiration?.Date?.toISOString()).to.equal('2026-01-01T00:00:00.000Z');
  });

  for (const [what, rule, code] of [
    ['without an action', {}, 'InvalidRequest'],
    ['with zero days', { Expiration: { Days: 0 } }, 'InvalidArgument'],
    [
      'with a transition to an unknown class',
      { Transitions: [{ Days: 1, StorageClass: 'COLD' as 'GLACIER' }] },
      'MalformedXML',
    ],
    [
      'with infrequent access before 30 days',
      { Transitions: [{ Days: 3, StorageClass: 'STANDARD_IA' }] },
      'InvalidArgument',
    ],
    [
      'that expires before it moves',
      { Transitions: [{ Days: 30, StorageClass: 'GLACIER' }], Expiration: { Days: 20 } },
      'InvalidArgument',
    ],
    [
      'that aborts uploads by tag',
      { Filter: { Tag: { Key: 'a', Value: 'b' } }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
      'InvalidRequest',
    ],
    ['with a date that is not midnight', { Expiration: { Date: new Date('2026-01-01T01:00:00Z') } }, 'InvalidArgument'],
    ['with an odd status', { Status: 'On' as 'Enabled', Expiration: { Days: 1 } }, 'MalformedXML'],
    ['with an endless id', { ID: 'x'.repeat(256), Expiration: { Days: 1 } }, 'InvalidRequest'],
  ] as [string, Partial<LifecycleRule>, string][]) {
    it(`refuses a rule ${what}`, async () => {
      expect((await refusal(rules(rule)))[0]).to.equal(code);
    });
  }

  it('refuses two rules of one id', async () => {
    expect(
      (await refusal(rules({ ID: 'a', Expiration: { Days: 1 } }, { ID: 'a', Expiration: { Days: 2 } })))[0],
    ).to.equal('InvalidRequest');
  });
});
