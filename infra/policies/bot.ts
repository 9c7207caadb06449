// What the bot may do (row 7.2): put users' uploads, list what is theirs, presign downloads. Nothing in EC2 or Lambda.
import { bucketArn, bucketKey, objects, policy, usersOf, type Facts, type PolicyDocument } from './document.ts';

export function botPolicy(facts: Facts): PolicyDocument {
  const { bucket } = facts;
  const { datasets, models, predictions } = usersOf(facts);
  return policy(
    ...bucketKey(facts),
    {
      // Results are not listed, but without it S3 says of one that is not there any more that it may not be read.
      Sid: 'List',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [bucketArn(bucket)],
      Condition: { StringLike: { 's3:prefix': [datasets, models, predictions] } },
    },
    {
      Sid: 'Uploads',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      Resource: objects(bucket, datasets),
    },
    {
      Sid: 'Downloads',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: objects(bucket, models, predictions),
    },
    {
      // Append only.
      Sid: 'Audit',
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource: objects(bucket, 'audit/*'),
    },
  );
}
