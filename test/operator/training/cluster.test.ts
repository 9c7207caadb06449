// Attempts on the cluster, on the embedded API: first what the runner asks of it, then the whole way – Job, pod, the real worker as an
// IRSA session of the local AWS, result in the bucket.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect } from 'chai';
import { pino } from 'pino';
import { systemClock } from '../../../cloud/clock.ts';
import type { Instance } from '../../../cloud/compute.ts';
import { ConfigurationError } from '../../../cloud/errors.ts';
import type { Heartbeat, Result, Ticket } from '../../../cloud/contract/contract.generated.ts';
import type { Account, Attempt, TrainingJob } from '../../../crds/crds.generated.ts';
import { API_VERSION } from '../../../crds/objects.ts';
import { workerPolicy, workerTrust } from '../../../infra/policies/worker.ts';
import { roleArn } from '../../../infra/policies/document.ts';
import { logsService } from '../../../local/aws/logs/service.ts';
import { webIdentityVerifier } from '../../../local/aws/iam/web-identity.ts';
import { roleIdOf } from '../../../local/aws/iam/roles.ts';
import { type Kubelet, startKubelet } from '../../../local/kubernetes/kubelet.ts';
import { localInstallation } from '../../../local/stack/installation.ts';
import {
  identityProvider,
  newSigningKey,
  nodeSettings,
  OIDC_PROVIDER,
  WORKER_IMAGE,
} from '../../../local/stack/node.ts';
import { ownedBy } from '../../../operator/accounts/namespace.ts';
import { KubernetesError, type Kubernetes, type KubeObject } from '../../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { JOBS, PODS, SECRETS, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { clusterId, ClusterRunner, type ClusterOptions } from '../../../operator/training/cluster.ts';
import { renderTicket } from '../../../operator/training/ticket.ts';
import { ACCOUNT, REGION, Stand } from '../../local/aws/stand.ts';
import { eventually, startCluster, type Cluster } from '../cluster.ts';

const installation = {
  ...localInstallation('lt-00000000000000001'),
  region: REGION,
  accountId: ACCOUNT,
  bucket: 'bucket',
};
const ROLE_ID = roleIdOf(installation.roles.worker);
const NAMESPACE = 'ml-user-7';

function runner(kubernetes: ClusterOptions['kubernetes'], more: Partial<ClusterOptions> = {}): ClusterRunner {
  return new ClusterRunner({
    kubernetes,
    clock: systemClock(),
    logger: SILENT,
    image: WORKER_IMAGE,
    installation: installation.name,
    bucket: installation.bucket,
    region: REGION,
    workerRoleId: ROLE_ID,
    logGroup: installation.logGroup,
    ...more,
  });
}

const attempt = (number: number): Attempt => ({
  number,
  batch: `batch-${number}`,
  market: 'cluster',
  requestedAt: new Date().toISOString(),
});

async function account(cluster: Cluster): Promise<void> {
  const owner = { metadata: { name: 'user-7', uid: 'account' }, spec: { userId: '7' } } as Account;
  for (const { resource, object } of ownedBy(owner, installation.name, roleArn(ACCOUNT, installation.roles.worker))) {
    // The account itself is not there, and what has no owner is collected.
    const { ownerReferences: _, ...metadata } = object.metadata ?? {};
    await cluster.client.create(resource, { ...object, metadata }, metadata.namespace);
  }
}

function training(cluster: Cluster, name: string): Promise<TrainingJob> {
  return cluster.client.create(TRAINING_JOBS, {
    apiVersion: API_VERSION,
    kind: 'TrainingJob',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      dataset: { uri: 's3://bucket/datasets/user_7/housing.csv' },
      target: 'price',
      features: ['sqft', 'bedrooms', 'bathrooms', 'age'],
      model: { type: 'linear' },
      placement: 'Cluster',
    },
  } as TrainingJob);
}

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error instanceof KubernetesError ? error.kind : String(error)),
  );

