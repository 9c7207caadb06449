// What an installation can leave behind in an AWS account: how each kind is found (by tag, or by name where AWS has no tag to search for) and
// under which type AWS's Cloud Control API removes it. In the order of removal: what costs first, what others hang on last. Pure.
import { names, NODE_TAG } from '../naming.ts';
import { TAG } from '../../cloud/tags.ts';

export interface Left {
  /** For people. */
  readonly what: string;
  /** ARN or name. */
  readonly id: string;
  /** CloudFormation's type and identifier, by which Cloud Control removes it; absent: it goes by itself. */
  readonly removal?: { readonly type: string; readonly identifier: string };
  /** Users' data. */
  readonly data: boolean;
}

interface TaggedKind {
  readonly what: string;
  /** Of the ARN; its first group is the identifier, unless `identifier` makes one. */
  readonly arn: RegExp;
  /** Absent: it goes by itself. */
  readonly type?: string;
  readonly identifier?: (match: RegExpExecArray) => string;
  readonly data?: true;
}

const EC2 = String.raw`^arn:aws[a-z-]*:ec2:[a-z0-9-]+:\d{12}:`;
const ec2 = (what: string, resource: string, type?: string): TaggedKind => ({
  what,
  arn: new RegExp(`${EC2}${resource}/(.+)$`),
  type: type && `AWS::EC2::${type}`,
});
const other = (what: string, arn: RegExp, type: string, identifier?: TaggedKind['identifier']): TaggedKind => ({
  what,
  arn,
  type,
  identifier,
});

/** Tags by which the Resource Groups Tagging API is asked; their value is the installation's name. */
export const TAG_KEYS = [TAG.installation, NODE_TAG];

export const TAGGED: readonly TaggedKind[] = [
  ec2('Spot or on-demand instance', 'instance', 'Instance'),
  ec2('volume', 'volume', 'Volume'),
  ec2('snapshot', 'snapshot'),
  ec2('Spot request', 'spot-instances-request'),
  ec2('fleet', 'fleet'),
  other(
    'node group',
    /^arn:aws[a-z-]*:eks:[^:]+:\d+:nodegroup\/([^/]+)\/([^/]+)\//,
    'AWS::EKS::Nodegroup',
    ([, cluster, name]) => `${cluster}/${name}`,
  ),
  other(
    'add-on',
    /^arn:aws[a-z-]*:eks:[^:]+:\d+:addon\/([^/]+)\/([^/]+)\//,
    'AWS::EKS::Addon',
    ([, cluster, name]) => `${cluster}|${name}`,
  ),
  other(
    'Pod Identity association',
    /^(arn:aws[a-z-]*:eks:[^:]+:\d+:podidentityassociation\/.+)$/,
    'AWS::EKS::PodIdentityAssociation',
  ),
  other('EKS cluster', /^arn:aws[a-z-]*:eks:[^:]+:\d+:cluster\/(.+)$/, 'AWS::EKS::Cluster'),
  other('prediction function', /^arn:aws[a-z-]*:lambda:[^:]+:\d+:function:([^:]+)/, 'AWS::Lambda::Function'),
  other('event rule', /^(arn:aws[a-z-]*:events:[^:]+:\d+:rule\/.+)$/, 'AWS::Events::Rule'),
  other(
    'queue',
    /^arn:aws[a-z-]*:sqs:([^:]+):(\d+):(.+)$/,
    'AWS::SQS::Queue',
    ([, region, account, name]) => `https://sqs.${region}.amazonaws.com/${account}/${name}`,
  ),
  other('topic of alarms', /^(arn:aws[a-z-]*:sns:[^:]+:\d+:.+)$/, 'AWS::SNS::Topic'),
  other('alarm', /^arn:aws[a-z-]*:cloudwatch:[^:]+:\d+:alarm:(.+)$/, 'AWS::CloudWatch::Alarm'),
  other('log group', /^arn:aws[a-z-]*:logs:[^:]+:\d+:log-group:([^:]+)/, 'AWS::Logs::LogGroup'),
  other('repository of images', /^arn:aws[a-z-]*:ecr:[^:]+:\d+:repository\/(.+)$/, 'AWS::ECR::Repository'),
  ec2('launch template', 'launch-template', 'LaunchTemplate'),
  ec2('NAT gateway', 'natgateway', 'NatGateway'),
  ec2('public address', 'elastic-ip', 'EIP'),
  ec2('VPC endpoint', 'vpc-endpoint', 'VPCEndpoint'),
  ec2('network interface', 'network-interface', 'NetworkInterface'),
  ec2('security group', 'security-group', 'SecurityGroup'),
  ec2('subnet', 'subnet', 'Subnet'),
  ec2('route table', 'route-table', 'RouteTable'),
  ec2('internet gateway', 'internet-gateway', 'InternetGateway'),
  ec2('VPC', 'vpc', 'VPC'),
  other('OIDC provider', /^(arn:aws[a-z-]*:iam::\d+:oidc-provider\/.+)$/, 'AWS::IAM::OIDCProvider'),
  { ...other('bucket', /^arn:aws[a-z-]*:s3:::(.+)$/, 'AWS::S3::Bucket'), data: true },
];

export interface NamedKind {
  readonly what: string;
  readonly type: string;
  readonly identifier: string;
}

/** What the tagging API does not list: looked for under the names that the program gives. */
export function namedKinds(installation: string, region: string, accountId: string): NamedKind[] {
  const { roles } = names({ name: installation, region, bucket: undefined, clusterName: undefined }, accountId);
  const role = (name: string): NamedKind => ({ what: 'role', type: 'AWS::IAM::Role', identifier: name });
  return [
    { what: 'instance profile', type: 'AWS::IAM::InstanceProfile', identifier: roles.worker },
    ...Object.values(roles).map(role),
    ...['cluster', 'node'].map((kind) => role(`${installation}-${kind}`)),
    {
      what: 'permissions boundary',
      type: 'AWS::IAM::ManagedPolicy',
      identifier: `arn:aws:iam::${accountId}:policy/${installation}-boundary`,
    },
    { what: 'dashboard', type: 'AWS::CloudWatch::Dashboard', identifier: installation },
    { what: 'AWS budget', type: 'AWS::Budgets::Budget', identifier: `${installation}-monthly` },
  ];
}

/** What an ARN that carries the tag is; a kind that nobody thought of is told as it is, and not removed. */
export function leftOf(arn: string): Left {
  for (const { what, arn: pattern, type, identifier, data = false } of TAGGED) {
    const match = pattern.exec(arn);
    if (!match) continue;
    const found = identifier ? identifier(match) : (match[1] ?? '');
    return { what, id: arn, data, ...(type && { removal: { type, identifier: found } }) };
  }
  return { what: 'something that the sweep does not know', id: arn, data: false };
}

/** In the order of removal. */
export function ordered(left: readonly Left[]): Left[] {
  const rank = ({ what }: Left) => {
    const index = TAGGED.findIndex((kind) => kind.what === what);
    return index < 0 ? TAGGED.length : index;
  };
  return left.toSorted((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
}
