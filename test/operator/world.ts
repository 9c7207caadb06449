// A whole operator on the embedded Kubernetes API and stand-ins of AWS, for component tests. Operators come and go on the same world.
import { readConfiguration, type OperatorConfiguration } from '../../cloud/configuration/configuration.ts';
import type { NoticeQueue, QueueMessage } from '../../cloud/notices.ts';
import { modelFolder } from '../../cloud/keys.ts';
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { API_VERSION } from '../../crds/objects.ts';
import { kubernetes } from '../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { ACCOUNTS, EVENTS, NAMESPACES, PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { startOperator, type Operator } from '../../operator/start.ts';
import { FakeBucket, FakeCompute, FakeFunctions } from './aws.ts';
import { eventually, type Cluster } from './cluster.ts';
import type { Doom } from './doom.ts';
import { manifestOf, ROLE_ID } from './worker.ts';

let users = 1000;
export const CSV = 'age,sum,class\n30,1,good\n40,2,bad\n50,3,good\n';

export class FakeNotices implements NoticeQueue {
  waiting: QueueMessage[] = [];
  readonly deleted: string[] = [];
  async receive(signal: AbortSignal): Promise<QueueMessage[]> {
    for (let turn = 0; turn < 50 && this.waiting.length === 0 && !signal.aborted; turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return this.waiting.splice(0);
  }
  async delete(messages: readonly QueueMessage[]): Promise<void> {
    this.deleted.push(...messages.map(({ handle }) => handle));
  }
  async hide(): Promise<void> {}
  async redrives(): Promise<boolean> {
    return true;
  }
}

export class World {
  readonly cluster: Cluster;
  readonly userId = String((users += 1));
  readonly namespace = `ml-user-${this.userId}`;
  readonly bucket = new FakeBucket();
  readonly compute = new FakeCompute();
  readonly functions = new FakeFunctions();
  readonly notices = new FakeNotices();
  readonly #operators: Operator[] = [];

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.bucket.set(`datasets/user_${this.userId}/a.csv`, CSV);
  }

  get uri(): string {
    return `s3://bucket/datasets/user_${this.userId}/a.csv`;
  }

