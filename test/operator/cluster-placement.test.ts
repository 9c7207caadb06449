// Placement Cluster through the whole operator: first with pods that the test plays, for each way a pod can go; then once with everything
// real – Job controller, kubelet, the Python worker as an IRSA session of the local AWS – from an empty namespace to a model, with a
// suspension in between.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { pino } from 'pino';
import { bucketOf } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import type { Ticket } from '../../cloud/contract/contract.generated.ts';
import type { LedgerEntry } from '../../cloud/ledger/entries.ts';
import { presignGet, presignPut } from '../../cloud/presign.ts';
import { condition } from '../../crds/conditions.ts';
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { workerPolicy, workerTrust } from '../../infra/policies/worker.ts';
import { roleArn } from '../../infra/policies/document.ts';
import { roleIdOf } from '../../local/aws/iam/roles.ts';
import { webIdentityVerifier } from '../../local/aws/iam/web-identity.ts';
import { logsService } from '../../local/aws/logs/service.ts';
import { type Kubelet, startKubelet } from '../../local/kubernetes/kubelet.ts';
import { localInstallation } from '../../local/stack/installation.ts';
import { identityProvider, newSigningKey, nodeSettings, OIDC_PROVIDER, WORKER_IMAGE } from '../../local/stack/node.ts';
import type { KubeObject } from '../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { JOBS, PODS, SECRETS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { startOperator, type Operator } from '../../operator/start.ts';
import { clusterId } from '../../operator/training/cluster.ts';
import { ACCOUNT, REGION, Stand } from '../local/aws/stand.ts';
import { failure } from './aws.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { checkpoint, controlOf, end, report, succeed } from './worker.ts';
import { World } from './world.ts';

const CLUSTER = { placement: 'Cluster' };
const patch = (world: World, name: string, spec: object) =>
  world.cluster.client.mergePatch<TrainingJob>(TRAINING_JOBS, name, { spec }, { namespace: world.namespace });
const jobs = async (world: World): Promise<string[]> =>
  (await world.cluster.client.list<KubeObject>(JOBS, {}, world.namespace)).items.map(
    ({ metadata }) => metadata?.name ?? '',
  );
const absent = (promise: Promise<unknown>) => eventually(async () => (await promise.catch(() => 'gone')) === 'gone');

