// Who a contract suite runs against: our own server in this process, and moto and ministack as processes on free ports when
// SPOTLEARN_MOTO / SPOTLEARN_MINISTACK name a Python that has them (`python -m moto.server`, `python -m ministack`).
// Absent, an oracle is skipped with a line on stderr.
import { CreateBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startAws } from '../../../local/aws/server.ts';

export const REGION = 'eu-west-1';
export const ACCOUNT = '000000000000';
const START_LIMIT_MS = 30_000;

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

interface Running {
  readonly url: string;
  readonly credentials: Credentials;
  close(): Promise<void>;
}

export class Subject {
  readonly #running: Running;
  readonly #clients: S3Client[] = [];
  #buckets = 0;

  constructor(running: Running) {
    this.#running = running;
  }

  /** Settings for a client of any service. */
  get client() {
    return { region: REGION, endpoint: this.#running.url, credentials: this.#running.credentials, maxAttempts: 1 };
  }

  s3(options: S3ClientConfig = {}): S3Client {
    const client = new S3Client({ ...this.client, forcePathStyle: true, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A new bucket. */
  async bucket(): Promise<string> {
    const name = `contract-${process.pid}-${Date.now()}-${++this.#buckets}`;
    await this.s3().send(new CreateBucketCommand({ Bucket: name }));
    return name;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.#running.close();
  }
}

export interface Case {
  readonly title: string;
  run(subject: Subject): Promise<void>;
}

type OracleName = 'moto' | 'ministack';

/** By case title: why the oracle answers otherwise than AWS. */
export type Deviations = Record<OracleName, Readonly<Record<string, string>>>;

/** One describe block a server; on an oracle, a known deviation has to fail. */
export function describeContract(name: string, deviations: Deviations, cases: readonly Case[]): void {
  describe(`${name}, ours`, () => runCases(startOurs, cases, {}));
  for (const oracle of ORACLES) {
    const python = process.env[oracle.variable];
    if (!python) {
      process.stderr.write(
        `skipped: ${name} against ${oracle.name}: ${oracle.variable} does not name a Python with ${oracle.name}\n`,
      );
      describe.skip(`${name}, ${oracle.name}`, () => it('is not here', () => {}));
      continue;
    }
    describe(`${name}, ${oracle.name}`, () =>
      runCases(() => startOracle(oracle, python), cases, deviations[oracle.name]));
  }
}

function runCases(
  start: () => Promise<Running>,
  cases: readonly Case[],
  deviations: Readonly<Record<string, string>>,
): void {
  let subject: Subject;
  before(async function () {
    this.timeout(START_LIMIT_MS + 10_000);
    subject = new Subject(await start());
  });
  after(async () => subject.close());
  for (const title of Object.keys(deviations)) {
    if (!cases.some((each) => each.title === title)) throw new Error(`a deviation names no case: ${title}`);
  }
  for (const one of cases) {
    const { title } = one;
    const why = deviations[title];
    if (why === undefined) it(title, () => one.run(subject));
    else it(`deviates: ${title} (${why})`, () => expectFailure(one.run(subject), title));
  }
}

async function expectFailure(run: Promise<void>, title: string): Promise<void> {
  const passed = await run.then(
    () => true,
    () => false,
  );
  if (passed) throw new Error(`no longer deviates, take it off the list: ${title}`);
}

async function startOurs(): Promise<Running> {
  const stateDir = await mkdtemp(join(tmpdir(), 'aws-contract-'));
  const credentials = { accessKeyId: 'AKIACONTRACT', secretAccessKey: 'contract-secret' };
  const aws = await startAws({
    stateDir,
    region: REGION,
    accountId: ACCOUNT,
    roles: [{ name: 'contract', policies: [] }],
    rootCredentials: credentials,
  });
  return {
    url: aws.url,
    credentials,
    close: async () => {
      await aws.close();
      await rm(stateDir, { recursive: true });
    },
  };
}

interface Oracle {
  readonly name: OracleName;
  /** Makes a key whose signatures the oracle checks, where it can. */
  readonly credentials?: (url: string) => Promise<Credentials>;
  readonly variable: string;
  command(port: number): { readonly args: readonly string[]; readonly env: Record<string, string> };
}

const ORACLES: readonly Oracle[] = [
  {
    name: 'moto',
    variable: 'SPOTLEARN_MOTO',
    command: (port) => ({ args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], env: {} }),
  },
  {
    name: 'ministack',
    variable: 'SPOTLEARN_MINISTACK',
    // It listens everywhere unless told not to.
    command: (port) => ({ args: ['-m', 'ministack'], env: { BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port) } }),
    credentials: ministackKey,
  },
];

/** It never checks the signature of the key `test`, so that key makes a proper one. */
async function ministackKey(url: string): Promise<Credentials> {
  const authorization =
    'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/iam/aws4_request, SignedHeaders=host, Signature=x';
  const ask = async (action: string) => {
    const body = new URLSearchParams({ Action: action, UserName: 'oracle', Version: '2010-05-08' });
    return (await fetch(url, { method: 'POST', headers: { authorization }, body })).text();
  };
  await ask('CreateUser');
  const key = await ask('CreateAccessKey');
  return {
    accessKeyId: /<AccessKeyId>(.*?)</.exec(key)?.[1] ?? '',
    secretAccessKey: /<SecretAccessKey>(.*?)</.exec(key)?.[1] ?? '',
  };
}

async function startOracle(oracle: Oracle, python: string): Promise<Running> {
  const port = await freePort();
  const { args, env } = oracle.command(port);
  const home = await mkdtemp(join(tmpdir(), `${oracle.name}-`));
  const child = spawn(python, args, { cwd: home, env: { ...process.env, HOME: home, ...env }, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child, oracle.name);
  return {
    url,
    credentials: (await oracle.credentials?.(url)) ?? {
      accessKeyId: 'AKIAORACLE0000000000',
      secretAccessKey: 'oracle-secret',
    },
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function answers(url: string, child: ChildProcess, name: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit && child.exitCode === null) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await delay(100);
  }
  child.kill('SIGKILL');
  throw new Error(`${name} did not start`);
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** The name and status of the refusal that `promise` ends in. */
export async function refusal(promise: Promise<unknown>): Promise<[string, number | undefined]> {
  try {
    await promise;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return [name, $metadata?.httpStatusCode];
  }
  throw new Error('expected a refusal, but it was done');
}
