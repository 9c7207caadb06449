// What an installation has in the local AWS when a measurement begins (bucket, queue, launch template), and what its operator is told of it.
import { CreateLaunchTemplateCommand, DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Clients } from '../../cloud/clients.ts';
import { TAG } from '../../cloud/tags.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT_ID = '000000000000';
export const BUCKET = 'bench';
export const QUEUE = 'interruptions';
export const IMAGE_ID = 'ami-00000000000000001';
export const GROUP_ID = 'sg-00000000000000001';
export const INSTALLATION = 'spotlearn';
export const ROLE_ID = 'AROABENCHBENCHBENCH1';
/** Of the account root. */
export const KEY = { accessKeyId: 'AKIABENCHBENCHBENCH1', secretAccessKey: 'not-a-secret' };

/** What the operator's environment needs to know of the AWS that was set up. */
export interface Made {
  readonly launchTemplateId: string;
  readonly subnetIds: readonly string[];
  readonly queueUrl: string;
}

/** As the account root; `close` ends them. */
export function clientsOf(endpoint: string): Clients {
  const shared = { endpoint, region: REGION, credentials: KEY };
  const s3 = new S3Client({ ...shared, forcePathStyle: true });
  const ec2 = new EC2Client(shared);
  const sqs = new SQSClient(shared);
  const lambda = new LambdaClient(shared);
  return {
    s3: async () => s3,
    presigning: async () => s3,
    ec2: async () => ec2,
    sqs: async () => sqs,
    lambda: async () => lambda,
    logs: () => Promise.reject(new Error('not used here')),
    close: () => {
      for (const client of [s3, ec2, sqs, lambda]) client.destroy();
    },
  };
}

export async function provision(clients: Clients): Promise<Made> {
  const [s3, ec2, sqs] = await Promise.all([clients.s3(), clients.ec2(), clients.sqs()]);
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'worker',
      LaunchTemplateData: {
        ImageId: IMAGE_ID,
        InstanceInitiatedShutdownBehavior: 'terminate',
        MetadataOptions: { HttpTokens: 'required' },
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: TAG.installation, Value: INSTALLATION }] }],
      },
    }),
  );
  return {
    launchTemplateId: LaunchTemplate?.LaunchTemplateId ?? '',
    subnetIds: Subnets.flatMap(({ SubnetId }) => SubnetId ?? []),
    queueUrl: QueueUrl,
  };
}

/** SPOTLEARN_BENCH_LOG: the operator's log level. */
export function operatorEnvironment(kubeconfig: string, endpoint: string, made: Made): Record<string, string> {
  return {
    KUBECONFIG: kubeconfig,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: KEY.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey,
    AWS_SESSION_TOKEN: '',
    AWS_PROFILE: '',
    AWS_EC2_METADATA_DISABLED: 'true',
    SPOTLEARN_INSTALLATION: INSTALLATION,
    SPOTLEARN_AWS_ACCOUNT_ID: ACCOUNT_ID,
    SPOTLEARN_BUCKET: BUCKET,
    SPOTLEARN_LAUNCH_TEMPLATE_ID: made.launchTemplateId,
    SPOTLEARN_SUBNET_IDS: made.subnetIds.join(','),
    SPOTLEARN_SECURITY_GROUP_ID: GROUP_ID,
    SPOTLEARN_IMAGE_ID: IMAGE_ID,
    SPOTLEARN_WORKER_ROLE_ID: ROLE_ID,
    SPOTLEARN_OPERATOR_PORT: '0',
    SPOTLEARN_LEADER_ELECTION: 'false',
    SPOTLEARN_INTERRUPTION_QUEUE_URL: made.queueUrl,
    SPOTLEARN_LOG_LEVEL: process.env.SPOTLEARN_BENCH_LOG || 'error',
  };
}
