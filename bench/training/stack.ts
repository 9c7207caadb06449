// The world of a measurement over HTTP on 127.0.0.1: embedded Kubernetes API, S3, EC2 with its published request limits, and SQS, all in
// this process; the operator in a process of its own. EventBridge and the quota controller of a cluster are stood in for.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client, CreateLaunchTemplateCommand, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import { type Bucket, bucketOf } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import { type Compute, computeOf } from '../../cloud/compute.ts';
import { TAG } from '../../cloud/tags.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, API_VERSION, GROUP, KINDS, namespaceOf } from '../../crds/objects.ts';
import type { Ec2Service } from '../../local/aws/ec2/service.ts';
import { type Aws, startAws } from '../../local/aws/server.ts';
import { sqsService } from '../../local/aws/sqs/service.ts';
import type { Draft, ResourceRef } from '../../local/kubernetes/api.ts';
import { type Kubernetes as ApiServer, startKubernetes } from '../../local/kubernetes/server.ts';
import { connect } from '../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes } from '../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { Board } from './board.ts';
import { fastClock, type Pace, REAL_TIME, until } from './clock.ts';
import { bookedEc2, Ec2Book } from './ec2.ts';
import { OperatorProcess } from './operator-process.ts';
import type { Scale } from './scale.ts';

const REGION = 'eu-central-1';
const ACCOUNT_ID = '000000000000';
const BUCKET = 'bench';
const QUEUE = 'interruptions';
const IMAGE_ID = 'ami-00000000000000001';
const GROUP_ID = 'sg-00000000000000001';
const INSTALLATION = 'spotlearn';
export const ROLE_ID = 'AROABENCHBENCHBENCH1';
const KEY = { accessKeyId: 'AKIABENCHBENCHBENCH1', secretAccessKey: 'not-a-secret' };
/** Below an account's quota of jobs. */
const JOBS_PER_ACCOUNT = 100;
const FIRST_USER = 1001;
const CSV = 'age,sum,class\n40,1,good\n30,2,bad\n20,3,good\n';
const ACCOUNTS_MS = 60_000;

export const JOBS: ResourceRef = { group: GROUP, plural: KINDS.TrainingJob.plural };
const ACCOUNTS: ResourceRef = { group: GROUP, plural: KINDS.Account.plural };

/** What the operator's environment needs to know of the AWS that was set up. */
interface Made {
  readonly launchTemplateId: string;
  readonly subnetIds: readonly string[];
  readonly queueUrl: string;
}

export class Stack {
  readonly server: ApiServer;
  /** Over HTTP, as kubectl and the bot are. */
  readonly client: Kubernetes;
  readonly ec2: Ec2Service;
  readonly book: Ec2Book;
  readonly bucket: Bucket;
  readonly compute: Compute;
  readonly board: Board;
  readonly pace: Pace;
  readonly made: Made;
  readonly #observeSeconds: number;
  readonly #folder: string;
  readonly #aws: Aws;
  readonly #sdk: { destroy(): void }[];
  #operator: OperatorProcess | undefined;
  #accounts = 0;

  private constructor(
    parts: Pick<Stack, 'server' | 'client' | 'ec2' | 'book' | 'bucket' | 'compute' | 'pace' | 'made'> & {
      observeSeconds: number;
      folder: string;
      aws: Aws;
      sdk: { destroy(): void }[];
    },
  ) {
    this.server = parts.server;
    this.client = parts.client;
    this.ec2 = parts.ec2;
    this.book = parts.book;
    this.bucket = parts.bucket;
    this.compute = parts.compute;
    this.pace = parts.pace;
    this.made = parts.made;
    this.#observeSeconds = parts.observeSeconds;
    this.#folder = parts.folder;
    this.#aws = parts.aws;
    this.#sdk = parts.sdk;
    this.board = new Board(parts.server.api);
  }

