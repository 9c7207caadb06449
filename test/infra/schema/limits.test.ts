import { expect } from 'chai';
import { programOf, type Recorded } from '../mocks.ts';
import { WAYS } from '../ways.ts';
import { checkLimits, LIMITS } from './limits.ts';

const made = (type: string, inputs: Record<string, unknown>, id = ''): Recorded => ({
  ...{ type, name: 'one', inputs, secrets: [], urn: '', id, parent: undefined, provider: undefined },
  ...{ protect: false, retain: false, dependsOn: [], custom: true },
});
const long = 'spotlearn-abcdefghijklmnopqrstu'; // 31 letters, the longest name there may be
const region = 'ap-southeast-1'; // none has a longer name

describe('AWS’s documented limits', function () {
  this.timeout(60_000);

  for (const [name, run] of Object.entries(WAYS))
    it(`are kept with ${name}, also by the longest name in the longest region`, async () => {
      expect(checkLimits((await programOf(run)).resources)).to.deep.equal([]);
      const { 'spotlearn:kmsKeyArn': _, ...others } = run.configuration ?? {};
      const configuration = { ...others, 'spotlearn:name': long, 'aws:region': region };
      expect(checkLimits((await programOf({ ...run, configuration })).resources)).to.deep.equal([]);
    });

  it('are each met by a resource of the program', async () => {
    const types = new Set((await programOf(WAYS['all options'])).resources.map(({ type }) => type));
    expect(LIMITS.map(({ type }) => type).filter((type) => !types.has(type))).to.deep.equal([]);
  });

  /** Just inside, just outside. */
  const EDGES: [type: string, key: string, inside: unknown, outside: unknown][] = [
    ['aws:iam/role:Role', 'name', 'r'.repeat(64), 'r'.repeat(65)],
    ['aws:iam/role:Role', 'assumeRolePolicy', 'x'.repeat(2_048), 'x'.repeat(2_049)],
    ['aws:iam/role:Role', 'description', 'x'.repeat(1_000), '–'],
    ['aws:iam/policy:Policy', 'name', 'p'.repeat(128), 'p/p'],
    ['aws:iam/policy:Policy', 'policy', 'x'.repeat(6_144), 'x'.repeat(6_145)],
    ['aws:iam/rolePolicy:RolePolicy', 'policy', 'x'.repeat(10_240), 'x'.repeat(10_241)],
    ['aws:iam/instanceProfile:InstanceProfile', 'name', 'p'.repeat(128), 'p'.repeat(129)],
    ['aws:s3/bucket:Bucket', 'bucket', 'b'.repeat(63), 'b'.repeat(64)],
    ['aws:s3/bucket:Bucket', 'bucket', 'a-b', 'a_b'],
    ['aws:s3/bucketPolicy:BucketPolicy', 'policy', 'x'.repeat(20_480), 'x'.repeat(20_481)],
    ['aws:s3/bucketObjectv2:BucketObjectv2', 'key', 'k'.repeat(1_024), 'k'.repeat(1_025)],
    ['aws:lambda/function:Function', 'name', 'f'.repeat(64), 'f'.repeat(65)],
    ['aws:lambda/function:Function', 'memorySize', 10_240, 10_241],
    ['aws:lambda/function:Function', 'timeout', 900, 901],
    ['aws:lambda/function:Function', 'description', 'x'.repeat(256), 'x'.repeat(257)],
    [
      'aws:lambda/function:Function',
      'environment',
      { variables: { A: 'x'.repeat(4_000) } },
      { variables: { A: 'x'.repeat(4_096) } },
    ],
    ['aws:lambda/alias:Alias', 'name', 'live', '7'],
    ['aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig', 'maximumRetryAttempts', 2, 3],
    ['aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig', 'maximumEventAgeInSeconds', 60, 59],
    ['aws:sqs/queue:Queue', 'name', 'q'.repeat(80), 'q'.repeat(81)],
    ['aws:sqs/queue:Queue', 'messageRetentionSeconds', 1_209_600, 1_209_601],
    ['aws:sqs/queue:Queue', 'receiveWaitTimeSeconds', 20, 21],
    ['aws:sqs/queue:Queue', 'visibilityTimeoutSeconds', 43_200, 43_201],
    ['aws:sns/topic:Topic', 'name', 't'.repeat(256), 't.t'],
    ['aws:cloudwatch/logGroup:LogGroup', 'name', '/a'.repeat(256), '/a b'],
    ['aws:cloudwatch/logGroup:LogGroup', 'retentionInDays', 30, 31],
    ['aws:cloudwatch/eventRule:EventRule', 'name', 'r'.repeat(64), 'r'.repeat(65)],
    ['aws:cloudwatch/eventRule:EventRule', 'description', 'x'.repeat(512), 'x'.repeat(513)],
    ['aws:cloudwatch/eventRule:EventRule', 'eventPattern', 'x'.repeat(2_048), 'x'.repeat(2_049)],
    ['aws:cloudwatch/metricAlarm:MetricAlarm', 'name', 'a'.repeat(255), 'a'.repeat(256)],
    ['aws:cloudwatch/metricAlarm:MetricAlarm', 'period', 60, 90],
    ['aws:cloudwatch/dashboard:Dashboard', 'dashboardName', 'd'.repeat(255), 'd d'],
    ['aws:ec2/launchTemplate:LaunchTemplate', 'name', 'l'.repeat(128), 'll'],
    ['aws:ec2/launchTemplate:LaunchTemplate', 'description', 'x'.repeat(255), 'x'.repeat(256)],
    [
      'aws:ec2/launchTemplate:LaunchTemplate',
      'userData',
      Buffer.alloc(16_384).toString('base64'),
      Buffer.alloc(16_385).toString('base64'),
    ],
    ['aws:ec2/securityGroup:SecurityGroup', 'name', 's'.repeat(255), 'sg-1'],
    ['aws:ec2/securityGroup:SecurityGroup', 'description', 'in: nothing', 'in; nothing’s'],
    ['aws:ec2/vpc:Vpc', 'cidrBlock', '10.0.0.0/16', '10.0.0.0/15'],
    ['aws:ec2/subnet:Subnet', 'cidrBlock', '10.0.0.0/28', '10.0.0.0/29'],
    ['aws:eks/cluster:Cluster', 'name', 'c'.repeat(100), 'c'.repeat(101)],
    ['aws:eks/nodeGroup:NodeGroup', 'nodeGroupName', 'n'.repeat(63), 'n'.repeat(64)],
    ['aws:ecr/repository:Repository', 'name', 'a/b-c', 'a/B'],
    ['aws:budgets/budget:Budget', 'name', 'b'.repeat(100), 'a:b'],
  ];
  for (const [type, key, inside, outside] of EDGES)
    it(`of ${type} ${key}: just inside and just outside`, () => {
      expect(checkLimits([made(type, { [key]: inside })])).to.deep.equal([]);
      const [problem] = checkLimits([made(type, { [key]: outside })]);
      expect(problem).to.include(`${key} is `).and.to.include('allowed: ');
    });

  it('are all tried', () => {
    const tried = new Set(EDGES.map(([type, key]) => `${type} ${key}`));
    expect(LIMITS.map(({ type, key }) => `${type} ${key}`).filter((one) => !tried.has(one))).to.deep.equal([]);
  });

  it('hold for tags, and for subnets that must lie in their network and apart', () => {
    const queue = 'aws:sqs/queue:Queue';
    expect(checkLimits([made(queue, { tags: { 'aws:owner': 'x' } })])).to.have.length(1);
    expect(checkLimits([made(queue, { tags: { a: 'x'.repeat(257) } })])).to.have.length(1);
    expect(
      checkLimits([made(queue, { tags: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`t${at}`, ''])) })]),
    ).to.have.length(1);
    expect(checkLimits([made('x:y:Z', { specifications: [{ tags: { 'aws:owner': 'x' } }] })])).to.have.length(1);
    const vpc = made('aws:ec2/vpc:Vpc', { cidrBlock: '10.0.0.0/16' }, 'vpc-1');
    const subnet = (cidrBlock: string) => made('aws:ec2/subnet:Subnet', { vpcId: 'vpc-1', cidrBlock });
    expect(checkLimits([vpc, subnet('10.0.0.0/20'), subnet('10.0.16.0/20')])).to.deep.equal([]);
    expect(checkLimits([vpc, subnet('10.1.0.0/20')])[0]).to.include('outside its VPC');
    expect(checkLimits([vpc, subnet('10.0.0.0/20'), subnet('10.0.8.0/24')])[0]).to.include('overlaps');
  });
});
