// What the bot may do (row 7.2): put users' uploads, list what is theirs, presign downloads. Nothing in EC2 or Lambda.
import { bucketArn, bucketKey, objects, policy, type Facts, type PolicyDocument } from './document.ts';

export function botPolicy(facts: Facts): PolicyDocument {
  const { bucket } = facts;
  return policy(
    ...bucketKey(facts),
    {
      Sid: 'List',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [bucketArn(bucket)],
      Condition: { StringLike: { 's3:prefix': ['datasets/user_*', 'models/user_*', 'predictions/user_*'] } },
    },
    {
      Sid: 'Uploads',
      Effect: 'Allow',
      Action: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      ],
      Resource: objects(bucket, 'datasets/user_*'),
    },
    {
      Sid: 'Downloads',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: objects(bucket, 'models/user_*', 'predictions/user_*'),
    },
  );
}