  static async start({ observeSeconds }: Pick<Scale, 'observeSeconds'>, pace: Pace = REAL_TIME): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-training-'));
    const clock = fastClock(pace);
    const server = await startKubernetes({
      stateDir: join(folder, 'kubernetes'),
      logger: pino({ level: 'silent' }),
      clock,
      controllers: false,
    });
    const book = new Ec2Book();
    let ec2: Ec2Service | undefined;
    const aws = await startAws({
      stateDir: join(folder, 'aws'),
      region: REGION,
      accountId: ACCOUNT_ID,
      roles: [],
      rootCredentials: KEY,
      services: (context) => {
        const sqs = sqsService(context);
        // Signatures stay on the machine's time; EC2's states and limits follow the operator's.
        ec2 = bookedEc2(
          { ...context, clock },
          {
            images: { [IMAGE_ID]: { path: [], env: {} } },
            securityGroup: { id: GROUP_ID, name: 'worker' },
            onEvent: (event) => void sqs.deliver(QUEUE, JSON.stringify(event)),
          },
          book,
        );
        return [sqs, ec2];
      },
    });
    const { clients, opened } = clientsOf(aws.url);
    const made = await provision(clients);
    await defineResources(server);
    countQuotas(server);
    return new Stack({
      server,
      client: kubernetes(await connect({ KUBECONFIG: server.kubeconfigPath })),
      ec2: ec2 as Ec2Service,
      book,
      bucket: bucketOf(clients, BUCKET),
      compute: computeOf(clients, INSTALLATION, () => clock.now()),
      pace,
      made,
      observeSeconds,
      folder,
      aws,
      sdk: opened,
    });
  }

  /** One operator at a time; the last one is ended first. */
  async operate(): Promise<OperatorProcess> {
    await this.rest();
    this.#operator = await OperatorProcess.start(this.#environment(), this.pace);
    return this.#operator;
  }

  /** Ends the operator. */
  async rest(): Promise<void> {
    await this.#operator?.close();
    this.#operator = undefined;
  }

  async close(): Promise<void> {
    await this.rest();
    this.board.close();
    this.client.close();
    for (const client of this.#sdk) client.destroy();
    await this.server.close();
    await this.#aws.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Accounts enough for so many jobs, each with a namespace and a data set. Needs an operator. */
  async accounts(jobs: number): Promise<void> {
    const wanted = Math.ceil(jobs / JOBS_PER_ACCOUNT);
    for (; this.#accounts < wanted; this.#accounts += 1) {
      const userId = String(FIRST_USER + this.#accounts);
      await this.server.api.create(ACCOUNTS, {
        metadata: { name: accountName(userId) },
        spec: { userId, limits: { monthlyUsd: 1_000_000 } },
      });
      await this.bucket.put(datasetOf(userId), CSV);
    }
    const ready = () =>
      this.server.api.list(ACCOUNTS).filter(({ status }) => status?.['namespace'] !== undefined).length >= wanted;
    if (!(await until(ready, ACCOUNTS_MS))) throw new Error('the operator did not make the accounts ready');
  }

  /** The `at`-th job, in the namespace of its account. */
  job(prefix: string, at: number): TrainingJob {
    const userId = String(FIRST_USER + Math.floor(at / JOBS_PER_ACCOUNT));
    return {
      apiVersion: API_VERSION,
      kind: KINDS.TrainingJob.kind,
      metadata: { name: `${prefix}${at}`, namespace: namespaceOf(userId) },
      spec: {
        dataset: { uri: `s3://${BUCKET}/${datasetOf(userId)}` },
        target: 'class',
        model: { type: 'random_forest' },
      } as TrainingJob['spec'],
    };
  }

  create(job: TrainingJob): Promise<TrainingJob> {
    return this.client.create(TRAINING_JOBS, job);
  }

  delete({ metadata }: TrainingJob): Promise<void> {
    return this.client.delete(TRAINING_JOBS, metadata?.name ?? '', { namespace: metadata?.namespace });
  }

  #environment(): Record<string, string> {
    return {
      KUBECONFIG: this.server.kubeconfigPath,
      AWS_ENDPOINT_URL: this.#aws.url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: KEY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey,
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
      AWS_EC2_METADATA_DISABLED: 'true',
      SPOTLEARN_INSTALLATION: INSTALLATION,
      SPOTLEARN_AWS_ACCOUNT_ID: ACCOUNT_ID,
      SPOTLEARN_BUCKET: BUCKET,
      SPOTLEARN_LAUNCH_TEMPLATE_ID: this.made.launchTemplateId,
      SPOTLEARN_SUBNET_IDS: this.made.subnetIds.join(','),
      SPOTLEARN_SECURITY_GROUP_ID: GROUP_ID,
      SPOTLEARN_IMAGE_ID: IMAGE_ID,
      SPOTLEARN_WORKER_ROLE_ID: ROLE_ID,
      SPOTLEARN_FUNCTION_NAME: 'predict:live',
      SPOTLEARN_OPERATOR_PORT: '0',
      SPOTLEARN_LEADER_ELECTION: 'false',
      SPOTLEARN_INTERRUPTION_QUEUE_URL: this.made.queueUrl,
      SPOTLEARN_OBSERVE_SECONDS: String(this.#observeSeconds),
      SPOTLEARN_MAX_TRAINING_COST_USD: '1',
      SPOTLEARN_LOG_LEVEL: process.env.SPOTLEARN_BENCH_LOG || 'error',
    };
  }
}

const datasetOf = (userId: string): string => `datasets/user_${userId}/a.csv`;

function clientsOf(endpoint: string): { clients: Clients; opened: { destroy(): void }[] } {
  const shared = { endpoint, region: REGION, credentials: KEY };
  const s3 = new S3Client({ ...shared, forcePathStyle: true });
  const ec2 = new EC2Client(shared);
  const sqs = new SQSClient(shared);
  const none = () => Promise.reject(new Error('not used here'));
  const clients: Clients = {
    s3: async () => s3,
    presigning: async () => s3,
    ec2: async () => ec2,
    sqs: async () => sqs,
    lambda: none,
    logs: none,
    close: () => undefined,
  };
  return { clients, opened: [s3, ec2, sqs] };
}

async function provision(clients: Clients): Promise<Made> {
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

const CRDS = join(import.meta.dirname, '../../crds');

async function defineResources({ api }: ApiServer): Promise<void> {
  for (const file of (await readdir(CRDS)).filter((name) => name.endsWith('.yaml')))
    for (const document of parseAllDocuments(await readFile(join(CRDS, file), 'utf8'))) {
      const object = document.toJS() as Draft | null;
      if (object?.kind === 'CustomResourceDefinition')
        await api.create({ group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' }, object);
    }
}

/** In place of the cluster's quota controller: a new quota is counted at once, with nothing used. */
function countQuotas({ api }: ApiServer): void {
  const quotas: ResourceRef = { group: '', plural: 'resourcequotas' };
  api.subscribe(({ type, resource, object }) => {
    if (type !== 'ADDED' || resource.plural !== quotas.plural) return;
    const hard = object.spec?.['hard'] as Record<string, string>;
    const used = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
    void api.updateStatus(quotas, { ...object, status: { hard, used } });
  });
}
