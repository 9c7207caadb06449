// Who may do what to which resource (rows 7.1 to 7.4): every way that the product goes, and every attack that came to mind. Held by
// table.test.ts to all policies at once.
import { TAG } from '../../../cloud/tags.ts';
import {
  ACCOUNT,
  FOREIGN_ACCOUNT,
  KEY,
  REGION,
  ROLE_ID,
  RULE,
  TRUSTING_ROLE,
  type Context,
  type Who,
} from './simulator.ts';

export interface Row {
  readonly who: Who;
  readonly action: string;
  readonly resource: string;
  readonly allowed: boolean;
  readonly context: Context;
  /** What is tried, where action and resource do not tell. */
  readonly about: string;
  /** In an installation with a key of its own. */
  readonly kms: boolean;
}

export const TABLE: Row[] = [];
/** `about` and `kms` of the row; the rest is the request's context. */
type More = Readonly<Record<string, string | readonly string[] | true>>;

const row =
  (allowed: boolean) =>
  (who: Who, action: string, resource: string, more: More = {}): void => {
    const { about = '', kms = false, ...context } = more;
    TABLE.push({
      who,
      action,
      resource,
      allowed,
      about: String(about),
      kms: kms === true,
      context: context as Context,
    });
  };
const may = row(true);
const mayNot = row(false);