describe('A runner on the cluster', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let run: ClusterRunner;
  before(async () => {
    cluster = await startCluster();
    await account(cluster);
    run = runner(cluster.client);
  });
  after(() => cluster.close());
  const ticket = (url: string) => ({ version: 1, dataset: { url } }) as unknown as Ticket;
  const secretOf = async (id: string) => {
    const secret = await cluster.client.get<KubeObject & { data: Record<string, string> }>(SECRETS, id, NAMESPACE);
    return JSON.parse(Buffer.from(secret.data['ticket.json'] ?? '', 'base64').toString()) as Ticket;
  };
  const seen = async (id: string, by = run): Promise<Instance | undefined> =>
    (await by.instances()).find((one) => one.id === id);

  it('launches an attempt once, however often it is told to', async () => {
    const job = await training(cluster, 'once');
    const id = clusterId(job.metadata?.uid ?? '', 1);
    const launched = { id, instanceType: 'cluster', zone: NAMESPACE };
    expect(await run.launch(job, attempt(1))).to.deep.equal(launched);
    expect(await runner(cluster.client).launch(job, attempt(1))).to.deep.equal(launched);
    const jobs = await cluster.client.list<KubeObject>(JOBS, {}, NAMESPACE);
    expect(jobs.items.map(({ metadata }) => metadata?.name)).to.deep.equal([id]);
    expect((await run.launch(job, attempt(2))).id).to.equal(clusterId(job.metadata?.uid ?? '', 2));
    expect(await seen(id)).to.include({
      state: 'pending',
      market: 'cluster',
      jobUid: job.metadata?.uid,
      batch: 'batch-1',
    });
  });

  it('puts a ticket and replaces it by a fresher one, also when it did not launch the Job itself', async () => {
    const job = await training(cluster, 'ticketed');
    const { id } = await run.launch(job, attempt(1));
    await run.putTicket(job, id, ticket('first'));
    expect((await secretOf(id)).dataset.url).to.equal('first');
    await runner(cluster.client).putTicket(job, id, ticket('second'));
    expect((await secretOf(id)).dataset.url).to.equal('second');
    expect(await failure(run.putTicket(job, clusterId('gone', 1), ticket('x')))).to.equal('NotFound');
  });

  it('ends attempts with pod and ticket, also after a restart, and as often as it is told to', async () => {
    const job = await training(cluster, 'ended');
    const { id } = await run.launch(job, attempt(1));
    await run.putTicket(job, id, ticket('x'));
    const pods = async () =>
      (await cluster.client.list<KubeObject>(PODS, { labelSelector: `batch.kubernetes.io/job-name=${id}` }, NAMESPACE))
        .items;
    await eventually(async () => (await pods()).length === 1);
    const other = runner(cluster.client);
    await other.terminate([id, clusterId('never', 1)]);
    await other.terminate([id]);
    await run.terminate([id]);
    expect(await seen(id)).to.equal(undefined);
    await eventually(async () => (await pods()).length === 0);
    await eventually(async () => (await failure(secretOf(id))) === 'NotFound');
  });

  it('lets everything go with the TrainingJob', async () => {
    const job = await training(cluster, 'deleted');
    const { id } = await run.launch(job, attempt(1));
    await cluster.client.delete(TRAINING_JOBS, 'deleted', { namespace: NAMESPACE });
    await eventually(async () => (await seen(id)) === undefined);
  });

  it('sees only its own installation’s, page by page', async () => {
    const job = await training(cluster, 'foreign');
    const theirs = runner(cluster.client, { installation: 'theirs' });
    const { id } = await theirs.launch(job, attempt(1));
    expect(await seen(id)).to.equal(undefined);
    expect(await seen(id, theirs)).to.include({ id });
    const pages: (string | undefined)[] = [];
    const paged: ClusterOptions['kubernetes'] = {
      ...cluster.client,
      list: (resource, query, namespace) => {
        pages.push(query?.['continue'] as string | undefined);
        return cluster.client.list(resource, { ...query, limit: 1 }, namespace);
      },
    };
    const all = await runner(paged).instances();
    expect(all.length).to.be.greaterThan(1);
    expect(pages).to.have.length(all.length);
  });

  it('says why a pod failed, asks for it once, and does without when it can’t', async () => {
    const job = await training(cluster, 'failing');
    const { id } = await run.launch(job, attempt(1));
    const pod = await eventually(async () => {
      const pods = await cluster.client.list<KubeObject>(
        PODS,
        { labelSelector: `batch.kubernetes.io/job-name=${id}` },
        NAMESPACE,
      );
      return pods.items[0];
    });
    const terminated = { exitCode: 137, reason: 'OOMKilled' };
    const status = { phase: 'Failed', containerStatuses: [{ name: 'worker', state: { terminated } }] };
    await cluster.client.mergePatch(
      PODS,
      pod.metadata?.name ?? '',
      { status },
      { namespace: NAMESPACE, subresource: 'status' },
    );
    let asked = 0;
    const counting: Kubernetes = {
      ...cluster.client,
      list: (resource, ...rest) => {
        if (resource === PODS) asked += 1;
        return cluster.client.list(resource, ...rest);
      },
    };
    const watching = runner(counting);
    await eventually(async () => (await seen(id, watching))?.state === 'terminated');
    await watching.instances();
    expect((await seen(id, watching))?.stateReason).to.equal('OOMKilled');
    expect(asked).to.equal(1);
    const blind: Kubernetes = {
      ...cluster.client,
      list: (resource, ...rest) =>
        resource === PODS
          ? Promise.reject(new KubernetesError('Server', 'away', 500))
          : cluster.client.list(resource, ...rest),
    };
    expect((await seen(id, runner(blind)))?.stateReason).to.equal('Failed');
  });

  it('passes refusals of the API server on', async () => {
    const job = await training(cluster, 'refused');
    const refuse = () => Promise.reject(new KubernetesError('Forbidden', 'exceeded quota', 403));
    const refusing = runner({ ...cluster.client, create: refuse, delete: refuse });
    expect(await failure(refusing.launch(job, attempt(1)))).to.equal('Forbidden');
    const { id } = await run.launch(job, attempt(1));
    expect(await failure(refusing.putTicket(job, id, ticket('x')))).to.equal('Forbidden');
    expect(await failure(refusing.terminate([id]))).to.equal('Forbidden');
  });

  it('says that it has no image, and launches nothing without', async () => {
    const none = runner(cluster.client, { image: undefined });
    expect(run.unavailable).to.equal(undefined);
    expect(none.unavailable).to.contain('SPOTLEARN_WORKER_CONTAINER_IMAGE');
    const job = await training(cluster, 'imageless');
    const error = await none.launch(job, attempt(1)).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigurationError);
  });
});

