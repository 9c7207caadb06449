// Runs the Pulumi program without engine and plugins (`setMocks`) and gives what it declared: every resource with its resolved inputs,
// parent, dependencies and protections. Providers' answers are made up here, in the shape and with the patterns that AWS has.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';

export interface Recorded {
  readonly type: string;
  readonly name: string;
  /** Resolved; secrets in clear, their paths in `secrets`. Files are `{ asset: path }`. */
  readonly inputs: Record<string, unknown>;
  readonly secrets: readonly string[];
  readonly urn: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly provider: string | undefined;
  readonly protect: boolean;
  readonly retain: boolean;
  /** URNs. */
  readonly dependsOn: readonly string[];
  readonly custom: boolean;
}

export interface Declared {
  readonly resources: readonly Recorded[];
  readonly outputs: Record<string, unknown>;
  /** Functions of providers that the program called. */
  readonly calls: readonly { token: string; inputs: Record<string, unknown> }[];
}

export const ACCOUNT_ID = '111122223333';
export const TOKEN = '123456789:AAExampleExampleExampleExample';

/** What a function of a provider answers; throws for an error of AWS. */
export type Answer = (inputs: Record<string, unknown>) => Record<string, unknown>;

export interface Run {
  stack?: string;
  /** Full keys, as `pulumi config` has them; region, token and artefacts are there by default. */
  configuration?: Readonly<Record<string, string>>;
  /** In place of the default answers, by token. */
  answers?: Readonly<Record<string, Answer>>;
  accountId?: string;
  /** Default: the whole program. */
  program?: () => Promise<Record<string, unknown>>;
}

/** Runs the program under mocks. Rejects with what the program throws. */
export async function programOf(run: Run = {}): Promise<Declared> {
  const { stack = 'dev', accountId = ACCOUNT_ID } = run;
  const artefacts = makeArtefacts();
  const configuration = {
    'aws:region': 'eu-central-1',
    'spotlearn:telegramToken': TOKEN,
    'spotlearn:artefacts': artefacts,
    ...run.configuration,
  };
  const resources: Recorded[] = [];
  const calls: Declared['calls'][number][] = [];
  const made = new Map<string, { id: string; state: Record<string, unknown> }>();
  const answers = { ...defaultAnswers(accountId, configuration['aws:region']), ...run.answers };
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const world = { accountId, region: configuration['aws:region'], stack };
        const { id, state } = madeOf(type, name, inputs as Record<string, unknown>, world);
        made.set(`${type} ${name}`, { id, state });
        return { id, state: { ...(inputs as Record<string, unknown>), ...state } };
      },
      call: ({ token, inputs }) => {
        calls.push({ token, inputs: inputs as Record<string, unknown> });
        const answer = answers[token];
        if (!answer) throw new Error(`The mocks have no answer for ${token}`);
        try {
          return answer(inputs as Record<string, unknown>);
        } catch (error) {
          // As gRPC hands it over.
          throw Object.assign(error as Error, { details: (error as Error).message });
        }
      },
    },
    'spotlearn',
    stack,
  );
  pulumi.runtime.setAllConfig(configuration, ['spotlearn:telegramToken']);
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource: (
      request: Registration,
      callback: (error: unknown, response: Registered) => void,
    ) => Promise<void>;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (!error) resources.push(recorded(request, response));
      callback(error, response);
    });
  try {
    const program = run.program ?? (await import('../../infra/index.ts')).default;
    const outputs = await pulumi.runtime.runInPulumiStack(program);
    const resolved = await settled(pulumi.output(outputs ?? {}), resources);
    return { resources, outputs: resolved as Record<string, unknown>, calls };
  } finally {
    rmSync(artefacts, { recursive: true, force: true });
  }
}

/** Resolves an output when nothing is registered any more. */
async function settled(output: pulumi.Output<unknown>, resources: readonly unknown[]): Promise<unknown> {
  const value = await new Promise((resolve) => output.apply(resolve));
  for (let quiet = 0, seen = resources.length; quiet < 5; ) {
    await new Promise((resolve) => setImmediate(resolve));
    await pulumi.runtime.disconnect().catch(() => undefined);
    quiet = seen === resources.length ? quiet + 1 : 0;
    seen = resources.length;
  }
  return value;
}

interface Registration {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getProvidersMap(): { get(name: string): string | undefined };
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getCustom(): boolean;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}
interface Registered {
  getUrn(): string;
  getId(): string;
}

