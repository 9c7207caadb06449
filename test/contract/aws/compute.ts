// Who the contract suites of the compute services run against: ours with all of them wired, and moto as a process when
// SPOTLEARN_MOTO names a Python that has it. A known deviation of moto has to fail, so that a mended one is noticed.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { computeServices } from '../../../local/aws/ec2/compute.ts';
import { startAws } from '../../../local/aws/server.ts';

const START_LIMIT_MS = 40_000;
export const REGION = 'us-east-1';
/** Known to moto and given to ours. */
export const IMAGE = 'ami-0abcdef1234567890';

export interface Connection {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
}
export type Cases = Record<string, (connection: Connection) => Promise<void>>;

export function describeCompute(
  name: string,
  cases: Cases,
  motoDeviations: Readonly<Record<string, string>> = {},
): void {
  for (const title of Object.keys(motoDeviations))
    if (!cases[title]) throw new Error(`a deviation names no case: ${title}`);
  describe(`${name}, ours`, () => run(startOurs, cases, {}));
  const python = process.env['SPOTLEARN_MOTO'];
  if (python) return void describe(`${name}, moto`, () => run(() => startMoto(python), cases, motoDeviations));
  process.stderr.write(`skipped: ${name} against moto: SPOTLEARN_MOTO does not name a Python with moto\n`);
  describe.skip(`${name}, moto`, () => it('is not here', () => {}));
}

interface Running {
  readonly url: string;
  close(): Promise<void>;
}

function run(start: () => Promise<Running>, cases: Cases, deviations: Readonly<Record<string, string>>): void {
  let running: Running;
  before(async function () {
    this.timeout(START_LIMIT_MS + 10_000);
    running = await start();
  });
  after(() => running.close());
  for (const [title, act] of Object.entries(cases)) {
    const attempt = () =>
      act({
        endpoint: running.url,
        region: REGION,
        credentials: { accessKeyId: 'AKIACONTRACT', secretAccessKey: 'contract-secret' },
        maxAttempts: 1,
      });
    const why = deviations[title];
    if (why === undefined) it(title, attempt);
    else
      it(`deviates: ${title} (${why})`, async () => {
        const passed = await attempt().then(
          () => true,
          () => false,
        );
        if (passed) throw new Error(`no longer deviates, take it off the list: ${title}`);
      });
  }
}

async function startOurs(): Promise<Running> {
  const stateDir = await mkdtemp(join(tmpdir(), 'compute-contract-'));
  const aws = await startAws({
    stateDir,
    region: REGION,
    accountId: '000000000000',
    roles: [{ name: 'contract', policies: [] }],
    rootCredentials: { accessKeyId: 'AKIACONTRACT', secretAccessKey: 'contract-secret' },
    services: (context) =>
      computeServices(context, { images: { [IMAGE]: { path: [], env: {} } }, ec2: { machines: false, bootMs: 1 } }),
  });
  return {
    url: aws.url,
    close: async () => {
      await aws.close();
      await rm(stateDir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function startMoto(python: string): Promise<Running> {
  const port = await freePort();
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const end = Date.now() + START_LIMIT_MS;
  while (
    !(await fetch(url).then(
      (answer) => answer.status < 500,
      () => false,
    ))
  ) {
    if (Date.now() > end || child.exitCode !== null) throw new Error('moto did not start');
    await delay(100);
  }
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The AWS error code a call fails with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'succeeded',
    (error: unknown) => (error as Error).name,
  );
}
