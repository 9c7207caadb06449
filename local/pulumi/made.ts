// What AWS answers to a new resource and to a question, in shape and pattern like AWS's own, for what has no counterpart here. Pure: the same
// world gives the same ids.
import { createHash } from 'node:crypto';

export interface World {
  readonly accountId: string;
  readonly region: string;
  readonly stack: string;
}

export interface Made {
  readonly id: string;
  readonly state: Record<string, unknown>;
}

/** What a function of a provider answers; throws for an error of AWS. */
export type Answer = (inputs: Record<string, unknown>) => Record<string, unknown>;

const hex = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length);

/** Id and computed properties of a new resource, like AWS's. */
export function madeOf(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
  { accountId, region, stack }: World,
): Made {
  const unique = hex(`${stack} ${type} ${name}`, 17);
  const text = (key: string) => (inputs[key] as string | undefined) ?? `${name}-${unique.slice(0, 7)}`;
  const arn = (service: string, resource: string, where = region) =>
    `arn:aws:${service}:${where}:${accountId}:${resource}`;
  const ids: Record<string, string> = {
    'aws:ec2/vpc:Vpc': 'vpc-',
    'aws:ec2/subnet:Subnet': 'subnet-',
    'aws:ec2/securityGroup:SecurityGroup': 'sg-',
    'aws:ec2/launchTemplate:LaunchTemplate': 'lt-',
    'aws:ec2/internetGateway:InternetGateway': 'igw-',
    'aws:ec2/natGateway:NatGateway': 'nat-',
    'aws:ec2/routeTable:RouteTable': 'rtb-',
    'aws:ec2/eip:Eip': 'eipalloc-',
    'aws:ec2/vpcEndpoint:VpcEndpoint': 'vpce-',
  };
  const prefix = ids[type];
  if (prefix !== undefined)
    return {
      id: prefix + unique,
      state: { latestVersion: 1, arn: arn('ec2', `${prefix.slice(0, -1)}/${prefix}${unique}`) },
    };
  const named: Record<string, () => Made> = {
    'aws:iam/role:Role': () => ({
      id: text('name'),
      state: {
        name: text('name'),
        arn: arn('iam', `role/${text('name')}`, ''),
        uniqueId: `AROA${unique.toUpperCase()}`,
      },
    }),
    'aws:iam/policy:Policy': () => ({
      id: arn('iam', `policy/${text('name')}`, ''),
      state: { arn: arn('iam', `policy/${text('name')}`, '') },
    }),
    'aws:iam/instanceProfile:InstanceProfile': () => ({
      id: text('name'),
      state: { arn: arn('iam', `instance-profile/${text('name')}`, '') },
    }),
    'aws:s3/bucket:Bucket': () => ({
      id: text('bucket'),
      state: { bucket: text('bucket'), arn: `arn:aws:s3:::${text('bucket')}` },
    }),
    'aws:s3/bucketObjectv2:BucketObjectv2': () => ({ id: text('key'), state: { key: text('key') } }),
    'aws:sqs/queue:Queue': () => ({
      id: `https://sqs.${region}.amazonaws.com/${accountId}/${text('name')}`,
      state: {
        name: text('name'),
        url: `https://sqs.${region}.amazonaws.com/${accountId}/${text('name')}`,
        arn: arn('sqs', text('name')),
      },
    }),
    'aws:sns/topic:Topic': () => ({ id: arn('sns', text('name')), state: { arn: arn('sns', text('name')) } }),
    'aws:cloudwatch/eventRule:EventRule': () => ({
      id: text('name'),
      state: { name: text('name'), arn: arn('events', `rule/${text('name')}`) },
    }),
    'aws:cloudwatch/logGroup:LogGroup': () => ({
      id: text('name'),
      state: { name: text('name'), arn: arn('logs', `log-group:${text('name')}`) },
    }),
    'aws:lambda/function:Function': () => ({
      id: text('name'),
      state: { name: text('name'), arn: arn('lambda', `function:${text('name')}`), version: '1' },
    }),
    'aws:lambda/layerVersion:LayerVersion': () => ({
      id: arn('lambda', `layer:${text('layerName')}:1`),
      state: { arn: arn('lambda', `layer:${text('layerName')}:1`) },
    }),
    'aws:eks/cluster:Cluster': () => ({
      id: text('name'),
      state: {
        name: text('name'),
        arn: arn('eks', `cluster/${text('name')}`),
        endpoint: `https://${unique}.eks.example`,
        certificateAuthority: { data: Buffer.from('certificate').toString('base64') },
        identities: [{ oidcs: [{ issuer: `https://oidc.eks.${region}.example/id/${unique.toUpperCase()}` }] }],
      },
    }),
    'aws:ecr/repository:Repository': () => ({
      id: text('name'),
      state: {
        name: text('name'),
        arn: arn('ecr', `repository/${text('name')}`),
        repositoryUrl: `${accountId}.dkr.ecr.${region}.amazonaws.com/${text('name')}`,
        registryId: accountId,
      },
    }),
    'docker-build:index:Image': () => {
      const tag = String((inputs['tags'] as string[] | undefined)?.[0] ?? name);
      const digest = `sha256:${hex(tag, 64)}`;
      return { id: tag, state: { digest, ref: `${tag.replace(/:[^:/]+$/, '')}@${digest}` } };
    },
  };
  return (named[type] ?? (() => ({ id: `${name}-${unique.slice(0, 8)}`, state: {} })))();
}

/** By token. The bucket's name is free, the region has three zones and every type. */
export function defaultAnswers(accountId: string, region: string): Record<string, Answer> {
  const cluster = (inputs: Record<string, unknown>) => ({
    name: inputs['name'],
    arn: `arn:aws:eks:${region}:${accountId}:cluster/${String(inputs['name'])}`,
    endpoint: 'https://existing.eks.example',
    certificateAuthorities: [{ data: 'Y2VydGlmaWNhdGU=' }],
    identities: [{ oidcs: [{ issuer: `https://oidc.eks.${region}.example/id/EXISTING` }] }],
  });
  return {
    'aws:index/getCallerIdentity:getCallerIdentity': () => ({
      accountId,
      arn: `arn:aws:sts::${accountId}:assumed-role/deployer/session`,
      userId: 'AROADEPLOYER:session',
    }),
    'aws:iam/getSessionContext:getSessionContext': () => ({ issuerArn: `arn:aws:iam::${accountId}:role/deployer` }),
    'aws:index/getAvailabilityZones:getAvailabilityZones': () => ({
      names: ['a', 'b', 'c'].map((zone) => `${region}${zone}`),
    }),
    'aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings': (inputs) => ({
      instanceTypes: (inputs['filters'] as { values: string[] }[])[0]?.values ?? [],
    }),
    'aws:s3/getBucket:getBucket': () => {
      throw new Error('invoking aws:s3/getBucket:getBucket: reading S3 Bucket: NotFound: Not Found (404)');
    },
    'aws:ssm/getParameter:getParameter': (inputs) => ({ value: `ami-${hex(String(inputs['name']), 17)}` }),
    'aws:eks/getCluster:getCluster': cluster,
    'aws:ecr/getAuthorizationToken:getAuthorizationToken': () => ({ userName: 'AWS', password: 'registry-password' }),
  };
}
