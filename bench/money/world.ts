// Operators on one embedded Kubernetes API over HTTP, S3 and EC2 in memory, and a function that always runs out of time and is billed for
// all of it: one account with a month's limit, and whoever holds its money back. Any number of operators act at once here.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration, type OperatorConfiguration } from '../../cloud/configuration/configuration.ts';
import { FunctionFailure, type Functions } from '../../cloud/functions.ts';
import { ledgerKey, modelFolder, s3Uri } from '../../cloud/keys.ts';
import type { LedgerEntry } from '../../cloud/ledger/entries.ts';
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, API_VERSION, KINDS, namespaceOf } from '../../crds/objects.ts';
import type { Kubernetes as ApiServer } from '../../local/kubernetes/server.ts';
import { connect, type Connection } from '../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes } from '../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { ACCOUNTS, PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { type Operator, startOperator } from '../../operator/start.ts';
import { ROLE_ID } from '../stack/cloud.ts';
import { startCluster } from '../stack/cluster.ts';
import { until } from '../training/clock.ts';
import { EMPTY_QUEUE, MemoryBucket, MemoryCompute } from '../training/memory-aws.ts';
import { MANIFEST, MODEL } from '../training/workers.ts';

const USER = '1001';
export const NAMESPACE = namespaceOf(USER);
const DATASET = `datasets/user_${USER}/a.csv`;
const MODEL_ID = 'model';
const READY_MS = 30_000;
/** Of one training. */
export const TRAINING_USD = 0.5;

export class MoneyWorld {
  readonly server: ApiServer;
  readonly client: Kubernetes;
  readonly bucket = new MemoryBucket();
  readonly compute = new MemoryCompute();
  invocations = 0;
  readonly #connection: Connection;
  readonly #folder: string;
  readonly #operators: Operator[] = [];

  private constructor(server: ApiServer, connection: Connection, folder: string) {
    this.server = server;
    this.#connection = connection;
    this.#folder = folder;
    this.client = kubernetes(connection);
    this.bucket.set(DATASET, 'age,sum,class\n40,1,good\n30,2,bad\n20,3,good\n');
    const model = modelFolder(configuration(), USER, MODEL_ID);
    this.bucket.set(`${model}model.onnx`, MODEL);
    this.bucket.set(`${model}manifest.json`, MANIFEST);
  }

  static async start(): Promise<MoneyWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-money-'));
    const server = await startCluster(join(folder, 'kubernetes'));
    return new MoneyWorld(server, await connect({ KUBECONFIG: server.kubeconfigPath }), folder);
  }

  /** One more; `over` may stand between it and the API. */
  async operate(over: (kubernetes: Kubernetes) => Kubernetes = (it) => it): Promise<Operator> {
    const operator = await startOperator({
      configuration: configuration(),
      connection: this.#connection,
      kubernetes: over(kubernetes(this.#connection)),
      logger: SILENT,
      aws: {
        bucket: this.bucket,
        compute: this.compute,
        functions: this.#functions(),
        notices: EMPTY_QUEUE,
        presignGet: async (key) => `https://bench/${key}?get`,
        presignPut: async (key) => `https://bench/${key}?put`,
        presignPart: async (key) => `https://bench/${key}?part`,
      },
    });
    this.#operators.push(operator);
    await operator.leading;
    return operator;
  }

  async close(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.close()));
    this.client.close();
    await this.server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The account with its limit, and what it has spent this month. Needs an operator. */
  async account(limitUsd: number, spentUsd: number): Promise<void> {
    this.#spent(spentUsd);
    await this.client.create(ACCOUNTS, {
      apiVersion: API_VERSION,
      kind: KINDS.Account.kind,
      metadata: { name: accountName(USER) },
      spec: { userId: USER, approval: 'Approved', limits: { monthlyUsd: limitUsd } },
    } as Account);
    const ready = async () => (await this.readAccount()).status?.month?.spentUsd === spentUsd;
    if (!(await until(ready, READY_MS))) throw new Error('the operator did not make the account ready');
  }

  readAccount(): Promise<Account> {
    return this.client.get<Account>(ACCOUNTS, accountName(USER));
  }

  train(at: number): Promise<TrainingJob> {
    return this.client.create(TRAINING_JOBS, {
      apiVersion: API_VERSION,
      kind: KINDS.TrainingJob.kind,
      metadata: { name: `training-${at}`, namespace: NAMESPACE },
      spec: {
        dataset: { uri: s3Uri('bench', DATASET) },
        target: 'class',
        model: { type: 'random_forest' },
        budget: { maxCostUsd: TRAINING_USD },
      },
    } as TrainingJob);
  }

  predict(at: number): Promise<PredictionJob> {
    return this.client.create(PREDICTION_JOBS, {
      apiVersion: API_VERSION,
      kind: KINDS.PredictionJob.kind,
      metadata: { name: `prediction-${at}`, namespace: NAMESPACE },
      spec: { modelRef: MODEL_ID, data: { uri: s3Uri('bench', DATASET) } },
    } as PredictionJob);
  }

  #functions(): Functions {
    const invoke = async (): Promise<never> => {
      this.invocations += 1;
      const report = { billedMs: TIMEOUT_SECONDS * 1000, memoryMib: MEMORY_MIB, usedMib: MEMORY_MIB };
      throw new FunctionFailure('Task timed out', 'FunctionTimedOut', `request-${this.invocations}`, report);
    };
    return { check: async () => undefined, invoke, invokeLater: invoke };
  }

  #spent(usd: number): void {
    const at = new Date().toISOString();
    const entry: LedgerEntry = {
      version: 1,
      userId: USER,
      at,
      operation: 'training',
      service: 'ec2',
      job: { namespace: NAMESPACE, name: 'before', uid: BEFORE },
      attempt: 1,
      usd,
      onDemandUsd: usd,
      seconds: 3600,
      what: 'm5.large a spot',
      outcome: 'Succeeded',
    };
    this.bucket.set(ledgerKey(USER, at, BEFORE, 1, 'training'), JSON.stringify(entry));
  }
}

/** Uid of a job that is over. */
const BEFORE = '00000000-0000-4000-8000-00000000beef';
const TIMEOUT_SECONDS = 300;
const MEMORY_MIB = 1769;

function configuration(): OperatorConfiguration {
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
    // Two that act at once are what a lost lease leaves, and worse.
    SPOTLEARN_LEADER_ELECTION: 'false',
    SPOTLEARN_INTERRUPTION_QUEUE_URL: 'http://127.0.0.1/queue',
  });
  return { ...read, functionTimeoutSeconds: TIMEOUT_SECONDS, functionMemoryMib: MEMORY_MIB };
}