function recorded(request: Registration, response: Registered): Recorded {
  const secrets: string[] = [];
  const inputs = plain(request.getObject()?.toJavaScript() ?? {}, '', secrets) as Record<string, unknown>;
  return {
    type: request.getType(),
    name: request.getName(),
    inputs,
    secrets,
    urn: response.getUrn(),
    id: response.getId(),
    parent: request.getParent() || undefined,
    provider: request.getProvider() || undefined,
    protect: request.getProtect(),
    retain: request.getRetainondelete(),
    dependsOn: request.getDependenciesList(),
    custom: request.getCustom(),
  };
}

// Pulumi's wire format (sdk/nodejs/runtime/rpc): the key that marks a value as special and the marks of secrets, assets, resources.
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';
const ASSET = 'c44067f5952c0a294b673a41bacd8c17';
const RESOURCE = '5cf8f73096256a8f31e491e813e4eb8e';

function plain(value: unknown, path: string, secrets: string[]): unknown {
  if (Array.isArray(value)) return value.map((one, index) => plain(one, `${path}[${index}]`, secrets));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE] === SECRET) {
    secrets.push(path);
    return plain(object['value'], path, secrets);
  }
  if (object[SIGNATURE] === ASSET) return { asset: object['path'] ?? object['text'] };
  if (object[SIGNATURE] === RESOURCE) return { resource: object['urn'] };
  return Object.fromEntries(
    Object.entries(object).map(([key, one]) => [key, plain(one, path === '' ? key : `${path}.${key}`, secrets)]),
  );
}

interface World {
  readonly accountId: string;
  readonly region: string;
  readonly stack: string;
}

const hex = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length);

/** Id and computed properties of a new resource, like AWS's. */
function madeOf(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
  { accountId, region, stack }: World,
): { id: string; state: Record<string, unknown> } {
  const unique = hex(`${stack} ${type} ${name}`, 17);
  const text = (key: string) => String(inputs[key] ?? `${name}-${unique.slice(0, 7)}`);
  const arn = (service: string, resource: string, where = region) =>
    `arn:aws:${service}:${where}:${accountId}:${resource}`;
  const ids: Record<string, string> = {
    'aws:ec2/vpc:Vpc': 'vpc-',
    'aws:ec2/subnet:Subnet': 'subnet-',
    'aws:ec2/securityGroup:SecurityGroup': 'sg-',
    'aws:ec2/launchTemplate:LaunchTemplate': 'lt-',
    'aws:ec2/internetGateway:InternetGateway': 'igw-',
    'aws:ec2/natGateway:NatGateway': 'nat-',
    'aws:ec2/routeTable:RouteTable': 'rtb-',
    'aws:ec2/eip:Eip': 'eipalloc-',
    'aws:ec2/vpcEndpoint:VpcEndpoint': 'vpce-',
  };
  const prefix = ids[type];
  if (prefix !== undefined)
    return {
      id: prefix + unique,
      state: { latestVersion: 1, arn: arn('ec2', `${prefix.slice(0, -1)}/${prefix}${unique}`) },
    };
  const named: Record<string, () => { id: string; state: Record<string, unknown> }> = {
    'aws:iam/role:Role': () => ({
      id: text('name'),
      state: {
        name: text('name'),
        arn: arn('iam', `role/${text('name')}`, ''),
        uniqueId: `AROA${unique.toUpperCase()}`,
      },
    }),
    'aws:iam/policy:Policy': () => ({
      id: arn('iam', `policy/${text('name')}`, ''),
      state: { arn: arn('iam', `policy/${text('name')}`, '') },
    }),
    'aws:iam/instanceProfile:InstanceProfile': () => ({
      id: text('name'),
      state: { arn: arn('iam', `instance-profile/${text('name')}`, '') },
    }),
    'aws:s3/bucket:Bucket': () => ({
      id: text('bucket'),
      state: { bucket: text('bucket'), arn: `arn:aws:s3:::${text('bucket')}` },
    }),
    'aws:s3/bucketObjectv2:BucketObjectv2': () => ({ id: text('key'), state: { key: text('key') } }),
    'aws:sqs/queue:Queue': () => ({
      id: `https://sqs.${region}.amazonaws.com/${accountId}/${text('name')}`,
      state: {
        name: text('name'),
        url: `https://sqs.${region}.amazonaws.com/${accountId}/${text('name')}`,
        arn: arn('sqs', text('name')),
      },
    }),
    'aws:sns/topic:Topic': () => ({ id: arn('sns', text('name')), state: { arn: arn('sns', text('name')) } }),
    'aws:cloudwatch/eventRule:EventRule': () => ({
      id: text('name'),
      state: { name: text('name'), arn: arn('events', `rule/${text('name')}`) },
    }),
    'aws:cloudwatch/logGroup:LogGroup': () => ({
      id: text('name'),
      state: { name: text('name'), arn: arn('logs', `log-group:${text('name')}`) },
    }),
    'aws:lambda/function:Function': () => ({
      id: text('name'),
      state: { name: text('name'), arn: arn('lambda', `function:${text('name')}`), version: '1' },
    }),
    'aws:lambda/layerVersion:LayerVersion': () => ({
      id: arn('lambda', `layer:${text('layerName')}:1`),
      state: { arn: arn('lambda', `layer:${text('layerName')}:1`) },
    }),
    'aws:eks/cluster:Cluster': () => ({
      id: text('name'),
      state: {
        name: text('name'),
        arn: arn('eks', `cluster/${text('name')}`),
        endpoint: `https://${unique}.eks.example`,
        certificateAuthority: { data: Buffer.from('certificate').toString('base64') },
        identities: [{ oidcs: [{ issuer: `https://oidc.eks.${region}.example/id/${unique.toUpperCase()}` }] }],
      },
    }),
    'aws:ecr/repository:Repository': () => ({
      id: text('name'),
      state: {
        name: text('name'),
        arn: arn('ecr', `repository/${text('name')}`),
        repositoryUrl: `${accountId}.dkr.ecr.${region}.amazonaws.com/${text('name')}`,
        registryId: accountId,
      },
    }),
    'docker-build:index:Image': () => {
      const tag = String((inputs['tags'] as string[] | undefined)?.[0] ?? name);
      const digest = `sha256:${hex(tag, 64)}`;
      return { id: tag, state: { digest, ref: `${tag.replace(/:[^:/]+$/, '')}@${digest}` } };
    },
  };
  return (named[type] ?? (() => ({ id: `${name}-${unique.slice(0, 8)}`, state: {} })))();
}

