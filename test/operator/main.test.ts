import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { LEASES, NAMESPACES } from '../../operator/runtime/resources.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { ROLE_ID } from './worker.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('The operator as a process', function () {
  this.timeout(30_000);
  let cluster: Cluster;
  const children: ChildProcess[] = [];
  before(async () => {
    cluster = await startCluster();
    await cluster.client.create(NAMESPACES, { metadata: { name: 'spotlearn-system' } }).catch(() => undefined);
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  after(() => cluster.close());

  function start(env: NodeJS.ProcessEnv): { child: ChildProcess; text: { out: string; err: string } } {
    const child = spawn(process.execPath, ['operator/main.ts'], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
    });
    const text = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
    children.push(child);
    return { child, text };
  }
  const environment = () => ({
    KUBECONFIG: cluster.server.kubeconfigPath,
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ACCESS_KEY_ID: 'AKIA',
    AWS_SECRET_ACCESS_KEY: 'secret',
    SPOTLEARN_AWS_ACCOUNT_ID: '000000000000',
    SPOTLEARN_BUCKET: 'bucket',
    SPOTLEARN_LAUNCH_TEMPLATE_ID: 'lt-00000000000000001',
    SPOTLEARN_SUBNET_IDS: 'subnet-00000000000000001',
    SPOTLEARN_SECURITY_GROUP_ID: 'sg-00000000000000001',
    SPOTLEARN_IMAGE_ID: 'ami-00000000000000001',
    SPOTLEARN_WORKER_ROLE_ID: ROLE_ID,
    SPOTLEARN_FUNCTION_NAME: 'f',
    SPOTLEARN_OPERATOR_PORT: '0',
  });

  it('names every wrong setting in one message and exits with 1', async () => {
    const { child, text } = start({ AWS_REGION: 'nowhere' });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).to.equal(1);
    expect(text.err)
      .to.match(/AWS_REGION is "nowhere"/)
      .and.match(/SPOTLEARN_BUCKET is missing/);
    expect(text.err).not.to.match(/\n\s+at \S+ \(/);
    expect(text.out).to.equal('');
  });

  it('is ready while AWS is away, says what is missing, leads, and ends gracefully on SIGTERM', async () => {
    const { child, text } = start(environment());
    const [line] = (await once(createInterface(child.stdout as NodeJS.ReadableStream), 'line')) as [string];
    const { ready, url } = JSON.parse(line) as { ready: boolean; url: string };
    expect(ready).to.equal(true);
    const answer = await eventually(async () => {
      const response = await fetch(`${url}/readyz`);
      const read = (await response.json()) as { reported: Record<string, { ok: boolean; message?: string }> };
      return response.status === 200 && read.reported.bucket && read.reported.leader?.ok ? read : undefined;
    }, 20_000);
    expect(answer.reported.bucket?.ok).to.equal(false);
    const lease = () =>
      cluster.client.get<{ spec: { holderIdentity: string } }>(LEASES, 'spotlearn-operator', 'spotlearn-system');
    expect((await lease()).spec.holderIdentity).not.to.equal('');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code, text.err).to.equal(0);
    expect((await lease()).spec.holderIdentity).to.equal('');
    expect(text.out.trim().split('\n')).to.have.length(1);
    expect(text.err).not.to.include('secret');
  });
});
