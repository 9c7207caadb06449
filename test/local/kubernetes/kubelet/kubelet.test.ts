// What only shows over time: the kubelet's own death and return. What pods do is in the contract suite.
import { expect } from 'chai';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import { KubeApiError, KubeClient } from '../../../../local/kubernetes/kubelet/client.ts';
import { startKubelet } from '../../../../local/kubernetes/kubelet.ts';
import { type Kubernetes, startKubernetes } from '../../../../local/kubernetes/server.ts';
import { newSigningKey } from '../../../../local/stack/node.ts';
import { ShiftedClock } from '../controllers/cluster.ts';

const PODS = { group: '', plural: 'pods' };
const KUBELET = new URL('../../../../local/kubernetes/kubelet.ts', import.meta.url).href;

async function until<T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + 8000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`Not within 8 s: ${what}`);
    await sleep(20);
  }
}

async function gone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return /\) Z/.test(stat);
}

describe('a kubelet', function () {
  this.timeout(20_000);
  let folder: string;
  let server: Kubernetes;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubelet-'));
    server = await startKubernetes({ stateDir: join(folder, 'state'), controllers: false });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const images = { shell: { command: ['/bin/sh', '-c'] } };
  const options = () => ({ kubeconfig: server.kubeconfigPath, folder: join(folder, 'kubelet'), images });
  const create = (name: string, script: string, restartPolicy = 'Never') =>
    server.api.create(PODS, {
      metadata: { namespace: 'default', name },
      spec: {
        restartPolicy,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'c', image: 'shell', args: [script] }],
      },
    });
  const pod = (name: string) => server.api.get(PODS, 'default', name);
  const phase = (name: string) => pod(name)?.status?.['phase'];
  const container = (found: KubeObject | undefined) =>
    (
      found?.status?.['containerStatuses'] as
        | { containerID: string; state: { terminated?: { exitCode: number; reason: string } } }[]
        | undefined
    )?.[0];
  const pidOf = (name: string) => Number(container(pod(name))?.containerID.replace('process://', ''));

  function startProcess(): ChildProcess {
    const script = `import { startKubelet } from ${JSON.stringify(KUBELET)}; await startKubelet(${JSON.stringify(options())});`;
    return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  }

  it('leaves no process behind after kill -9, and says so when it is back', async () => {
    const process = startProcess();
    await create('victim', 'trap "" TERM; while :; do sleep 0.1; done');
    await until('running', () => phase('victim') === 'Running' && pidOf('victim') > 0);
    const pid = pidOf('victim');
    process.kill('SIGKILL');
    await until('the container is gone', () => gone(pid));
    const kubelet = await startKubelet(options());
    try {
      await until('failed', () => phase('victim') === 'Failed');
      expect(container(pod('victim'))?.state.terminated).to.include({
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
      });
    } finally {
      await kubelet.close();
    }
  });

  it('ends its pods when it stops, and takes its node along', async () => {
    const kubelet = await startKubelet(options());
    await create('stopped', 'exec sleep 60');
    await until('running', () => phase('stopped') === 'Running' && pidOf('stopped') > 0);
    expect(server.api.get({ group: '', plural: 'nodes' }, undefined, 'spotlearn-local')).to.not.equal(undefined);
    const pid = pidOf('stopped');
    await kubelet.close();
    expect(await gone(pid)).to.equal(true);
    expect(phase('stopped')).to.equal('Failed');
    expect(container(pod('stopped'))?.state.terminated?.exitCode).to.equal(143);
    expect(server.api.get({ group: '', plural: 'nodes' }, undefined, 'spotlearn-local')).to.equal(undefined);
  });

  it('waits between restarts, and kills what is deleted by force', async () => {
    const kubelet = await startKubelet(options());
    try {
      await create('crashing', 'exit 1', 'Always');
      await until('backing off', () => JSON.stringify(pod('crashing')?.status ?? {}).includes('CrashLoopBackOff'));
      expect(phase('crashing')).to.equal('Running');
      await create('forced', 'exec sleep 60');
      await until('running', () => phase('forced') === 'Running' && pidOf('forced') > 0);
      const pid = pidOf('forced');
      await server.api.delete(PODS, 'default', 'forced', { gracePeriodSeconds: 0 });
      await until('killed', () => gone(pid));
    } finally {
      await kubelet.close();
    }
  });

  it('begins a pod when its Secret is there, and brings it a new version while it runs', async () => {
    const clock = new ShiftedClock();
    const kubelet = await startKubelet({ ...options(), clock });
    const SECRETS = { group: '', plural: 'secrets' };
    const secret = (text: string) => ({ metadata: { namespace: 'default', name: 's' }, stringData: { ticket: text } });
    const waiting = () => JSON.stringify(pod('ticketed')?.status ?? {}).includes('secret \\"s\\" not found');
    try {
      await server.api.create(PODS, {
        metadata: { namespace: 'default', name: 'ticketed' },
        spec: {
          restartPolicy: 'Never',
          containers: [
            {
              name: 'c',
              image: 'shell',
              args: ['until grep -q second $FILE; do sleep 0.02; done'],
              env: [{ name: 'FILE', value: '/in/ticket' }],
              volumeMounts: [{ name: 's', mountPath: '/in' }],
            },
          ],
          volumes: [{ name: 's', secret: { secretName: 's' } }],
        },
      });
      await until('waiting for the Secret', waiting);
      const first = await server.api.create(SECRETS, secret('first'));
      await until('running', () => phase('ticketed') === 'Running');
      await server.api.update(SECRETS, { ...secret('second'), metadata: first.metadata });
      await until('told', () => {
        clock.advance(3000);
        return phase('ticketed') === 'Succeeded';
      });
    } finally {
      await kubelet.close();
    }
  });

  it('gives a pod the role of its ServiceAccount', async () => {
    const tokens = { issuer: 'https://oidc.example', privateKey: newSigningKey() };
    const kubelet = await startKubelet({ ...options(), tokens });
    try {
      const annotations = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/r' };
      await server.api.create(
        { group: '', plural: 'serviceaccounts' },
        { metadata: { namespace: 'default', name: 'worker', annotations } },
      );
      await server.api.create(PODS, {
        metadata: { namespace: 'default', name: 'acting' },
        spec: {
          restartPolicy: 'Never',
          serviceAccountName: 'worker',
          containers: [
            {
              name: 'c',
              image: 'shell',
              args: ['test "$AWS_ROLE_ARN" = arn:aws:iam::1:role/r && grep -q . $AWS_WEB_IDENTITY_TOKEN_FILE'],
            },
          ],
        },
      });
      await until('over', () => ['Succeeded', 'Failed'].includes(String(phase('acting'))));
      expect(phase('acting')).to.equal('Succeeded');
    } finally {
      await kubelet.close();
    }
  });

  it('serves the end of a log, and follows it', async () => {
    const kubelet = await startKubelet(options());
    const client = await KubeClient.fromKubeconfig(server.kubeconfigPath);
    try {
      await create('talking', 'echo one; echo two; sleep 0.5; echo three');
      await until('running', () => phase('talking') === 'Running');
      // The log is text, which the client reports as unreadable JSON: ask by hand.
      const { request } = await import('node:https');
      const log = (query: string) =>
        new Promise<string>((resolve, reject) => {
          const url = `${server.url}/api/v1/namespaces/default/pods/talking/log?${query}`;
          request(url, { ca: server.caPem, headers: { authorization: `Bearer ${server.adminToken}` } }, (answer) => {
            let text = '';
            answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
            answer.on('end', () => resolve(text));
          })
            .on('error', reject)
            .end();
        });
      await until('two lines', async () => (await log('')) === 'one\ntwo\n');
      expect(await log('tailLines=1')).to.equal('two\n');
      expect(await log('tailLines=0')).to.equal('');
      expect(await log('follow=true')).to.equal('one\ntwo\nthree\n');
      expect(await log('container=nobody')).to.contain('nobody is not valid');
    } finally {
      client.close();
      await kubelet.close();
    }
  });

  it('is told what the API refuses, by code', async () => {
    const client = await KubeClient.fromKubeconfig(server.kubeconfigPath);
    const error = await client.call('GET', '/api/v1/namespaces/default/pods/none').catch((one: unknown) => one);
    client.close();
    expect(error).to.be.instanceOf(KubeApiError);
    expect(error).to.include({ code: 404 });
  });
});
