// What only a real account can show of a stack, one check a row of docs/unverified.md. Every check reads, or asks for a dry run; none changes
// anything or starts what costs. Clients are handed in.
import { DescribeLogGroupsCommand, type CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateFleetCommand,
  DescribeImagesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { GetFunctionConfigurationCommand, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetBucketEncryptionCommand,
  GetBucketPolicyStatusCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';

export interface Clients {
  readonly s3: Pick<S3Client, 'send'>;
  readonly ec2: Pick<EC2Client, 'send'>;
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly logs: Pick<CloudWatchLogsClient, 'send'>;
  readonly sqs: Pick<SQSClient, 'send'>;
  readonly sts: Pick<STSClient, 'send'>;
}

/** Of the stack's outputs. */
export interface Stack {
  readonly installation: string;
  readonly accountId: string;
  readonly bucket: string;
  readonly launchTemplateId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly interruptionQueueUrl: string;
  readonly logGroup: string;
  readonly functionName: string;
  readonly roles: { readonly operator: string; readonly bot: string };
  readonly operatorEnvironment: Readonly<Record<string, string>>;
  readonly clusterName?: string;
}

export interface Check {
  /** As in docs/unverified.md. */
  readonly id: string;
  readonly asks: string;
  /** Resolves with what was seen; rejects with what is wrong. */
  run(clients: Clients, stack: Stack): Promise<string>;
}

/** What checks cost: S3's price of GET and HEAD requests; everything else they ask is free. */
export const COST = 'less than 0.0001 USD (four requests to S3)';

function demand(holds: unknown, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

export const CHECKS: readonly Check[] = [
  {
    id: 'account',
    asks: 'Are these credentials for the account of the stack?',
    async run({ sts }, { accountId }) {
      const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
      demand(Account === accountId, `they are for the account ${Account}, the stack is in ${accountId}`);
      return `${Arn}`;
    },
  },
  {
    id: 'bucket-open-to-us',
    asks: 'Does the bucket’s policy let the deployer in, and nobody in public?',
    async run({ s3 }, { bucket: Bucket }) {
      await s3.send(new HeadBucketCommand({ Bucket }));
      const { PolicyStatus } = await s3.send(new GetBucketPolicyStatusCommand({ Bucket }));
      demand(PolicyStatus?.IsPublic === false, 'AWS calls the policy public');
      return 'reachable, not public';
    },
  },
  {
    id: 'bucket-settings',
    asks: 'Is the bucket encrypted and versioned?',
    async run({ s3 }, { bucket: Bucket }) {
      const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
      const algorithm = ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm;
      const { Status } = await s3.send(new GetBucketVersioningCommand({ Bucket }));
      demand(algorithm, 'it has no default encryption');
      demand(Status === 'Enabled', `versioning is ${Status ?? 'off'}`);
      return `${algorithm}, versioned`;
    },
  },
  {
    id: 'image',
    asks: 'Is the workers’ image there, for their processor, with the root device that the template resizes?',
    async run({ ec2 }, { operatorEnvironment }) {
      const id = operatorEnvironment['SPOTLEARN_IMAGE_ID'] ?? '';
      const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
      const [image] = Images;
      demand(image, `there is no image ${id}`);
      demand(image.Architecture === 'x86_64', `${id} is for ${image.Architecture}`);
      demand(
        image.RootDeviceName === '/dev/sda1',
        `its root device is ${image.RootDeviceName}, the template’s /dev/sda1`,
      );
      return `${image.Name}`;
    },
  },
  {
    id: 'template',
    asks: 'Is the newest version of the launch template the default, and within what EC2 takes?',
    async run({ ec2 }, { launchTemplateId }) {
      const { LaunchTemplateVersions = [] } = await ec2.send(
        new DescribeLaunchTemplateVersionsCommand({
          LaunchTemplateId: launchTemplateId,
          Versions: ['$Default', '$Latest'],
        }),
      );
      const numbers = new Set(LaunchTemplateVersions.map(({ VersionNumber }) => VersionNumber));
      demand(numbers.size === 1, `default and latest differ: ${[...numbers].join(', ')}`);
      const shutdown = LaunchTemplateVersions[0]?.LaunchTemplateData?.InstanceInitiatedShutdownBehavior;
      demand(shutdown === 'terminate', 'a worker that shuts down would stay, and cost');
      return `version ${[...numbers][0]}`;
    },
  },
  {
    id: 'launch',
    asks: 'Would EC2 launch a worker from the template? (a dry run)',
    async run({ ec2 }, { launchTemplateId, subnetIds, operatorEnvironment }) {
      const InstanceType = (operatorEnvironment['SPOTLEARN_DEFAULT_INSTANCE_TYPE'] ?? 'm5.large') as 'm5.large';
      const call = new CreateFleetCommand({
        DryRun: true,
        Type: 'instant',
        TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
        LaunchTemplateConfigs: [
          {
            LaunchTemplateSpecification: { LaunchTemplateId: launchTemplateId, Version: '$Default' },
            Overrides: [{ InstanceType, SubnetId: subnetIds[0] }],
          },
        ],
      });
      const refusal = await ec2.send(call).then(
        () => undefined,
        (error: Error) => error,
      );
      demand(refusal?.name === 'DryRunOperation', `EC2 says ${refusal?.message ?? 'nothing of a dry run'}`);
      return 'it would';
    },
  },
  {
    id: 'network',
    asks: 'Are the subnets in different zones, and is the security group closed?',
    async run({ ec2 }, { subnetIds, securityGroupId }) {
      const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] }));
      const zones = new Set(Subnets.map(({ AvailabilityZone }) => AvailabilityZone));
      demand(zones.size === subnetIds.length, `${subnetIds.length} subnets lie in ${zones.size} zones`);
      const { SecurityGroups = [] } = await ec2.send(
        new DescribeSecurityGroupsCommand({ GroupIds: [securityGroupId] }),
      );
      demand(SecurityGroups[0]?.IpPermissions?.length === 0, 'something may come in');
      return [...zones].join(', ');
    },
  },
  {
    id: 'spot-prices',
    asks: 'Does EC2 tell Spot prices of the default type here?',
    async run({ ec2 }, { operatorEnvironment }) {
      const type = operatorEnvironment['SPOTLEARN_DEFAULT_INSTANCE_TYPE'] ?? 'm5.large';
      const { SpotPriceHistory = [] } = await ec2.send(
        new DescribeSpotPriceHistoryCommand({
          InstanceTypes: [type as 'm5.large'],
          ProductDescriptions: ['Linux/UNIX'],
          MaxResults: 20,
        }),
      );
      demand(SpotPriceHistory[0], `no price of ${type}`);
      return `${type} at ${SpotPriceHistory[0].SpotPrice} USD an hour in ${SpotPriceHistory[0].AvailabilityZone}`;
    },
  },
  {
    id: 'function',
    asks: 'Is the function active behind its alias, and may it be called? (a dry run)',
    async run({ lambda }, { functionName: FunctionName }) {
      const { State, LastUpdateStatus, Version } = await lambda.send(
        new GetFunctionConfigurationCommand({ FunctionName }),
      );
      demand(State === 'Active', `it is ${State}`);
      demand(LastUpdateStatus !== 'Failed', 'its last update failed');
      const { StatusCode } = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }));
      demand(StatusCode === 204, `a dry run of a call answers ${StatusCode}`);
      return `version ${Version}`;
    },
  },
  {
    id: 'notices',
    asks: 'May EventBridge send to the queue, and does it pass on what cannot be read?',
    async run({ sqs }, { interruptionQueueUrl: QueueUrl }) {
      const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
      demand(Attributes['Policy']?.includes('events.amazonaws.com'), 'its policy does not name EventBridge');
      demand(Attributes['RedrivePolicy'], 'it has no queue for dead letters');
      return `${Attributes['ApproximateNumberOfMessages'] ?? '?'} messages wait`;
    },
  },
  {
    id: 'logs',
    asks: 'Does the workers’ log group end?',
    async run({ logs }, { logGroup }) {
      const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroup }));
      const days = logGroups.find(({ logGroupName }) => logGroupName === logGroup)?.retentionInDays;
      demand(days, `${logGroup} keeps its logs for ever, or is not there`);
      return `${days} days`;
    },
  },
  {
    id: 'roles',
    asks: 'Without a cluster: may you act as operator and bot?',
    async run({ sts }, { roles, clusterName }) {
      if (clusterName !== undefined) return 'on a cluster only its pods may';
      for (const RoleArn of [roles.operator, roles.bot])
        await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'spotlearn-verify', DurationSeconds: 900 }));
      return 'you may';
    },
  },
];
