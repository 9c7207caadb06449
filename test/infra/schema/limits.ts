// AWS's documented limits, which no type knows: lengths and characters of names, sizes of documents, allowed numbers; and what must fit together.
// Each with the page of AWS's documentation that it is from.
import { contains, overlaps, parseCidr } from '../../../infra/cidr.ts';
import type { Recorded } from '../mocks.ts';

interface Limit {
  readonly type: string;
  readonly key: string;
  /** A whole value that is allowed. */
  readonly fits: RegExp | ((value: unknown) => boolean);
  readonly allowed: string;
  readonly source: string;
}

const limit = (type: string, key: string, fits: Limit['fits'], allowed: string, source: string): Limit => ({
  ...{ type, key, fits, allowed, source },
});
const between = (least: number, most: number) => (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
const bytes = (most: number) => (value: unknown) => Buffer.byteLength(String(value)) <= most;
const RETENTIONS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const LAMBDA = 'Lambda quotas; CreateFunction';
const IAM = 'IAM and AWS STS quotas';

export const LIMITS: readonly Limit[] = [
  limit('aws:iam/role:Role', 'name', /^[\w+=,.@-]{1,64}$/, '1 to 64 characters of \\w+=,.@-', IAM),
  limit('aws:iam/role:Role', 'assumeRolePolicy', bytes(2_048), 'at most 2,048 characters', IAM),
  limit(
    'aws:iam/role:Role',
    'description',
    /^[\t\n\r -~¡-ÿ]{0,1000}$/,
    'at most 1,000 Latin-1 characters',
    'IAM CreateRole',
  ),
  limit('aws:iam/policy:Policy', 'name', /^[\w+=,.@-]{1,128}$/, '1 to 128 characters of \\w+=,.@-', IAM),
  limit('aws:iam/policy:Policy', 'policy', bytes(6_144), 'at most 6,144 characters', IAM),
  limit('aws:iam/rolePolicy:RolePolicy', 'policy', bytes(10_240), 'at most 10,240 characters', IAM),
  limit('aws:iam/instanceProfile:InstanceProfile', 'name', /^[\w+=,.@-]{1,128}$/, '1 to 128 characters', IAM),
  limit(
    'aws:s3/bucket:Bucket',
    'bucket',
    /^(?!xn--|sthree-)(?!.*(-s3alias|--ol-s3)$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
    '3 to 63 lower-case letters, digits, hyphens',
    'S3 bucket naming rules',
  ),
  limit('aws:s3/bucketPolicy:BucketPolicy', 'policy', bytes(20_480), 'at most 20 KB', 'S3 bucket restrictions'),
  limit('aws:s3/bucketObjectv2:BucketObjectv2', 'key', bytes(1_024), 'at most 1,024 bytes', 'S3 object keys'),
  limit('aws:lambda/function:Function', 'name', /^[\w-]{1,64}$/, '1 to 64 letters, digits, _ and -', LAMBDA),
  limit('aws:lambda/function:Function', 'memorySize', between(128, 10_240), '128 to 10,240', LAMBDA),
  limit('aws:lambda/function:Function', 'timeout', between(1, 900), '1 to 900', LAMBDA),
  limit('aws:lambda/function:Function', 'description', bytes(256), 'at most 256 characters', LAMBDA),
  limit(
    'aws:lambda/function:Function',
    'environment',
    (value) => Buffer.byteLength(JSON.stringify(value)) <= 4_096,
    'at most 4 KB',
    LAMBDA,
  ),
  limit(
    'aws:lambda/alias:Alias',
    'name',
    /^(?!\d+$)[\w-]{1,128}$/,
    '1 to 128 characters, not a number',
    'Lambda CreateAlias',
  ),
  limit(
    'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
    'maximumRetryAttempts',
    between(0, 2),
    '0 to 2',
    'Lambda PutFunctionEventInvokeConfig',
  ),
  limit(
    'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
    'maximumEventAgeInSeconds',
    between(60, 21_600),
    '60 to 21,600',
    'Lambda PutFunctionEventInvokeConfig',
  ),
  limit('aws:sqs/queue:Queue', 'name', /^[\w-]{1,80}$/, '1 to 80 letters, digits, _ and -', 'SQS CreateQueue'),
  limit('aws:sqs/queue:Queue', 'messageRetentionSeconds', between(60, 1_209_600), '60 to 1,209,600', 'SQS CreateQueue'),
  limit('aws:sqs/queue:Queue', 'receiveWaitTimeSeconds', between(0, 20), '0 to 20', 'SQS CreateQueue'),
  limit('aws:sqs/queue:Queue', 'visibilityTimeoutSeconds', between(0, 43_200), '0 to 43,200', 'SQS CreateQueue'),
  limit('aws:sns/topic:Topic', 'name', /^[\w-]{1,256}$/, '1 to 256 letters, digits, _ and -', 'SNS CreateTopic'),
  limit(
    'aws:cloudwatch/logGroup:LogGroup',
    'name',
    /^[\w.\-/#]{1,512}$/,
    '1 to 512 characters of \\w.-/#',
    'CloudWatch Logs CreateLogGroup',
  ),
  limit(
    'aws:cloudwatch/logGroup:LogGroup',
    'retentionInDays',
    (value) => RETENTIONS.includes(value as number),
    RETENTIONS.join(', '),
    'CloudWatch Logs PutRetentionPolicy',
  ),
  limit(
    'aws:cloudwatch/eventRule:EventRule',
    'name',
    /^[\w.-]{1,64}$/,
    '1 to 64 characters of \\w.-',
    'EventBridge PutRule',
  ),
  limit(
    'aws:cloudwatch/eventRule:EventRule',
    'description',
    bytes(512),
    'at most 512 characters',
    'EventBridge PutRule',
  ),
  limit(
    'aws:cloudwatch/eventRule:EventRule',
    'eventPattern',
    bytes(2_048),
    'at most 2,048 characters',
    'EventBridge quotas',
  ),
  limit(
    'aws:cloudwatch/metricAlarm:MetricAlarm',
    'name',
    /^[^\p{Cc}]{1,255}$/u,
    '1 to 255 characters',
    'CloudWatch PutMetricAlarm',
  ),
  limit(
    'aws:cloudwatch/metricAlarm:MetricAlarm',
    'period',
    (value) => typeof value === 'number' && (value < 60 ? [10, 30].includes(value) : value % 60 === 0),
    '10, 30 or a multiple of 60',
    'CloudWatch PutMetricAlarm',
  ),
  limit(
    'aws:cloudwatch/dashboard:Dashboard',
    'dashboardName',
    /^[\w-]{1,255}$/,
    '1 to 255 letters, digits, _ and -',
    'CloudWatch PutDashboard',
  ),
  limit(
    'aws:ec2/launchTemplate:LaunchTemplate',
    'name',
    /^[\w().\-/]{3,128}$/,
    '3 to 128 characters of \\w().-/',
    'EC2 CreateLaunchTemplate',
  ),
  limit(
    'aws:ec2/launchTemplate:LaunchTemplate',
    'description',
    bytes(255),
    'at most 255 characters',
    'EC2 CreateLaunchTemplate',
  ),
  limit(
    'aws:ec2/launchTemplate:LaunchTemplate',
    'userData',
    (value) => Buffer.from(String(value), 'base64').length <= 16_384,
    'at most 16 KiB before base64',
    'EC2 user data',
  ),
  limit(
    'aws:ec2/securityGroup:SecurityGroup',
    'name',
    /^(?!sg-)[\w .\-:/()#,@[\]+=&;{}!$*]{1,255}$/,
    '1 to 255 characters, not beginning with sg-',
    'EC2 CreateSecurityGroup',
  ),
  limit(
    'aws:ec2/securityGroup:SecurityGroup',
    'description',
    /^[\w .\-:/()#,@[\]+=&;{}!$*]{1,255}$/,
    '1 to 255 characters of letters, digits and ._-:/()#,@[]+=&;{}!$*',
    'EC2 CreateSecurityGroup',
  ),
  limit(
    'aws:ec2/vpc:Vpc',
    'cidrBlock',
    (value) => between(16, 28)(parseCidr(String(value)).bits),
    'a network from /16 to /28',
    'VPC CIDR blocks',
  ),
  limit(
    'aws:ec2/subnet:Subnet',
    'cidrBlock',
    (value) => between(16, 28)(parseCidr(String(value)).bits),
    'a network from /16 to /28',
    'Subnet CIDR blocks',
  ),
  limit(
    'aws:eks/cluster:Cluster',
    'name',
    /^[0-9A-Za-z][\w-]{0,99}$/,
    '1 to 100 letters, digits, - and _',
    'EKS CreateCluster',
  ),
  limit(
    'aws:eks/nodeGroup:NodeGroup',
    'nodeGroupName',
    /^[0-9A-Za-z][\w-]{0,62}$/,
    '1 to 63 letters, digits, - and _',
    'EKS CreateNodegroup',
  ),
  limit(
    'aws:ecr/repository:Repository',
    'name',
    /^(?=.{2,256}$)[a-z0-9]+([._-][a-z0-9]+)*(\/[a-z0-9]+([._-][a-z0-9]+)*)*$/,
    '2 to 256 lower-case letters, digits, single . _ - and /',
    'ECR CreateRepository',
  ),
  limit(
    'aws:budgets/budget:Budget',
    'name',
    /^(?!.*(AWS_|:|\\))[^\p{Cc}]{1,100}$/u,
    '1 to 100 characters without : and \\',
    'Budgets Budget',
  ),
];

/** Of tags: AWS tagging reference. */
const TAG_KEY = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** A sentence for each value beyond a limit. */
export function checkLimits(recorded: readonly Recorded[]): string[] {
  const problems: string[] = [];
  for (const one of recorded) {
    for (const { type, key, fits, allowed, source } of LIMITS) {
      const value = one.inputs[key];
      if (type !== one.type || value === undefined) continue;
      if (!(fits instanceof RegExp ? fits.test(String(value as string)) : fits(value)))
        problems.push(
          `${type} ${one.name}: ${key} is ${String(JSON.stringify(value)).slice(0, 80)}; allowed: ${allowed} (${source})`,
        );
    }
    problems.push(...tagsOf(one.inputs).flatMap((tags) => tagProblems(`${one.type} ${one.name}`, tags)));
  }
  return [...problems, ...networkProblems(recorded)];
}

/** Wherever they stand in the inputs. */
function tagsOf(value: unknown): Record<string, string>[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'tags' && !Array.isArray(inner) ? [inner as Record<string, string>] : tagsOf(inner),
  );
}

function tagProblems(whose: string, tags: Record<string, string>): string[] {
  const entries = Object.entries(tags);
  const wrong = entries.filter(([key, value]) => !TAG_KEY.test(key) || !TAG_VALUE.test(value));
  return [
    ...wrong.map(
      ([key, value]) => `${whose}: the tag ${key}=${value} has characters or a length that AWS does not take`,
    ),
    ...(entries.length > 50 ? [`${whose}: ${entries.length} tags; allowed: 50`] : []),
  ];
}

function networkProblems(recorded: readonly Recorded[]): string[] {
  const problems: string[] = [];
  const of = (type: string) => recorded.filter((one) => one.type === type);
  const subnets = of('aws:ec2/subnet:Subnet').map(({ name, inputs }) => ({
    name,
    vpcId: String(inputs['vpcId']),
    block: String(inputs['cidrBlock']),
  }));
  for (const [index, { name, vpcId, block }] of subnets.entries()) {
    const vpc = of('aws:ec2/vpc:Vpc').find(({ id }) => id === vpcId);
    if (vpc && !contains(String(vpc.inputs['cidrBlock']), block))
      problems.push(`${name}: ${block} lies outside its VPC`);
    for (const other of subnets.slice(index + 1))
      if (other.vpcId === vpcId && overlaps(block, other.block))
        problems.push(`${name}: ${block} overlaps ${other.name}`);
  }
  return problems;
}
