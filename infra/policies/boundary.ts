// The most that any role of the installation may ever do, whatever is attached to it later: what the four roles need together, in the
// installation's region. Its denials hold even where another resource's policy names a session of ours; its silence would not.
import { bucketArn, bucketKey, objects, policy, roleArn, type Facts, type PolicyDocument } from './document.ts';

export function permissionsBoundary(facts: Facts): PolicyDocument {
  const { region, accountId, bucket, logGroup, functionName, queueName, roles } = facts;
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${accountId}:${resource}`;
  const lambda = arn('lambda', `function:${functionName}`);
  return policy(
    ...bucketKey(facts),
    {
      Sid: 'Machines',
      Effect: 'Allow',
      Action: [
        ...['ec2:CreateFleet', 'ec2:RunInstances', 'ec2:CreateTags', 'ec2:TerminateInstances', 'ec2:DeleteVolume'],
        'ec2:Describe*',
      ],
      Resource: ['*'],
    },
    {
      Sid: 'Data',
      Effect: 'Allow',
      Action: [
        ...['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
        ...['s3:ListBucket', 's3:ListBucketMultipartUploads', 's3:ListMultipartUploadParts'],
      ],
      Resource: [bucketArn(bucket), ...objects(bucket, '*')],
    },
    {
      Sid: 'Function',
      Effect: 'Allow',
      Action: ['lambda:InvokeFunction', 'lambda:GetFunctionConfiguration'],
      Resource: [lambda, `${lambda}:*`],
    },
    {
      Sid: 'Logs',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:FilterLogEvents'],
      Resource: [logGroup, `/aws/lambda/${functionName}`].flatMap((group) => [
        arn('logs', `log-group:${group}`),
        arn('logs', `log-group:${group}:*`),
      ]),
    },
    {
      Sid: 'Notices',
      Effect: 'Allow',
      Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      Resource: [arn('sqs', queueName)],
    },
    {
      // Volumes are encrypted by the key that EC2 keeps for the account, whose own policy lets everybody in the account use it.
      Sid: 'VolumeKey',
      Effect: 'Allow',
      Action: [
        ...['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKeyWithoutPlaintext'],
        ...['kms:ReEncryptFrom', 'kms:ReEncryptTo'],
      ],
      Resource: [arn('kms', 'key/*')],
      Condition: { StringEquals: { 'kms:ViaService': `ec2.${region}.amazonaws.com` } },
    },
    {
      Sid: 'PassWorkerRole',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [roleArn(accountId, roles.worker)],
    },
    {
      // No identity but its own, not even where another role trusts it: so it can neither lift this fence nor step around it.
      Sid: 'NeverIdentities',
      Effect: 'Deny',
      Action: ['iam:*', 'sts:AssumeRole', 'sts:GetFederationToken', 'organizations:*', 'account:*'],
      Resource: ['*'],
      // The key is there when a role is passed, and only then.
      Condition: { StringNotEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    },
    {
      Sid: 'NeverElsewhere',
      Effect: 'Deny',
      Action: ['ec2:*', 's3:*', 'lambda:*', 'logs:*', 'sqs:*'],
      Resource: ['*'],
      Condition: { StringNotEquals: { 'aws:RequestedRegion': region } },
    },
  );
}
