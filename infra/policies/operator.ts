// What the operator may do (row 7.2): launch only our template with our tags, end only what carries them, read data, write
// results, append to the ledger, invoke the one function.
import { TAG } from '../../cloud/tags.ts';
import {
  bucketArn,
  bucketKey,
  objects,
  policy,
  roleArn,
  usersOf,
  type Installation,
  type PolicyDocument,
  type Statement,
} from './document.ts';

export function operatorPolicy(installation: Installation): PolicyDocument {
  return policy(
    ...launching(installation),
    ...ending(installation),
    ...storage(installation),
    ...serving(installation),
  );
}

function launching({ name, region, accountId, launchTemplateId, imageIds, roles }: Installation): Statement[] {
  const ec2 = (resource: string) => `arn:aws:ec2:${region}:${accountId}:${resource}`;
  const template = ec2(`launch-template/${launchTemplateId}`);
  const tagged = { StringEquals: { [`aws:RequestTag/${TAG.installation}`]: name } };
  const byTemplate = { ArnEquals: { 'ec2:LaunchTemplate': template } };
  // Images have no account in their ARN.
  const images = (imageIds ?? ['*']).map((id) => `arn:aws:ec2:${region}::image/${id}`);
  return [
    {
      Sid: 'Fleet',
      Effect: 'Allow',
      Action: ['ec2:CreateFleet'],
      Resource: [ec2('fleet/*'), ec2('instance/*'), ec2('volume/*')],
      Condition: tagged,
    },
    {
      // CreateFleet does not know the condition ec2:LaunchTemplate: here the template is a resource like the others.
      Sid: 'FleetWith',
      Effect: 'Allow',
      Action: ['ec2:CreateFleet'],
      Resource: [template, ec2('subnet/*'), ...images],
    },
    {
      // A fleet launches by RunInstances in the caller's name, which says by which template.
      Sid: 'LaunchTagged',
      Effect: 'Allow',
      Action: ['ec2:RunInstances'],
      Resource: [ec2('instance/*'), ec2('volume/*')],
      Condition: { ...tagged, ...byTemplate },
    },
    {
      Sid: 'LaunchWith',
      Effect: 'Allow',
      Action: ['ec2:RunInstances'],
      Resource: [template, ec2('subnet/*'), ec2('security-group/*'), ec2('network-interface/*'), ...images],
      Condition: byTemplate,
    },
    {
      // Never without an instance. EC2 does not say of a Spot request by which template it comes, and it has tags only where the
      // template names some, which an on-demand launch refuses.
      Sid: 'LaunchSpot',
      Effect: 'Allow',
      Action: ['ec2:RunInstances'],
      Resource: [ec2('spot-instances-request/*')],
    },
    {
      Sid: 'TagAtLaunch',
      Effect: 'Allow',
      Action: ['ec2:CreateTags'],
      Resource: [ec2('fleet/*'), ec2('instance/*'), ec2('volume/*'), ec2('spot-instances-request/*')],
      Condition: {
        StringEquals: {
          'ec2:CreateAction': ['CreateFleet', 'RunInstances'],
          [`aws:RequestTag/${TAG.installation}`]: name,
        },
      },
    },
    {
      // Instances of a merged fleet call learn their job afterwards. Only what is ours already, only with our words, and never to
      // another installation: a resource given away could not be ended any more.
      Sid: 'TagOwn',
      Effect: 'Allow',
      Action: ['ec2:CreateTags'],
      Resource: [ec2('instance/*')],
      Condition: {
        StringEquals: { [`aws:ResourceTag/${TAG.installation}`]: name },
        StringEqualsIfExists: { [`aws:RequestTag/${TAG.installation}`]: name },
        'ForAllValues:StringEquals': { 'aws:TagKeys': [...Object.values(TAG), 'Name'] },
        // ForAllValues holds for no values at all.
        Null: { 'aws:TagKeys': 'false' },
      },
    },
    {
      Sid: 'PassWorkerRole',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [roleArn(accountId, roles.worker)],
      Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    },
  ];
}

function ending({ name, region, accountId }: Installation): Statement[] {
  return [
    {
      Sid: 'EndOwn',
      Effect: 'Allow',
      Action: ['ec2:TerminateInstances', 'ec2:DeleteVolume'],
      Resource: [`arn:aws:ec2:${region}:${accountId}:instance/*`, `arn:aws:ec2:${region}:${accountId}:volume/*`],
      Condition: { StringEquals: { [`aws:ResourceTag/${TAG.installation}`]: name } },
    },
    {
      // Describe calls have no resource-level permissions in EC2.
      Sid: 'Look',
      Effect: 'Allow',
      Action: [
        'ec2:DescribeInstances',
        'ec2:DescribeInstanceStatus',
        'ec2:DescribeSpotPriceHistory',
        'ec2:DescribeLaunchTemplates',
        'ec2:DescribeImages',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeInstanceTypeOfferings',
        'ec2:DescribeVolumes',
      ],
      Resource: ['*'],
    },
  ];
}

function storage(facts: Installation): Statement[] {
  const { bucket } = facts;
  const { datasets, models, predictions } = usersOf(facts);
  return [
    ...bucketKey(facts),
    {
      Sid: 'List',
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'],
      Resource: [bucketArn(bucket)],
    },
    {
      Sid: 'ReadData',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: objects(bucket, datasets),
    },
    {
      Sid: 'Folders',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
      Resource: objects(bucket, 'instances/*', 'checkpoints/*', 'batches/*', models, predictions),
    },
    {
      // Data sets and models are their user's: they are deleted by the bucket's lifecycle, and with their account, once they were exported.
      Sid: 'Clean',
      Effect: 'Allow',
      Action: ['s3:DeleteObject'],
      Resource: objects(bucket, 'instances/*', 'checkpoints/*', 'batches/*', datasets, models, predictions),
    },
    {
      Sid: 'Export',
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource: objects(bucket, 'exports/*'),
    },
    {
      // Completing the upload is the merge (decision 9), once its parts were looked at.
      Sid: 'Merge',
      Effect: 'Allow',
      Action: ['s3:ListMultipartUploadParts'],
      Resource: objects(bucket, predictions),
    },
    {
      // Append only: nothing of ours deletes an entry, and a put is conditional. Entries that lie in a sealed pack are removed by
      // `npm run ledger -- compact` in an administrator's name.
      Sid: 'Append',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: objects(bucket, 'ledger/*', 'audit/*'),
    },
  ];
}

function serving({ region, accountId, functionName, logGroup, queueName }: Installation): Statement[] {
  const lambda = `arn:aws:lambda:${region}:${accountId}:function:${functionName}`;
  return [
    {
      Sid: 'Predict',
      Effect: 'Allow',
      Action: ['lambda:InvokeFunction', 'lambda:GetFunctionConfiguration'],
      Resource: [lambda, `${lambda}:*`],
    },
    {
      Sid: 'ReadLogs',
      Effect: 'Allow',
      Action: ['logs:FilterLogEvents'],
      Resource: [
        `arn:aws:logs:${region}:${accountId}:log-group:${logGroup}`,
        `arn:aws:logs:${region}:${accountId}:log-group:${logGroup}:*`,
      ],
    },
    {
      Sid: 'Notices',
      Effect: 'Allow',
      Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      Resource: [`arn:aws:sqs:${region}:${accountId}:${queueName}`],
    },
  ];
}
