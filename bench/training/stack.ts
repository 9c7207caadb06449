// The world of a measurement over HTTP on 127.0.0.1: embedded Kubernetes API, S3, EC2 with its published request limits, and SQS, all in
// this process; the operator in a process of its own. EventBridge and the quota controller of a cluster are stood in for.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bucket, bucketOf } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import { type Compute, computeOf } from '../../cloud/compute.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, API_VERSION, GROUP, KINDS, namespaceOf } from '../../crds/objects.ts';
import type { Ec2Service } from '../../local/aws/ec2/service.ts';
import { type Aws, startAws } from '../../local/aws/server.ts';
import { sqsService } from '../../local/aws/sqs/service.ts';
import type { ResourceRef } from '../../local/kubernetes/api.ts';
import type { Kubernetes as ApiServer } from '../../local/kubernetes/server.ts';
import { connect } from '../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes } from '../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import * as cloud from '../stack/cloud.ts';
import { ACCOUNTS, startCluster } from '../stack/cluster.ts';
import { Board } from './board.ts';
import { fastClock, type Pace, REAL_TIME, until } from './clock.ts';
import { bookedEc2, Ec2Book } from './ec2.ts';
import { OperatorProcess } from './operator-process.ts';
import type { Scale } from './scale.ts';

/** Below an account's quota of jobs. */
const JOBS_PER_ACCOUNT = 100;
const FIRST_USER = 1001;
const CSV = 'age,sum,class\n40,1,good\n30,2,bad\n20,3,good\n';
const ACCOUNTS_MS = 60_000;

export const JOBS: ResourceRef = { group: GROUP, plural: KINDS.TrainingJob.plural };

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
  readonly made: cloud.Made;
  readonly #observeSeconds: number;
  readonly #folder: string;
  readonly #aws: Aws;
  readonly #clients: Clients;
  #operator: OperatorProcess | undefined;
  #accounts = 0;

  private constructor(
    parts: Pick<Stack, 'server' | 'client' | 'ec2' | 'book' | 'bucket' | 'compute' | 'pace' | 'made'> & {
      observeSeconds: number;
      folder: string;
      aws: Aws;
      clients: Clients;
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
    this.#clients = parts.clients;
    this.board = new Board(parts.server.api);
  }

  static async start({ observeSeconds }: Pick<Scale, 'observeSeconds'>, pace: Pace = REAL_TIME): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-training-'));
    const clock = fastClock(pace);
    const server = await startCluster(join(folder, 'kubernetes'), clock);
    const book = new Ec2Book();
    let ec2: Ec2Service | undefined;
    const aws = await startAws({
      stateDir: join(folder, 'aws'),
      region: cloud.REGION,
      accountId: cloud.ACCOUNT_ID,
      roles: [],
      rootCredentials: cloud.KEY,
      services: (context) => {
        const sqs = sqsService(context);
        // Signatures stay on the machine's time; EC2's states and limits follow the operator's.
        ec2 = bookedEc2(
          { ...context, clock },
          {
            images: { [cloud.IMAGE_ID]: { path: [], env: {} } },
            securityGroup: { id: cloud.GROUP_ID, name: 'worker' },
            onEvent: (event) => void sqs.deliver(cloud.QUEUE, JSON.stringify(event)),
          },
          book,
        );
        return [sqs, ec2];
      },
    });
    const clients = cloud.clientsOf(aws.url);
    const made = await cloud.provision(clients);
    return new Stack({
      server,
      client: kubernetes(await connect({ KUBECONFIG: server.kubeconfigPath })),
      ec2: ec2 as Ec2Service,
      book,
      bucket: bucketOf(clients, cloud.BUCKET),
      compute: computeOf(clients, cloud.INSTALLATION, () => clock.now()),
      pace,
      made,
      observeSeconds,
      folder,
      aws,
      clients,
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
    this.#clients.close();
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
        dataset: { uri: `s3://${cloud.BUCKET}/${datasetOf(userId)}` },
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
      ...cloud.operatorEnvironment(this.server.kubeconfigPath, this.#aws.url, this.made),
      SPOTLEARN_FUNCTION_NAME: 'predict:live',
      SPOTLEARN_OBSERVE_SECONDS: String(this.#observeSeconds),
      SPOTLEARN_MAX_TRAINING_COST_USD: '1',
    };
  }
}

const datasetOf = (userId: string): string => `datasets/user_${userId}/a.csv`;
