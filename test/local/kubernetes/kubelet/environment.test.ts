import { expect } from 'chai';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import {
  ConfigError,
  findImage,
  prepareLaunch,
  writeVolumes,
} from '../../../../local/kubernetes/kubelet/environment.ts';
import type { Container } from '../../../../local/kubernetes/kubelet/pod.ts';

const object = (fields: Record<string, unknown>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Any',
  metadata: {
    name: 'pod',
    namespace: 'ns',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
    labels: { app: 'a' },
  },
  ...fields,
});
const stored: Record<string, KubeObject> = {
  'configmaps/c': object({
    data: { a: '1', 'b.txt': 'two' },
    binaryData: { z: Buffer.from('bin').toString('base64') },
  }),
  'secrets/s': object({ data: { key: Buffer.from('hidden').toString('base64') } }),
};
const read = async (kind: string, name: string) => stored[`${kind}/${name}`];

async function launch(
  container: Partial<Container>,
  runner: { command: string[]; env?: Record<string, string> } = { command: ['run'] },
) {
  return prepareLaunch(
    object({ spec: { containers: [], nodeName: 'n' } }),
    { name: 'c', image: 'i', ...container },
    runner,
    '/vol',
    read,
  );
}
async function refused(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('was not refused');
}

describe('what a container’s process gets', () => {
  it('is found by image, with or without tag and digest', () => {
    const images = { 'registry:5000/a/b': { command: ['x'] }, 'c:1': { command: ['y'] } };
    expect(findImage(images, 'registry:5000/a/b:v1.2')?.command).to.deep.equal(['x']);
    expect(findImage(images, `registry:5000/a/b@sha256:${'a'.repeat(8)}`)?.command).to.deep.equal(['x']);
    expect(findImage(images, 'c:1')?.command).to.deep.equal(['y']);
    expect(findImage(images, 'c:2')).to.equal(undefined);
  });

  it('is the runner’s command and the pod’s arguments, or the pod’s own command', async () => {
    expect(await launch({ args: ['--x'] }, { command: ['run', 'it'] }))
      .to.include({ command: 'run' })
      .and.to.deep.include({ args: ['it', '--x'] });
    expect(await launch({ command: ['mine'], args: ['y'] }))
      .to.include({ command: 'mine' })
      .and.to.deep.include({ args: ['y'] });
    expect(await refused(launch({}, { command: [] }))).to.contain('no command');
  });

  it('has no more of our environment than the path', async () => {
    const { env } = await launch({ env: [{ name: 'A', value: '1' }] }, { command: ['run'], env: { A: '0', B: '2' } });
    expect(Object.keys(env).sort()).to.deep.equal(['A', 'B', 'HOSTNAME', 'KUBELET_MOUNTS', 'PATH']);
    expect(env).to.include({ A: '1', B: '2', HOSTNAME: 'pod' });
  });

  it('has variables from everywhere, and expands those known before', async () => {
    const { env, args } = await launch({
      envFrom: [
        { prefix: 'P_', configMapRef: { name: 'c' } },
        { secretRef: { name: 's' } },
        { secretRef: { name: 'none', optional: true } },
      ],
      env: [
        { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'key' } } },
        { name: 'ONE', valueFrom: { configMapKeyRef: { name: 'c', key: 'a' } } },
        { name: 'NO', valueFrom: { configMapKeyRef: { name: 'c', key: 'zz', optional: true } } },
        { name: 'NS', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
        { name: 'ALL', value: '$(KEY)-$(ONE)-$$(ONE)-$(LATER)' },
      ],
      resources: { limits: { memory: '1Gi' } },
      args: ['$(NS)'],
    });
    expect(env).to.include({
      P_a: '1',
      key: 'hidden',
      KEY: 'hidden',
      ONE: '1',
      NS: 'ns',
      APP: 'a',
      MEM: '1Gi',
      ALL: 'hidden-1-$(ONE)-$(LATER)',
    });
    expect(env).to.not.have.property('NO');
    expect(args).to.deep.equal(['ns']);
  });

  it('has mount paths rewritten, whole segments only, the longest first', async () => {
    const { env, args, cwd } = await launch({
      volumeMounts: [
        { name: 'a', mountPath: '/data' },
        { name: 'b', mountPath: '/data/in/', subPath: 'sub' },
      ],
      env: [{ name: 'X', value: '/data:/data/in/f:/database' }],
      args: ['--out=/data/x', '/other/data'],
      workingDir: '/data',
    });
    expect(env['X']).to.equal('/vol/a:/vol/b/sub/f:/database');
    expect(args).to.deep.equal(['--out=/vol/a/x', '/other/data']);
    expect(cwd).to.equal('/vol/a');
    expect(JSON.parse(env['KUBELET_MOUNTS'] ?? '')).to.deep.equal({ '/data': '/vol/a', '/data/in': '/vol/b/sub' });
  });

  it('keeps its own folders where a mount path is above them', async () => {
    const { env, args, command } = await launch(
      {
        volumeMounts: [
          { name: 'a', mountPath: '/vol' },
          { name: 'b', mountPath: '/run/app' },
        ],
        env: [{ name: 'X', value: '/run/app/x:/vol/y' }],
        args: ['/run/app'],
      },
      { command: ['/vol/bin/run', '/vol/$(X)'], env: { Y: '/vol/lib' } },
    );
    expect([command, ...args]).to.deep.equal(['/vol/bin/run', '/vol/$(X)', '/vol/b']);
    expect(env).to.include({ X: '/vol/b/x:/vol/a/y', Y: '/vol/lib' });
  });

  it('has the variables of its role, unless the pod says otherwise', async () => {
    const container = { name: 'c', image: 'i', env: [{ name: 'AWS_ROLE_ARN', value: 'mine' }] };
    const identity = { AWS_ROLE_ARN: 'given', AWS_WEB_IDENTITY_TOKEN_FILE: '/t' };
    const pod = object({ spec: { containers: [] } });
    const { env } = await prepareLaunch(pod, container, { command: ['run'] }, '/vol', read, identity);
    expect(env).to.include({ AWS_ROLE_ARN: 'mine', AWS_WEB_IDENTITY_TOKEN_FILE: '/t' });
  });

  it('is refused in Kubernetes’ words when something is missing', async () => {
    expect(
      await refused(launch({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'none', key: 'k' } } }] })),
    ).to.equal('secret "none" not found');
    expect(
      await refused(launch({ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] })),
    ).to.equal("couldn't find key k in ConfigMap ns/c");
    expect(await refused(launch({ envFrom: [{ configMapRef: { name: 'none' } }] }))).to.equal(
      'configmap "none" not found',
    );
    expect(
      await refused(launch({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.x' } } }] })),
    ).to.contain('unsupported fieldPath');
  });
});

