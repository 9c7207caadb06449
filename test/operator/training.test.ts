import { expect } from 'chai';
import { condition } from '../../crds/conditions.ts';
import { FINALIZER } from '../../crds/objects.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { failure } from './aws.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { checkpoint, controlOf, end, failWith, report, succeed, ticketOf } from './worker.ts';
import { World } from './world.ts';

describe('The operator training a model, on a Kubernetes API', function () {
  this.timeout(20_000);
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

  it('takes a job from nothing to a checked model, and tells of each transition once', async () => {
    await world.operate();
    await world.account();
    await world.train('one');
    await world.trained('one', 'Booting');
    const [instance] = world.compute.running();
    const id = instance?.id ?? '';
    expect(instance?.tags).to.include({ 'spotlearn:installation': 'spotlearn', 'spotlearn:user': world.userId });
    expect(ticketOf(world.bucket, id)).to.deep.include({
      version: 1,
      resume: null,
      log: { group: '/aws/ec2/ml-training', stream: `instance-${id}` },
    });
    expect(ticketOf(world.bucket, id)?.training).to.include({
      target: 'class',
      model: 'random_forest',
      split: 'random',
    });
    report(world.bucket, id);
    const running = await world.trained('one', 'Running');
    expect(running.status.progress).to.include({
      stage: 'Training',
      percent: 50,
      step: 5,
      steps: 10,
      metricValue: 0.7,
    });
    expect(running.status.logStream).to.equal(`/aws/ec2/ml-training:instance-${id}`);
    const { spentUsd = 0, reservedUsd = 0 } = (await world.readAccount()).status?.month ?? {};
    expect(spentUsd + reservedUsd, 'what it has cost is not held back any more').to.be.closeTo(10, 1e-9);
    succeed(world.bucket, id);
    const { status, metadata } = await world.trained('one', 'Succeeded');
    const folder = `models/user_${world.userId}/one-${metadata?.uid?.slice(0, 8)}/`;
    expect(status.model).to.include({ uri: `s3://bucket/${folder}`, task: 'classification', target: 'class', rows: 3 });
    expect(status.metrics).to.deep.equal({ roc_auc: 0.8 });
    expect(world.bucket.keys(folder)).to.deep.equal(
      ['manifest.json', 'metrics.json', 'model.onnx', 'plots/roc.png'].map((name) => folder + name),
    );
    expect(condition(status.conditions, 'Complete')).to.include({ status: 'True', reason: 'TrainingSucceeded' });
    expect(world.compute.running()).to.deep.equal([]);
    expect(status.cost?.actualUsd).to.be.greaterThan(0);
    expect(status.cost?.onDemandUsd).to.be.greaterThan(status.cost?.actualUsd ?? 0);
    expect(status.attempts?.[0]).to.include({ endReason: 'Succeeded', instanceId: id, market: 'spot' });
    const month = await eventually(async () => {
      const now = (await world.readAccount()).status?.month;
      return now?.reservedUsd === 0 && now.operations === 1 ? now : undefined;
    });
    expect(month.spentUsd).to.equal(status.cost?.actualUsd);
    const reasons = await eventually(async () => {
      const found = await world.events('one');
      return found.includes('TrainingSucceeded') && found;
    });
    expect(reasons.sort()).to.deep.equal(
      [
        'Admitted',
        'Booting',
        'Finishing',
        'InstanceLaunched',
        'Launching',
        'Pending',
        'TrainingSucceeded',
        'WorkerReports',
      ].sort(),
    );
  });

  it('resumes from the checkpoint on a new instance when EC2 takes one back', async () => {
    await world.operate();
    await world.account();
    await world.train('taken');
    const first = await world.instance('taken');
    report(world.bucket, first, {
      checkpoint: { key: 'checkpoints/5.joblib', step: 5, at: new Date().toISOString(), bytes: 15 },
    });
    await world.trained('taken', 'Running');
    checkpoint(world.bucket, first, 5);
    world.notices.waiting.push(
      { body: notice(first), handle: 'h1' },
      { body: notice('i-foreign'), handle: 'h2' },
      { body: '{', handle: 'h3' },
    );
    await eventually(
      async () => condition((await world.training('taken')).status?.conditions, 'Interrupted')?.status === 'True',
    );
    await eventually(() => world.notices.deleted.length === 2);
    expect(world.notices.deleted).to.deep.equal(['h1', 'h2']);
    world.compute.set(first, { state: 'terminated', stateReason: 'Server.SpotInstanceTermination' });
    const second = await world.instance('taken', first);
    const ticket = await eventually(() => ticketOf(world.bucket, second));
    const { metadata } = await world.training('taken');
    expect(ticket.resume).to.deep.equal({ url: `https://bucket/checkpoints/${metadata?.uid}/5.joblib?get`, step: 5 });
    expect(ticket.job.attempt).to.equal(2);
    report(world.bucket, second);
    const { status } = await world.trained('taken', 'Running');
    expect(status.counts).to.include({ interruptions: 1 });
    expect(status.attempts?.[0]).to.include({ endReason: 'Interrupted' });
    expect(condition(status.conditions, 'Interrupted')).to.include({ status: 'False', reason: 'Recovered' });
  });

  it('suspends with a checkpoint, gives the instance back, and goes on when asked to', async () => {
    await world.operate();
    await world.account();
    await world.train('paused');
    const first = await world.instance('paused');
    report(world.bucket, first);
    await world.trained('paused', 'Running');
    await cluster.client.mergePatch(
      TRAINING_JOBS,
      'paused',
      { spec: { suspend: true } },
      { namespace: world.namespace },
    );
    await eventually(() => controlOf(world.bucket, first)?.desired === 'CheckpointAndStop');
    checkpoint(world.bucket, first, 7);
    end(world.bucket, first, { outcome: 'Stopped', exitCode: 31 });
    const { status } = await world.trained('paused', 'Suspended');
    expect(condition(status.conditions, 'Suspended')).to.include({ status: 'True', reason: 'SuspendedByUser' });
    expect(status.cost?.reservedUsd).to.equal(0);
    expect(world.compute.running()).to.deep.equal([]);
    await cluster.client.mergePatch(
      TRAINING_JOBS,
      'paused',
      { spec: { suspend: false } },
      { namespace: world.namespace },
    );
    const second = await world.instance('paused', first);
    expect((await eventually(() => ticketOf(world.bucket, second))).resume?.step).to.equal(7);
  });

  it('ends the instance of a deleted job before it lets the job go', async () => {
    await world.operate();
    await world.account();
    await world.train('gone');
    await world.trained('gone', 'Booting');
    expect((await world.training('gone')).metadata?.finalizers).to.deep.equal([FINALIZER]);
    world.compute.before('terminate', failure('unreachable'), failure('throttled'));
    await cluster.client.delete(TRAINING_JOBS, 'gone', { namespace: world.namespace });
    await eventually(async () => (await world.training('gone').catch(() => undefined)) === undefined);
    expect(world.compute.running()).to.deep.equal([]);
    expect(world.bucket.keys(`ledger/user_${world.userId}/`)).to.have.length(1);
  });

  it('fails with the worker’s words once backoffLimit is used up', async () => {
    await world.operate();
    await world.account();
    await world.train('wrong', { backoffLimit: 0 });
    const id = await world.instance('wrong');
    end(world.bucket, id, failWith(11, 'The target has one class.'));
    const { status } = await world.trained('wrong', 'Failed');
    expect(status.message).to.equal('The target has one class. Choose another target.');
    expect(condition(status.conditions, 'Failed')).to.include({ status: 'True', reason: 'InvalidData' });
    expect(status.counts).to.include({ user: 1 });
    expect(world.compute.running()).to.deep.equal([]);
  });

  it('refuses what can’t be trained before any money is spent', async () => {
    await world.operate();
    await world.account();
    await world.train('target', { target: 'klass' });
    await world.train('other', { dataset: { uri: `s3://bucket/datasets/user_${world.userId}9/a.csv` } });
    await world.train('cluster', { placement: 'Cluster' });
    await world.train('type', { resources: { instanceTypes: ['x9.huge'] } });
    expect((await world.trained('target', 'Failed')).status.message).to.match(/no column "klass"/);
    expect(reason(await world.trained('other', 'Failed'))).to.equal('AccessRefused');
    expect(reason(await world.trained('cluster', 'Failed'))).to.equal('PlacementUnavailable');
    expect(reason(await world.trained('type', 'Failed'))).to.equal('InvalidSpec');
    expect(world.compute.requests).to.deep.equal([]);
  });

  it('waits for capacity and for money, and says which', async () => {
    world.compute.empty.add('spot/*');
    await world.operate();
    await world.account({ limits: { monthlyUsd: 15 } });
    await world.train('first');
    const queued = await world.trained('first', 'Queued');
    expect(condition(queued.status.conditions, 'Provisioned')).to.include({ status: 'False', reason: 'NoCapacity' });
    expect(queued.status.attempts ?? []).to.deep.equal([]);
    expect(queued.status.counts?.capacity).to.be.greaterThan(0);
    await world.train('second');
    expect(reason(await world.trained('second', 'Queued'))).to.equal('BudgetReserved');
    await world.train('third', { budget: { maxCostUsd: 9 } });
    expect(reason(await world.trained('third', 'Queued'))).to.equal('BudgetReserved');
    await world.train('fallback', { placement: 'SpotWithFallback', budget: { maxCostUsd: 1 } });
    const fallback = await world.trained('fallback', 'Booting');
    expect(fallback.status.attempts?.at(-1)?.market).to.equal('on-demand');
    await cluster.client.delete(TRAINING_JOBS, 'first', { namespace: world.namespace });
    await world.trained('third', 'Queued');
    expect(
      condition(
        (
          await eventually(async () => {
            const job = await world.training('second');
            return condition(job.status?.conditions, 'Accepted')?.status === 'True' && job;
          })
        ).status?.conditions,
        'Accepted',
      )?.reason,
    ).to.equal('Admitted');
  });

  it('deletes a finished job after its ttl and keeps the model', async () => {
    await world.operate();
    await world.account();
    await world.train('short', { ttlSecondsAfterFinished: 0 });
    succeed(world.bucket, await world.instance('short'));
    await eventually(async () => (await world.training('short').catch(() => undefined)) === undefined);
    expect(world.bucket.keys(`models/user_${world.userId}/`)).to.have.length(4);
  });
});

const reason = (job: { status: { conditions?: Parameters<typeof condition>[0] } }): string | undefined =>
  condition(job.status.conditions, 'Accepted')?.reason;

const notice = (instanceId: string): string =>
  JSON.stringify({
    'detail-type': 'EC2 Spot Instance Interruption Warning',
    time: new Date().toISOString(),
    detail: { 'instance-id': instanceId, 'instance-action': 'terminate' },
  });