function defaultAnswers(accountId: string, region: string): Record<string, Answer> {
  const cluster = (inputs: Record<string, unknown>) => ({
    name: inputs['name'],
    arn: `arn:aws:eks:${region}:${accountId}:cluster/${String(inputs['name'])}`,
    endpoint: 'https://existing.eks.example',
    certificateAuthorities: [{ data: 'Y2VydGlmaWNhdGU=' }],
    identities: [{ oidcs: [{ issuer: `https://oidc.eks.${region}.example/id/EXISTING` }] }],
  });
  return {
    'aws:index/getCallerIdentity:getCallerIdentity': () => ({
      accountId,
      arn: `arn:aws:sts::${accountId}:assumed-role/deployer/session`,
      userId: 'AROADEPLOYER:session',
    }),
    'aws:iam/getSessionContext:getSessionContext': () => ({ issuerArn: `arn:aws:iam::${accountId}:role/deployer` }),
    'aws:index/getAvailabilityZones:getAvailabilityZones': () => ({
      names: ['a', 'b', 'c'].map((zone) => `${region}${zone}`),
    }),
    'aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings': (inputs) => ({
      instanceTypes: (inputs['filters'] as { values: string[] }[])[0]?.values ?? [],
    }),
    'aws:s3/getBucket:getBucket': () => {
      throw new Error('invoking aws:s3/getBucket:getBucket: reading S3 Bucket: NotFound: Not Found (404)');
    },
    'aws:ssm/getParameter:getParameter': (inputs) => ({ value: `ami-${hex(String(inputs['name']), 17)}` }),
    'aws:eks/getCluster:getCluster': cluster,
    'aws:ecr/getAuthorizationToken:getAuthorizationToken': () => ({ userName: 'AWS', password: 'registry-password' }),
  };
}

/** A folder as `npm run package`, `package:worker` and `images` leave it, with little in its files. */
export function makeArtefacts(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spotlearn-artefacts-'));
  mkdirSync(join(folder, 'worker'));
  const file = (name: string) => {
    const path = join(folder, name);
    writeFileSync(path, name);
    return { path, sha256: createHash('sha256').update(name).digest('hex') };
  };
  for (const arch of ['x86_64', 'arm64']) {
    const bundle = file(`worker/worker-python3.12-${arch}.tar.gz`);
    const packs = { export: file(`worker/export-${arch}.tar.gz`) };
    writeFileSync(join(folder, `worker/worker-python3.12-${arch}.json`), JSON.stringify({ ...bundle, packs }));
  }
  for (const arch of ['x64', 'arm64']) {
    const zip = file(`lambda-linux-${arch}.zip`);
    writeFileSync(join(folder, `lambda-linux-${arch}.zip.json`), JSON.stringify(zip));
  }
  for (const image of ['operator', 'bot', 'worker', 'prediction']) {
    mkdirSync(join(folder, 'images', image), { recursive: true });
    const { sha256 } = file(`images/${image}/Dockerfile`);
    writeFileSync(join(folder, `images/${image}.json`), JSON.stringify({ sha256 }));
  }
  return folder;
}
