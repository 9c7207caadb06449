// Step: what `pulumi up` does for an installation, done to the local AWS through the same API: bucket with its settings and policy, worker
// bundle, launch template, prediction function, log groups, queue. Every call can be repeated; a second run changes nothing.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  ModifyLaunchTemplateCommand,
  type RequestLaunchTemplateData,
} from '@aws-sdk/client-ec2';
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { artefactKey } from '../../cloud/keys.ts';
import { TAG } from '../../cloud/tags.ts';
import { bucketPolicy } from '../../infra/policies/bucket.ts';
import { roleArn, type Installation } from '../../infra/policies/document.ts';
import { userData } from '../../infra/userdata.ts';
import { roleIdOf } from '../aws/iam/roles.ts';
import { IMAGE_ID, TEMPLATE_NAME } from './installation.ts';
import { asStep } from './step.ts';

export interface Access {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Artefact {
  readonly path: string;
  readonly sha256: string;
}

export interface Provisioned {
  readonly launchTemplateId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly queueUrl: string;
  readonly functionMemoryMib: number;
  readonly functionTimeoutSeconds: number;
}

const FUNCTION_MEMORY_MIB = 1769;
const FUNCTION_TIMEOUT_SECONDS = 300;
const LOG_RETENTION_DAYS = 30;
const VOLUME_GIB = 50;
/** A notice is worthless after an hour; one that could not be read is kept for whoever looks into it. */
const NOTICE_RETENTION_SECONDS = 3_600;
const DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400;
const MOST_RECEIVES = 5;

export interface ProvisionInput {
  readonly installation: Installation;
  readonly access: Access;
  readonly worker: Artefact;
  readonly lambda: Artefact;
}

async function provision({ installation, access, ...artefacts }: ProvisionInput): Promise<Provisioned> {
  const client = {
    region: installation.region,
    endpoint: access.endpoint,
    credentials: { accessKeyId: access.accessKeyId, secretAccessKey: access.secretAccessKey },
  };
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const ec2 = new EC2Client(client);
  const lambda = new LambdaClient(client);
  const logs = new CloudWatchLogsClient(client);
  const sqs = new SQSClient(client);
  try {
    const bundleKey = await storage(s3, installation, artefacts.worker);
    await logGroups(logs, installation);
    const queueUrl = await queue(sqs, installation);
    await predictionFunction(lambda, installation, artefacts.lambda);
    return {
      ...(await compute(ec2, installation, bundleKey, artefacts.worker.sha256)),
      queueUrl,
      functionMemoryMib: FUNCTION_MEMORY_MIB,
      functionTimeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
    };
  } finally {
    for (const one of [s3, ec2, lambda, logs, sqs]) one.destroy();
  }
}

/** Runs a creating call; that the thing is there already is fine. */
async function unlessThere(call: Promise<unknown>, ...names: string[]): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (names.includes((error as Error).name)) return false;
    throw error;
  }
}

async function storage(s3: S3Client, installation: Installation, bundle: Artefact): Promise<string> {
  const Bucket = installation.bucket;
  const LocationConstraint = installation.region as 'eu-central-1';
  await unlessThere(
    s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint } })),
    'BucketAlreadyOwnedByYou',
    'BucketAlreadyExists',
  );
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await s3.send(
    new PutBucketEncryptionCommand({
      Bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
    }),
  );
  await s3.send(
    new PutPublicAccessBlockCommand({
      Bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    }),
  );
  await s3.send(
    new PutBucketOwnershipControlsCommand({
      Bucket,
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    }),
  );
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: lifecycle() }));
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(bucketPolicy(installation)) }));
  const key = artefactKey('worker', bundle.sha256, 'tar.gz');
  const there = await unlessThere(s3.send(new HeadObjectCommand({ Bucket, Key: key })), 'NotFound');
  if (!there) await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: readFileSync(bundle.path) }));
  return key;
}

/** Row 2.5. */
function lifecycle() {
  const rule = (ID: string, Prefix: string, more: object) => ({
    ID,
    Status: 'Enabled' as const,
    Filter: { Prefix },
    ...more,
  });
  return {
    Rules: [
      rule('datasets', 'datasets/', { Expiration: { Days: 90 } }),
      rule('models', 'models/', {
        Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' as const }],
        Expiration: { Days: 180 },
      }),
      rule('instances', 'instances/', { Expiration: { Days: 7 } }),
      rule('batches', 'batches/', { Expiration: { Days: 7 } }),
      rule('uploads', '', { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }),
      rule('old-versions', '', {
        NoncurrentVersionExpiration: { NoncurrentDays: 30 },
        Expiration: { ExpiredObjectDeleteMarker: true },
      }),
    ],
  };
}