describe('volumes', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'volumes-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const write = (volumes: unknown[]) => writeVolumes(object({ spec: { containers: [], volumes } }), folder, read);

  it('hold the keys of ConfigMaps and Secrets as files', async () => {
    await write([
      { name: 'c', configMap: { name: 'c' } },
      { name: 's', secret: { secretName: 's', items: [{ key: 'key', path: 'deep/er' }] } },
      { name: 'e', emptyDir: {} },
    ]);
    expect((await readdir(join(folder, 'c'))).sort()).to.deep.equal(['a', 'b.txt', 'z']);
    expect(await readFile(join(folder, 's/deep/er'), 'utf8')).to.equal('hidden');
    expect(await readdir(join(folder, 'e'))).to.deep.equal([]);
  });

  it('follow what they are made of, file by file and whole', async () => {
    const volumes = [{ name: 's', secret: { secretName: 'changing' } }];
    const content = (key: string) => readFile(join(folder, 's', key), 'utf8');
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    stored['secrets/changing'] = object({ data: { a: base64('1'), b: base64('same') } });
    await write(volumes);
    const before = await stat(join(folder, 's/b'));
    stored['secrets/changing'] = object({ data: { a: base64('2'), b: base64('same') } });
    await write(volumes);
    expect([await content('a'), await content('b')]).to.deep.equal(['2', 'same']);
    expect((await stat(join(folder, 's/b'))).ino).to.equal(before.ino);
    expect((await readdir(join(folder, 's'))).sort()).to.deep.equal(['a', 'b']);
  });

  it('never reach out of their folder', async () => {
    await write([{ name: '../../c', configMap: { name: 'c', items: [{ key: 'a', path: '../../../x' }] } }]);
    expect(await readFile(join(folder, 'c/x'), 'utf8')).to.equal('1');
  });

  it('may lack what is optional, and nothing else', async () => {
    await write([
      { name: 'n', configMap: { name: 'none', optional: true } },
      { name: 'k', configMap: { name: 'c', optional: true, items: [{ key: 'q', path: 'q' }] } },
    ]);
    expect(await refused(write([{ name: 'n', configMap: { name: 'none' } }]))).to.equal('configmap "none" not found');
    expect(
      await refused(write([{ name: 'n', secret: { secretName: 's', items: [{ key: 'q', path: 'q' }] } }])),
    ).to.equal('references non-existent Secret key: q');
    expect(await refused(write([{ name: 'n', hostPath: { path: '/' } }]))).to.contain(
      'only emptyDir, configMap and secret',
    );
  });
});
