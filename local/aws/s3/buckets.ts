// Buckets themselves: create, list, head, delete. What can be set on them is in settings.ts.
import type { AwsResponse } from '../service.ts';
import { childText } from '../protocol/xml.ts';
import { readXml, type S3Call, S3Error, xmlAnswer } from './call.ts';
import type { StoreRecord } from './records.ts';
import { noSuchBucket, type Store } from './store.ts';

/** New buckets block public access, as AWS's have since 2023. */
export const ALL_BLOCKED = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

export async function createBucket(store: Store, call: S3Call): Promise<AwsResponse> {
  const { bucket: name } = call;
  if (!isBucketName(name))
    throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', 400, { BucketName: name });
  if (store.state.buckets.has(name)) {
    await store.allow(call, 's3:CreateBucket');
    throw alreadyOwned(name);
  }
  await store.allow(call, 's3:CreateBucket').catch((error: unknown) => {
    if (!(error instanceof S3Error && error.code === 'NoSuchBucket')) throw error;
  });
  const body = (await call.request.body()).toString();
  const location =
    body === '' ? undefined : childText(readXml(body, 'CreateBucketConfiguration'), 'LocationConstraint');
  if ((location ?? 'us-east-1') !== store.region) {
    throw new S3Error(
      'IllegalLocationConstraintException',
      `The ${location ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`,
      400,
    );
  }
  await store.journal.commit((state) => {
    if (state.buckets.has(name)) throw alreadyOwned(name);
    const records: StoreRecord[] = [
      { t: 'bucket', b: name, at: store.now() },
      { t: 'setting', b: name, name: 'publicAccessBlock', value: JSON.stringify(ALL_BLOCKED) },
      { t: 'setting', b: name, name: 'ownershipControls', value: 'BucketOwnerEnforced' },
    ];
    return { records, answer: undefined };
  });
  return { status: 200, headers: { location: `/${name}`, 'x-amz-bucket-arn': `arn:aws:s3:::${name}` } };
}

function alreadyOwned(name: string): S3Error {
  return new S3Error(
    'BucketAlreadyOwnedByYou',
    'Your previous request to create the named bucket succeeded and you already own it.',
    409,
    { BucketName: name },
  );
}

/** 3–63 characters, labels of lower-case letters, digits and hyphens; not an IP address. */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !/\.\.|\.-|-\./.test(name) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3)$/.test(name)
  );
}

export async function headBucket(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListBucket');
  return {
    status: 200,
    headers: {
      'x-amz-bucket-region': store.region,
      'x-amz-access-point-alias': 'false',
      'content-type': 'application/xml',
    },
  };
}

export async function deleteBucket(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:DeleteBucket');
  await store.journal.commit((state) => {
    const bucket = state.buckets.get(call.bucket);
    if (!bucket) throw noSuchBucket(call.bucket);
    if (bucket.versions.size > 0) {
      const versioned = bucket.settings.has('versioning') ? ' You must delete all versions in the bucket.' : '';
      throw new S3Error('BucketNotEmpty', `The bucket you tried to delete is not empty.${versioned}`, 409, {
        BucketName: call.bucket,
      });
    }
    const aborts = [...state.uploads.values()].filter((each) => each.bucket === call.bucket);
    const records: StoreRecord[] = [
      ...aborts.map(({ id }) => ({ t: 'abort', id }) as const),
      { t: 'drop', b: call.bucket },
    ];
    return { records, answer: undefined };
  });
  return { status: 204 };
}

export async function listBuckets(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:ListAllMyBuckets', '');
  const prefix = call.parameter('prefix') ?? '';
  const max = call.count('max-buckets', 10_000, 1);
  const after = call.parameter('continuation-token') ?? '';
  const behind = [...store.state.buckets.values()]
    .filter((each) => each.name.startsWith(prefix) && each.name > after)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = behind.slice(0, max);
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: { ID: store.accountId },
    Buckets: {
      Bucket: page.map((each) => ({
        Name: each.name,
        CreationDate: new Date(each.createdAt),
        BucketRegion: store.region,
      })),
    },
    Prefix: prefix === '' ? undefined : prefix,
    ContinuationToken: behind.length > page.length ? page.at(-1)?.name : undefined,
  });
}

export async function bucketLocation(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:GetBucketLocation');
  return xmlAnswer('LocationConstraint', store.region === 'us-east-1' ? '' : store.region);
}