/** The interruption queue, with a queue for what was received too often. Returns its URL. */
async function queue(sqs: SQSClient, { queueName }: Installation): Promise<string> {
  const create = async (QueueName: string, retention: number) => {
    const Attributes = { MessageRetentionPeriod: String(retention) };
    return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
  };
  const deadLetters = await create(`${queueName}-dead-letters`, DEAD_LETTER_RETENTION_SECONDS);
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetters, AttributeNames: ['QueueArn'] }),
  );
  const QueueUrl = await create(queueName, NOTICE_RETENTION_SECONDS);
  const redrive = { deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: MOST_RECEIVES };
  // Set apart: creating a queue that is there with another attribute is an error.
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy: JSON.stringify(redrive) } }));
  return QueueUrl;
}

async function logGroups(logs: CloudWatchLogsClient, installation: Installation): Promise<void> {
  for (const logGroupName of [installation.logGroup, `/aws/lambda/${installation.functionName}`]) {
    await unlessThere(logs.send(new CreateLogGroupCommand({ logGroupName })), 'ResourceAlreadyExistsException');
    await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: LOG_RETENTION_DAYS }));
  }
}

async function compute(
  ec2: EC2Client,
  installation: Installation,
  bundleKey: string,
  bundleSha256: string,
): Promise<Pick<Provisioned, 'launchTemplateId' | 'subnetIds' | 'securityGroupId'>> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  const securityGroupId = SecurityGroups[0]?.GroupId ?? '';
  const script = userData({
    bucket: installation.bucket,
    region: installation.region,
    roleId: roleIdOf(installation.roles.worker),
    bundleKey,
    bundleSha256,
    // One machine, one processor.
    arm64: { bundleKey, bundleSha256 },
    logGroup: installation.logGroup,
  });
  const data = templateData(installation, securityGroupId, script);
  return {
    launchTemplateId: await template(ec2, data),
    subnetIds: Subnets.flatMap((subnet) => subnet.SubnetId ?? []),
    securityGroupId,
  };
}

function templateData(installation: Installation, securityGroupId: string, script: string): RequestLaunchTemplateData {
  return {
    ImageId: IMAGE_ID,
    UserData: Buffer.from(script).toString('base64'),
    IamInstanceProfile: { Arn: `arn:aws:iam::${installation.accountId}:instance-profile/${installation.roles.worker}` },
    SecurityGroupIds: [securityGroupId],
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    BlockDeviceMappings: [
      {
        DeviceName: '/dev/sda1',
        Ebs: { VolumeSize: VOLUME_GIB, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
      },
    ],
    TagSpecifications: (['instance', 'volume', 'spot-instances-request'] as const).map((ResourceType) => ({
      ResourceType,
      Tags: [{ Key: TAG.installation, Value: installation.name }],
    })),
  };
}

/** The template, with a new default version when its content changed (a new worker bundle, say). */
async function template(ec2: EC2Client, data: RequestLaunchTemplateData): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 32);
  try {
    const { LaunchTemplate } = await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: TEMPLATE_NAME,
        VersionDescription: digest,
        LaunchTemplateData: data,
      }),
    );
    return LaunchTemplate?.LaunchTemplateId ?? '';
  } catch (error) {
    if ((error as Error).name !== 'InvalidLaunchTemplateName.AlreadyExistsException') throw error;
  }
  const { LaunchTemplateVersions = [] } = await ec2.send(
    new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName: TEMPLATE_NAME, Versions: ['$Default'] }),
  );
  const current = LaunchTemplateVersions[0];
  if (current?.VersionDescription !== digest) {
    const { LaunchTemplateVersion } = await ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateName: TEMPLATE_NAME,
        VersionDescription: digest,
        LaunchTemplateData: data,
      }),
    );
    await ec2.send(
      new ModifyLaunchTemplateCommand({
        LaunchTemplateName: TEMPLATE_NAME,
        DefaultVersion: String(LaunchTemplateVersion?.VersionNumber),
      }),
    );
  }
  return current?.LaunchTemplateId ?? '';
}

async function predictionFunction(lambda: LambdaClient, installation: Installation, zip: Artefact): Promise<void> {
  const FunctionName = installation.functionName;
  const ZipFile = readFileSync(zip.path);
  const made = await unlessThere(
    lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Role: roleArn(installation.accountId, installation.roles.handler),
        Code: { ZipFile },
        MemorySize: FUNCTION_MEMORY_MIB,
        Timeout: FUNCTION_TIMEOUT_SECONDS,
        // ONNX Runtime reports to its maker otherwise.
        Environment: { Variables: { ORT_DISABLE_TELEMETRY: '1' } },
        Architectures: [process.arch === 'arm64' ? 'arm64' : 'x86_64'],
      }),
    ),
    'ResourceConflictException',
  );
  if (made) return;
  const { CodeSha256 } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  if (CodeSha256 !== createHash('sha256').update(ZipFile).digest('base64'))
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile }));
}

await asStep(import.meta, provision);
