// Makes in the local AWS, through its real protocol, what the Pulumi program declares: the inputs of a resource become the calls that
// Pulumi's provider would make. Every call can be repeated; a second run changes nothing. What has no counterpart is named with its reason.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  DescribeLaunchTemplateVersionsCommand,
  EC2Client,
  ModifyLaunchTemplateCommand,
  type RequestLaunchTemplateData,
} from '@aws-sdk/client-ec2';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { BUCKETS } from './buckets.ts';
import { pascal, tagList, text, type Inputs } from './inputs.ts';
import type { Made } from './made.ts';
import type { Create } from './program.ts';
import { unlessThere } from './there.ts';

export interface Connection {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** What the local AWS was told when it started, since it has no API for it. */
export interface Told {
  /** Ids of roles, and what each may do. */
  readonly roles: Readonly<
    Record<string, { readonly arn: string; readonly uniqueId: string; readonly policy: unknown }>
  >;
  /** The security group of its one network. */
  readonly securityGroupId: string;
}

/** Why nothing is made of a type: its counterpart is missing here, and whoever reads the story of a run should know. */
export const NOT_HERE: Readonly<Record<string, string>> = {
  'aws:iam/policy:Policy': 'the boundary is proven by the simulator (test/infra/policies)',
  'aws:iam/instanceProfile:InstanceProfile': 'the local EC2 takes the profile of the role’s name',
  'aws:sqs/queuePolicy:QueuePolicy': 'the local EC2 puts its events into the queue itself',
  'aws:cloudwatch/eventRule:EventRule': 'the local EC2 puts its events into the queue itself',
  'aws:cloudwatch/eventTarget:EventTarget': 'the local EC2 puts its events into the queue itself',
  'aws:cloudwatch/metricAlarm:MetricAlarm': 'there is no CloudWatch here but its logs',
  'aws:cloudwatch/dashboard:Dashboard': 'there is no CloudWatch here but its logs',
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': 'the local Lambda repeats events as by default',
  'aws:budgets/budget:Budget': 'there are no bills here',
};

/** Connects what `runProgram` asks for with the local AWS. */
export function providers(connection: Connection, told: Told): { create: Create; close: () => void } {
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  const ec2 = new EC2Client(connection);
  const lambda = new LambdaClient(connection);
  const logs = new CloudWatchLogsClient(connection);
  const sqs = new SQSClient(connection);
  const kinds: Readonly<Record<string, (inputs: Inputs) => Promise<Made>>> = {
    ...Object.fromEntries(
      Object.entries(BUCKETS).map(([type, make]) => [type, (inputs: Inputs) => make(s3, inputs, connection.region)]),
    ),
    'aws:iam/role:Role': async (inputs) => {
      const role = told.roles[text(inputs, 'name')];
      if (!role) throw new Error(`the local AWS knows no role ${text(inputs, 'name')}`);
      return { id: text(inputs, 'name'), state: { arn: role.arn, uniqueId: role.uniqueId } };
    },
    'aws:iam/rolePolicy:RolePolicy': async (inputs) => {
      const role = text(inputs, 'role');
      if (!isDeepStrictEqual(JSON.parse(text(inputs, 'policy')), told.roles[role]?.policy))
        throw new Error(`the local AWS lets ${role} do something else`);
      return { id: `${role}:${text(inputs, 'name')}`, state: {} };
    },
    'aws:ec2/securityGroup:SecurityGroup': async () => ({ id: told.securityGroupId, state: {} }),
    'aws:cloudwatch/logGroup:LogGroup': (inputs) => logGroup(logs, inputs),
    'aws:sqs/queue:Queue': (inputs) => queue(sqs, inputs),
    'aws:ec2/launchTemplate:LaunchTemplate': (inputs) => launchTemplate(ec2, inputs),
    'aws:lambda/function:Function': (inputs) => lambdaFunction(lambda, inputs),
    'aws:lambda/alias:Alias': (inputs) => alias(lambda, inputs),
  };
  return {
    create: async (type, _, inputs) => {
      const make = kinds[type];
      if (make) return make(inputs);
      // Components, the stack and providers are the engine's own.
      if (!type.startsWith('aws:') || type in NOT_HERE) return undefined;
      throw new Error(
        'neither is there a counterpart in the local AWS nor a reason why not (local/pulumi/providers.ts)',
      );
    },
    close: () => {
      for (const client of [s3, ec2, lambda, logs, sqs]) client.destroy();
    },
  };
}

async function logGroup(logs: CloudWatchLogsClient, inputs: Inputs): Promise<Made> {
  const logGroupName = text(inputs, 'name');
  await unlessThere(logs.send(new CreateLogGroupCommand({ logGroupName })), 'ResourceAlreadyExistsException');
  const retentionInDays = inputs['retentionInDays'] as number;
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
  return { id: logGroupName, state: {} };
}

async function queue(sqs: SQSClient, inputs: Inputs): Promise<Made> {
  const Attributes = Object.fromEntries(
    [
      ['MessageRetentionPeriod', inputs['messageRetentionSeconds']],
      ['VisibilityTimeout', inputs['visibilityTimeoutSeconds']],
      ['ReceiveMessageWaitTimeSeconds', inputs['receiveWaitTimeSeconds']],
      ['RedrivePolicy', inputs['redrivePolicy']],
    ]
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  ) as Record<string, string>;
  // Attributes are set apart: creating a queue that is there with another attribute is an error.
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: text(inputs, 'name') }));
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  return { id: QueueUrl, state: { url: QueueUrl, arn: answer.Attributes?.QueueArn } };
}

