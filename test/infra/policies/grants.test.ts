import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { bucketKey } from '../../../infra/policies/document.ts';
import { actionsOf, dead } from './reference.ts';
import { documentsOf, installation, KEY, type Documents, type Role } from './simulator.ts';

const documents = documentsOf({ ...installation, kmsKeyArn: KEY });

/** Commands of the SDK in production code → the action AWS asks for; and whose program sends them. */
const COMMANDS: Readonly<Record<string, { action: string; roles: readonly Role[] }>> = {
  CreateFleet: { action: 'ec2:CreateFleet', roles: ['operator'] },
  DescribeInstances: { action: 'ec2:DescribeInstances', roles: ['operator'] },
  TerminateInstances: { action: 'ec2:TerminateInstances', roles: ['operator'] },
  CreateTags: { action: 'ec2:CreateTags', roles: ['operator'] },
  DescribeInstanceStatus: { action: 'ec2:DescribeInstanceStatus', roles: ['operator'] },
  DescribeVolumes: { action: 'ec2:DescribeVolumes', roles: ['operator'] },
  DeleteVolume: { action: 'ec2:DeleteVolume', roles: ['operator'] },
  DescribeSpotPriceHistory: { action: 'ec2:DescribeSpotPriceHistory', roles: ['operator'] },
  DescribeInstanceTypeOfferings: { action: 'ec2:DescribeInstanceTypeOfferings', roles: ['operator'] },
  DescribeSubnets: { action: 'ec2:DescribeSubnets', roles: ['operator'] },
  DescribeLaunchTemplates: { action: 'ec2:DescribeLaunchTemplates', roles: ['operator'] },
  DescribeImages: { action: 'ec2:DescribeImages', roles: ['operator'] },
  DescribeSecurityGroups: { action: 'ec2:DescribeSecurityGroups', roles: ['operator'] },
  HeadObject: { action: 's3:GetObject', roles: ['operator', 'bot'] },
  GetObject: { action: 's3:GetObject', roles: ['operator', 'bot'] },
  PutObject: { action: 's3:PutObject', roles: ['operator', 'bot'] },
  CopyObject: { action: 's3:PutObject', roles: ['operator'] },
  DeleteObject: { action: 's3:DeleteObject', roles: ['operator', 'bot'] },
  DeleteObjects: { action: 's3:DeleteObject', roles: ['operator'] },
  ListObjectsV2: { action: 's3:ListBucket', roles: ['operator', 'bot'] },
  CreateMultipartUpload: { action: 's3:PutObject', roles: ['operator'] },
  UploadPart: { action: 's3:PutObject', roles: ['operator'] },
  ListParts: { action: 's3:ListMultipartUploadParts', roles: ['operator'] },
  CompleteMultipartUpload: { action: 's3:PutObject', roles: ['operator'] },
  ListMultipartUploads: { action: 's3:ListBucketMultipartUploads', roles: ['operator'] },
  AbortMultipartUpload: { action: 's3:AbortMultipartUpload', roles: ['operator'] },
  Invoke: { action: 'lambda:InvokeFunction', roles: ['operator'] },
  GetFunctionConfiguration: { action: 'lambda:GetFunctionConfiguration', roles: ['operator'] },
  FilterLogEvents: { action: 'logs:FilterLogEvents', roles: ['operator'] },
  // `npm run logs`, by a person's own rights.
  GetLogEvents: { action: 'logs:GetLogEvents', roles: [] },
  ReceiveMessage: { action: 'sqs:ReceiveMessage', roles: ['operator'] },
  DeleteMessageBatch: { action: 'sqs:DeleteMessage', roles: ['operator'] },
  ChangeMessageVisibilityBatch: { action: 'sqs:ChangeMessageVisibility', roles: ['operator'] },
  GetQueueAttributes: { action: 'sqs:GetQueueAttributes', roles: ['operator'] },
};

/** Methods of the worker's clients (and its boot script's GET). */
const METHODS: Readonly<Record<string, string>> = {
  get_object: 's3:GetObject',
  put_object: 's3:PutObject',
  create_log_stream: 'logs:CreateLogStream',
  put_log_events: 'logs:PutLogEvents',
};

