// The whole product as the journeys use it: the real stack in a state folder of its own, brought up once for each suite that asks, with
// an administrator's view of it (Kubernetes, S3, EC2, the cloud's own orders) beside the chat (person.ts).
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeInstancesCommand, DescribeVpcsCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { TAG } from '../../cloud/tags.ts';
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, API_VERSION, namespaceOf } from '../../crds/objects.ts';
import { KubeApiError, KubeClient } from '../../local/kubernetes/kubelet/client.ts';
import { bringUp, type Stack } from '../../local/stack/stack.ts';
import { openState, type StateFolder } from '../../local/stack/state.ts';
import { Person } from './person.ts';

const POLL_MS = 50;
const FIRST_USER = 7001;
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

type Jobs = 'trainingjobs' | 'predictionjobs';
type Job = TrainingJob | PredictionJob;
export type TrainingSpec = Partial<TrainingJob['spec']> & Pick<TrainingJob['spec'], 'dataset' | 'target'>;

/** Repeats until `probe` gives something; fails with `what` and, when there is one, the last error. */
export async function until<T>(
  what: string | (() => string),
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs: number,
): Promise<T> {
  const end = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`Not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

// Bundles and the function's package are the same for all: made by whoever comes first.
let artefacts: string | undefined;

/** A folder for `--state`, with the artefacts of earlier ones of this test process. */
export function stateFolder(): string {
  if (artefacts === undefined) {
    const made = (artefacts = mkdtempSync(join(tmpdir(), 'spotlearn-artefacts-')));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  const folder = mkdtempSync(join(tmpdir(), 'spotlearn-journey-'));
  symlinkSync(artefacts, join(folder, 'artefacts'));
  return folder;
}

export class Journey {
  readonly state: StateFolder;
  readonly stack: Stack;
  readonly api: KubeClient;
  readonly s3: S3Client;
  readonly ec2: EC2Client;
  readonly #connection: ReturnType<typeof connectionOf>;
  readonly #people: Person[] = [];
  #users = 0;

  private constructor(state: StateFolder, stack: Stack, api: KubeClient) {
    this.state = state;
    this.stack = stack;
    this.api = api;
    const client = (this.#connection = connectionOf(state.path('env')));
    this.s3 = new S3Client({ ...client, forcePathStyle: true });
    this.ec2 = new EC2Client(client);
  }

  static async start(folder = stateFolder()): Promise<Journey> {
    const state = openState(folder, false);
    mkdirSync(state.path('artefacts'), { recursive: true });
    const stack = await bringUp(state, undefined, () => undefined);
    return new Journey(state, stack, await KubeClient.fromKubeconfig(stack.addresses.kubeconfig));
  }

  async close(): Promise<void> {
    for (const person of this.#people) person.close();
    this.api.close();
    this.s3.destroy();
    this.ec2.destroy();
    await this.stack.stop();
    this.state.release();
    rmSync(this.state.root, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Pid by program. */
  pids(): Record<string, number | undefined> {
    return Object.fromEntries(this.stack.programs.map((program) => [program.name, program.pid()]));
  }

  pid(program: string): number {
    const pid = this.pids()[program];
    if (pid === undefined) throw new Error(`${program} does not run`);
    return pid;
  }

  /** kill -9, and waits until the program was started again; gives its new pid. */
  async killed(program: string): Promise<number> {
    const before = this.pid(program);
    process.kill(before, 'SIGKILL');
    return until(
      `${program} runs again`,
      () => {
        const now = this.pids()[program];
        return now !== before ? now : undefined;
      },
      20_000,
    );
  }

  /** A user made by an administrator, whose workspace is ready. Limits far above what tests spend. */
  async account(): Promise<string> {
    const userId = this.#nextUser();
    const limits = { trainingUsd: 10, predictionUsd: 1, monthlyUsd: 10_000 };
    await this.api.call('POST', `/apis/${API_VERSION}/accounts`, {
      apiVersion: API_VERSION,
      kind: 'Account',
      metadata: { name: accountName(userId) },
      spec: { userId, limits },
    });
    await until(
      `the workspace of ${userId}`,
      async () => {
        const account = (await this.api.call(
          'GET',
          `/apis/${API_VERSION}/accounts/${accountName(userId)}`,
        )) as unknown as Account;
        return account.status?.namespace !== undefined;
      },
      20_000,
    );
    return userId;
  }

  /** Somebody in the chat who has said /start. */
  async person(name: string): Promise<Person> {
    const person = await Person.connect(this.stack.telegramUrl, Number(this.#nextUser()), name);
    this.#people.push(person);
    await person.say('/start', 'Welcome');
    return person;
  }

  /** Uploads a data set as the administrator; gives its address. */
  async put(userId: string, name: string, body: string | Buffer): Promise<string> {
    return this.putObject(`datasets/user_${userId}/${name}`, body);
  }

  async putObject(key: string, body: string | Buffer): Promise<string> {
    // The SDK takes an empty text for a stream.
    await this.s3.send(
      new PutObjectCommand({ Bucket: this.stack.bucket, Key: key, Body: Buffer.from(body as string) }),
    );
    return `s3://${this.stack.bucket}/${key}`;
  }

  /** The bytes at an s3:// address. */
  async get(uri: string): Promise<Buffer> {
    const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? [];
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  /** Of objects below a prefix. */
  async keys(prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.s3.send(
      new ListObjectsV2Command({ Bucket: this.stack.bucket, Prefix: prefix }),
    );
    return Contents.map(({ Key = '' }) => Key);
  }

  async train(userId: string, name: string, spec: TrainingSpec): Promise<void> {
    await this.create('trainingjobs', userId, name, spec);
  }

  async predict(userId: string, name: string, spec: object): Promise<void> {
    await this.create('predictionjobs', userId, name, spec);
  }

  /** Rejects with KubeApiError when the API refuses it. */
  async create(jobs: Jobs, userId: string, name: string, spec: object): Promise<void> {
    const kind = jobs === 'trainingjobs' ? 'TrainingJob' : 'PredictionJob';
    await this.api.call('POST', pathOf(jobs, userId), { apiVersion: API_VERSION, kind, metadata: { name }, spec });
  }

  async training(userId: string, name: string): Promise<TrainingJob> {
    return (await this.api.call('GET', `${pathOf('trainingjobs', userId)}/${name}`)) as unknown as TrainingJob;
  }

  async prediction(userId: string, name: string): Promise<PredictionJob> {
    return (await this.api.call('GET', `${pathOf('predictionjobs', userId)}/${name}`)) as unknown as PredictionJob;
  }

  async trainings(userId: string): Promise<TrainingJob[]> {
    const list = await this.api.call('GET', pathOf('trainingjobs', userId));
    return list['items'] as TrainingJob[];
  }

  /** The job once `fits`; quotes its status when that takes too long. An API that is away for a moment is asked again. */
  async job<J extends Job>(read: () => Promise<J>, fits: (job: J) => boolean, withinMs: number): Promise<J> {
    let seen: J | undefined;
    return until(
      () => `the job as awaited; it is ${JSON.stringify(seen?.status)}`,
      async () => {
        seen = await read().catch((error: unknown) => {
          if (UNREACHABLE.has((error as NodeJS.ErrnoException).code ?? '')) return seen;
          throw error;
        });
        return seen && fits(seen) ? seen : undefined;
      },
      withinMs,
    );
  }

  async trained(userId: string, name: string, withinMs = 90_000): Promise<TrainingJob> {
    return this.job(() => this.training(userId, name), isOver, withinMs);
  }

  async predicted(userId: string, name: string, withinMs = 60_000): Promise<PredictionJob> {
    return this.job(() => this.prediction(userId, name), isOver, withinMs);
  }

  /** Instances launched for a job, the terminated ones too; for all jobs without one. */
  async instances(job?: Job): Promise<Instance[]> {
    const uid = job?.metadata?.uid;
    const Filters =
      uid === undefined
        ? [{ Name: 'tag-key', Values: [TAG.installation] }]
        : [{ Name: `tag:${TAG.jobUid}`, Values: [uid] }];
    const { Reservations = [] } = await this.ec2.send(new DescribeInstancesCommand({ Filters }));
    return Reservations.flatMap((one) => one.Instances ?? []);
  }

  /** Waits until no instance runs any more. */
  async idle(withinMs = 30_000): Promise<void> {
    await until(
      'no instance runs',
      async () => (await this.instances()).every(({ State }) => State?.Name === 'terminated'),
      withinMs,
    );
  }

  /** Does something to the cloud itself, such as `interrupt` (local/aws/ec2/admin.ts). */
  async order(method: string, body: object): Promise<void> {
    const client = new EC2Client({ ...this.#connection, maxAttempts: 1 });
    let status: number | undefined;
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { path: string; body: string; headers: Record<string, string> };
        request.path = `/_spotlearn/ec2/${method}`;
        request.body = JSON.stringify(body);
        request.headers['content-length'] = String(Buffer.byteLength(request.body));
        return next(args);
      },
      { step: 'build', priority: 'low' },
    );
    try {
      status = (await client.send(new DescribeVpcsCommand({}))).$metadata.httpStatusCode;
    } catch (error) {
      status = (error as { $response?: { statusCode: number } }).$response?.statusCode;
    }
    if (status !== 200) throw new Error(`The cloud refused ${method} with ${status ?? 'no answer'}`);
  }

  #nextUser(): string {
    return String(FIRST_USER + this.#users++);
  }
}

export const isOver = (job: Job): boolean => ['Succeeded', 'Failed', 'Cancelled'].includes(job.status?.phase ?? '');

/** The Kubernetes API's words of refusal; fails when it took the call. */
export async function refusal(call: Promise<unknown>): Promise<KubeApiError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof KubeApiError) return error;
    throw error;
  }
  throw new Error('The API took it');
}

function pathOf(jobs: Jobs, userId: string): string {
  return `/apis/${API_VERSION}/namespaces/${namespaceOf(userId)}/${jobs}`;
}

/** The file `env` of a state folder. */
export function exportsOf(file: string): Record<string, string | undefined> {
  const lines = readFileSync(file, 'utf8').matchAll(/^export (\w+)='(.*)'$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value]) => [name, value]));
}

/** What an SDK client needs, from the same file. */
export function connectionOf(file: string) {
  const env = exportsOf(file);
  return {
    region: env['AWS_REGION'] ?? '',
    endpoint: env['AWS_ENDPOINT_URL'] ?? '',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  };
}
