// The most that any role of the installation may ever do, whatever is attached to it later: the services it lives from, in its region;
// never identities, never its own fence.
import { roleArn, policy, type Facts, type PolicyDocument } from './document.ts';

export function permissionsBoundary({ region, accountId, roles }: Facts): PolicyDocument {
  return policy(
    {
      Sid: 'Services',
      Effect: 'Allow',
      Action: ['ec2:*', 's3:*', 'lambda:InvokeFunction', 'lambda:GetFunctionConfiguration', 'logs:*', 'sqs:*'],
      Resource: ['*'],
      Condition: { StringEquals: { 'aws:RequestedRegion': region } },
    },
    {
      Sid: 'BucketKey',
      Effect: 'Allow',
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: [`arn:aws:kms:${region}:${accountId}:key/*`],
      Condition: { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } },
    },
    {
      Sid: 'PassWorkerRole',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [roleArn(accountId, roles.worker)],
      Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    },
  );
}
