// The operator with nothing but the rights of crds/rbac.yaml.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { systemClock } from '../../cloud/clock.ts';
import type { PredictionEvent, Ticket } from '../../cloud/contract/contract.generated.ts';
import type { KubernetesError } from '../../operator/runtime/kubernetes.ts';
import { kubernetes, type KubeObject, type Resource } from '../../operator/runtime/kubernetes.ts';
import {
  ACCOUNTS,
  EVENTS,
  JOBS,
  LEASES,
  NAMESPACES,
  PODS,
  PREDICTION_JOBS,
  ROLE_BINDINGS,
  ROLES,
  SECRETS,
  SERVICE_ACCOUNTS,
  TRAINING_JOBS,
} from '../../operator/runtime/resources.ts';
import { chunkJobName } from '../../operator/prediction/cluster-job.ts';
import { ClusterInvoker } from '../../operator/prediction/cluster.ts';
import { ClusterRunner } from '../../operator/training/cluster.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { ROLE_ID, succeed } from './worker.ts';
import { World } from './world.ts';

const RESOURCES: Record<string, Resource> = {
  Namespace: NAMESPACES,
  ServiceAccount: SERVICE_ACCOUNTS,
  ClusterRole: { ...ROLES, plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { ...ROLES, plural: 'clusterrolebindings', namespaced: false },
  Role: ROLES,
  RoleBinding: ROLE_BINDINGS,
};
const GROUPS = ['system:serviceaccounts', 'system:serviceaccounts:spotlearn-system'];

describe('The rights of the operator', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
    world = new World(cluster);
    for (const document of parseAllDocuments(readFileSync(new URL('../../crds/rbac.yaml', import.meta.url), 'utf8'))) {
      const object = document.toJS() as KubeObject;
      await cluster.client.create(RESOURCES[object.kind ?? ''] as Resource, object);
    }
  });
  after(async () => {
    await world.close();
    await cluster.close();
  });

  it('are enough for an account, a training, a prediction, leadership and deletion', async () => {
    const connection = await cluster.as('system:serviceaccount:spotlearn-system:spotlearn-operator', GROUPS);
    await world.operate({ leaderElection: true }, undefined, connection);
    expect(await cluster.client.get(LEASES, 'spotlearn-operator', 'spotlearn-system')).to.be.an('object');
    await world.account();
    await world.train('t', { ttlSecondsAfterFinished: 3600 });
    succeed(world.bucket, await world.instance('t'));
    await world.trained('t', 'Succeeded');
    expect(await eventually(async () => (await world.events('t')).includes('TrainingSucceeded'))).to.equal(true);
    world.model('model');
    await world.predict('p', {
      data: { uri: `s3://bucket/datasets/user_${world.userId}/none.csv` },
      ttlSecondsAfterFinished: 0,
    });
    await eventually(async () => (await world.prediction('p').catch(() => undefined)) === undefined);
    await cluster.client.delete(TRAINING_JOBS, 't', { namespace: world.namespace });
    await eventually(async () => (await world.training('t').catch(() => undefined)) === undefined);
  });

  it('are enough for a training on the cluster', async () => {
    const connection = await cluster.as('system:serviceaccount:spotlearn-system:spotlearn-operator', GROUPS);
    const client = kubernetes(connection);
    const runner = new ClusterRunner({
      kubernetes: client,
      clock: systemClock(),
      logger: SILENT,
      image: 'worker',
      installation: 'spotlearn',
      bucket: 'bucket',
      region: 'eu-central-1',
      workerRoleId: ROLE_ID,
      logGroup: '/g',
    });
    const attempt = { number: 1, batch: 'b', market: 'cluster' as const, requestedAt: new Date().toISOString() };
    const owner = await world.train('placed', { placement: 'Cluster', suspend: true });
    const { id } = await runner.launch(owner, attempt);
    const ticket = { version: 1 } as Ticket;
    await runner.putTicket(owner, id, ticket);
    await runner.putTicket(owner, id, ticket);
    const labelSelector = `batch.kubernetes.io/job-name=${id}`;
    expect(
      await eventually(async () => (await client.list(PODS, { labelSelector }, world.namespace)).items.length),
    ).to.equal(1);
    await runner.terminate([id]);
    expect((await runner.instances()).map((one) => one.id)).to.not.include(id);
    client.close();
  });

  it('are enough for a prediction on the cluster', async () => {
    const client = kubernetes(await cluster.as('system:serviceaccount:spotlearn-system:spotlearn-operator', GROUPS));
    const invoker = new ClusterInvoker({
      kubernetes: client,
      bucket: world.bucket,
      clock: { now: () => Date.now(), after: (_, run) => systemClock().after(5, run) },
      logger: SILENT,
      image: 'handler',
      installation: 'spotlearn',
      memoryMib: 512,
    });
    // It waits for its model: the operator of this world lets it be.
    await world.train('unfinished', { suspend: true });
    const job = await world.predict('placed', { modelRef: 'unfinished' });
    const event = { version: 1 } as unknown as PredictionEvent;
    const invoked = invoker.invoke(
      { job, event, name: '0-1', answerKey: 'answer.json', again: false },
      new AbortController().signal,
    );
    const labelSelector = `batch.kubernetes.io/job-name=${chunkJobName(job.metadata?.uid ?? '', '0-1')}`;
    const pod = await eventually(
      async () => (await client.list<KubeObject>(PODS, { labelSelector }, world.namespace)).items[0],
    );
    await cluster.client.mergePatch(
      PODS,
      pod.metadata?.name ?? '',
      { status: { phase: 'Failed', reason: 'Evicted' } },
      { namespace: world.namespace, subresource: 'status' },
    );
    expect(await invoked).to.include({ is: 'lost', message: 'The pod gave no answer (Evicted).' });
    await invoker.end(job);
    client.close();
  });

  it('end at what is the bot’s or the administrator’s', async () => {
    const client = kubernetes(await cluster.as('system:serviceaccount:spotlearn-system:spotlearn-operator', GROUPS));
    const refused = async (call: Promise<unknown>) =>
      (await call.catch((error: unknown) => (error as KubernetesError).kind)) === 'Forbidden';
    expect(await refused(client.list(SECRETS))).to.equal(true);
    expect(await refused(client.get(SECRETS, 'any', world.namespace))).to.equal(true);
    expect(await refused(client.delete(SECRETS, 'any', { namespace: world.namespace }))).to.equal(true);
    expect(await refused(client.create(PODS, { metadata: { name: 'p', namespace: world.namespace } }))).to.equal(true);
    expect(await refused(client.mergePatch(JOBS, 'any', {}, { namespace: world.namespace }))).to.equal(true);
    expect(await refused(client.create(ACCOUNTS, { metadata: { name: 'user-1' } }))).to.equal(true);
    expect(await refused(client.delete(NAMESPACES, 'default'))).to.equal(true);
    client.close();
  });

  it('of a user end at the own namespace', async () => {
    const connection = await cluster.as('somebody', [`spotlearn:user-${world.userId}`]);
    const client = kubernetes(connection);
    expect((await client.list(PREDICTION_JOBS, {}, world.namespace)).items).to.be.an('array');
    expect((await client.list(EVENTS, {}, world.namespace)).items).to.be.an('array');
    for (const call of [client.list(TRAINING_JOBS), client.list(TRAINING_JOBS, {}, 'ml-user-9'), client.list(ACCOUNTS)])
      expect(
        await call.then(
          () => 'allowed',
          (error: unknown) => (error as KubernetesError).kind,
        ),
      ).to.equal('Forbidden');
    client.close();
  });
});
