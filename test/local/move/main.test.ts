// `npm run move` as a process, from a state folder.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { startKubernetes } from '../../../local/kubernetes/server.ts';
import type { Movable } from '../../../local/move/carried.ts';
import { connect } from '../../../operator/runtime/connection.ts';
import { kubernetes, type Resource } from '../../../operator/runtime/kubernetes.ts';
import { NAMESPACES, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { eventually, type Cluster } from '../../operator/cluster.ts';
import { startEnd } from './ends.ts';
import { furnish, SYSTEM } from './furniture.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const DEFINITIONS: Resource = {
  ...{ group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', namespaced: false },
};

describe('npm run move', function () {
  this.timeout(60_000);
  let state: string;
  let there: Cluster;
  let to: string;
  before(async () => {
    state = mkdtempSync(join(tmpdir(), 'spotlearn-move-'));
    mkdirSync(join(state, 'kubernetes'));
    await installed(join(state, 'kubernetes'));
    there = await startEnd();
    to = there.server.kubeconfigPath;
  });
  after(async () => {
    await there.close();
    rmSync(state, { recursive: true, force: true });
  });
  const run = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, ['local/move/main.ts', ...args], { cwd: root }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  /** A personal installation that was stopped. */
  async function installed(folder: string): Promise<void> {
    const server = await startKubernetes({ stateDir: folder, logger: pino({ level: 'silent' }) });
    const client = kubernetes(await connect({ KUBECONFIG: server.kubeconfigPath }));
    const crds = new URL('../../../crds/', import.meta.url);
    for (const file of readdirSync(crds).filter((name) => name.endsWith('.yaml') && name !== 'rbac.yaml'))
      for (const document of parseAllDocuments(readFileSync(new URL(file, crds), 'utf8')))
        await client.create(DEFINITIONS, document.toJS() as Movable);
    await eventually(() => client.list(TRAINING_JOBS));
    await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } });
    await furnish(client);
    client.close();
    await server.close();
  }

  it('says what it would do, does it when told to, and notes it in the folder', async () => {
    const rehearsed = await run('--to', to, '--from', state);
    expect(rehearsed).to.deep.equal({
      code: 0,
      stdout:
        'To be carried over: 1 account, 2 trainings, 1 prediction and 1 chat (1 of the trainings on an instance, which goes on meanwhile).\nNothing was done. The same command with --yes does it.\n',
      stderr: '',
    });
    expect(existsSync(join(state, 'moved.json'))).to.equal(false);
    const undone = await run('--to', to, '--from', state, '--undo');
    expect(undone).to.include({ code: 0, stdout: 'Everything is as it was before the move.\n' });
    const done = await run('--to', to, '--from', state, '--yes');
    expect(done).to.include({ code: 0, stderr: '' });
    expect(done.stdout.trim().split('\n').at(-1)).to.equal('The destination acts.');
    expect(JSON.parse(readFileSync(join(state, 'moved.json'), 'utf8'))).to.deep.equal({ to, ended: true });
    const job = await there.client.get<TrainingJob>(TRAINING_JOBS, 'running', 'ml-user-7');
    expect(job.status?.phase).to.equal('Running');
    expect(existsSync(join(state, 'running'))).to.equal(false);
    const again = await run('--to', to, '--from', state, '--yes');
    expect(again.stdout).to.match(/^All of it was moved at 2/);
  });

  it('refuses in one sentence', async () => {
    const empty = join(state, 'logs');
    const broken = join(state, 'broken');
    writeFileSync(broken, 'a: [');
    writeFileSync(join(state, 'running'), String(process.pid));
    for (const [code, sentence, ...args] of [
      [2, '--to KUBECONFIG is missing'],
      [1, 'There is no kubeconfig', '--to', join(state, 'none')],
      [1, 'cannot be read', '--to', broken],
      [1, 'There is no installation in', '--to', to, '--from', empty],
      [1, 'There is no installation in', '--to', to, '--from', join(state, 'nowhere')],
      [1, `Spotlearn already runs from ${state}`, '--to', to, '--from', state],
      [1, 'are the same Kubernetes API', '--to', to, '--from', to],
    ] as const) {
      const refused = await run(...(args as readonly string[]));
      expect(refused.code, sentence).to.equal(code);
      expect(refused.stderr)
        .to.include(sentence)
        .and.not.to.match(/\n\s+at /);
    }
    expect((await run('--help')).stdout).to.include('Usage: npm run move');
  });
});
