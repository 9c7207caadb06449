// An installation that predicts, for stack.ts: Kubernetes API, S3 and Lambda over HTTP, all in this process; operator and functions in
// processes of their own, from the bundles that are shipped. What S3 and Lambda are asked is heard.
import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { CreateFunctionCommand, type LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { type Bucket, bucketOf } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import type { Account } from '../../crds/crds.generated.ts';
import { accountName } from '../../crds/objects.ts';
import { packageHandler } from '../../lambda/package.ts';
import { computeServices } from '../../local/aws/ec2/compute.ts';
import type { LambdaService } from '../../local/aws/lambda/service.ts';
import { type Aws, startAws } from '../../local/aws/server.ts';
import type { AwsRequest, AwsResponse, AwsService } from '../../local/aws/service.ts';
import type { Api } from '../../local/kubernetes/api.ts';
import type { Kubernetes } from '../../local/kubernetes/server.ts';
import { bundled } from '../../local/stack/bundles.ts';
import { bare } from '../../local/stack/environment.ts';
import { type Program, startProgram } from '../../local/stack/programs.ts';
import * as cloud from '../stack/cloud.ts';
import { ACCOUNTS, createdUntil, startCluster } from '../stack/cluster.ts';

type AccountStatus = NonNullable<Account['status']>;

const FUNCTION = 'predict';
/** One virtual processor. */
const MEMORY_MIB = 1769;
const TIMEOUT_SECONDS = 300;
const ROLE = 'handler';
const ACCOUNT_MS = 60_000;

interface Parts {
  readonly folder: string;
  readonly server: Kubernetes;
  readonly aws: Aws;
  readonly lambda: LambdaService;
  readonly clients: Clients;
  readonly made: cloud.Made;
}

export class Installation {
  readonly bucket: Bucket;
  /** Of every request that S3 or Lambda answered. */
  heard: (request: AwsRequest, answer: AwsResponse) => void = () => undefined;
  readonly #parts: Parts;
  #editions = 0;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.bucket = bucketOf(parts.clients, cloud.BUCKET);
    for (const service of [parts.aws.s3, parts.lambda])
      listenTo(service, (request, answer) => this.heard(request, answer));
  }

  static async start(folder: string): Promise<Installation> {
    await mkdir(folder, { recursive: true });
    const server = await startCluster(join(folder, 'kubernetes'));
    let lambda: AwsService | undefined;
    const aws = await startAws({
      stateDir: join(folder, 'aws'),
      region: cloud.REGION,
      accountId: cloud.ACCOUNT_ID,
      roles: [{ name: ROLE, policies: [] }],
      rootCredentials: cloud.KEY,
      services: (context) => {
        const services = computeServices(context, {
          images: { [cloud.IMAGE_ID]: { path: [], env: {} } },
          eventQueue: cloud.QUEUE,
          ec2: { machines: false, securityGroup: { id: cloud.GROUP_ID, name: 'worker' } },
        });
        lambda = services.find(({ name }) => name === 'lambda');
        return services;
      },
    });
    const clients = cloud.clientsOf(aws.url);
    const made = await cloud.provision(clients);
    await createFunction(await clients.lambda());
    return new Installation({ folder, server, aws, lambda: lambda as LambdaService, clients, made });
  }

  get api(): Api {
    return this.#parts.server.api;
  }

  /** Processes of the function. */
  get functionPids(): readonly number[] {
    return this.#parts.lambda.pids;
  }

  /** As `npm start` runs it. */
  async operate(): Promise<Program> {
    const { folder, server, aws, made } = this.#parts;
    return startProgram({
      name: 'operator',
      script: await bundled('operator', join(folder, 'programs')),
      args: [],
      env: {
        ...bare(),
        ...cloud.operatorEnvironment(server.kubeconfigPath, aws.url, made),
        SPOTLEARN_FUNCTION_NAME: FUNCTION,
        SPOTLEARN_FUNCTION_MEMORY_MIB: String(MEMORY_MIB),
        SPOTLEARN_FUNCTION_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS),
      },
      log: join(folder, 'operator.log'),
    });
  }

  /** Needs an operator; resolves with the namespace. */
  async account(userId: string): Promise<string> {
    const draft = { metadata: { name: accountName(userId) }, spec: { userId, limits: { monthlyUsd: 1000 } } };
    const named = ({ status }: { status?: AccountStatus }) => status?.namespace !== undefined;
    const { status } = await createdUntil<AccountStatus>(this.api, ACCOUNTS, draft, named, ACCOUNT_MS);
    return status?.namespace ?? '';
  }

  /** No process of the function is used again: whatever comes next begins cold. */
  async cool(): Promise<void> {
    const lambda = await this.#parts.clients.lambda();
    this.#editions += 1;
    await lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: FUNCTION, Description: `edition ${this.#editions}` }),
    );
  }

  async upload(path: string, key: string): Promise<void> {
    const s3 = await this.#parts.clients.s3();
    const { size } = await stat(path);
    const Body = createReadStream(path, { highWaterMark: 1024 * 1024 });
    await s3.send(new PutObjectCommand({ Bucket: cloud.BUCKET, Key: key, Body, ContentLength: size }));
  }

  async download(key: string): Promise<Readable> {
    const s3 = await this.#parts.clients.s3();
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: cloud.BUCKET, Key: key }));
    return Body as Readable;
  }

  async close(): Promise<void> {
    const { clients, aws, server } = this.#parts;
    clients.close();
    await aws.close();
    await server.close();
  }
}

async function createFunction(lambda: LambdaClient): Promise<void> {
  const { path } = await packageHandler({ platform: process.platform, arch: process.arch, ifChanged: true });
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: FUNCTION,
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${cloud.ACCOUNT_ID}:role/${ROLE}`,
      Code: { ZipFile: await readFile(path) },
      MemorySize: MEMORY_MIB,
      Timeout: TIMEOUT_SECONDS,
      Architectures: [process.arch === 'arm64' ? 'arm64' : 'x86_64'],
    }),
  );
}

function listenTo(service: AwsService, hear: (request: AwsRequest, answer: AwsResponse) => void): void {
  const handle = service.handle.bind(service);
  service.handle = async (request) => {
    const answer = await handle(request);
    hear(request, answer);
    return answer;
  };
}
