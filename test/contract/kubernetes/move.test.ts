// `npm run move` to every Kubernetes API there is: all of it arrives, statuses too, and is found even.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { heldIn } from '../../../local/move/fence.ts';
import { move } from '../../../local/move/move.ts';
import { connect } from '../../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes } from '../../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { HASTY, startEnd } from '../../local/move/ends.ts';
import { furnish, FIRST } from '../../local/move/furniture.ts';
import type { Cluster } from '../../operator/cluster.ts';
import { describeEachServer, eventually } from './servers.ts';

const CRDS = new URL('../../../crds/', import.meta.url);

describeEachServer('A move from one person’s installation', (server) => {
  let here: Cluster;
  let there: Kubernetes;
  before(async () => {
    here = await startEnd();
    there = kubernetes(await connect({ KUBECONFIG: server.kubeconfig }));
    const system = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'spotlearn-system' } };
    await server.call('POST', '/api/v1/namespaces', system);
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    for (const file of readdirSync(CRDS).filter((name) => name.endsWith('.yaml') && name !== 'rbac.yaml'))
      for (const document of parseAllDocuments(readFileSync(new URL(file, CRDS), 'utf8')))
        await server.call('POST', definitions, document.toJS());
    await eventually('the definitions are served', async () => {
      const { status } = await server.call('GET', '/apis/spotlearn.io/v1alpha1/accounts');
      return status === 200 ? true : undefined;
    });
  });
  after(async () => {
    there.close();
    await here.close();
  });

  it('carries everything, and is done once', async () => {
    const userId = String(1_000_000 + Math.floor(Math.random() * 1_000_000));
    await furnish(here.client, userId);
    const said: string[] = [];
    const facts = { from: here.client, to: there, tell: (one: string) => void said.push(one), clock: HASTY };
    await move(facts);
    expect(said).to.include(
      'Carried over: 1 account, 2 trainings, 1 prediction and 1 chat (1 of the trainings on an instance, which goes on meanwhile).',
    );
    const read = (name: string) => there.get<TrainingJob>(TRAINING_JOBS, name, `ml-user-${userId}`);
    const running = await read('running');
    const original = await here.client.get<TrainingJob>(TRAINING_JOBS, 'running', `ml-user-${userId}`);
    expect(running.status?.attempts).to.deep.equal(original.status?.attempts);
    expect(running.status?.conditions).to.deep.equal(original.status?.conditions);
    expect(running.status).to.include({ phase: 'Running', observedGeneration: running.metadata?.generation });
    expect(running.status?.origin?.uid).to.equal(original.metadata?.uid);
    expect((await read('older')).status?.origin).to.deep.equal(FIRST);
    expect(await heldIn(there)).to.deep.equal({ holder: '', movedAt: undefined });
  });
});
