// The kubelet on every server: the same pods end the same way, and the Job controller (ours, or the real one) sees them so.
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call --
   answers of two servers are looked into freely; a wrong path fails the test */
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubelet, startKubelet } from '../../../local/kubernetes/kubelet.ts';
import { describeEachServer, eventually, uniqueName } from './servers.ts';

const SHELL = { command: ['/bin/sh', '-c'] };

describeEachServer(
  'the kubelet',
  (server) => {
    let kubelet: Kubelet;
    let folder: string;
    const namespace = uniqueName('kubelet');
    const pods = `/api/v1/namespaces/${namespace}/pods`;

    before(async function () {
      this.timeout(60_000);
      folder = await mkdtemp(join(tmpdir(), 'kubelet-'));
      await server.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
      kubelet = await startKubelet({
        kubeconfig: server.kubeconfig,
        nodeName: uniqueName('node'),
        folder,
        images: { shell: SHELL },
      });
    });
    after(async function () {
      this.timeout(30_000);
      await server.call('DELETE', `/api/v1/namespaces/${namespace}`);
      await kubelet.close();
      await rm(folder, { recursive: true, force: true });
    });

    async function run(
      script: string,
      spec: Record<string, unknown> = {},
      container: Record<string, unknown> = {},
    ): Promise<string> {
      const name = uniqueName('pod');
      const answer = await server.call('POST', pods, {
        metadata: { name },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 2,
          containers: [{ name: 'main', image: 'shell:1', args: [script], ...container }],
          ...spec,
        },
      });
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      return name;
    }
    const until = (name: string, what: string, probe: (pod: any) => boolean) =>
      eventually(`${name} is ${what}`, async () => {
        const { body } = await server.call('GET', `${pods}/${name}`);
        return probe(body) ? body : undefined;
      });
    const over = (name: string) => until(name, 'over', (pod) => ['Succeeded', 'Failed'].includes(pod.status?.phase));
    const log = async (name: string) => (await server.call('GET', `${pods}/${name}/log`)).body;

    it('runs a pod to success', async () => {
      const name = await run('echo hello; echo world >&2');
      const pod = await over(name);
      expect(pod.status.phase).to.equal('Succeeded');
      expect(pod.spec.nodeName).to.equal(kubelet.nodeName);
      expect(pod.status.containerStatuses[0].state.terminated).to.include({ exitCode: 0, reason: 'Completed' });
      expect(await log(name)).to.equal('hello\nworld\n');
    });

    it('reports the exit code of a failure', async () => {
      const pod = await over(await run('exit 42'));
      expect(pod.status.phase).to.equal('Failed');
      expect(pod.status.containerStatuses[0].state.terminated).to.include({ exitCode: 42, reason: 'Error' });
    });

    it('hands over ConfigMaps, Secrets and fields as environment and files', async () => {
      const config = `/api/v1/namespaces/${namespace}/configmaps`;
      await server.call('POST', config, {
        metadata: { name: 'settings' },
        data: { 'app.conf': 'size=3', MODE: 'fast' },
      });
      const secret = { metadata: { name: 'key' }, stringData: { token: 's3cret' } };
      await server.call('POST', `/api/v1/namespaces/${namespace}/secrets`, secret);
      const script =
        'cat /etc/app/app.conf; echo; echo $MODE $TOKEN $WHO $PLACE; cat $FILE; echo x > /scratch/y; cat /scratch/y';
      const name = await run(
        script,
        {
          volumes: [
            { name: 'conf', configMap: { name: 'settings' } },
            { name: 'keys', secret: { secretName: 'key' } },
            { name: 'tmp', emptyDir: {} },
          ],
        },
        {
          envFrom: [{ configMapRef: { name: 'settings' } }],
          env: [
            { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'key', key: 'token' } } },
            { name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'PLACE', value: 'of $(TOKEN)' },
            { name: 'FILE', value: '/etc/keys/token' },
          ],
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/app' },
            { name: 'keys', mountPath: '/etc/keys' },
            { name: 'tmp', mountPath: '/scratch' },
          ],
        },
      );
      expect((await over(name)).status.phase).to.equal('Succeeded');
      expect(await log(name)).to.equal(`size=3\nfast s3cret ${name} of s3cret\ns3cretx\n`);
    });

    it('runs init containers first, and nothing else when one fails', async () => {
      const init = (script: string) => ({ initContainers: [{ name: 'init', image: 'shell', args: [script] }] });
      const good = await over(await run('true', init('true')));
      expect(good.status.initContainerStatuses[0].state.terminated.exitCode).to.equal(0);
      const bad = await over(await run('true', init('exit 3')));
      expect(bad.status.phase).to.equal('Failed');
      expect(bad.status.initContainerStatuses[0].state.terminated.exitCode).to.equal(3);
      expect(bad.status.containerStatuses[0].state).to.have.property('waiting');
    });

    it('restarts in place when the policy says so', async () => {
      const name = await run(
        'test -e /scratch/again && exit 0; touch /scratch/again; exit 1',
        { restartPolicy: 'OnFailure', volumes: [{ name: 'tmp', emptyDir: {} }] },
        {
          volumeMounts: [{ name: 'tmp', mountPath: '/scratch' }],
        },
      );
      const pod = await over(name);
      expect(pod.status.phase).to.equal('Succeeded');
      expect(pod.status.containerStatuses[0].restartCount).to.equal(1);
      expect(pod.status.containerStatuses[0].lastState.terminated.exitCode).to.equal(1);
    });

    it('ends a deleted pod by SIGTERM, then lets it go', async () => {
      const name = await run('trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done');
      await until(name, 'running', (pod) => pod.status?.phase === 'Running');
      await eventually('started', async () => ((await log(name)) === 'up\n' ? true : undefined));
      await server.call('DELETE', `${pods}/${name}`);
      await eventually('gone', async () =>
        (await server.call('GET', `${pods}/${name}`)).status === 404 ? true : undefined,
      );
    });

    it('says what keeps a pod from starting', async () => {
      const image = await run('true', {}, { image: 'nobody/knows:1' });
      const waiting = await until(
        image,
        'waiting',
        (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff',
      );
      expect(waiting.status.phase).to.equal('Pending');
      const config = await run(
        'true',
        {},
        { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'none', key: 'x' } } }] },
      );
      await until(
        config,
        'waiting',
        (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
      );
      for (const name of [image, config]) await server.call('DELETE', `${pods}/${name}`);
    });

    it('kills a container that uses more memory than it may', async () => {
      const script = `${process.execPath} -e 'const a=[]; setInterval(() => a.push(Buffer.alloc(20<<20, 1)), 50)'`;
      const pod = await over(await run(script, {}, { resources: { limits: { memory: '100Mi' } } }));
      expect(pod.status.containerStatuses[0].state.terminated).to.include({ exitCode: 137, reason: 'OOMKilled' });
    });

    it('ends a pod at its deadline', async () => {
      const pod = await over(await run('sleep 60', { activeDeadlineSeconds: 1 }));
      expect(pod.status).to.include({ phase: 'Failed', reason: 'DeadlineExceeded' });
    });

    it('makes a Job complete, and another one fail', async () => {
      const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
      const job = (name: string, script: string) => ({
        metadata: { name },
        spec: {
          backoffLimit: 0,
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'shell', args: [script] }] } },
        },
      });
      for (const [name, script] of [
        ['good', 'true'],
        ['bad', 'exit 1'],
      ] as const) {
        const answer = await server.call('POST', jobs, job(name, script));
        expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      }
      const finished = (name: string) =>
        eventually(`${name} is finished`, async () => {
          const { body } = await server.call('GET', `${jobs}/${name}`);
          const conditions = (body.status?.conditions ?? []) as {
            type: string;
            reason: string;
            message: string;
            status: string;
          }[];
          return conditions.some(({ type }) => type === 'Complete' || type === 'Failed') ? body.status : undefined;
        });
      const words = (status: any) =>
        status.conditions.map((one: Record<string, string>) => `${one['type']} ${one['reason']}: ${one['message']}`);
      const good = await finished('good');
      expect(good).to.include({ succeeded: 1 });
      expect(words(good)).to.deep.equal([
        'SuccessCriteriaMet CompletionsReached: Reached expected number of succeeded pods',
        'Complete CompletionsReached: Reached expected number of succeeded pods',
      ]);
      const bad = await finished('bad');
      expect(bad).to.include({ failed: 1 });
      expect(words(bad)).to.deep.equal([
        'FailureTarget BackoffLimitExceeded: Job has reached the specified backoff limit',
        'Failed BackoffLimitExceeded: Job has reached the specified backoff limit',
      ]);
    });
  },
  { controllers: true },
);