const BUCKET = 'arn:aws:s3:::ours-bucket';
const LOGS_BUCKET = 'arn:aws:s3:::ours-bucket-log';
const key = (path: string) => `${BUCKET}/${path}`;
const ec2 = (resource: string, account = ACCOUNT, region = REGION) => `arn:aws:ec2:${region}:${account}:${resource}`;
const image = (id: string) => `arn:aws:ec2:${REGION}::image/${id}`;
const snapshot = (id: string) => `arn:aws:ec2:${REGION}::snapshot/${id}`;
const iamRole = (name: string, account = ACCOUNT) => `arn:aws:iam::${account}:role/${name}`;
const fn = (name: string) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;
const queue = (name: string) => `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
const logs = (group: string, stream = '') =>
  `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${group}${stream === '' ? '' : `:log-stream:${stream}`}`;

const mine = { [`aws:RequestTag/${TAG.installation}`]: 'ours' };
const theirs = { [`aws:RequestTag/${TAG.installation}`]: 'theirs' };
const carries = { [`aws:ResourceTag/${TAG.installation}`]: 'ours' };
const carriesTheirs = { [`aws:ResourceTag/${TAG.installation}`]: 'theirs' };
const ourTemplate = { 'ec2:LaunchTemplate': ec2('launch-template/lt-0123456789abcdef0') };
const otherTemplate = { 'ec2:LaunchTemplate': ec2('launch-template/lt-0fffffffffffffff0') };
const passed = (service: string) => ({ 'iam:PassedToService': service });
const words = { 'aws:TagKeys': [TAG.job, TAG.jobUid, TAG.user, TAG.model, 'Name'] };
const plain = { 'aws:SecureTransport': 'false' };
const sse = (algorithm: string, keyId?: string): Context => ({
  's3:x-amz-server-side-encryption': algorithm,
  ...(keyId === undefined ? {} : { 's3:x-amz-server-side-encryption-aws-kms-key-id': keyId }),
});
const prefix = (text: string) => ({ 's3:prefix': text });
const ROLES = ['operator', 'bot', 'worker', 'handler'] as const;

// The worker: its own folder, its code, its log.
const own = `instances/${ROLE_ID}:i-0aa`;
for (const file of ['ticket.json', 'control.json', 'checkpoints/latest.json'])
  may('worker', 's3:GetObject', key(`${own}/${file}`));
for (const file of ['heartbeat.json', 'result/model.onnx', 'checkpoints/1.joblib'])
  may('worker', 's3:PutObject', key(`${own}/${file}`));
mayNot('worker', 's3:AbortMultipartUpload', key(`${own}/result/model.onnx`));
may('worker', 's3:ListBucket', BUCKET, prefix(`${own}/`));
may('worker', 's3:GetObject', key('artefacts/worker/ab.tar.gz'));
for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents'])
  may('worker', action, logs('/aws/ec2/ml-training/ours', 'instance-i-0aa'));
for (const other of [
  `instances/${ROLE_ID}:i-0bb/ticket.json`,
  `instances/${ROLE_ID}:i-0aax/ticket.json`,
  `instances/${ROLE_ID}:i-0a/ticket.json`,
  `instances/AROAANOTHERROLEXXXXX:i-0aa/ticket.json`,
  `instances/ticket.json`,
  'datasets/user_1/a.csv',
  'models/user_1/m/model.onnx',
  'predictions/user_1/j/p.csv',
  'checkpoints/u/1.joblib',
  'batches/b.json',
  'ledger/user_1/x.json',
  'audit/2026-11-01/x.json',
  'artefacts/lambda/ab.zip',
])
  mayNot('worker', 's3:GetObject', key(other));
for (const other of [
  `${own}x/ticket.json`,
  'artefacts/worker/ab.tar.gz',
  'models/user_1/m/model.onnx',
  'ledger/user_1/x.json',
])
  mayNot('worker', 's3:PutObject', key(other));
mayNot('worker', 's3:DeleteObject', key(`${own}/ticket.json`));
mayNot('worker', 's3:PutObjectAcl', key(`${own}/ticket.json`));
for (const text of ['', 'instances/', `instances/${ROLE_ID}`, 'datasets/', `instances/${ROLE_ID}:i-0bb/`])
  mayNot('worker', 's3:ListBucket', BUCKET, prefix(text));
mayNot('worker', 's3:ListBucketMultipartUploads', BUCKET);
mayNot('worker', 'logs:PutLogEvents', logs('/aws/lambda/x', 'instance-i-0aa'));
mayNot('worker', 'logs:PutLogEvents', logs('/aws/ec2/ml-training/theirs', 'instance-i-0aa'));
mayNot('worker', 'logs:PutLogEvents', logs('/aws/ec2/ml-training/ours', 'audit'));
mayNot('worker', 'logs:GetLogEvents', logs('/aws/ec2/ml-training/ours', 'instance-i-0bb'));
mayNot('worker', 'logs:DeleteLogGroup', logs('/aws/ec2/ml-training/ours'));
mayNot('worker', 'ec2:TerminateInstances', ec2('instance/i-0bb'), carries);
mayNot('worker', 'ec2:DescribeInstances', '*');
mayNot('worker', 'ec2:RunInstances', ec2('instance/*'), { ...mine, ...ourTemplate });
mayNot('worker', 'ec2:CreateTags', ec2('instance/i-0aa'), { ...carries, ...words });
mayNot('worker', 'iam:PassRole', iamRole('ours-worker'), passed('ec2.amazonaws.com'));
mayNot('worker', 'sts:AssumeRole', iamRole('ours-operator'));
mayNot('worker', 'lambda:InvokeFunction', fn('ours-prediction'));
mayNot('worker', 'sqs:ReceiveMessage', queue('ours-interruptions'));
mayNot('worker', 'sqs:SendMessage', queue('ours-interruptions'), { about: 'a forged notice' });

// The handler: its log, and no data but what a presigned URL names.
for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents'])
  may('handler', action, logs('/aws/lambda/ours-prediction', 'a'));
mayNot('handler', 'logs:PutLogEvents', logs('/aws/lambda/other', 'a'));
mayNot('handler', 'logs:CreateLogGroup', logs('/aws/lambda/ours-prediction'));
for (const action of ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']) {
  mayNot('handler', action, key('predictions/user_1/j/p.csv'));
  mayNot('handler', action, key('datasets/user_1/a.csv'));
}
mayNot('handler', 's3:ListBucket', BUCKET, prefix('predictions/'));
mayNot('handler', 's3:ListAllMyBuckets', '*');
mayNot('handler', 'lambda:InvokeFunction', fn('ours-prediction'), { about: 'calling itself without end' });
mayNot('handler', 'lambda:UpdateFunctionCode', fn('ours-prediction'));
mayNot('handler', 'ec2:DescribeInstances', '*');
mayNot('handler', 'iam:PassRole', iamRole('ours-worker'), passed('ec2.amazonaws.com'));

// The bot: uploads of users, links to what is theirs. IAM sees all users as one; whose is whose is the access rule's (cloud/access.ts).
for (const action of ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'])
  may('bot', action, key('datasets/user_1/a.csv'));
mayNot('bot', 's3:ListMultipartUploadParts', key('datasets/user_1/a.csv'));
for (const path of ['datasets/user_1/a.csv', 'models/user_2/m/model.onnx', 'predictions/user_2/j/p.csv'])
  may('bot', 's3:GetObject', key(path), { 's3:authType': 'REST-QUERY-STRING', about: 'by a presigned URL' });
may('bot', 's3:PutObject', key('audit/2026-11-01/x.json'));
for (const action of ['s3:GetObject', 's3:DeleteObject']) mayNot('bot', action, key('audit/2026-11-01/x.json'));
mayNot('bot', 's3:GetObject', key('ledger/user_1/x.json'), {
  's3:authType': 'REST-QUERY-STRING',
  about: 'by a presigned URL',
});
for (const twin of ['datasetsx/user_1/a.csv', 'xdatasets/user_1/a.csv', 'models/users/m', 'predictions/user'])
  mayNot('bot', 's3:GetObject', key(twin), { about: 'a twin of a prefix' });
for (const action of ['s3:PutObjectAcl', 's3:PutObjectTagging', 's3:RestoreObject', 's3:PutObjectRetention'])
  mayNot('bot', action, key('datasets/user_1/a.csv'));
may('bot', 's3:GetObject', key('models/user_1/m/model.onnx'));
may('bot', 's3:GetObject', key('predictions/user_1/j/p.csv'));
for (const text of ['datasets/user_1/', 'models/user_1/', 'predictions/user_1/'])
  may('bot', 's3:ListBucket', BUCKET, prefix(text));
for (const text of ['', 'datasets/', 'ledger/', 'instances/', 'users/'])
  mayNot('bot', 's3:ListBucket', BUCKET, prefix(text));
for (const path of [
  'models/user_1/m/model.onnx',
  'predictions/user_1/j/p.csv',
  'ledger/user_1/x.json',
  'instances/x/ticket.json',
])
  for (const action of ['s3:PutObject', 's3:DeleteObject']) mayNot('bot', action, key(path));
for (const path of [
  'instances/x/ticket.json',
  'ledger/user_1/x.json',
  'checkpoints/u/1.joblib',
  'batches/b.json',
  'artefacts/worker/x',
  'datasets/x.csv',
  'datasets/userdata/x.csv',
])
  mayNot('bot', 's3:GetObject', key(path));
mayNot('bot', 's3:GetObjectVersion', key('datasets/user_1/a.csv'));
mayNot('bot', 'ec2:CreateFleet', ec2('fleet/*'), mine);
mayNot('bot', 'ec2:TerminateInstances', ec2('instance/i-1'), carries);
mayNot('bot', 'lambda:InvokeFunction', fn('ours-prediction'));
mayNot('bot', 'sqs:ReceiveMessage', queue('ours-interruptions'));
mayNot('bot', 'iam:PassRole', iamRole('ours-worker'), passed('ec2.amazonaws.com'));
mayNot('bot', 'logs:FilterLogEvents', logs('/aws/ec2/ml-training/ours'));

// The operator launches: our template, our tags, our images. CreateFleet names its parts, RunInstances also the template it comes by.
for (const resource of ['fleet/*', 'instance/*', 'volume/*']) {
  may('operator', 'ec2:CreateFleet', ec2(resource), mine);
  mayNot('operator', 'ec2:CreateFleet', ec2(resource), { about: 'without tags' });
  mayNot('operator', 'ec2:CreateFleet', ec2(resource), theirs);
}
for (const resource of ['launch-template/lt-0123456789abcdef0', 'subnet/subnet-1'])
  may('operator', 'ec2:CreateFleet', ec2(resource));
may('operator', 'ec2:CreateFleet', image('ami-0123456789abcdef0'));
mayNot('operator', 'ec2:CreateFleet', image('ami-0fffffffffffffff0'), { about: 'a foreign image' });
mayNot('operator', 'ec2:CreateFleet', ec2('launch-template/lt-0fffffffffffffff0'), { about: 'another template' });
mayNot('operator', 'ec2:CreateFleet', ec2('launch-template/lt-0123456789abcdef0', FOREIGN_ACCOUNT));
for (const resource of ['capacity-reservation/cr-1', 'placement-group/theirs'])
  mayNot('operator', 'ec2:CreateFleet', ec2(resource));
for (const resource of ['instance/*', 'volume/*']) {
  may('operator', 'ec2:RunInstances', ec2(resource), { ...mine, ...ourTemplate });
  mayNot('operator', 'ec2:RunInstances', ec2(resource), { ...ourTemplate, about: 'without tags' });
  mayNot('operator', 'ec2:RunInstances', ec2(resource), { ...theirs, ...ourTemplate });
  mayNot('operator', 'ec2:RunInstances', ec2(resource), { ...mine, about: 'without a template' });
  mayNot('operator', 'ec2:RunInstances', ec2(resource), { ...mine, ...otherTemplate });
}
for (const resource of [
  'launch-template/lt-0123456789abcdef0',
  'subnet/subnet-1',
  'security-group/sg-1',
  'network-interface/*',
]) {
  may('operator', 'ec2:RunInstances', ec2(resource), ourTemplate);
  mayNot('operator', 'ec2:RunInstances', ec2(resource), otherTemplate);
  mayNot('operator', 'ec2:RunInstances', ec2(resource), { about: 'without a template' });
}
may('operator', 'ec2:RunInstances', image('ami-0123456789abcdef0'), ourTemplate);
may('operator', 'ec2:RunInstances', ec2('spot-instances-request/*'), { about: 'which has no tags of its own' });
mayNot('operator', 'ec2:RequestSpotInstances', ec2('spot-instances-request/*'), mine);
mayNot('operator', 'ec2:RequestSpotFleet', ec2('launch-template/lt-0123456789abcdef0'));
mayNot('operator', 'ec2:RunInstances', image('ami-0fffffffffffffff0'), { ...ourTemplate, about: 'a foreign image' });
mayNot('operator', 'ec2:RunInstances', image('ami-0123456789abcdef0'), otherTemplate);
mayNot('operator', 'ec2:RunInstances', image('ami-0123456789abcdef0'), { about: 'without a template' });
mayNot('operator', 'ec2:RunInstances', snapshot('snap-1'), ourTemplate);
mayNot('operator', 'ec2:RunInstances', ec2('instance/*', ACCOUNT, 'us-east-1'), {
  ...mine,
  ...ourTemplate,
  'aws:RequestedRegion': 'us-east-1',
});
mayNot('operator', 'ec2:RunInstances', ec2('key-pair/admin'), ourTemplate);
for (const action of ['ec2:CreateLaunchTemplateVersion', 'ec2:ModifyLaunchTemplate', 'ec2:DeleteLaunchTemplate'])
  mayNot('operator', action, ec2('launch-template/lt-0123456789abcdef0'), carries);
mayNot('operator', 'ec2:AuthorizeSecurityGroupIngress', ec2('security-group/sg-1'), carries);
mayNot('operator', 'ec2:ModifyInstanceAttribute', ec2('instance/i-1'), carries);
mayNot('operator', 'ec2:GetPasswordData', ec2('instance/i-1'), carries);
mayNot('operator', 'ec2:StopInstances', ec2('instance/i-1'), carries);

// Tags say whose a resource is: only at its launch, or on what is ours already, with our words.
for (const action of ['CreateFleet', 'RunInstances'])
  for (const resource of ['instance/i-1', 'volume/vol-1'])
    may('operator', 'ec2:CreateTags', ec2(resource), { ...mine, 'ec2:CreateAction': action });
may('operator', 'ec2:CreateTags', ec2('fleet/fleet-1'), { ...mine, 'ec2:CreateAction': 'CreateFleet' });
may('operator', 'ec2:CreateTags', ec2('spot-instances-request/sir-1'), { ...mine, 'ec2:CreateAction': 'CreateFleet' });
may('operator', 'ec2:CreateTags', ec2('instance/i-1'), { ...carries, ...words });
mayNot('operator', 'ec2:CreateTags', ec2('volume/vol-1'), { ...carries, ...words });
may('operator', 'ec2:CreateTags', ec2('instance/i-1'), { ...carries, ...mine, 'aws:TagKeys': [TAG.installation] });
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), { ...mine, about: 'stealing an instance that exists' });
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), {
  ...mine,
  'aws:TagKeys': [TAG.installation],
  about: 'stealing one without tags',
});
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), {
  ...carriesTheirs,
  ...mine,
  'aws:TagKeys': [TAG.installation],
});
mayNot('operator', 'ec2:CreateTags', ec2('volume/vol-1'), { ...carriesTheirs, ...words });
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), {
  ...carries,
  'aws:TagKeys': [TAG.job, 'owner'],
  about: 'a word that is not ours',
});
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), { ...carries, about: 'no word at all' });
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), {
  ...carries,
  ...theirs,
  'aws:TagKeys': [TAG.installation],
  about: 'giving one away',
});
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), { ...mine, 'ec2:CreateAction': 'CopySnapshot' });
mayNot('operator', 'ec2:CreateTags', ec2('instance/i-1'), { ...theirs, 'ec2:CreateAction': 'RunInstances' });
mayNot('operator', 'ec2:CreateTags', ec2('subnet/subnet-1'), { ...carries, ...words });
mayNot('operator', 'ec2:DeleteTags', ec2('instance/i-1'), { ...carries, ...words });

// It ends what is ours, and looks.
may('operator', 'ec2:TerminateInstances', ec2('instance/i-1'), carries);
may('operator', 'ec2:DeleteVolume', ec2('volume/vol-1'), carries);
for (const action of ['ec2:TerminateInstances', 'ec2:DeleteVolume']) {
  const resource = ec2(action === 'ec2:DeleteVolume' ? 'volume/vol-1' : 'instance/i-1');
  mayNot('operator', action, resource);
  mayNot('operator', action, resource, carriesTheirs);
  mayNot('operator', action, resource, {
    'aws:ResourceTag/spotlearn:nodes-of': 'ours',
    about: 'a node of the cluster',
  });
}
mayNot('operator', 'ec2:DeleteSnapshot', snapshot('snap-1'), carries);
for (const what of [
  'Instances',
  'InstanceStatus',
  'SpotPriceHistory',
  'LaunchTemplates',
  'Images',
  'SecurityGroups',
  'Subnets',
  'InstanceTypeOfferings',
  'Volumes',
])
  may('operator', `ec2:Describe${what}`, '*');

// One role, to one service.
may('operator', 'iam:PassRole', iamRole('ours-worker'), passed('ec2.amazonaws.com'));
mayNot('operator', 'iam:PassRole', iamRole('ours-worker'), passed('lambda.amazonaws.com'));
for (const name of ['ours-operator', 'ours-bot', 'ours-handler', 'admin', 'ours-worker-2'])
  mayNot('operator', 'iam:PassRole', iamRole(name), passed('ec2.amazonaws.com'));
mayNot('operator', 'iam:PassRole', iamRole('ours-worker', FOREIGN_ACCOUNT), passed('ec2.amazonaws.com'));

// Its part of the bucket.
for (const action of ['s3:ListBucket', 's3:ListBucketMultipartUploads']) may('operator', action, BUCKET);
may('operator', 's3:GetObject', key('datasets/user_1/a.csv'));
for (const path of [
  'instances/AROA:i-1/ticket.json',
  'checkpoints/u/1.joblib',
  'batches/b.json',
  'models/user_1/m/model.onnx',
  'predictions/user_1/j/p.csv',
]) {
  for (const action of ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload']) may('operator', action, key(path));
  may('operator', 's3:DeleteObject', key(path));
}
may('operator', 's3:ListMultipartUploadParts', key('predictions/user_1/j/p.csv'));
mayNot('operator', 's3:ListMultipartUploadParts', key('datasets/user_1/a.csv'));
for (const twin of ['instancesx/i-1', 'models/users/m', 'ledgers/x.json', 'predictions/x', 'artefacts/worker/x.tar.gz'])
  mayNot('operator', 's3:PutObject', key(twin), { about: 'a twin of a prefix' });
for (const action of ['s3:DeleteObjectVersion', 's3:PutObjectAcl', 's3:BypassGovernanceRetention'])
  mayNot('operator', action, key('predictions/user_1/j/p.csv'));
for (const path of ['ledger/user_1/x.json', 'audit/2026-11-01/x.json']) {
  for (const action of ['s3:GetObject', 's3:PutObject']) may('operator', action, key(path));
  mayNot('operator', 's3:DeleteObject', key(path), { about: 'append only' });
}
for (const action of ['s3:PutObject', 's3:AbortMultipartUpload'])
  mayNot('operator', action, key('datasets/user_1/a.csv'));
// With its account, after it was exported.
may('operator', 's3:DeleteObject', key('datasets/user_1/a.csv'));
may('operator', 's3:PutObject', key('exports/user_1/u/files/datasets/user_1/a.csv'));
for (const action of ['s3:GetObject', 's3:DeleteObject'])
  mayNot('operator', action, key('exports/user_1/u/export.json'));
for (const action of ['s3:PutObject', 's3:DeleteObject', 's3:GetObject'])
  mayNot('operator', action, key('artefacts/worker/x.tar.gz'));
for (const action of [
  's3:PutBucketPolicy',
  's3:DeleteBucket',
  's3:PutLifecycleConfiguration',
  's3:PutBucketVersioning',
  's3:PutEncryptionConfiguration',
])
  mayNot('operator', action, BUCKET);
for (const action of ['s3:GetObject', 's3:PutObject'])
  mayNot('operator', action, 'arn:aws:s3:::theirs-bucket/models/user_1/m/model.onnx');
mayNot('operator', 's3:ListBucket', 'arn:aws:s3:::theirs-bucket');

// The function, logs, notices.
for (const name of ['ours-prediction', 'ours-prediction:live']) {
  may('operator', 'lambda:InvokeFunction', fn(name));
  may('operator', 'lambda:GetFunctionConfiguration', fn(name));
}
for (const name of ['other', 'ours-prediction-2', 'theirs-prediction:live'])
  mayNot('operator', 'lambda:InvokeFunction', fn(name));
for (const action of ['lambda:UpdateFunctionCode', 'lambda:AddPermission', 'lambda:GetFunction'])
  mayNot('operator', action, fn('ours-prediction'));
may('operator', 'logs:FilterLogEvents', logs('/aws/ec2/ml-training/ours'));
mayNot('operator', 'logs:GetLogEvents', logs('/aws/ec2/ml-training/ours', 'instance-i-1'));
mayNot('operator', 'logs:FilterLogEvents', logs('/aws/lambda/ours-prediction'));
mayNot('operator', 'logs:FilterLogEvents', logs('/aws/ec2/ml-training/theirs'));
mayNot('operator', 'logs:DeleteLogStream', logs('/aws/ec2/ml-training/ours', 'instance-i-1'));
for (const action of [
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:ChangeMessageVisibility',
  'sqs:GetQueueAttributes',
])
  may('operator', action, queue('ours-interruptions'));
for (const action of ['sqs:SendMessage', 'sqs:PurgeQueue', 'sqs:DeleteQueue', 'sqs:SetQueueAttributes'])
  mayNot('operator', action, queue('ours-interruptions'));
mayNot('operator', 'sqs:ReceiveMessage', queue('ours-interruptions-dead-letters'));
mayNot('operator', 'sqs:ReceiveMessage', queue('theirs-interruptions'));

// The bucket, whoever comes: TLS, encryption, the named roles; the account itself is not locked out.
for (const who of ['operator', 'worker', 'root', 'deployer'] as const)
  mayNot(who, 's3:GetObject', key(who === 'worker' ? `${own}/ticket.json` : 'models/user_1/m/model.onnx'), {
    ...plain,
    about: 'plain HTTP',
  });
mayNot('operator', 's3:ListBucket', BUCKET, { ...plain, about: 'plain HTTP' });
may('worker', 's3:PutObject', key(`${own}/result.json`), sse('AES256'));
for (const algorithm of ['none', 'aws:kms'])
  mayNot('worker', 's3:PutObject', key(`${own}/result.json`), { ...sse(algorithm), about: 'another encryption' });
may('operator', 's3:PutObject', key('models/user_1/m/model.onnx'), { ...sse('aws:kms', KEY), kms: true });
may('operator', 's3:PutObject', key('models/user_1/m/model.onnx'), {
  kms: true,
  about: 'encrypted by the bucket’s default',
});
mayNot('operator', 's3:PutObject', key('models/user_1/m/model.onnx'), {
  ...sse('AES256'),
  kms: true,
  about: 'another encryption',
});
mayNot('operator', 's3:PutObject', key('models/user_1/m/model.onnx'), {
  ...sse('aws:kms', `${KEY}0`),
  kms: true,
  about: 'another key',
});
mayNot('operator', 's3:PutObject', key('models/user_1/m/model.onnx'), {
  ...sse('aws:kms'),
  kms: true,
  about: 'the key that AWS keeps for S3',
});
mayNot('operator', 's3:PutObject', key('models/user_1/m/model.onnx'), { ...sse('aws:kms:dsse', KEY), kms: true });
for (const who of ['operator', 'bot', 'deployer', 'root'] as const)
  mayNot(who, 's3:PutObject', key(who === 'bot' ? 'datasets/user_1/a.csv' : 'models/user_1/m/model.onnx'), {
    's3:x-amz-server-side-encryption-customer-algorithm': 'AES256',
    about: 'a key that only the writer has',
  });
for (const who of ['operator', 'bot', 'worker'] as const) {
  const via = { 'kms:ViaService': `s3.${REGION}.amazonaws.com` };
  const of = (arn: string) => ({ 'kms:EncryptionContext:aws:s3:arn': arn });
  for (const action of ['kms:Decrypt', 'kms:GenerateDataKey'])
    may(who, action, KEY, { ...via, ...of(BUCKET), kms: true });
  may(who, 'kms:Decrypt', KEY, { ...via, ...of(key('models/user_1/m')), kms: true, about: 'without a bucket key' });
  mayNot(who, 'kms:Decrypt', KEY, { ...of(BUCKET), kms: true, about: 'not by S3' });
  mayNot(who, 'kms:Decrypt', KEY, { ...of(BUCKET), 'kms:ViaService': `s3.us-east-1.amazonaws.com`, kms: true });
  mayNot(who, 'kms:Decrypt', KEY, { ...via, ...of('arn:aws:s3:::theirs-bucket'), kms: true });
  mayNot(who, 'kms:Decrypt', KEY, { ...via, ...of('arn:aws:s3:::ours-bucket-log/x'), kms: true });
  mayNot(who, 'kms:Decrypt', KEY.replace('key/0', 'key/1'), { ...via, ...of(BUCKET), kms: true });
  mayNot(who, 'kms:Decrypt', KEY, { ...via, ...of(BUCKET), about: 'of another installation' });
  for (const action of ['kms:ScheduleKeyDeletion', 'kms:PutKeyPolicy', 'kms:CreateGrant'])
    mayNot(who, action, KEY, { ...via, kms: true });
}
mayNot('handler', 'kms:Decrypt', KEY, {
  'kms:ViaService': `s3.${REGION}.amazonaws.com`,
  'kms:EncryptionContext:aws:s3:arn': BUCKET,
  kms: true,
});
mayNot('fat handler', 's3:GetObject', key('datasets/user_1/a.csv'), { about: 'with everything attached to it' });
mayNot('fat handler', 's3:ListBucket', BUCKET, { about: 'with everything attached to it' });
for (const action of ['s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:PutBucketPolicy', 's3:GetBucketPolicy'])
  mayNot('invited account', action, /Bucket/.test(action) ? BUCKET : key('datasets/user_1/a.csv'), {
    about: 'let in by a statement of its own',
  });
for (const action of [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:GetObjectVersion',
  's3:DeleteObjectVersion',
]) {
  mayNot('nosy role', action, key('datasets/user_1/a.csv'));
  mayNot('foreign account', action, key('datasets/user_1/a.csv'));
}
mayNot('nosy role', 's3:ListBucket', BUCKET);
mayNot('foreign account', 's3:ListBucket', BUCKET);
mayNot('foreign account', 's3:PutBucketPolicy', BUCKET);
for (const who of ['root', 'deployer'] as const) {
  may(who, 's3:GetObject', key('datasets/user_1/a.csv'));
  may(who, 's3:PutBucketPolicy', BUCKET);
  may(who, 's3:DeleteBucket', BUCKET);
}
may('nosy role', 's3:PutBucketPolicy', BUCKET, { about: 'an administrator of the account stays one' });

// Access logs and notices: the service itself, for us only.
const fromUs = { 'aws:SourceAccount': ACCOUNT, 'aws:SourceArn': BUCKET };
may('S3 logging', 's3:PutObject', `${LOGS_BUCKET}/access/2026`, fromUs);
mayNot('S3 logging', 's3:PutObject', `${LOGS_BUCKET}/access/2026`, {
  'aws:SourceAccount': FOREIGN_ACCOUNT,
  'aws:SourceArn': BUCKET,
});
mayNot('S3 logging', 's3:PutObject', `${LOGS_BUCKET}/access/2026`, {
  ...fromUs,
  'aws:SourceArn': 'arn:aws:s3:::theirs-bucket',
});
mayNot('S3 logging', 's3:PutObject', `${LOGS_BUCKET}/elsewhere`, fromUs);
mayNot('S3 logging', 's3:GetObject', `${LOGS_BUCKET}/access/2026`, fromUs);
mayNot('S3 logging', 's3:PutObject', `${LOGS_BUCKET}/access/2026`, { ...fromUs, ...plain });
for (const who of ROLES) mayNot(who, 's3:GetObject', `${LOGS_BUCKET}/access/2026`);
may('EventBridge', 'sqs:SendMessage', queue('ours-interruptions'), { 'aws:SourceArn': RULE });
mayNot('EventBridge', 'sqs:SendMessage', queue('ours-interruptions'), {
  'aws:SourceArn': RULE.replace('ours', 'theirs'),
});
mayNot('EventBridge', 'sqs:SendMessage', queue('ours-interruptions'), {
  'aws:SourceArn': RULE.replace(ACCOUNT, FOREIGN_ACCOUNT),
});
mayNot('EventBridge', 'sqs:SendMessage', queue('ours-interruptions'), { 'aws:SourceArn': RULE, ...plain });
mayNot('EventBridge', 'sqs:ReceiveMessage', queue('ours-interruptions'), { 'aws:SourceArn': RULE });
mayNot('Lambda', 'sqs:SendMessage', queue('ours-interruptions'), { 'aws:SourceArn': RULE });
mayNot('operator', 'sqs:ReceiveMessage', queue('ours-interruptions'), plain);
mayNot('foreign account', 'sqs:SendMessage', queue('ours-interruptions'));

// The fence: whatever somebody attaches to a role later, it stays with what the installation lives from.
const fenced = { about: 'with everything attached to it' };
for (const [action, resource] of [
  ['s3:GetObject', key('datasets/user_1/a.csv')],
  ['s3:ListBucket', BUCKET],
  ['ec2:DescribeInstances', '*'],
  ['ec2:TerminateInstances', ec2('instance/i-1')],
  ['sqs:ReceiveMessage', queue('ours-interruptions')],
  ['logs:PutLogEvents', logs('/aws/lambda/ours-prediction', 'a')],
  ['logs:FilterLogEvents', logs('/aws/ec2/ml-training/ours')],
  ['lambda:InvokeFunction', fn('ours-prediction:live')],
] as const)
  may('fat worker', action, resource, fenced);
may('fat worker', 'iam:PassRole', iamRole('ours-worker'), { ...passed('ec2.amazonaws.com'), ...fenced });
mayNot('fat worker', 'iam:PassRole', iamRole('admin'), { ...passed('ec2.amazonaws.com'), ...fenced });
mayNot('fat worker', 'iam:PassRole', iamRole('ours-worker'), { ...passed('lambda.amazonaws.com'), ...fenced });
for (const action of ['kms:CreateGrant', 'kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:DescribeKey'])
  may('fat operator', action, KEY, { 'kms:ViaService': `ec2.${REGION}.amazonaws.com`, about: 'for a volume' });
mayNot('fat operator', 'kms:CreateGrant', KEY, fenced);
const bucketKey = { 'kms:ViaService': `s3.${REGION}.amazonaws.com`, 'kms:EncryptionContext:aws:s3:arn': BUCKET };
may('fat operator', 'kms:GenerateDataKey', KEY, { ...bucketKey, ...fenced, kms: true });
mayNot('fat operator', 'kms:GenerateDataKey', KEY, { ...bucketKey, ...fenced });
mayNot('fat operator', 'kms:GenerateDataKey', KEY, {
  ...bucketKey,
  ...fenced,
  'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::theirs-bucket',
  kms: true,
});
mayNot('fat operator', 'kms:GenerateDataKey', KEY, {
  ...bucketKey,
  ...fenced,
  'kms:ViaService': `sqs.${REGION}.amazonaws.com`,
  kms: true,
});
mayNot('fat operator', 'kms:CreateGrant', KEY, { 'kms:ViaService': `rds.${REGION}.amazonaws.com`, ...fenced });
mayNot('fat operator', 'kms:PutKeyPolicy', KEY, { 'kms:ViaService': `ec2.${REGION}.amazonaws.com`, ...fenced });
for (const [action, resource] of [
  ['iam:CreateAccessKey', `arn:aws:iam::${ACCOUNT}:user/admin`],
  ['iam:CreateUser', `arn:aws:iam::${ACCOUNT}:user/mallory`],
  ['iam:CreateRole', iamRole('mallory')],
  ['iam:AttachRolePolicy', iamRole('ours-worker')],
  ['iam:PutRolePolicy', iamRole('ours-operator')],
  ['iam:UpdateAssumeRolePolicy', iamRole('ours-operator')],
  ['iam:DeleteRolePermissionsBoundary', iamRole('ours-worker')],
  ['iam:PutRolePermissionsBoundary', iamRole('ours-worker')],
  ['iam:CreatePolicyVersion', `arn:aws:iam::${ACCOUNT}:policy/ours-boundary`],
  ['iam:SetDefaultPolicyVersion', `arn:aws:iam::${ACCOUNT}:policy/ours-boundary`],
  ['iam:DeletePolicy', `arn:aws:iam::${ACCOUNT}:policy/ours-boundary`],
  ['iam:GetRole', iamRole('admin')],
  ['sts:AssumeRole', iamRole('admin')],
  ['sts:AssumeRole', TRUSTING_ROLE],
  ['sts:GetFederationToken', `arn:aws:sts::${ACCOUNT}:federated-user/mallory`],
  ['lambda:CreateFunction', fn('mine')],
  ['lambda:UpdateFunctionCode', fn('ours-prediction')],
  ['lambda:InvokeFunction', fn('theirs-prediction')],
  ['s3:GetObject', 'arn:aws:s3:::theirs-bucket/x'],
  ['s3:PutBucketPolicy', BUCKET],
  ['s3:ListAllMyBuckets', '*'],
  ['logs:PutLogEvents', logs('/aws/cloudtrail', 'a')],
  ['logs:DeleteLogGroup', logs('/aws/ec2/ml-training/ours')],
  ['sqs:SendMessage', queue('ours-interruptions')],
  ['sqs:ReceiveMessage', queue('theirs-interruptions')],
  ['ec2:CreateVpc', ec2('vpc/*')],
  ['ec2:AuthorizeSecurityGroupIngress', ec2('security-group/sg-1')],
  ['ec2:CreateLaunchTemplateVersion', ec2('launch-template/lt-0123456789abcdef0')],
  ['organizations:LeaveOrganization', '*'],
  ['account:CloseAccount', `arn:aws:account::${ACCOUNT}:account`],
  ['kms:ScheduleKeyDeletion', KEY],
  ['secretsmanager:GetSecretValue', `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:x`],
  ['ssm:GetParameter', `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/x`],
  ['dynamodb:GetItem', `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/x`],
] as const)
  mayNot('fat worker', action, resource, fenced);
for (const [action, resource] of [
  ['ec2:DescribeInstances', '*'],
  ['ec2:RunInstances', ec2('instance/*', ACCOUNT, 'us-east-1')],
  ['s3:GetObject', key('datasets/user_1/a.csv')],
] as const)
  mayNot('fat worker', action, resource, { 'aws:RequestedRegion': 'us-east-1', about: 'beyond the region' });
mayNot('fat worker', 'kms:Decrypt', KEY, { ...fenced, about: 'with everything attached to it, not by S3' });