describe('Placement Cluster, with a pod that the test plays', function () {
  this.timeout(30_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  beforeEach(() => {
    world = new World(cluster);
  });
  afterEach(() => world.close());

  const operate = () => world.operate({ workerContainerImage: WORKER_IMAGE });
  async function ticketOf(id: string): Promise<Ticket> {
    const secret = await eventually(() =>
      cluster.client
        .get<KubeObject & { data: Record<string, string> }>(SECRETS, id, world.namespace)
        .catch(() => undefined),
    );
    return JSON.parse(Buffer.from(secret.data['ticket.json'] ?? '', 'base64').toString()) as Ticket;
  }
  async function running(name: string, spec: object = {}): Promise<string> {
    await operate();
    await world.account();
    await world.train(name, { ...CLUSTER, ...spec });
    const id = await world.instance(name);
    await world.trained(name, 'Booting');
    report(world.bucket, id);
    await world.trained(name, 'Running');
    return id;
  }
  /** The operator looks at once, as at any change of state that EC2 tells of. */
  const look = (id: string) =>
    world.notices.waiting.push({
      handle: id,
      body: JSON.stringify({
        'detail-type': 'EC2 Instance State-change Notification',
        time: new Date().toISOString(),
        detail: { 'instance-id': id, state: 'terminated' },
      }),
    });
  async function failPod(id: string, reason: string): Promise<void> {
    const labelSelector = `batch.kubernetes.io/job-name=${id}`;
    const pod = await eventually(
      async () => (await cluster.client.list<KubeObject>(PODS, { labelSelector }, world.namespace)).items[0],
    );
    const terminated = { exitCode: 137, reason };
    await cluster.client.mergePatch(
      PODS,
      pod.metadata?.name ?? '',
      { status: { phase: 'Failed', containerStatuses: [{ name: 'worker', state: { terminated } }] } },
      { namespace: world.namespace, subresource: 'status' },
    );
    await eventually(async () => {
      const job = await cluster.client.get<KubeObject & { status?: { failed?: number } }>(JOBS, id, world.namespace);
      return job.status?.failed === 1;
    });
    look(id);
  }

  it('takes a job from nothing to a model without asking EC2 or for money, and says so', async () => {
    const id = await running('one');
    const { metadata, status: during } = await world.training('one');
    expect(id).to.equal(clusterId(metadata?.uid ?? '', 1));
    expect(await jobs(world)).to.deep.equal([id]);
    expect((await ticketOf(id)).job).to.include({ name: 'one', attempt: 1 });
    expect(during?.attempts?.[0]).to.include({ market: 'cluster', instanceId: id, pricePerHour: 0 });
    expect(during?.logStream).to.equal(`/aws/ec2/ml-training:instance-${id}`);
    succeed(world.bucket, id);
    const { status } = await world.trained('one', 'Succeeded');
    expect(status.cost).to.include({ actualUsd: 0, estimatedUsd: 0, onDemandUsd: 0, reservedUsd: 0 });
    expect(status.message).to.match(/is ready .*cost \$0\.00\.$/);
    expect(condition(status.conditions, 'Accepted')?.message).to.match(
      /runs on the cluster itself, which costs nothing/,
    );
    const [entry = ''] = world.bucket.keys(`ledger/user_${world.userId}/`);
    expect(world.bucket.json<LedgerEntry>(entry)).to.include({ service: 'cluster', usd: 0, onDemandUsd: 0 });
    await eventually(async () => (await jobs(world)).length === 0);
    expect(world.compute.requests).to.deep.equal([]);
    expect(world.compute.calls.filter((call) => /^(createFleet|terminate|tag)/.test(call))).to.deep.equal([]);
    const events = await eventually(async () => {
      const { items } = await cluster.client.list<{ message: string } & KubeObject>(
        { group: '', version: 'v1', plural: 'events', namespaced: true },
        {},
        world.namespace,
      );
      return items.some(({ message }) => /is ready/.test(message)) && items.map(({ message }) => message);
    });
    for (const message of events) expect(message).to.not.match(/Spot|EC2|per hour|Instance /);
  });

  it('is there although EC2 is away and the cloud is switched off', async () => {
    world.compute.before('zones', ...Array.from({ length: 50 }, () => failure('unreachable')));
    await world.operate({ workerContainerImage: WORKER_IMAGE, cloudEnabled: false });
    await world.account();
    await world.train('one', CLUSTER);
    succeed(world.bucket, await world.instance('one'));
    await world.trained('one', 'Succeeded');
  });

  it('gives the pod back when suspended, and goes on from its checkpoint', async () => {
    const first = await running('paused');
    await patch(world, 'paused', { suspend: true });
    await eventually(() => controlOf(world.bucket, first)?.desired === 'CheckpointAndStop');
    checkpoint(world.bucket, first, 7);
    end(world.bucket, first, { outcome: 'Stopped', exitCode: 31 });
    await world.trained('paused', 'Suspended');
    await eventually(async () => (await jobs(world)).length === 0);
    await patch(world, 'paused', { suspend: false });
    const second = await world.instance('paused', first);
    expect((await ticketOf(second)).resume?.step).to.equal(7);
    succeed(world.bucket, second);
    const { status } = await world.trained('paused', 'Succeeded');
    expect(status.attempts?.map(({ endReason, resumedFromStep }) => [endReason, resumedFromStep])).to.deep.equal([
      ['Stopped', undefined],
      ['Succeeded', 7],
    ]);
  });

  it('ends Job, pod and ticket before a deleted job goes', async () => {
    const id = await running('gone');
    await cluster.client.delete(TRAINING_JOBS, 'gone', { namespace: world.namespace });
    await eventually(async () => (await world.training('gone').catch(() => undefined)) === undefined);
    expect(await jobs(world)).to.deep.equal([]);
    await absent(cluster.client.get(SECRETS, id, world.namespace));
    expect(world.bucket.keys(`ledger/user_${world.userId}/`)).to.have.length(1);
  });

  it('takes a pod that failed without a result for lost, and starts another', async () => {
    const first = await running('lost');
    await failPod(first, 'ContainerStatusUnknown');
    const second = await world.instance('lost', first);
    expect(second).to.match(/-2$/);
    const { status } = await world.training('lost');
    expect(status?.attempts?.[0]).to.include({ endReason: 'InstanceLost' });
    expect(status?.counts?.interruptions).to.equal(1);
    const words = await eventually(async () => {
      const { items } = await cluster.client.list<{ message: string } & KubeObject>(
        { group: '', version: 'v1', plural: 'events', namespaced: true },
        {},
        world.namespace,
      );
      return items.map(({ message }) => message).find((message) => /ContainerStatusUnknown/.test(message));
    });
    expect(words).to.match(/was ended \(ContainerStatusUnknown\)\. A replacement is launched/);
    succeed(world.bucket, second);
    await world.trained('lost', 'Succeeded');
  });

  it('knows a pod that the kernel ended for want of memory, though it left no result, and gives the next one twice as much', async () => {
    const first = await running('small');
    await failPod(first, 'OOMKilled');
    const { status } = await world.trained('small', 'Recovering');
    expect(status.attempts?.[0]).to.include({ endReason: 'OutOfMemory' });
    expect(status.counts).to.include({ user: 1 }).and.not.have.property('interruptions');
    expect(status.message).to.match(
      /ran out of memory\..*Trying again in \d+ s \(retry 1 of \d\) with twice the memory/,
    );
  });

  it('is refused before anything where no worker image is configured, and says what remains', async () => {
    await world.operate();
    await world.account();
    await world.train('imageless', CLUSTER);
    const { status } = await world.trained('imageless', 'Failed');
    expect(condition(status.conditions, 'Failed')).to.include({ status: 'True', reason: 'PlacementUnavailable' });
    expect(status.message).to.match(
      /no worker image for its cluster \(SPOTLEARN_WORKER_CONTAINER_IMAGE\).*placement Spot/,
    );
    expect(await jobs(world)).to.deep.equal([]);
    expect(world.compute.requests).to.deep.equal([]);
  });
});

describe('Placement Cluster, with the real worker', function () {
  this.timeout(120_000);
  const installation = {
    ...localInstallation('lt-00000000000000001'),
    region: REGION,
    accountId: ACCOUNT,
    bucket: 'bucket',
  };
  let cluster: Cluster;
  let stand: Stand;
  let kubelet: Kubelet;
  let world: World;
  let operator: Operator;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cluster-placement-'));
    const key = newSigningKey();
    const { worker } = installation.roles;
    const trust = workerTrust(installation, OIDC_PROVIDER);
    stand = await Stand.start({
      roles: [{ name: worker, policies: [workerPolicy(installation)], trust }],
      verifyWebIdentity: webIdentityVerifier(identityProvider(key), () => Date.now()),
      services: (context) => [logsService(context)],
    });
    cluster = await startCluster();
    world = new World(cluster);
    const s3 = stand.s3();
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    const Body = await readFile(new URL('../../examples/housing.csv', import.meta.url));
    const Key = `datasets/user_${world.userId}/housing.csv`;
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body }));
    kubelet = await startKubelet({
      ...nodeSettings(stand.aws.url, key),
      kubeconfig: cluster.server.kubeconfigPath,
      folder,
      logger: pino({ level: 'silent' }),
    });
    const clients = {
      s3: async () => stand.s3(),
      presigning: async () => stand.s3(undefined, { requestChecksumCalculation: 'WHEN_REQUIRED' }),
    } as unknown as Clients;
    operator = await startOperator({
      configuration: world.configuration({
        region: REGION,
        workerContainerImage: WORKER_IMAGE,
        workerRoleId: roleIdOf(worker),
        workerRoleArn: roleArn(ACCOUNT, worker),
        heartbeatSeconds: 1,
        observeSeconds: 0.2,
      }),
      connection: cluster.connection,
      logger: SILENT,
      aws: {
        bucket: bucketOf(clients, 'bucket'),
        compute: world.compute,
        functions: world.functions,
        notices: world.notices,
        presignGet: (key_, seconds) => presignGet(clients, 'bucket', key_, seconds),
        presignPut: (key_, seconds) => presignPut(clients, 'bucket', key_, seconds),
      },
    });
    await operator.leading;
  });
  after(async () => {
    await world.close();
    await operator.close();
    await kubelet.close();
    await cluster.close();
    await stand.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('goes through every phase to a model, costs nothing, and a suspension on the way loses nothing', async () => {
    const phases: string[] = [];
    await world.account();
    await world.train('housing', {
      ...CLUSTER,
      dataset: { uri: `s3://bucket/datasets/user_${world.userId}/housing.csv` },
      target: 'price',
      model: { type: 'random_forest', hyperparameters: { n_estimators: 1000 } },
    });
    const until = (done: (status: TrainingJobStatus) => unknown) =>
      eventually(async () => {
        const { status = {} } = await world.training('housing');
        if (status.phase !== undefined && status.phase !== phases.at(-1)) phases.push(status.phase);
        if (status.phase === 'Failed') throw new Error(status.message);
        return done(status) ? status : undefined;
      }, 60_000);
    await until(({ phase, progress }) => phase === 'Running' && (progress?.step ?? 0) >= 3);
    await patch(world, 'housing', { suspend: true });
    const paused = await until(({ phase }) => phase === 'Suspended');
    expect(await jobs(world)).to.deep.equal([]);
    await patch(world, 'housing', { suspend: false });
    const done = await until(({ phase }) => phase === 'Succeeded');
    expect(phases).to.include.members(['Booting', 'Running', 'Stopping', 'Suspended', 'Finishing', 'Succeeded']);
    expect(paused.attempts?.[0]?.endReason).to.equal('Stopped');
    const [first, second] = done.attempts ?? [];
    expect([first?.market, second?.market]).to.deep.equal(['cluster', 'cluster']);
    expect(second?.resumedFromStep).to.be.greaterThan(2);
    expect(done.cost).to.include({ actualUsd: 0, onDemandUsd: 0, reservedUsd: 0 });
    expect(done.model).to.include({ type: 'random_forest', task: 'regression', target: 'price', rows: 20 });
    const s3 = stand.s3();
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'bucket' }));
    const keys = Contents.map(({ Key = '' }) => Key);
    expect(keys).to.include.members(
      ['model.onnx', 'manifest.json'].map((file) => `${done.model?.uri?.replace('s3://bucket/', '')}${file}`),
    );
    const entries = keys.filter((key) => key.startsWith(`ledger/user_${world.userId}/`));
    expect(entries).to.have.length(2);
    for (const Key of entries) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key }));
      const entry = JSON.parse((await Body?.transformToString()) ?? '') as LedgerEntry;
      expect(entry).to.include({ service: 'cluster', usd: 0 });
    }
    await eventually(async () => (await jobs(world)).length === 0);
    expect(world.compute.requests).to.deep.equal([]);
  });
});
