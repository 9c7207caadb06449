// Who may write access logs: S3 itself, for the one bucket.
import { bucketArn, objects, policy, type Facts, type PolicyDocument } from './document.ts';

export function logsBucketPolicy({ bucket, accountId }: Facts): PolicyDocument {
  const logs = `${bucket}-log`;
  return policy(
    {
      Sid: 'AccessLogs',
      Effect: 'Allow',
      Principal: { Service: ['logging.s3.amazonaws.com'] },
      Action: ['s3:PutObject'],
      Resource: objects(logs, 'access/*'),
      Condition: {
        StringEquals: { 'aws:SourceAccount': accountId },
        ArnEquals: { 'aws:SourceArn': bucketArn(bucket) },
      },
    },
    {
      Sid: 'DenyWithoutTls',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Resource: [bucketArn(logs), ...objects(logs, '*')],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  );
}