/** The template, with a new default version when its content changed (a new worker bundle, say). */
async function launchTemplate(ec2: EC2Client, inputs: Inputs): Promise<Made> {
  const LaunchTemplateName = text(inputs, 'name');
  const LaunchTemplateData: RequestLaunchTemplateData = {
    ImageId: text(inputs, 'imageId'),
    UserData: text(inputs, 'userData'),
    IamInstanceProfile: pascal(inputs['iamInstanceProfile']) as object,
    SecurityGroupIds: inputs['vpcSecurityGroupIds'] as string[],
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: pascal(inputs['metadataOptions']) as object,
    BlockDeviceMappings: pascal(inputs['blockDeviceMappings']) as object[],
    TagSpecifications: (inputs['tagSpecifications'] as { resourceType: 'instance'; tags: unknown }[]).map(
      ({ resourceType, tags }) => ({ ResourceType: resourceType, Tags: tagList(tags) }),
    ),
  };
  if (inputs['instanceInitiatedShutdownBehavior'] !== 'terminate')
    throw new Error('a worker that shuts down would stay, and cost');
  const VersionDescription = createHash('sha256').update(JSON.stringify(LaunchTemplateData)).digest('hex').slice(0, 32);
  const version = { LaunchTemplateName, VersionDescription, LaunchTemplateData };
  await unlessThere(
    ec2.send(new CreateLaunchTemplateCommand(version)),
    'InvalidLaunchTemplateName.AlreadyExistsException',
  );
  const { LaunchTemplateVersions: [current] = [] } = await ec2.send(
    new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName, Versions: ['$Default'] }),
  );
  if (current?.VersionDescription !== VersionDescription) {
    const { LaunchTemplateVersion } = await ec2.send(new CreateLaunchTemplateVersionCommand(version));
    const DefaultVersion = String(LaunchTemplateVersion?.VersionNumber);
    await ec2.send(new ModifyLaunchTemplateCommand({ LaunchTemplateName, DefaultVersion }));
  }
  return { id: current?.LaunchTemplateId ?? '', state: {} };
}

async function lambdaFunction(lambda: LambdaClient, inputs: Inputs): Promise<Made> {
  const FunctionName = text(inputs, 'name');
  const code = { S3Bucket: text(inputs, 's3Bucket'), S3Key: text(inputs, 's3Key') };
  const made = await unlessThere(
    lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Code: code,
        Runtime: inputs['runtime'],
        Handler: inputs['handler'],
        Role: inputs['role'],
        MemorySize: inputs['memorySize'],
        Timeout: inputs['timeout'],
        Architectures: inputs['architectures'],
        Environment: { Variables: (inputs['environment'] as { variables: Record<string, string> }).variables },
      } as CreateFunctionCommandInput),
    ),
    'ResourceConflictException',
  );
  if (!made) {
    const { CodeSha256 } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    if (CodeSha256 !== inputs['sourceCodeHash'])
      await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ...code }));
  }
  // The same code again gives the same version.
  const { Version } = await lambda.send(new PublishVersionCommand({ FunctionName }));
  return { id: FunctionName, state: { name: FunctionName, version: Version } };
}

async function alias(lambda: LambdaClient, inputs: Inputs): Promise<Made> {
  const target = {
    FunctionName: text(inputs, 'functionName'),
    Name: text(inputs, 'name'),
    FunctionVersion: text(inputs, 'functionVersion'),
  };
  const made = await unlessThere(lambda.send(new CreateAliasCommand(target)), 'ResourceConflictException');
  if (!made) await lambda.send(new UpdateAliasCommand(target));
  return { id: target.Name, state: {} };
}
