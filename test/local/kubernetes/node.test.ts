// The program with a node: pods run beside the API it serves, or for the API of another cluster.
import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKubernetes } from '../../../local/kubernetes/server.ts';
import { Cluster } from '../../../local/stack/cluster.ts';
import { isProgram, type Program, startProgram } from './program.ts';

const PODS = '/api/v1/namespaces/default/pods';
const SPEC = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'shell', args: ['exit 0'] }] };

describe('The Kubernetes program with a node', function () {
  this.timeout(30_000);
  let folder: string;
  let settings: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'node-'));
    settings = join(folder, 'kubelet.json');
    await writeFile(settings, JSON.stringify({ images: { shell: { command: ['/bin/sh', '-c'] } } }));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function started(args: string[]): Promise<Program> {
    const program = await startProgram(await mkdtemp(join(folder, 'state-')), args);
    if (!isProgram(program)) throw new Error(program.stderr);
    return program;
  }
  async function stopped(program: Program): Promise<number | null> {
    program.child.kill('SIGTERM');
    return program.exited;
  }
  async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 10_000; !(await probe()); await sleep(30))
      if (Date.now() > end) throw new Error(`Not within 10 s: ${what}`);
  }

  it('runs pods of its own API', async () => {
    const program = await started(['--kubelet', settings]);
    expect((await program.call('POST', PODS, { metadata: { name: 'p' }, spec: SPEC })).status).to.equal(201);
    await until('succeeded', async () => {
      const { body } = await program.call('GET', `${PODS}/p`);
      return (body['status'] as { phase: string }).phase === 'Succeeded';
    });
    expect(await stopped(program)).to.equal(0);
  });

  it('runs pods of another cluster, which then has a node', async () => {
    const server = await startKubernetes({ stateDir: join(folder, 'other') });
    const cluster = await Cluster.connect(server.kubeconfigPath);
    const nodes = { group: '', plural: 'nodes' };
    const program = await started(['--kubelet', settings, '--kubeconfig', server.kubeconfigPath]);
    await server.api.create(
      { group: '', plural: 'pods' },
      { metadata: { namespace: 'default', name: 'p' }, spec: SPEC },
    );
    const phase = () => server.api.get({ group: '', plural: 'pods' }, 'default', 'p')?.status?.['phase'];
    await until('succeeded', async () => phase() === 'Succeeded');
    expect(server.api.list(nodes).map(({ metadata }) => metadata.name)).to.deep.equal(['spotlearn-local']);
    expect(await cluster.hasNodes()).to.equal(false);
    expect(await stopped(program)).to.equal(0);
    await server.api.create(nodes, { metadata: { name: 'of-their-own' } });
    expect(await cluster.hasNodes()).to.equal(true);
    cluster.close();
    await server.close();
  });
});
