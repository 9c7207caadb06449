// `npm run logs` as a process, against the embedded Kubernetes API and CloudWatch Logs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { expect } from 'chai';
import { logsService } from '../../local/aws/logs/service.ts';
import { type Aws, startAws } from '../../local/aws/server.ts';
import type { TrainingJobStatus } from '../../crds/crds.generated.ts';
import { API_VERSION } from '../../crds/objects.ts';
import { NAMESPACES, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { type Cluster, eventually, startCluster } from './cluster.ts';

const root = new URL('../../', import.meta.url).pathname;
const ROOT = { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'test-root-secret' };
const GROUP = '/aws/ec2/ml-training';
const NAMESPACE = 'ml-user-77';

describe('npm run logs', function () {
  this.timeout(30_000);
  let cluster: Cluster;
  let folder: string;
  let aws: Aws;
  let client: CloudWatchLogsClient;
  const children: ChildProcess[] = [];

  before(async () => {
    cluster = await startCluster();
    folder = await mkdtemp(join(tmpdir(), 'logs-command-'));
    aws = await startAws({
      stateDir: folder,
      region: 'us-east-1',
      accountId: '000000000000',
      roles: [],
      rootCredentials: ROOT,
      services: (context) => [logsService(context)],
    });
    client = new CloudWatchLogsClient({ endpoint: aws.url, region: 'us-east-1', credentials: ROOT });
    await client.send(new CreateLogGroupCommand({ logGroupName: GROUP }));
    await cluster.client.create(NAMESPACES, { metadata: { name: NAMESPACE } });
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  after(async () => {
    client.destroy();
    await aws.close();
    await rm(folder, { recursive: true, force: true });
    await cluster.close();
  });

  function logs(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, ['operator/logs.ts', ...words], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE,
        HOME: '/nonexistent',
        KUBECONFIG: cluster.server.kubeconfigPath,
        AWS_REGION: 'us-east-1',
        AWS_ENDPOINT_URL: aws.url,
        AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
        AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
        ...env,
      },
    });
    const text = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
    children.push(child);
    return { child, text, ended: once(child, 'close').then(([code]) => code as number | null) };
  }
  async function job(name: string, status: TrainingJobStatus): Promise<void> {
    await cluster.client
      .create(TRAINING_JOBS, {
        apiVersion: API_VERSION,
        kind: 'TrainingJob',
        metadata: { name, namespace: NAMESPACE },
        spec: { dataset: { uri: 's3://bucket/datasets/user_77/a.csv' }, target: 'class', model: { type: 'auto' } },
      } as never)
      .catch(() => undefined);
    await cluster.client.mergePatch(TRAINING_JOBS, name, { status }, { namespace: NAMESPACE, subresource: 'status' });
  }
  const attempt = (number: number, instanceId: string, ended: boolean) => ({
    number,
    batch: 'b',
    market: 'spot' as const,
    instanceId,
    requestedAt: '2026-11-24T10:00:00Z',
    ...(ended ? { endedAt: '2026-11-24T10:10:00Z' } : {}),
  });
  async function write(instanceId: string, ...lines: string[]): Promise<void> {
    const names = { logGroupName: GROUP, logStreamName: `instance-${instanceId}` };
    await client.send(new CreateLogStreamCommand(names)).catch(() => undefined);
    const logEvents = lines.map((message) => ({ timestamp: Date.now(), message }));
    await client.send(new PutLogEventsCommand({ ...names, logEvents }));
  }

  it('follows a job over an interruption to its end', async () => {
    const logStream = (id: string) => `${GROUP}:instance-${id}`;
    await job('credit', {
      phase: 'Running',
      instanceId: 'i-1',
      logStream: logStream('i-1'),
      attempts: [attempt(1, 'i-1', false)],
    });
    const { text, ended } = logs([`${NAMESPACE}/credit`]);
    await eventually(() => /waiting for the log of i-1/.test(text.err));
    await write('i-1', 'Epoch 1/2, Loss: 0.5', 'red \u001b[31m');
    await eventually(() => text.out.includes('Epoch 1/2'));
    await write('i-2', 'Resuming from step 1', 'Epoch 2/2, Loss: 0.25');
    await job('credit', {
      phase: 'Running',
      instanceId: 'i-2',
      logStream: logStream('i-2'),
      attempts: [attempt(1, 'i-1', true), attempt(2, 'i-2', false)],
    });
    await eventually(() => text.out.includes('Epoch 2/2'));
    await job('credit', { phase: 'Succeeded', attempts: [attempt(1, 'i-1', true), attempt(2, 'i-2', true)] });
    expect(await ended, text.err).to.equal(0);
    expect(text.out.split('\n')).to.deep.equal([
      'Epoch 1/2, Loss: 0.5',
      'red \\x1b[31m',
      '--- attempt 2 on i-2 ---',
      'Resuming from step 1',
      'Epoch 2/2, Loss: 0.25',
      '',
    ]);
  });

  it('prints what there is with --no-follow, into a pipe that closes early too', async () => {
    await job('long', { phase: 'Running', instanceId: 'i-3', attempts: [attempt(1, 'i-3', false)] });
    await write('i-3', ...Array.from({ length: 5000 }, (_, n) => `line ${n} ${'x'.repeat(100)}`));
    const whole = logs(['long', '-n', NAMESPACE, '--no-follow']);
    expect(await whole.ended, whole.text.err).to.equal(0);
    expect(whole.text.out.trim().split('\n')).to.have.length(5000);
    const cut = logs(['long', '-n', NAMESPACE]);
    await once(cut.child.stdout, 'data');
    cut.child.stdout.destroy();
    expect(await cut.ended, cut.text.err).to.equal(0);
  });

  it('ends on SIGINT as a followed log does', async () => {
    await job('waits', { phase: 'Queued', message: 'No capacity.' });
    const { child, text, ended } = logs([`${NAMESPACE}/waits`]);
    await eventually(() => /has no instance yet \(Queued: No capacity\.\)/.test(text.err));
    child.kill('SIGINT');
    expect(await ended).to.equal(130);
  });

  const refusals: [what: string, words: string[], env: NodeJS.ProcessEnv, code: number, said: RegExp][] = [
    ['a wrong command line', ['credit'], {}, 64, /In which namespace is “credit”\?\nUsage/],
    ['a job that is not there', [`${NAMESPACE}/nothing`], {}, 1, /There is no such TrainingJob/],
    ['a missing region', ['a/b'], { AWS_REGION: '' }, 1, /AWS_REGION is not set/],
    ['a missing kubeconfig', ['a/b'], { KUBECONFIG: '/nonexistent' }, 1, /kubeconfig \/nonexistent cannot be read/],
  ];
  for (const [what, words, env, code, message] of refusals)
    it(`says what is wrong and ends with ${code}: ${what}`, async () => {
      const { text, ended } = logs(words, env);
      expect(await ended).to.equal(code);
      expect(text.err)
        .to.match(message)
        .and.not.match(/\n\s+at /);
      expect(text.out).to.equal('');
    });

  it('keeps asking while CloudWatch Logs is out of reach', async () => {
    await job('far', { phase: 'Running', instanceId: 'i-4', attempts: [attempt(1, 'i-4', false)] });
    const { text } = logs([`${NAMESPACE}/far`], { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' });
    await eventually(() => /^logs: .*; trying again/.test(text.err));
  });

  it('says how it is used, and stands in package.json', async () => {
    const { text, ended } = logs(['--help']);
    expect(await ended).to.equal(0);
    expect(text.out).to.match(/^Usage: npm run logs/);
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: object };
    expect(scripts).to.have.property('logs', 'node operator/logs.ts');
  });
});
