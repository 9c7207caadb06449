import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { leftOf, namedKinds, TAGGED } from '../../../infra/sweep/kinds.ts';
import { readOptions, sweep, UsageError } from '../../../infra/sweep/main.ts';
import type { Account } from '../../../infra/sweep/sweep.ts';
import { ACCOUNT_ID, programOf } from '../mocks.ts';
import { WAYS } from '../ways.ts';

const REGION = 'eu-central-1';
const sought = { installation: 'ours', region: REGION, accountId: ACCOUNT_ID };
const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${resource}`;

/** An account with these ARNs (of any tag) and these roles. */
function accountWith(arns: string[], named: string[] = [], failing: string[] = []) {
  const removed: string[] = [];
  const account: Account = {
    tagged: (key) => Promise.resolve(key === 'spotlearn:installation' ? arns : []),
    exists: (_, identifier) => Promise.resolve(named.includes(identifier)),
    remove: (type, identifier) => {
      if (failing.includes(identifier)) return Promise.reject(new Error('is in use'));
      removed.push(`${type} ${identifier}`);
      return Promise.resolve();
    },
  };
  return { account, removed };
}
async function run(given: ReturnType<typeof accountWith>, options: { remove?: boolean; dataToo?: boolean } = {}) {
  const lines: string[] = [];
  const code = await sweep({ sought, remove: false, dataToo: false, ...options }, given.account, (line) =>
    lines.push(line),
  );
  return { code, said: lines.join('\n'), removed: given.removed };
}

describe('npm run sweep', () => {
  const arns = [
    'arn:aws:s3:::ours-data',
    arn('ec2', 'vpc/vpc-1'),
    arn('ec2', 'subnet/subnet-1'),
    arn('ec2', 'instance/i-1'),
    arn('sqs', 'ours-interruptions'),
    arn('eks', 'nodegroup/ours/spot/abc'),
    arn('ec2', 'fleet/fleet-1'),
  ];

  it('says that nothing is left', async () => {
    expect(await run(accountWith([]))).to.deep.include({
      code: 0,
      said: `Nothing of ours is left in ${REGION}.`,
      removed: [],
    });
  });

  it('tells what is left, what costs first, and changes nothing', async () => {
    const { code, said, removed } = await run(accountWith(arns, ['ours-operator']));
    expect(code).to.equal(3);
    expect(removed).to.deep.equal([]);
    const at = (words: string) => said.indexOf(words);
    expect(at('instance/i-1')).to.be.above(0).and.below(at('subnet-1'));
    expect(at('subnet-1')).to.be.below(at('vpc-1'));
    expect(said).to.include('ours-operator').and.to.include('(data)').and.to.include('Nothing was changed');
  });

  it('removes in that order, keeps data unless it is to go as well', async () => {
    const { code, removed, said } = await run(accountWith(arns, ['ours-worker']), { remove: true });
    expect(removed).to.deep.equal([
      'AWS::EC2::Instance i-1',
      'AWS::EKS::Nodegroup ours/spot',
      `AWS::SQS::Queue https://sqs.${REGION}.amazonaws.com/${ACCOUNT_ID}/ours-interruptions`,
      'AWS::EC2::Subnet subnet-1',
      'AWS::EC2::VPC vpc-1',
      'AWS::IAM::InstanceProfile ours-worker',
      'AWS::IAM::Role ours-worker',
    ]);
    expect(code).to.equal(3);
    expect(said).to.include('2 kept: fleet, bucket.');
    const all = await run(accountWith(['arn:aws:s3:::ours-data']), { remove: true, dataToo: true });
    expect([all.code, all.removed]).to.deep.equal([0, ['AWS::S3::Bucket ours-data']]);
  });

  it('goes on after a failure, and says so', async () => {
    const { code, removed, said } = await run(accountWith(arns.slice(1, 4), [], ['subnet-1']), { remove: true });
    expect(removed).to.deep.equal(['AWS::EC2::Instance i-1', 'AWS::EC2::VPC vpc-1']);
    expect(said).to.include('FAILED').and.to.include('is in use').and.to.include('run it again');
    expect(code).to.equal(3);
  });

  it('tells what it does not know, and leaves it', async () => {
    const { said, removed } = await run(accountWith([arn('rds', 'db:theirs')]), { remove: true });
    expect(said).to.include('does not know');
    expect(removed).to.deep.equal([]);
  });

  it('reads its command line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'spotlearn-sweep-'));
    const file = join(folder, 'outputs.json');
    try {
      writeFileSync(file, JSON.stringify(sought));
      expect(readOptions(['--stack', file, '--remove'])).to.deep.equal({ sought, remove: true, dataToo: false });
      expect(readOptions(['--installation', 'ours', '--region', REGION, '--account', ACCOUNT_ID]).sought).to.deep.equal(
        sought,
      );
      writeFileSync(file, '{}');
      for (const args of [
        ['--stack', file],
        ['--stack', join(folder, 'none')],
        [],
        ['--data-too', '--stack'],
        ['--what'],
      ])
        expect(() => readOptions(args), args.join(' ')).to.throw(UsageError);
      writeFileSync(file, JSON.stringify(sought));
      expect(() => readOptions(['--stack', file, '--data-too'])).to.throw(UsageError, '--data-too goes with --remove');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Types of the program that a destroyed stack can leave nothing of, since they are part of something else; the rest must have a kind. */
const PART_OF: Record<string, string> = {
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': 'VPC',
  'aws:ec2/routeTableAssociation:RouteTableAssociation': 'subnet',
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': 'bucket',
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': 'bucket',
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': 'bucket',
  'aws:s3/bucketVersioning:BucketVersioning': 'bucket',
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': 'bucket',
  'aws:s3/bucketPolicy:BucketPolicy': 'bucket',
  'aws:s3/bucketLogging:BucketLogging': 'bucket',
  'aws:s3/bucketObjectv2:BucketObjectv2': 'bucket',
  'aws:sqs/queuePolicy:QueuePolicy': 'queue',
  'aws:cloudwatch/eventTarget:EventTarget': 'event rule',
  'aws:lambda/alias:Alias': 'prediction function',
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': 'prediction function',
  'aws:iam/rolePolicy:RolePolicy': 'role',
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': 'role',
  'aws:ecr/lifecyclePolicy:LifecyclePolicy': 'repository of images',
  'docker-build:index:Image': 'repository of images',
  'aws:sns/topicSubscription:TopicSubscription': 'topic of alarms',
};
/** Type of the program → kind of the sweep. */
const IS: Record<string, string> = {
  'aws:ec2/vpc:Vpc': 'VPC',
  'aws:ec2/internetGateway:InternetGateway': 'internet gateway',
  'aws:ec2/routeTable:RouteTable': 'route table',
  'aws:ec2/subnet:Subnet': 'subnet',
  'aws:ec2/eip:Eip': 'public address',
  'aws:ec2/natGateway:NatGateway': 'NAT gateway',
  'aws:ec2/vpcEndpoint:VpcEndpoint': 'VPC endpoint',
  'aws:ec2/securityGroup:SecurityGroup': 'security group',
  'aws:ec2/launchTemplate:LaunchTemplate': 'launch template',
  'aws:s3/bucket:Bucket': 'bucket',
  'aws:sqs/queue:Queue': 'queue',
  'aws:sns/topic:Topic': 'topic of alarms',
  'aws:cloudwatch/eventRule:EventRule': 'event rule',
  'aws:cloudwatch/logGroup:LogGroup': 'log group',
  'aws:cloudwatch/metricAlarm:MetricAlarm': 'alarm',
  'aws:cloudwatch/dashboard:Dashboard': 'dashboard',
  'aws:lambda/function:Function': 'prediction function',
  'aws:iam/role:Role': 'role',
  'aws:iam/policy:Policy': 'permissions boundary',
  'aws:iam/instanceProfile:InstanceProfile': 'instance profile',
  'aws:iam/openIdConnectProvider:OpenIdConnectProvider': 'OIDC provider',
  'aws:eks/cluster:Cluster': 'EKS cluster',
  'aws:eks/nodeGroup:NodeGroup': 'node group',
  'aws:eks/addon:Addon': 'add-on',
  'aws:eks/podIdentityAssociation:PodIdentityAssociation': 'Pod Identity association',
  'aws:ecr/repository:Repository': 'repository of images',
  'aws:budgets/budget:Budget': 'AWS budget',
};
/** What the operator and EC2 make while the installation runs. */
const AT_RUN_TIME = [
  'instance/i-1',
  'volume/vol-1',
  'fleet/fleet-1',
  'spot-instances-request/sir-1',
  'network-interface/eni-1',
  'snapshot/snap-1',
];

describe('What could outlive pulumi destroy', () => {
  const kinds = new Set([...TAGGED, ...namedKinds('ours', REGION, ACCOUNT_ID)].map(({ what }) => what));

  it('is a kind of the sweep, or part of one: every type of every way to install', async () => {
    const types = new Set<string>();
    for (const way of Object.values(WAYS)) for (const { type } of (await programOf(way)).resources) types.add(type);
    const ours = [...types].filter((type) => /^(aws|docker-build):/.test(type));
    expect(ours.filter((type) => !(type in IS) && !(type in PART_OF))).to.deep.equal([]);
    for (const what of [...Object.values(IS), ...Object.values(PART_OF)]) expect(kinds, what).to.include(what);
  });

  it('is found by name where no tag finds it: every role and policy of every way', async () => {
    for (const way of Object.values(WAYS)) {
      const { resources, outputs } = await programOf(way);
      const named = namedKinds(String(outputs['installation']), REGION, ACCOUNT_ID).map(({ identifier }) => identifier);
      for (const { type, id, inputs } of resources)
        if (/^aws:(iam\/(role:|policy:|instanceProfile)|cloudwatch\/dashboard|budgets)/.test(type))
          expect(named).to.include.oneOf([id, String(inputs['name']), String(inputs['dashboardName'])]);
    }
  });

  for (const resource of AT_RUN_TIME)
    it(`is known although the program does not make it: ${resource}`, () => {
      expect(leftOf(arn('ec2', resource)).what).not.to.include('does not know');
    });
});
