import { expect } from 'chai';
import { TAG } from '../../cloud/tags.ts';
import { bucketPolicy } from '../../infra/policies/bucket.ts';
import { botPolicy } from '../../infra/policies/bot.ts';
import { roleNames, type Installation } from '../../infra/policies/document.ts';
import { handlerPolicy } from '../../infra/policies/handler.ts';
import { operatorPolicy } from '../../infra/policies/operator.ts';
import { workerPolicy } from '../../infra/policies/worker.ts';
import { PolicyAuthorizer } from '../../local/aws/iam/authorizer.ts';
import { roleIdOf, Roles } from '../../local/aws/iam/roles.ts';

const installation: Installation = {
  name: 'ours',
  region: 'eu-central-1',
  accountId: '111122223333',
  bucket: 'ours-bucket',
  launchTemplateId: 'lt-0123456789abcdef0',
  logGroup: '/aws/ec2/ml-training',
  functionName: 'ours-prediction',
  queueName: 'ours-interruptions',
  roles: roleNames('ours'),
};
const roles = new Roles(installation.accountId, [
  { name: 'ours-operator', policies: [operatorPolicy(installation)] },
  { name: 'ours-bot', policies: [botPolicy(installation)] },
  { name: 'ours-worker', policies: [workerPolicy(installation)] },
  { name: 'ours-handler', policies: [handlerPolicy(installation)] },
]);
const authorizer = new PolicyAuthorizer({ roles, region: installation.region, now: () => Date.UTC(2026, 10, 1) });
const me = `${roleIdOf('ours-worker')}:i-0aa`;
const key = (path: string) => `arn:aws:s3:::ours-bucket/${path}`;
const ec2 = (path: string) => `arn:aws:ec2:eu-central-1:111122223333:${path}`;
const mine = { [`aws:RequestTag/${TAG.installation}`]: 'ours' };
const carries = { [`aws:ResourceTag/${TAG.installation}`]: 'ours' };
const template = { 'ec2:LaunchTemplate': ec2('launch-template/lt-0123456789abcdef0') };
const passed = (service: string) => ({ 'iam:PassedToService': service });
const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`;

const words = { 'aws:TagKeys': [TAG.job, TAG.jobUid, TAG.user, TAG.model, 'Name'] };
const theirs = { [`aws:ResourceTag/${TAG.installation}`]: 'theirs' };

type Row = [
  who: string,
  action: string,
  resource: string,
  allowed: boolean,
  context?: Record<string, string | string[]>,
];
const TABLE: Row[] = [
  ['worker', 's3:GetObject', key(`instances/${me}/ticket.json`), true],
  ['worker', 's3:PutObject', key(`instances/${me}/result/model.onnx`), true],
  ['worker', 's3:GetObject', key(`instances/${roleIdOf('ours-worker')}:i-0bb/ticket.json`), false],
  ['worker', 's3:PutObject', key(`instances/${me}x/ticket.json`), false],
  ['worker', 's3:DeleteObject', key(`instances/${me}/ticket.json`), false],
  ['worker', 's3:GetObject', key('artefacts/worker/ab.tar.gz'), true],
  ['worker', 's3:PutObject', key('artefacts/worker/ab.tar.gz'), false],
  ['worker', 's3:GetObject', key('datasets/user_1/a.csv'), false],
  ['worker', 's3:PutObject', key('models/user_1/m/model.onnx'), false],
  ['worker', 's3:ListBucket', 'arn:aws:s3:::ours-bucket', false, { 's3:prefix': '' }],
  ['worker', 's3:ListBucket', 'arn:aws:s3:::ours-bucket', true, { 's3:prefix': `instances/${me}/` }],
  ['worker', 'ec2:TerminateInstances', ec2('instance/i-0aa'), false, carries],
  ['worker', 'iam:PassRole', role('ours-worker'), false, passed('ec2.amazonaws.com')],
  [
    'worker',
    'logs:PutLogEvents',
    'arn:aws:logs:eu-central-1:111122223333:log-group:/aws/ec2/ml-training:log-stream:instance-i-0aa',
    true,
  ],
  [
    'worker',
    'logs:PutLogEvents',
    'arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/x:log-stream:instance-i-0aa',
    false,
  ],
  ['handler', 's3:GetObject', key('datasets/user_1/a.csv'), false],
  ['handler', 's3:PutObject', key('predictions/user_1/j/p.csv'), false],
  [
    'handler',
    'logs:PutLogEvents',
    'arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/ours-prediction:log-stream:a',
    true,
  ],
  ['handler', 'lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:111122223333:function:ours-prediction', false],
  ['bot', 's3:PutObject', key('datasets/user_1/a.csv'), true],
  ['bot', 's3:GetObject', key('models/user_1/m/model.onnx'), true],
  ['bot', 's3:PutObject', key('models/user_1/m/model.onnx'), false],
  ['bot', 's3:GetObject', key('instances/x/ticket.json'), false],
  ['bot', 's3:GetObject', key('ledger/user_1/x.json'), false],
  ['bot', 's3:ListBucket', 'arn:aws:s3:::ours-bucket', true, { 's3:prefix': 'datasets/user_1/' }],
  ['bot', 's3:ListBucket', 'arn:aws:s3:::ours-bucket', false, { 's3:prefix': 'ledger/' }],
  ['bot', 'ec2:CreateFleet', ec2('fleet/*'), false, mine],
  ['bot', 'lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:111122223333:function:ours-prediction', false],
  ['operator', 'ec2:CreateFleet', ec2('fleet/fleet-1'), true, { ...mine, ...template }],
  ['operator', 'ec2:CreateFleet', ec2('fleet/fleet-1'), false, template],
  ['operator', 'ec2:CreateFleet', ec2('launch-template/lt-0123456789abcdef0'), true, template],
  [
    'operator',
    'ec2:CreateFleet',
    ec2('launch-template/lt-0fffffffffffffff0'),
    false,
    { 'ec2:LaunchTemplate': ec2('launch-template/lt-0fffffffffffffff0') },
  ],
  ['operator', 'ec2:RunInstances', ec2('instance/*'), true, { ...mine, ...template }],
  [
    'operator',
    'ec2:RunInstances',
    'arn:aws:ec2:eu-central-1::image/ami-1',
    false,
    { 'ec2:LaunchTemplate': ec2('launch-template/lt-0fffffffffffffff0') },
  ],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), true, { ...mine, 'ec2:CreateAction': 'CreateFleet' }],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), false, mine],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), true, { ...carries, ...words }],
  ['operator', 'ec2:CreateTags', ec2('volume/vol-1'), true, { ...carries, ...words }],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), true, { ...carries, ...mine, 'aws:TagKeys': [TAG.installation] }],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), false, words],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), false, { ...theirs, ...words }],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), false, { ...theirs, ...mine, 'aws:TagKeys': [TAG.installation] }],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), false, { ...carries, 'aws:TagKeys': [TAG.job, 'owner'] }],
  ['operator', 'ec2:CreateTags', ec2('instance/i-1'), false, carries],
  [
    'operator',
    'ec2:CreateTags',
    ec2('instance/i-1'),
    false,
    {
      ...carries,
      [`aws:RequestTag/${TAG.installation}`]: 'theirs',
      'aws:TagKeys': [TAG.installation],
    },
  ],
  ['operator', 'ec2:CreateTags', ec2('subnet/subnet-1'), false, { ...carries, ...words }],
  ['operator', 'ec2:DeleteTags', ec2('instance/i-1'), false, { ...carries, ...words }],
  ['operator', 'ec2:DeleteVolume', ec2('volume/vol-1'), true, carries],
  ['operator', 'ec2:DeleteVolume', ec2('volume/vol-1'), false],
  ['operator', 'ec2:DeleteVolume', ec2('volume/vol-1'), false, theirs],
  ['operator', 'ec2:DescribeInstanceTypeOfferings', '*', true],
  ['operator', 'ec2:DescribeInstanceStatus', '*', true],
  ['operator', 'ec2:DescribeVolumes', '*', true],
  ['operator', 'ec2:TerminateInstances', ec2('instance/i-1'), true, carries],
  ['operator', 'ec2:TerminateInstances', ec2('instance/i-1'), false],
  [
    'operator',
    'ec2:TerminateInstances',
    ec2('instance/i-1'),
    false,
    { [`aws:ResourceTag/${TAG.installation}`]: 'theirs' },
  ],
  ['operator', 'iam:PassRole', role('ours-worker'), true, passed('ec2.amazonaws.com')],
  ['operator', 'iam:PassRole', role('ours-worker'), false, passed('lambda.amazonaws.com')],
  ['operator', 'iam:PassRole', role('admin'), false, passed('ec2.amazonaws.com')],
  ['operator', 's3:GetObject', key('datasets/user_1/a.csv'), true],
  ['operator', 's3:PutObject', key('datasets/user_1/a.csv'), false],
  ['operator', 's3:PutObject', key('ledger/user_1/x.json'), true],
  ['operator', 's3:DeleteObject', key('ledger/user_1/x.json'), false],
  ['operator', 's3:PutObject', key('batches/b.json'), true],
  ['operator', 's3:GetObject', key('batches/b.json'), true],
  ['operator', 's3:DeleteObject', key('batches/b.json'), true],
  ['operator', 's3:DeleteObject', key('instances/AROA:i-1/ticket.json'), true],
  ['operator', 's3:DeleteObject', key('checkpoints/u/1.joblib'), true],
  ['operator', 's3:DeleteObject', key('datasets/user_1/a.csv'), false],
  ['operator', 's3:DeleteObject', key('audit/2026-11-01/x.json'), false],
  ['operator', 's3:DeleteObject', key('artefacts/worker/x.tar.gz'), false],
  ['operator', 's3:ListBucketMultipartUploads', 'arn:aws:s3:::ours-bucket', true],
  ['operator', 's3:ListBucketMultipartUploads', 'arn:aws:s3:::another-bucket', false],
  ['operator', 's3:AbortMultipartUpload', key('predictions/user_1/j/r.csv'), true],
  ['operator', 's3:AbortMultipartUpload', key('checkpoints/u/1.joblib'), true],
  ['operator', 's3:AbortMultipartUpload', key('datasets/user_1/a.csv'), false],
  ['worker', 's3:GetObject', key('batches/b.json'), false],
  ['bot', 's3:GetObject', key('batches/b.json'), false],
  ['operator', 's3:PutObject', key('artefacts/worker/x.tar.gz'), false],
  ['operator', 'lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:111122223333:function:ours-prediction:live', true],
  ['operator', 'lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:111122223333:function:other', false],
  ['operator', 'lambda:UpdateFunctionCode', 'arn:aws:lambda:eu-central-1:111122223333:function:ours-prediction', false],
  ['operator', 'sqs:ReceiveMessage', 'arn:aws:sqs:eu-central-1:111122223333:ours-interruptions', true],
  ['operator', 'sqs:ChangeMessageVisibility', 'arn:aws:sqs:eu-central-1:111122223333:ours-interruptions', true],
  ['operator', 'sqs:GetQueueAttributes', 'arn:aws:sqs:eu-central-1:111122223333:ours-interruptions', true],
  ['operator', 'sqs:ReceiveMessage', 'arn:aws:sqs:eu-central-1:111122223333:ours-interruptions-dead-letters', false],
  ['operator', 'sqs:SendMessage', 'arn:aws:sqs:eu-central-1:111122223333:ours-interruptions', false],
];

describe('The policies, decided by a simulator', () => {
  before(() => authorizer.ready());

  for (const [who, action, resource, allowed, context] of TABLE)
    it(`${who} ${allowed ? 'may' : 'may not'} ${action} on ${resource}${context ? ` with ${JSON.stringify(context)}` : ''}`, () => {
      const principal = roles.session(`ours-${who}`, who === 'worker' ? 'i-0aa' : 'session');
      const decide = () => authorizer.authorize(principal, action, resource, context ?? {});
      if (allowed) expect(decide).not.to.throw();
      else expect(decide).to.throw('not authorized');
    });

  const bucketRows: [string, string, string, boolean, Record<string, string>][] = [
    ['the worker over TLS', 's3:PutObject', 'worker', true, { 'aws:SecureTransport': 'true' }],
    [
      'the worker asking for SSE-S3',
      's3:PutObject',
      'worker',
      true,
      { 'aws:SecureTransport': 'true', 's3:x-amz-server-side-encryption': 'AES256' },
    ],
    [
      'the worker asking for something else than encryption',
      's3:PutObject',
      'worker',
      false,
      { 'aws:SecureTransport': 'true', 's3:x-amz-server-side-encryption': 'none' },
    ],
    ['the worker without TLS', 's3:PutObject', 'worker', false, { 'aws:SecureTransport': 'false' }],
  ];
  for (const [what, action, who, allowed, context] of bucketRows)
    it(`the bucket ${allowed ? 'lets' : 'does not let'} ${what} put`, () => {
      const principal = roles.session(`ours-${who}`, 'i-0aa');
      const decide = () =>
        authorizer.authorize(principal, action, key(`instances/${me}/x`), context, bucketPolicy(installation));
      if (allowed) expect(decide).not.to.throw();
      else expect(decide).to.throw('explicit deny');
    });

  it('the bucket refuses a role of the account that is not named, and does not lock out the root', () => {
    const other = new Roles(installation.accountId, [
      {
        name: 'nosy',
        policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }],
      },
    ]);
    const engine = new PolicyAuthorizer({ roles: other, region: installation.region, now: () => 0 });
    const get = (principal: Parameters<typeof engine.authorize>[0]) => () =>
      engine.authorize(
        principal,
        's3:GetObject',
        key('datasets/user_1/a.csv'),
        { 'aws:SecureTransport': 'true' },
        bucketPolicy(installation),
      );
    return engine.ready().then(() => {
      expect(get(other.session('nosy', 's'))).to.throw('explicit deny');
      const root = {
        arn: 'arn:aws:iam::111122223333:root',
        accountId: '111122223333',
        userId: '111122223333',
        roleName: undefined,
      };
      expect(get(root)).not.to.throw();
    });
  });
});