describe('A training on the cluster', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let stand: Stand;
  let kubelet: Kubelet;
  let folder: string;
  let run: ClusterRunner;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cluster-training-'));
    const key = newSigningKey();
    stand = await Stand.start({
      roles: [
        {
          name: installation.roles.worker,
          policies: [workerPolicy(installation)],
          trust: workerTrust(installation, OIDC_PROVIDER),
        },
      ],
      verifyWebIdentity: webIdentityVerifier(identityProvider(key), () => Date.now()),
      services: (context) => [logsService(context)],
    });
    const s3 = stand.s3();
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    const Body = await readFile(new URL('../../../examples/housing.csv', import.meta.url));
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'datasets/user_7/housing.csv', Body }));
    cluster = await startCluster();
    await account(cluster);
    kubelet = await startKubelet({
      ...nodeSettings(stand.aws.url, key),
      kubeconfig: cluster.server.kubeconfigPath,
      folder,
      logger: pino({ level: 'silent' }),
    });
    run = runner(cluster.client);
  });
  after(async () => {
    await kubelet.close();
    await cluster.close();
    await stand.close();
    await rm(folder, { recursive: true, force: true });
  });

  const keys = async (id: string): Promise<string[]> => {
    const Prefix = `instances/${ROLE_ID}:${id}/`;
    const { Contents = [] } = await stand.s3().send(new ListObjectsV2Command({ Bucket: 'bucket', Prefix }));
    return Contents.map(({ Key = '' }) => Key.slice(Prefix.length));
  };
  const read = async <T>(id: string, file: string): Promise<T> => {
    const Key = `instances/${ROLE_ID}:${id}/${file}`;
    const { Body } = await stand.s3().send(new GetObjectCommand({ Bucket: 'bucket', Key }));
    return JSON.parse((await Body?.transformToString()) ?? '') as T;
  };
  async function ticketFor(
    job: TrainingJob,
    id: string,
    number: number,
    hyperparameters: object = {},
  ): Promise<Ticket> {
    const get = new GetObjectCommand({ Bucket: 'bucket', Key: 'datasets/user_7/housing.csv' });
    const head = await stand.s3().send(get);
    await head.Body?.transformToByteArray();
    const dataset = { bytes: head.ContentLength, etag: head.ETag };
    const spec = { ...job.spec, model: { ...job.spec.model, hyperparameters } };
    return renderTicket({
      job: { ...job, spec, status: { dataset } } as TrainingJob,
      attempt: attempt(number),
      instanceId: id,
      datasetUrl: await getSignedUrl(stand.s3(), get, { expiresIn: 600 }),
      datasetName: 'housing.csv',
      resume: null,
      logGroup: installation.logGroup,
      heartbeatSeconds: 1,
      checkpointSeconds: 60,
      now: Date.now(),
    });
  }
  const stateOf = async (id: string) => (await run.instances()).find((one) => one.id === id);

  it('is the same worker with the same ticket: it reports, leaves its result, and its Job is complete', async () => {
    const job = await training(cluster, 'housing');
    const { id } = await run.launch(job, attempt(1));
    await run.putTicket(job, id, await ticketFor(job, id, 1));
    const ended = await eventually(async () => {
      const instance = await stateOf(id);
      return instance?.state === 'terminated' && instance;
    }, 50_000);
    expect(ended.stateReason).to.equal('Completed');
    const result = await read<Result>(id, 'result.json');
    expect(result).to.include({ outcome: 'Succeeded', exitCode: 0, error: null });
    const heartbeat = await read<Heartbeat>(id, 'heartbeat.json');
    expect(heartbeat.sequence).to.be.greaterThan(0);
    expect(await keys(id)).to.include.members(['result/model.onnx', 'result/manifest.json', 'result.json']);
  });

  it('that is ended by deletion has its grace: the worker says so in its result', async () => {
    const job = await training(cluster, 'grace');
    const { id } = await run.launch(job, attempt(1));
    const ticket = await ticketFor(job, id, 1, { n_estimators: 5000 });
    await run.putTicket(job, id, { ...ticket, training: { ...ticket.training, model: 'random_forest' } });
    await eventually(async () => (await read<Heartbeat>(id, 'heartbeat.json')).stage === 'Training', 50_000);
    expect((await stateOf(id))?.state).to.equal('running');
    await run.terminate([id]);
    const result = await eventually(() => read<Result>(id, 'result.json'), 50_000);
    expect([result.outcome, result.exitCode]).to.deep.equal(['Interrupted', 30]);
    expect(await keys(id)).to.include('checkpoints/latest.json');
    expect(await stateOf(id)).to.equal(undefined);
  });
});