/** What no command of ours shows: a fleet launches by RunInstances with a role, uploads of the SDK end what failed, a 404 needs a look. */
const BEHIND: Readonly<Record<Role, readonly string[]>> = {
  operator: ['ec2:RunInstances', 'iam:PassRole'],
  // lib-storage: parts, and their end when one fails.
  bot: ['s3:AbortMultipartUpload'],
  // S3 says that an object is missing only to who may list it.
  worker: ['s3:ListBucket'],
  // By Lambda itself.
  handler: ['logs:CreateLogStream', 'logs:PutLogEvents'],
};

function sources(folder: string, ending: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending) && !/\/tests(\/|$)/.test(entry.parentPath))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

const found = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

describe('What the roles are granted', () => {
  // cloud/catalogue is a person's tool (npm run catalogue).
  const typescript = ['operator', 'bot', 'cloud']
    .map((folder) => sources(folder, '.ts'))
    .join('\n')
    .replaceAll(readFileSync('cloud/catalogue/market.ts', 'utf8'), '');
  const commands = found(typescript, /new ([A-Z]\w+)Command\(/g);
  const methods = found(sources('trainer', '.py'), /_client\.(\w+)\(/g);

  it('is known for every command that production code sends', () => {
    expect(commands).to.have.members(Object.keys(COMMANDS));
    expect(methods).to.have.members(Object.keys(METHODS));
  });

  const used = (role: Role): string[] => [
    ...Object.values(COMMANDS).flatMap(({ action, roles }) => (roles.includes(role) ? [action] : [])),
    ...(role === 'worker' ? Object.values(METHODS) : []),
    ...BEHIND[role],
    ...(role === 'handler' ? [] : (bucketKey({ ...installation, kmsKeyArn: KEY })[0]?.Action ?? [])),
  ];

  for (const role of ['operator', 'bot', 'worker', 'handler'] as const)
    it(`is what the ${role} calls: nothing less, nothing more`, () => {
      const granted = documents[role].Statement.flatMap(({ Action }) => Action);
      expect([...new Set(granted)]).to.have.members([...new Set(used(role))]);
    });

  it('is within the boundary, which holds nothing that no role has but the key of volumes', async () => {
    const all = (name: keyof Documents) =>
      documents[name].Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);
    const roles = new Set((['operator', 'bot', 'worker', 'handler'] as const).flatMap(all));
    const fence = all('boundary');
    const within = new Set((await Promise.all(fence.map(actionsOf))).flat());
    for (const action of roles) expect(within.has(action), action).to.equal(true);
    const more = fence.filter((entry) => !roles.has(entry) && !entry.startsWith('kms:'));
    expect(more).to.deep.equal(['ec2:Describe*']);
  });
});

describe('The policies, beside AWS’s service authorization reference', () => {
  for (const [name, { Statement }] of Object.entries(documents))
    for (const statement of Statement)
      it(`name nothing in ${statement.Sid} of ${name} that there is not`, async () => {
        if (statement.Effect === 'Allow') expect(await dead(statement)).to.deep.equal([]);
        else for (const entry of statement.Action) expect(await actionsOf(entry), entry).not.to.be.empty;
      });

  it('would be told of a launch that no request can ever be', async () => {
    const template = 'arn:aws:ec2:eu-central-1:111122223333:launch-template/lt-0123456789abcdef0';
    const spot = 'arn:aws:ec2:eu-central-1:111122223333:spot-instances-request/*';
    expect(
      await dead({
        Sid: 'Launch',
        Effect: 'Allow',
        Action: ['ec2:RunInstances', 'ec2:LaunchInstances'],
        Resource: [spot, 'arn:aws:s3:::bucket'],
        Condition: { ArnEquals: { 'ec2:LaunchTemplate': template } },
      }),
    ).to.deep.equal([
      `ec2:RunInstances of ${spot} does not know ec2:LaunchTemplate`,
      'there is no ec2:LaunchInstances',
      `ec2:LaunchInstances does not act on ${spot}, arn:aws:s3:::bucket`,
      'nothing acts on arn:aws:s3:::bucket',
    ]);
  });
});
