import { expect } from 'chai';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import { JOBS, PODS, TestCluster } from './cluster.ts';

interface Status {
  active?: number;
  succeeded?: number;
  failed?: number;
  startTime?: string;
  completionTime?: string;
  conditions?: { type: string; status: string; reason: string; message: string }[];
}

let counter = 0;

describe('a Job', () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start();
  });
  after(() => cluster.close());

  async function create(spec: Record<string, unknown> = {}, restartPolicy = 'Never'): Promise<string> {
    counter += 1;
    const name = `job-${counter}`;
    const template = { spec: { restartPolicy, containers: [{ name: 'c', image: 'i' }] } };
    await cluster.api.create(JOBS, { metadata: { namespace: 'default', name }, spec: { template, ...spec } });
    return name;
  }
  const job = (name: string) => cluster.get(JOBS, 'default', name);
  const status = (name: string): Status => job(name)?.status ?? {};
  const pods = (name: string) =>
    cluster.api.list(PODS, 'default').filter((pod) => pod.metadata.ownerReferences?.[0]?.name === name);
  const live = (name: string) =>
    pods(name).filter((pod) => pod.status?.['phase'] === 'Pending' || pod.status?.['phase'] === 'Running');
  const conditions = (name: string) =>
    (status(name).conditions ?? []).map(({ type, status: value, reason }) => `${type}=${value} ${reason}`);
  const has = (name: string, type: string) =>
    (status(name).conditions ?? []).some((one) => one.type === type && one.status === 'True');
  const first = async (name: string): Promise<KubeObject> => {
    await cluster.until('a pod', () => live(name).length > 0);
    const [pod] = live(name);
    if (pod === undefined) throw new Error('no pod');
    return pod;
  };

  it('runs one pod to its end and is complete', async () => {
    const name = await create();
    const pod = await first(name);
    expect(pod.metadata.generateName ?? pod.metadata.name).to.contain(name);
    expect(pod.metadata.labels).to.include({ 'batch.kubernetes.io/job-name': name });
    await cluster.until('active', () => status(name).active === 1);
    await cluster.setPhase(pod, 'Succeeded');
    await cluster.until('complete', () => has(name, 'Complete'));
    expect(status(name)).to.include({ succeeded: 1 });
    expect(status(name).startTime).to.be.a('string');
    expect(status(name).completionTime).to.be.a('string');
    expect(conditions(name)).to.deep.equal([
      'SuccessCriteriaMet=True CompletionsReached',
      'Complete=True CompletionsReached',
    ]);
    expect(pods(name)[0]?.metadata.finalizers ?? []).to.deep.equal([]);
  });

  it('keeps as many pods running as it may, until enough succeeded', async () => {
    const name = await create({ completions: 3, parallelism: 2 });
    await cluster.until('two pods', () => live(name).length === 2);
    await cluster.setPhase(await first(name), 'Succeeded');
    await cluster.until('third pod', () => pods(name).length === 3);
    expect(live(name)).to.have.length(2);
    for (const pod of live(name)) await cluster.setPhase(pod, 'Succeeded');
    await cluster.until('complete', () => has(name, 'Complete'));
    expect(status(name).succeeded).to.equal(3);
    expect(pods(name)).to.have.length(3);
  });

  it('tries again after a failure, later each time, and gives up at its limit', async () => {
    const name = await create({ backoffLimit: 1 });
    await cluster.setPhase(await first(name), 'Failed');
    await cluster.until('failure counted', () => status(name).failed === 1);
    expect(live(name)).to.have.length(0);
    cluster.clock.advance(10_000);
    await cluster.setPhase(await first(name), 'Failed');
    await cluster.until('failed', () => has(name, 'Failed'));
    expect(status(name).failed).to.equal(2);
    expect(conditions(name)).to.deep.equal([
      'FailureTarget=True BackoffLimitExceeded',
      'Failed=True BackoffLimitExceeded',
    ]);
    expect(status(name).conditions?.at(-1)?.message).to.equal('Job has reached the specified backoff limit');
  });

  it('counts restarts of containers when pods are restarted in place', async () => {
    const name = await create({ backoffLimit: 2 }, 'OnFailure');
    await cluster.setPhase(await first(name), 'Running', { containerStatuses: [{ name: 'c', restartCount: 2 }] });
    await cluster.until('failed', () => has(name, 'Failed'));
    expect(conditions(name).at(-1)).to.equal('Failed=True BackoffLimitExceeded');
  });

  it('ends at its deadline and takes its pods along', async () => {
    const name = await create({ activeDeadlineSeconds: 30 });
    await first(name);
    cluster.clock.advance(31_000);
    await cluster.until('failed', () => has(name, 'Failed'));
    expect(conditions(name).at(-1)).to.equal('Failed=True DeadlineExceeded');
    await cluster.until('no pods', () => live(name).length === 0);
  });

  it('runs nothing while suspended, and goes on when resumed', async () => {
    const name = await create({ suspend: true });
    await cluster.until('suspended', () => has(name, 'Suspended'));
    expect(pods(name)).to.have.length(0);
    const set = async (suspend: boolean) => {
      const current = job(name);
      if (current !== undefined) await cluster.api.update(JOBS, { ...current, spec: { ...current.spec, suspend } });
    };
    await set(false);
    await first(name);
    expect(conditions(name)).to.deep.equal(['Suspended=False JobResumed']);
    await set(true);
    await cluster.until('pod gone', () => live(name).length === 0);
    await cluster.until('suspended again', () => has(name, 'Suspended'));
    expect(status(name).startTime).to.equal(undefined);
  });

  it('replaces a pod that somebody deleted', async () => {
    const name = await create();
    const pod = await first(name);
    await cluster.api.delete(PODS, 'default', pod.metadata.name, { gracePeriodSeconds: 0 });
    await cluster.until(
      'another pod',
      () => live(name).length === 1 && live(name)[0]?.metadata.uid !== pod.metadata.uid,
    );
    await cluster.until('counted', () => status(name).failed === 1);
  });

  it('is deleted with its pods when its time to live is over', async () => {
    const name = await create({ ttlSecondsAfterFinished: 60 });
    await cluster.setPhase(await first(name), 'Succeeded');
    await cluster.until('complete', () => has(name, 'Complete'));
    cluster.clock.advance(61_000);
    await cluster.until('gone', () => job(name) === undefined);
    await cluster.until('pods gone', () => pods(name).length === 0);
  });

  it('lets its pods go when it is deleted in the middle', async () => {
    const name = await create({ parallelism: 2, completions: 2 });
    await cluster.until('two pods', () => live(name).length === 2);
    await cluster.api.delete(JOBS, 'default', name, { propagationPolicy: 'Background' });
    await cluster.until('pods gone', () => pods(name).length === 0);
    expect(job(name)).to.equal(undefined);
  });

  it('tells its story in events', async () => {
    const name = await create();
    const pod = await first(name);
    await cluster.setPhase(pod, 'Succeeded');
    const reasons = () =>
      cluster.api
        .list({ group: '', plural: 'events' }, 'default')
        .filter((event) => (event['involvedObject'] as { name: string }).name === name)
        .map((event) => event['reason']);
    await cluster.until('completed', () => reasons().includes('Completed'));
    expect(reasons()).to.include.members(['SuccessfulCreate', 'Completed']);
  });
});
