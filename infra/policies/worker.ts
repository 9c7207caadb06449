// What a training instance may do (row 7.2): its own prefix, the worker's code, its own kind of log stream. Nothing in EC2.
import { bucketArn, objects, policy, type Installation, type PolicyDocument } from './document.ts';

export function workerPolicy({ bucket, region, accountId, logGroup }: Installation): PolicyDocument {
  return policy(
    {
      Sid: 'OwnPrefix',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
      // aws:userid of an instance role is `<role id>:<instance id>`: one instance can't reach another's prefix.
      Resource: objects(bucket, 'instances/${aws:userid}/*'),
    },
    {
      // Without it S3 answers 403 instead of 404 for a ticket that is not there yet.
      Sid: 'SeeOwnPrefix',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [bucketArn(bucket)],
      Condition: { StringLike: { 's3:prefix': ['instances/${aws:userid}/*'] } },
    },
    { Sid: 'Code', Effect: 'Allow', Action: ['s3:GetObject'], Resource: objects(bucket, 'artefacts/worker/*') },
    {
      // A stream is named `instance-<id>`, which no policy variable can express: any instance's stream of this one group.
      Sid: 'Log',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: [`arn:aws:logs:${region}:${accountId}:log-group:${logGroup}:log-stream:instance-*`],
    },
  );
}
