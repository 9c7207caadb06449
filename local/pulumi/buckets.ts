// S3 as the program declares it: buckets, their settings, the code uploaded into them.
import { readFileSync } from 'node:fs';
import {
  CreateBucketCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketLoggingCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  type BucketLocationConstraint,
  type LifecycleRule,
  type S3Client,
  type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3';
import { pascal, text, type Inputs } from './inputs.ts';
import type { Made } from './made.ts';
import { unlessThere } from './there.ts';

type Make = (s3: S3Client, inputs: Inputs, region: string) => Promise<Made>;

const setting =
  (put: (s3: S3Client, Bucket: string, inputs: Inputs) => Promise<unknown>): Make =>
  async (s3, inputs) => {
    const Bucket = text(inputs, 'bucket');
    await put(s3, Bucket, inputs);
    return { id: Bucket, state: {} };
  };

export const BUCKETS: Readonly<Record<string, Make>> = {
  'aws:s3/bucket:Bucket': async (s3, inputs, region) => {
    const Bucket = text(inputs, 'bucket');
    const LocationConstraint = region as BucketLocationConstraint;
    await unlessThere(
      s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint } })),
      ...['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'],
    );
    return { id: Bucket, state: { bucket: Bucket, arn: `arn:aws:s3:::${Bucket}` } };
  },
  'aws:s3/bucketVersioning:BucketVersioning': setting((s3, Bucket, { versioningConfiguration }) =>
    s3.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: pascal(versioningConfiguration) as object }),
    ),
  ),
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': setting(
    (s3, Bucket, { rules }) => {
      const Rules = (rules as { applyServerSideEncryptionByDefault: Inputs; bucketKeyEnabled?: boolean }[]).map(
        ({ applyServerSideEncryptionByDefault: { sseAlgorithm, kmsMasterKeyId }, bucketKeyEnabled }) =>
          ({
            ApplyServerSideEncryptionByDefault: { SSEAlgorithm: sseAlgorithm, KMSMasterKeyID: kmsMasterKeyId },
            BucketKeyEnabled: bucketKeyEnabled,
          }) as ServerSideEncryptionRule,
      );
      return s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }));
    },
  ),
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': setting((s3, Bucket, { bucket: _, ...block }) =>
    s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: pascal(block) as object })),
  ),
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': setting((s3, Bucket, { rule }) =>
    s3.send(
      new PutBucketOwnershipControlsCommand({
        Bucket,
        OwnershipControls: { Rules: [pascal(rule) as { ObjectOwnership: 'BucketOwnerEnforced' }] },
      }),
    ),
  ),
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': setting((s3, Bucket, { rules }) => {
    // S3 writes `ID` where the provider writes `id`.
    const Rules = (rules as Inputs[]).map(
      ({ id, ...rule }) => ({ ID: id, ...(pascal(rule) as object) }) as LifecycleRule,
    );
    return s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  }),
  'aws:s3/bucketPolicy:BucketPolicy': setting((s3, Bucket, inputs) =>
    s3.send(new PutBucketPolicyCommand({ Bucket, Policy: text(inputs, 'policy') })),
  ),
  'aws:s3/bucketLogging:BucketLogging': setting((s3, Bucket, inputs) =>
    s3.send(
      new PutBucketLoggingCommand({
        Bucket,
        BucketLoggingStatus: {
          LoggingEnabled: { TargetBucket: text(inputs, 'targetBucket'), TargetPrefix: text(inputs, 'targetPrefix') },
        },
      }),
    ),
  ),
  'aws:s3/bucketObjectv2:BucketObjectv2': async (s3, inputs) => {
    const [Bucket, Key] = [text(inputs, 'bucket'), text(inputs, 'key')];
    // Named by its content: what is there is the same.
    if (!(await unlessThere(s3.send(new HeadObjectCommand({ Bucket, Key })), 'NotFound'))) {
      const { path } = inputs['source'] as { path: string | Promise<string> };
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: readFileSync(await path) }));
    }
    return { id: Key, state: { key: Key } };
  },
};
