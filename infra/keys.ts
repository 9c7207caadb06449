// The table of a stack's configuration keys (`pulumi config set spotlearn:<key> …`). What the operator or the bot also knows takes
// pattern, bounds and default from cloud/configuration/fields.ts, so that the two can't disagree. Read by configuration.ts.
import { FIELDS, type FieldKind } from '../cloud/configuration/fields.ts';

export interface Key {
  readonly kind: FieldKind;
  /** As text; `<stack>` is the stack's name. Absent: required unless optional. */
  readonly default?: string;
  readonly optional?: true;
  readonly choices?: readonly string[];
  readonly pattern?: RegExp;
  /** What the pattern allows, in words. */
  readonly allowed?: string;
  readonly min?: number;
  readonly max?: number;
  /** What it means and what follows from it, in one line. */
  readonly about: string;
  readonly example: string;
}

const key = <const K extends Key>(definition: K): K => definition;
const days = { kind: 'integer', min: 1, max: 3650 } as const;
const imageReference = {
  kind: 'text',
  optional: true,
  pattern: /^[a-z0-9][\w.:/-]{0,180}@sha256:[0-9a-f]{64}$/,
  allowed: 'a container image by digest (name@sha256:…)',
} as const;

export const KEYS = {
  name: key({
    kind: 'text',
    default: 'spotlearn-<stack>',
    pattern: FIELDS.installation.pattern,
    allowed: FIELDS.installation.allowed,
    about: 'Name of the installation: on every tag and in every name, so that two in one account stay apart.',
    example: 'spotlearn-dev',
  }),
  cluster: key({
    kind: 'text',
    choices: ['new', 'existing', 'none'],
    default: 'new',
    about:
      'new: a small EKS cluster. existing: install into clusterName. none: everything but a cluster, for npm start -- --stack.',
    example: 'new',
  }),
  clusterName: key({
    kind: 'text',
    optional: true,
    pattern: /^[0-9A-Za-z][\w-]{0,99}$/,
    allowed: 'the name of an EKS cluster',
    about: 'The EKS cluster to install into, with cluster existing.',
    example: 'my-cluster',
  }),
  kubernetesVersion: key({
    kind: 'text',
    default: '1.34',
    pattern: /^1\.[0-9]{2}$/,
    allowed: 'a version of EKS such as 1.34',
    about: 'Kubernetes version of a new cluster.',
    example: '1.34',
  }),
  nodeTypes: key({
    kind: 'list',
    default: 't4g.small,t4g.medium',
    pattern: FIELDS.defaultInstanceType.pattern,
    allowed: 'EC2 types such as t4g.small, all of one architecture',
    about:
      'Instance types of the nodes of a new cluster; one on-demand node for the operator, one Spot node for the bot.',
    example: 't4g.small,t4g.medium',
  }),
  clusterAccessCidrs: key({
    kind: 'list',
    default: '0.0.0.0/0',
    pattern: /^\d{1,3}(\.\d{1,3}){3}\/([0-9]|[12][0-9]|3[0-2])$/,
    allowed: 'IPv4 networks such as 203.0.113.0/24',
    about: 'Networks from which the API server of a new cluster can be reached.',
    example: '203.0.113.0/24',
  }),
  vpcId: key({
    kind: 'text',
    optional: true,
    pattern: /^vpc-[0-9a-f]{8,17}$/,
    allowed: 'a VPC id such as vpc-0123456789abcdef0',
    about: 'An existing network; with subnetIds. Absent: a new one.',
    example: 'vpc-0123456789abcdef0',
  }),
  subnetIds: key({
    kind: 'list',
    optional: true,
    pattern: FIELDS.subnetIds.pattern,
    allowed: FIELDS.subnetIds.allowed,
    about: 'Subnets of the existing network, one a zone, with a way to the internet.',
    example: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
  }),
  cidr: key({
    kind: 'text',
    default: '10.64.0.0/16',
    pattern: /^\d{1,3}(\.\d{1,3}){3}\/(1[6-9]|2[0-4])$/,
    allowed: 'an IPv4 network from /16 to /24 such as 10.64.0.0/16',
    about: 'Addresses of a new network.',
    example: '10.64.0.0/16',
  }),
  zones: key({
    kind: 'integer',
    default: '3',
    min: 2,
    max: 6,
    about: 'In how many availability zones (more zones: more Spot pools to choose from).',
    example: '3',
  }),
  natGateway: key({
    kind: 'boolean',
    default: 'false',
    about:
      'true: private subnets behind one NAT gateway. false: public subnets that nothing comes into; costs nothing.',
    example: 'false',
  }),
  paused: key({
    kind: 'boolean',
    default: 'false',
    about: 'true: operator and bot have no pods in the cluster; for a move into it (npm run move), or to still it.',
    example: 'false',
  }),
  bucket: key({
    kind: 'text',
    optional: true,
    pattern: /^(?!xn--)[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$/,
    allowed: '3 to 58 lower-case letters, digits and hyphens',
    about: 'Name of the bucket. Absent: <name>-<account id>-<region>.',
    example: 'spotlearn-dev-123456789012-eu-central-1',
  }),
  protectData: key({
    kind: 'boolean',
    default: 'true',
    about: 'true: pulumi destroy keeps the bucket with its data, and says so. false: it deletes them.',
    example: 'true',
  }),
  datasetDays: key({
    ...days,
    default: FIELDS.datasetLifecycleDays.default,
    about: 'Days after which S3 deletes a data set.',
    example: '90',
  }),
  modelColdDays: key({
    ...days,
    default: '30',
    about: 'Days after which a model moves to Glacier Instant Retrieval (readable at once, cheaper to keep).',
    example: '30',
  }),
  modelDays: key({ ...days, default: '180', about: 'Days after which S3 deletes a model.', example: '180' }),
  oldVersionDays: key({
    ...days,
    default: '30',
    about: 'Days for which overwritten and deleted objects can be brought back.',
    example: '30',
  }),
  kmsKeyArn: key({
    kind: 'text',
    optional: true,
    pattern: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[0-9a-f-]{36}$/,
    allowed: 'the ARN of a KMS key',
    about: 'Encrypts the bucket with this key (SSE-KMS with a bucket key). Absent: SSE-S3.',
    example: 'arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef',
  }),
  accessLogging: key({
    kind: 'boolean',
    default: FIELDS.accessLogging.default,
    about: 'Whether S3 logs every access to the bucket into a bucket of its own.',
    example: 'true',
  }),
  logRetentionDays: key({
    kind: 'text',
    choices: ['1', '3', '5', '7', '14', '30', '60', '90', '120', '150', '180', '365'],
    default: '30',
    about: 'Days for which logs are kept.',
    example: '30',
  }),
  deployers: key({
    kind: 'list',
    optional: true,
    pattern: /^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[\w+=.@/*-]{1,512}$/,
    allowed: 'ARNs of IAM principals, * as a wildcard',
    about: 'Who beside the four roles and whoever runs pulumi up may reach into the bucket.',
    example: 'arn:aws:iam::123456789012:role/ci',
  }),
  imageId: key({
    kind: 'text',
    optional: true,
    pattern: FIELDS.imageId.pattern,
    allowed: FIELDS.imageId.allowed,
    about: "Image of the workers (x86_64). Absent: Canonical's newest Ubuntu 24.04.",
    example: 'ami-0123456789abcdef0',
  }),
  imageArm64Id: key({
    kind: 'text',
    optional: true,
    pattern: FIELDS.imageArm64Id.pattern,
    allowed: FIELDS.imageArm64Id.allowed,
    about: "Image of the workers for arm64 types. Absent: Canonical's newest Ubuntu 24.04.",
    example: 'ami-0123456789abcdef0',
  }),
  volumeGib: key({
    kind: 'integer',
    default: '50',
    min: 8,
    max: 1024,
    about: "Size of a worker's volume in GiB; it lives as long as its instance.",
    example: '50',
  }),
  defaultInstanceType: key({
    kind: 'text',
    default: FIELDS.defaultInstanceType.default,
    pattern: FIELDS.defaultInstanceType.pattern,
    allowed: FIELDS.defaultInstanceType.allowed,
    about: FIELDS.defaultInstanceType.about,
    example: 'm5.large',
  }),
  spotMaxPriceUsd: key({
    kind: 'usd',
    optional: true,
    min: FIELDS.spotMaxPriceUsd.min,
    max: FIELDS.spotMaxPriceUsd.max,
    about: FIELDS.spotMaxPriceUsd.about,
    example: '0.5',
  }),
  functionMemoryMib: key({
    kind: 'integer',
    default: FIELDS.functionMemoryMib.default,
    min: FIELDS.functionMemoryMib.min,
    max: FIELDS.functionMemoryMib.max,
    about: 'Memory of the prediction function in MiB (1,769 MiB is one vCPU).',
    example: '1769',
  }),
  functionTimeoutSeconds: key({
    kind: 'integer',
    default: FIELDS.functionTimeoutSeconds.default,
    min: FIELDS.functionTimeoutSeconds.min,
    max: FIELDS.functionTimeoutSeconds.max,
    about: 'Time-out of the prediction function in seconds.',
    example: '300',
  }),
  functionArchitecture: key({
    kind: 'text',
    choices: ['arm64', 'x86_64'],
    default: 'arm64',
    about: 'Processor of the prediction function; arm64 is a fifth cheaper.',
    example: 'arm64',
  }),
  functionConcurrency: key({
    kind: 'integer',
    optional: true,
    min: 1,
    max: 1000,
    about: 'Reserves so many concurrent invocations, which are also the most. Absent: the account’s pool.',
    example: '50',
  }),
  maxTrainingCostUsd: key({ ...money(FIELDS.maxTrainingCostUsd), example: '10' }),
  maxPredictionCostUsd: key({ ...money(FIELDS.maxPredictionCostUsd), example: '1' }),
  monthlyBudgetUsd: key({ ...money(FIELDS.monthlyBudgetUsd), example: '100' }),
  warnPercent: key({
    kind: 'percent',
    default: FIELDS.warnPercent.default,
    min: FIELDS.warnPercent.min,
    max: FIELDS.warnPercent.max,
    about: FIELDS.warnPercent.about,
    example: '80',
  }),
  awsBudgetUsd: key({
    kind: 'usd',
    default: '300',
    min: 0,
    max: 1_000_000,
    about:
      'AWS Budgets warns when all that carries the installation’s tag passes this in a month; 0: no AWS budget. Slow: hours late.',
    example: '300',
  }),
  alarmEmails: key({
    kind: 'list',
    optional: true,
    pattern: /^[\w.+-]+@[\w-]+(\.[\w-]+)+$/,
    allowed: 'e-mail addresses',
    about: 'Who is told of alarms and of the AWS budget.',
    example: 'ops@example.org',
  }),
  accountPolicy: key({
    kind: 'text',
    choices: ['open', 'allowlist', 'approval'],
    default: FIELDS.accountPolicy.default,
    about: FIELDS.accountPolicy.about,
    example: 'allowlist',
  }),
  allowedUsers: key({
    kind: 'list',
    optional: true,
    pattern: FIELDS.allowedUsers.pattern,
    allowed: FIELDS.allowedUsers.allowed,
    about: FIELDS.allowedUsers.about,
    example: '1234567,2345678',
  }),
  adminUsers: key({
    kind: 'list',
    optional: true,
    pattern: FIELDS.adminUsers.pattern,
    allowed: FIELDS.adminUsers.allowed,
    about: FIELDS.adminUsers.about,
    example: '1234567',
  }),
  telegramToken: key({
    kind: 'secret',
    optional: true,
    pattern: FIELDS.telegramToken.pattern,
    allowed: FIELDS.telegramToken.allowed,
    about: 'Token of the Telegram bot, from @BotFather; needed unless cluster is none.',
    example: '',
  }),
  cloudEnabled: key({
    kind: 'boolean',
    default: FIELDS.cloudEnabled.default,
    about: FIELDS.cloudEnabled.about,
    example: 'true',
  }),
  artefacts: key({
    kind: 'text',
    default: 'dist',
    about: 'Folder with what npm run package and npm run package:worker built.',
    example: 'dist',
  }),
  logLevel: key({
    kind: 'text',
    choices: ['debug', 'info', 'warn', 'error'],
    default: FIELDS.logLevel.default,
    about: 'How much operator and bot log.',
    example: 'info',
  }),
  assumers: key({
    kind: 'list',
    optional: true,
    pattern: /^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)\/[\w+=,.@/-]{1,512})$/,
    allowed: 'ARNs of IAM users or roles',
    about: 'With cluster none: who may act as operator and bot (npm start -- --stack). Absent: whoever runs pulumi up.',
    example: 'arn:aws:iam::123456789012:user/me',
  }),
  operatorImage: key({
    ...imageReference,
    about: 'Image of the operator. Absent: built and pushed by pulumi up.',
    example: '',
  }),
  botImage: key({ ...imageReference, about: 'Image of the bot. Absent: built and pushed by pulumi up.', example: '' }),
  workerImage: key({
    ...imageReference,
    about: 'Image of the worker for placement Cluster. Absent: built and pushed by pulumi up.',
    example: '',
  }),
  predictionImage: key({
    ...imageReference,
    about: 'Image of the prediction handler for placement Cluster. Absent: built and pushed by pulumi up.',
    example: '',
  }),
} as const;

export type KeyName = keyof typeof KEYS;

function money<const D extends string>(field: { default: D; min: number; max: number; about: string }) {
  return { kind: 'usd', default: field.default, min: field.min, max: field.max, about: field.about } as const;
}
