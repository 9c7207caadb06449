// The operator alone: in this process, with API server, S3, EC2 and SQS in memory. What is timed is the operator's own work and the copying
// of its objects; what is counted is every call it makes.
import { readConfiguration, type OperatorConfiguration } from '../../cloud/configuration/configuration.ts';
import type { Clock } from '../../cloud/clock.ts';
import { instanceOf, TICKET } from '../../cloud/keys.ts';
import type { Account, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, API_VERSION, namespaceOf } from '../../crds/objects.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { ACCOUNTS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { type Operator, startOperator } from '../../operator/start.ts';
import { REAL_TIME, fastClock, until } from './clock.ts';
import { EMPTY_QUEUE, MemoryBucket, MemoryCompute, notHere } from './memory-aws.ts';
import { MemoryKubernetes } from './memory-kubernetes.ts';
import { Workers } from './workers.ts';

const ROLE_ID = 'AROABENCHBENCHBENCH1';
const JOBS_PER_ACCOUNT = 100;
const FIRST_USER = 1001;
const ACCOUNTS_MS = 30_000;

export class MemoryWorld {
  readonly kubernetes = new MemoryKubernetes();
  readonly bucket = new MemoryBucket();
  readonly compute = new MemoryCompute();
  readonly workers = new Workers(
    { list: async () => [], put: async (key, body) => this.bucket.set(key, body) },
    ROLE_ID,
  );
  #operator: Operator | undefined;

  /** `onTicket` is told of every instance that got its ticket, in a turn of its own. */
  constructor(onTicket: (instanceId: string, workers: Workers) => Promise<void>) {
    this.bucket.onPut = (key) => {
      const place = instanceOf(key, ROLE_ID);
      if (place?.file === TICKET) setImmediate(() => void onTicket(place.instanceId, this.workers));
    };
  }

  /** Requests of the operator, and of whoever makes jobs here, to the API server and to AWS. */
  get calls(): { kubernetes: number; s3: number; ec2: number } {
    return { kubernetes: this.kubernetes.calls, s3: this.bucket.calls, ec2: this.compute.calls };
  }

  /** One at a time. */
  async operate(observeSeconds: number, clock: Clock = fastClock(REAL_TIME)): Promise<Operator> {
    await this.#operator?.close();
    this.#operator = await startOperator({
      configuration: configuration(observeSeconds),
      connection: { server: 'http://127.0.0.1:9', options: async () => ({}) },
      kubernetes: this.kubernetes,
      logger: SILENT,
      clock,
      aws: {
        bucket: this.bucket,
        compute: this.compute,
        functions: { check: async () => undefined, invoke: notHere, invokeLater: notHere },
        notices: EMPTY_QUEUE,
        presignGet: async (key) => `https://bench/${key}?get`,
        presignPut: async (key) => `https://bench/${key}?put`,
      },
    });
    await this.#operator.leading;
    return this.#operator;
  }

  async close(): Promise<void> {
    await this.#operator?.close();
  }

  /** Accounts enough for so many jobs. Needs an operator. */
  async accounts(jobs: number): Promise<void> {
    const users = Array.from({ length: Math.ceil(jobs / JOBS_PER_ACCOUNT) }, (_, at) => String(FIRST_USER + at));
    for (const userId of users) {
      this.bucket.set(datasetOf(userId), 'age,sum,class\n40,1,good\n30,2,bad\n20,3,good\n');
      await this.kubernetes.create(ACCOUNTS, {
        apiVersion: API_VERSION,
        kind: 'Account',
        metadata: { name: accountName(userId) },
        spec: { userId, limits: { monthlyUsd: 1_000_000 } },
      } as Account);
    }
    const ready = async () =>
      (await this.kubernetes.list<Account>(ACCOUNTS)).items.every(({ status }) => status?.namespace !== undefined);
    if (!(await until(ready, ACCOUNTS_MS))) throw new Error('the operator did not make the accounts ready');
  }

  async train(at: number): Promise<void> {
    const userId = String(FIRST_USER + Math.floor(at / JOBS_PER_ACCOUNT));
    await this.kubernetes.create(TRAINING_JOBS, {
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata: { name: `job-${at}`, namespace: namespaceOf(userId) },
      spec: {
        dataset: { uri: `s3://bench/${datasetOf(userId)}` },
        target: 'class',
        model: { type: 'random_forest' },
      },
    } as TrainingJob);
  }

  /** Jobs by phase. */
  async phases(): Promise<Map<string, number>> {
    const phases = new Map<string, number>();
    for (const { status } of (await this.kubernetes.list<TrainingJob>(TRAINING_JOBS)).items) {
      const phase = status?.phase ?? '';
      phases.set(phase, (phases.get(phase) ?? 0) + 1);
    }
    return phases;
  }
}

const datasetOf = (userId: string): string => `datasets/user_${userId}/a.csv`;

function configuration(observeSeconds: number): OperatorConfiguration {
  const read = readConfiguration('operator', {
    AWS_REGION: 'eu-central-1',
    SPOTLEARN_AWS_ACCOUNT_ID: '000000000000',
    SPOTLEARN_BUCKET: 'bench',
    SPOTLEARN_LAUNCH_TEMPLATE_ID: 'lt-00000000000000001',
    SPOTLEARN_SUBNET_IDS: 'subnet-00000000000000001,subnet-00000000000000002',
    SPOTLEARN_SECURITY_GROUP_ID: 'sg-00000000000000001',
    SPOTLEARN_IMAGE_ID: 'ami-00000000000000001',
    SPOTLEARN_WORKER_ROLE_ID: ROLE_ID,
    SPOTLEARN_FUNCTION_NAME: 'predict:live',
    SPOTLEARN_OPERATOR_PORT: '0',
    SPOTLEARN_LEADER_ELECTION: 'false',
    SPOTLEARN_INTERRUPTION_QUEUE_URL: 'http://127.0.0.1/queue',
  });
  // Below the least a setting allows: the worlds here live for seconds.
  return { ...read, observeSeconds };
}