  configuration(more: Partial<OperatorConfiguration> = {}): OperatorConfiguration {
    const base = readConfiguration('operator', {
      AWS_REGION: 'eu-central-1',
      SPOTLEARN_AWS_ACCOUNT_ID: '000000000000',
      SPOTLEARN_BUCKET: 'bucket',
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
    return { ...base, observeSeconds: 0.03, ...more };
  }

  async operate(
    more: Partial<OperatorConfiguration> = {},
    doom?: Doom,
    connection = this.cluster.connection,
  ): Promise<Operator> {
    const doomed = <T extends object>(of: T, changing: readonly string[]): T => doom?.over(of, changing) ?? of;
    const operator = await startOperator({
      configuration: this.configuration(more),
      connection,
      logger: SILENT,
      ...(doom
        ? { kubernetes: doom.over(kubernetes(this.cluster.connection), ['create', 'replace', 'mergePatch', 'delete']) }
        : {}),
      aws: {
        bucket: doomed(this.bucket, ['put', 'copy', 'delete']),
        compute: doomed(this.compute, ['createFleet', 'terminate']),
        functions: doomed(this.functions, ['invoke']),
        notices: this.notices,
        presignGet: async (key) => `https://bucket/${key}?get`,
        presignPut: async (key) => `https://bucket/${key}?put`,
        presignPart: async (key, { uploadId, number }) => `https://bucket/${key}?part=${number}&upload=${uploadId}`,
      },
    });
    this.#operators.push(operator);
    await operator.leading;
    return operator;
  }

  /** Ends the operators; jobs of this world are let go, so that the next world's operator does not care for them. */
  async close(): Promise<void> {
    for (const operator of this.#operators) await operator.close();
    const { client } = this.cluster;
    const letGo = { metadata: { finalizers: null } };
    await client.mergePatch(ACCOUNTS, `user-${this.userId}`, letGo).catch(() => undefined);
    await client.delete(ACCOUNTS, `user-${this.userId}`).catch(() => undefined);
    for (const resource of [TRAINING_JOBS, PREDICTION_JOBS])
      for (const { metadata } of (await client.list<TrainingJob>(resource, {}, this.namespace)).items) {
        // What has ended may be gone by itself.
        await client
          .mergePatch(resource, metadata?.name ?? '', letGo, { namespace: this.namespace })
          .catch(() => undefined);
        await client.delete(resource, metadata?.name ?? '', { namespace: this.namespace }).catch(() => undefined);
      }
  }

  async account(spec: object = {}): Promise<Account> {
    await this.cluster.client.create(ACCOUNTS, {
      apiVersion: API_VERSION,
      kind: 'Account',
      metadata: { name: `user-${this.userId}` },
      spec: { userId: this.userId, ...spec },
    } as Account);
    return eventually(async () => {
      const account = await this.readAccount();
      return account.status?.namespace && (await this.cluster.client.get(NAMESPACES, this.namespace))
        ? account
        : undefined;
    });
  }

  readAccount(): Promise<Account> {
    return this.cluster.client.get<Account>(ACCOUNTS, `user-${this.userId}`);
  }

  train(name: string, spec: object = {}): Promise<TrainingJob> {
    return this.cluster.client.create(TRAINING_JOBS, {
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata: { name, namespace: this.namespace },
      spec: { dataset: { uri: this.uri }, target: 'class', model: { type: 'random_forest' }, ...spec },
    } as TrainingJob);
  }

  training(name: string): Promise<TrainingJob> {
    return this.cluster.client.get<TrainingJob>(TRAINING_JOBS, name, this.namespace);
  }

  /** The job once it is in a phase. */
  async trained(name: string, phase: string): Promise<TrainingJob & { status: NonNullable<TrainingJob['status']> }> {
    let last: TrainingJob | undefined;
    return eventually<TrainingJob & { status: NonNullable<TrainingJob['status']> }>(async () => {
      last = await this.training(name);
      return last.status?.phase === phase ? (last as never) : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${name} is ${last?.status?.phase} (${last?.status?.message}) instead of ${phase}`, {
        cause: error,
      });
    });
  }

  predict(name: string, spec: object = {}): Promise<PredictionJob> {
    return this.cluster.client.create(PREDICTION_JOBS, {
      apiVersion: API_VERSION,
      kind: 'PredictionJob',
      metadata: { name, namespace: this.namespace },
      spec: { modelRef: 'model', data: { uri: this.uri }, ...spec },
    } as PredictionJob);
  }

  prediction(name: string): Promise<PredictionJob> {
    return this.cluster.client.get<PredictionJob>(PREDICTION_JOBS, name, this.namespace);
  }

  async predicted(
    name: string,
    phase: string,
  ): Promise<PredictionJob & { status: NonNullable<PredictionJob['status']> }> {
    let last: PredictionJob | undefined;
    return eventually<PredictionJob & { status: NonNullable<PredictionJob['status']> }>(async () => {
      last = await this.prediction(name);
      return last.status?.phase === phase ? (last as never) : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${name} is ${last?.status?.phase} (${last?.status?.message}) instead of ${phase}`, {
        cause: error,
      });
    });
  }

  /** A model of the user, as a finished training leaves it. */
  model(id: string, more: Parameters<typeof manifestOf>[1] = {}): void {
    const folder = modelFolder(this.configuration(), this.userId, id);
    const file = { name: 'model.onnx', size: 4, sha256: 'a'.repeat(64) };
    this.bucket.set(`${folder}model.onnx`, 'onnx');
    this.bucket.set(`${folder}manifest.json`, manifestOf([file], more));
  }

  async events(name: string): Promise<string[]> {
    const { items } = await this.cluster.client.list<{ reason: string; metadata: { name: string } }>(
      EVENTS,
      {},
      this.namespace,
    );
    return items.filter(({ metadata }) => metadata.name.startsWith(`${name}.`)).map(({ reason }) => reason);
  }

  /** Id of the instance that serves the job now. */
  async instance(name: string, other?: string): Promise<string> {
    return eventually(async () => {
      const id = (await this.training(name)).status?.instanceId;
      return id !== undefined && id !== other && id;
    });
  }
}
