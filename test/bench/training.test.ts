// The benchmark of trainings at a fiftieth of its size: what it counts, never how long things took. Its stand-ins, one by one.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Measurement } from '../../bench/measurement.ts';
import { least, misses, most } from '../../bench/target.ts';
import { measure } from '../../bench/training.ts';
import { Board } from '../../bench/training/board.ts';
import { fastClock, until } from '../../bench/training/clock.ts';
import { Ec2Book } from '../../bench/training/ec2.ts';
import { MemoryBucket, MemoryCompute } from '../../bench/training/memory-aws.ts';
import { MemoryKubernetes } from '../../bench/training/memory-kubernetes.ts';
import { readMetrics, reconcilesOf, sumOf } from '../../bench/training/metrics.ts';
import { peers } from '../../bench/training/peers.ts';
import { percentile } from '../../bench/training/percentile.ts';
import { scaleOf, SECTIONS, type Scale, type Section } from '../../bench/training/scale.ts';
import { Workers } from '../../bench/training/workers.ts';
import type { AwsError } from '../../cloud/errors.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import type { Api, ApiEvent } from '../../local/kubernetes/api.ts';
import type { KubernetesError } from '../../operator/runtime/kubernetes.ts';
import { type WatchEvent } from '../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';

const TINY: Scale = {
  sections: SECTIONS,
  jobs: 20,
  active: 20,
  samples: 2,
  lifecycles: 20,
  noops: 40,
  spreadMs: 500,
  steadyMinutes: 3,
  speed: 30,
  watchMs: 100,
  settleMs: 1000,
  idleMs: 200,
  observeSeconds: 1,
};

describe('The benchmark of trainings', function () {
  this.timeout(300_000);
  const measured = new Map<string, Measurement>();
  const valueOf = (name: string): number => {
    const found = measured.get(name);
    if (!found) throw new Error(`no row “${name}” among: ${[...measured.keys()].join('; ')}`);
    return found.value;
  };
  const run = async (section: Section) => {
    for (const row of await measure({ ...TINY, sections: [section] }, () => undefined))
      if (!measured.has(row.name)) measured.set(row.name, row);
  };

  it('times the way to the fleet call, from a creation and from a notice', async () => {
    await run('latency');
    expect(valueOf('created → fleet call, p95')).to.be.within(1, 30_000);
    expect(valueOf('created → fleet call, p50')).to.be.at.most(valueOf('created → fleet call, p95'));
    expect(valueOf('notice → fleet call of the replacement, p95')).to.be.within(1, 20_000);
  });

  it('counts the calls that launch jobs and end them, and throttling that came through to a user', async () => {
    await run('burst');
    expect(valueOf('20 jobs at once: fleet calls')).to.be.within(1, 20);
    expect(valueOf('20 jobs at once: jobs that failed or spoke of throttling')).to.equal(0);
    expect(valueOf('20 jobs at once: jobs without an instance after 5 min')).to.equal(0);
    expect(valueOf('20 running jobs deleted: terminate calls')).to.be.within(1, 40);
    expect(valueOf('20 running jobs deleted: objects left after 5 min')).to.equal(0);
  });

  it('counts them for jobs that come evenly, too', async () => {
    await run('spread');
    expect(valueOf('20 jobs over a minute: fleet calls')).to.be.within(1, 20);
    expect(valueOf('20 jobs over a minute: jobs without an instance after 5 min')).to.equal(0);
  });

  it('counts the EC2 calls of jobs that run, by action, and loses none of the jobs', async () => {
    await run('steady');
    const actions = [...measured.keys()].filter((name) => /^20 running jobs: [A-Z]\w+ a minute$/.test(name));
    const all = valueOf('20 running jobs: EC2 calls a minute');
    expect(actions.map(valueOf).reduce((sum, calls) => sum + calls, 0)).to.be.closeTo(all, 1e-9);
    expect(all).to.be.above(0);
    expect(valueOf('20 running jobs: jobs no longer running afterwards')).to.equal(0);
  });

  it('starts an operator on running jobs, which touches none, and reads its memory', async () => {
    await run('active');
    expect(valueOf('20 running jobs: not taken up by a new leader in 5 min')).to.equal(0);
    expect(valueOf('20 running jobs: not running any more')).to.equal(0);
    expect(valueOf('20 running jobs: fleet and terminate calls')).to.equal(0);
    expect(valueOf('20 running jobs: resident memory of the operator in all')).to.be.above(30);
    expect(valueOf('20 of them succeed at once: not Succeeded after 5 min')).to.equal(0);
    expect(valueOf('20 of them succeed at once: terminate calls')).to.be.above(0);
  });

  it('leads jobs through their whole lives in memory', async () => {
    await run('lifecycles');
    expect(valueOf('lifecycles: jobs that did not succeed')).to.equal(0);
    expect(valueOf('whole lifecycles a second')).to.be.above(0);
  });

  it('counts what reconciles without anything to do ask of others', async () => {
    await run('noop');
    expect(valueOf('no-op reconciles a second')).to.be.above(0);
    expect(valueOf('no-op reconciles: requests to the API server')).to.equal(0);
    expect(valueOf('no-op reconciles: EC2 calls')).to.equal(0);
  });

  it('says which targets were missed', () => {
    const rows = [most('calls', 3, 'calls', 2), most('failures', 1, 'jobs', 0), most('none', 0, 'jobs', 0)];
    expect(misses([...rows, least('speed', 2000, '/s', 1000), least('slowness', 1, '/s', 4)])).to.deep.equal([
      'calls: 3 calls instead of 2',
      'failures: 1 jobs instead of 0',
      'slowness: 1 /s instead of 4',
    ]);
    expect(rows.map(({ ratio }) => ratio)).to.deep.equal([2 / 3, null, null]);
  });

  it('puts the waits built into the peers beside its rows', () => {
    const rows = peers([
      most('created → fleet call, p50', 207, 'ms', 150),
      most('1000 running jobs deleted: terminate calls', 2, 'calls', 2),
      most('7 running jobs deleted: terminate calls', 0, 'calls', 2),
      most('something else', 1, 'calls', 2),
    ]);
    expect(rows.map(({ peer, peerValue, ratio }) => [peer, peerValue, ratio])).to.deep.equal([
      ["Karpenter's windows", 1035, 5],
      ["Karpenter's batches", 2, 1],
    ]);
  });
});

describe('The scale of the benchmark of trainings', () => {
  it("is the issue's, or a fraction of it", () => {
    expect(scaleOf(5, {})).to.include({ jobs: 1000, active: 10_000, samples: 30, speed: 10 });
    const small = scaleOf(1, { SPOTLEARN_BENCH_JOBS: '50', SPOTLEARN_BENCH_SECTIONS: 'noop, burst' });
    expect(small).to.include({ jobs: 50, active: 500, samples: 6, noops: 1000, speed: 30 });
    expect(small.sections).to.deep.equal(['noop', 'burst']);
  });

  it('refuses what there is not', () => {
    expect(() => scaleOf(1, { SPOTLEARN_BENCH_SECTIONS: 'sleep' })).to.throw('no section “sleep”');
    expect(() => scaleOf(1, { SPOTLEARN_BENCH_JOBS: '0' })).to.throw('SPOTLEARN_BENCH_JOBS');
  });
});

describe('What the benchmark of trainings stands on', () => {
  it('takes percentiles by nearest rank', () => {
    const values = [40, 10, 30, 20];
    expect([50, 95, 0].map((percent) => percentile(values, percent))).to.deep.equal([20, 40, 10]);
    expect(() => percentile([], 50)).to.throw('no values');
  });

  it('has a clock that runs faster, also its timers', async () => {
    const clock = fastClock({ speed: 1000, epoch: Date.now() });
    const began = clock.now();
    await new Promise<void>((resolve) => void clock.after(5000, resolve));
    expect(clock.now() - began).to.be.at.least(4000);
    let called = false;
    clock.after(1000, () => (called = true))();
    expect(await until(() => called, 20)).to.equal(false);
  });

  it('keeps a book of EC2 calls', () => {
    const book = new Ec2Book();
    book.calls.push({ action: 'CreateFleet', at: 10 }, { action: 'CreateFleet', at: 20, refused: 'Slow' });
    expect([book.count('CreateFleet'), book.count('CreateFleet', 15)]).to.deep.equal([2, 1]);
    expect([book.refusals('Slow'), book.refusals('Slow', 25), book.firstAfter('CreateFleet', 11)]).to.deep.equal([
      1, 0, 20,
    ]);
    expect(book.firstAfter('CreateFleet', 21)).to.equal(undefined);
  });

  it('hears every word about throttling', () => {
    let tell: (event: ApiEvent) => void = () => {};
    const board = new Board({ subscribe: (listener) => ((tell = listener), () => undefined) } as Api);
    const told = (group: string, plural: string, name: string, more: object) =>
      tell({
        type: 'MODIFIED',
        resource: { group, plural },
        object: { metadata: { namespace: 'n', name }, ...more },
      } as never);
    told('spotlearn.io', 'trainingjobs', 'fine', { status: { phase: 'Running', message: 'Training: 5 %.' } });
    told('spotlearn.io', 'trainingjobs', 'bad', { status: { conditions: [{ message: 'RequestLimitExceeded: no' }] } });
    told('spotlearn.io', 'trainingjobs', 'lost', { status: { phase: 'Failed' } });
    told('', 'events', 'event', { message: 'EC2 throttles' });
    told('', 'events', 'other', { message: 'Launched' });
    told('', 'pods', 'pod', { message: 'throttled' });
    expect([...board.troubled]).to.deep.equal(['n/bad', 'n/lost', 'n/event']);
    expect([board.count('Running'), board.count('Running', 'x'), board.withInstance()]).to.deep.equal([1, 0, 0]);
  });

  it('reads the metrics page', async () => {
    const page =
      '# HELP a b\ncontroller_runtime_reconcile_total{controller="trainingjob",result="success"} 3\ncontroller_runtime_reconcile_total{controller="trainingjob",result="requeue_after"} 4\nup 1\n';
    const server = createServer((_request, response) => response.end(page)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const samples = await readMetrics(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      expect([reconcilesOf(samples), sumOf(samples, 'up')]).to.deep.equal([7, 1]);
    } finally {
      server.close();
    }
  });

  it('has workers that report to a ticket and leave a result, once', async () => {
    const bucket = new MemoryBucket();
    const workers = new Workers(bucket, 'ROLE');
    bucket.set('instances/ROLE:i-1/ticket.json', '{}');
    bucket.set('instances/OTHER:i-2/ticket.json', '{}');
    await workers.look();
    await workers.look();
    await workers.prepare('i-1');
    await workers.succeed('i-1');
    await workers.leave('i-3');
    const json = async (key: string) => {
      const found = await bucket.get(`instances/ROLE:${key}`);
      return JSON.parse(new TextDecoder().decode(found?.body)) as Record<string, unknown>;
    };
    expect(await json('i-1/heartbeat.json')).to.include({ sequence: 1, stage: 'Training' });
    const result = await json('i-1/result.json');
    expect(result).to.include({ outcome: 'Succeeded', exitCode: 0 });
    for (const { name, size } of result['files'] as { name: string; size: number }[])
      expect((await bucket.head(`instances/ROLE:i-1/result/${name}`))?.bytes).to.equal(size);
    expect(await json('i-3/result.json')).to.include({ outcome: 'Interrupted', exitCode: 30 });
    expect(await json('i-3/checkpoints/latest.json')).to.include({ step: 5 });
  });

  it('has a bucket in memory that keeps conditions', async () => {
    const bucket = new MemoryBucket();
    await bucket.put('a', '1', { ifAbsent: true });
    const refused = async (work: () => Promise<unknown>) =>
      work().then(
        () => 'no error',
        (error: unknown) => (error as AwsError).kind,
      );
    expect(await refused(() => bucket.put('a', '2', { ifAbsent: true }))).to.equal('precondition');
    expect(await refused(() => bucket.put('a', '2', { ifMatch: 'x' }))).to.equal('precondition');
    expect(await refused(() => bucket.get('a', { etag: 'x' }))).to.equal('precondition');
    expect(await refused(() => bucket.copy('b', 'c'))).to.equal('notFound');
    await bucket.copy('a', 'b');
    await bucket.deleteMany(['a']);
    expect((await bucket.list('')).map(({ key }) => key)).to.deep.equal(['b']);
    await bucket.delete('b');
    expect(await bucket.head('b')).to.equal(undefined);
  });

  it('has an EC2 in memory that gives the same fleet for the same token', async () => {
    const compute = new MemoryCompute();
    const request = {
      launchTemplateId: 'lt',
      market: 'spot',
      count: 2,
      offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }],
      token: 't',
      tags: { 'spotlearn:batch': 't' },
    } as const;
    const first = await compute.createFleet(request);
    expect(await compute.createFleet(request)).to.equal(first);
    const [one, other] = first.instances.map(({ id }) => id) as [string, string];
    await compute.tag([one], { 'spotlearn:job-uid': 'u' });
    await compute.terminate([other]);
    expect((await compute.instances()).map(({ state, jobUid, batch }) => [state, jobUid, batch])).to.deep.equal([
      ['running', 'u', 't'],
      ['terminated', undefined, 't'],
    ]);
  });

  describe('the API server in memory', () => {
    const job = (name: string) =>
      ({
        metadata: { name, namespace: 'ml-user-1' },
        spec: { dataset: { uri: 's3://b/k' }, target: 'y', model: { type: 'linear' } },
      }) as TrainingJob;
    const kindOf = (error: unknown) => (error as KubernetesError).kind;
    const at = { namespace: 'ml-user-1' };

    it('fills in defaults, locks by version and keeps spec and status apart', async () => {
      const kubernetes = new MemoryKubernetes();
      const made = await kubernetes.create(TRAINING_JOBS, job('a'));
      expect(made.spec.placement).to.equal('Spot');
      expect(await kubernetes.create(TRAINING_JOBS, job('a')).catch(kindOf)).to.equal('AlreadyExists');
      const status = { status: { phase: 'Running', message: 'x' }, spec: { target: 'other' } };
      await kubernetes.mergePatch(TRAINING_JOBS, 'a', status, { ...at, subresource: 'status' });
      const stale = { metadata: { resourceVersion: made.metadata?.resourceVersion }, status: { phase: 'Failed' } };
      const late = kubernetes.mergePatch(TRAINING_JOBS, 'a', stale, { ...at, subresource: 'status' });
      expect(await late.catch(kindOf)).to.equal('Conflict');
      await kubernetes.mergePatch(TRAINING_JOBS, 'a', { status: { message: null } }, { ...at, subresource: 'status' });
      const read = await kubernetes.get<TrainingJob>(TRAINING_JOBS, 'a', 'ml-user-1');
      expect([read.spec.target, read.status]).to.deep.equal(['y', { phase: 'Running' }]);
      expect(await kubernetes.get(TRAINING_JOBS, 'b', 'ml-user-1').catch(kindOf)).to.equal('NotFound');
    });

    it('tells watchers what came since their list, holds what has a finalizer, and counts no touch', async () => {
      const kubernetes = new MemoryKubernetes();
      await kubernetes.create(TRAINING_JOBS, job('a'));
      const { metadata } = await kubernetes.list(TRAINING_JOBS);
      await kubernetes.create(TRAINING_JOBS, job('b'));
      const told: string[] = [];
      const cut = new AbortController();
      const watching = kubernetes.watch<TrainingJob>(
        TRAINING_JOBS,
        metadata,
        ({ type, object }: WatchEvent<TrainingJob>) => told.push(`${type} ${object.metadata?.name}`),
        { signal: cut.signal },
      );
      await kubernetes.mergePatch(TRAINING_JOBS, 'b', { metadata: { finalizers: ['f'] } }, at);
      await kubernetes.delete(TRAINING_JOBS, 'b', at);
      await kubernetes.mergePatch(TRAINING_JOBS, 'b', { metadata: { finalizers: [] } }, at);
      const { calls } = kubernetes;
      kubernetes.touch(TRAINING_JOBS);
      expect(kubernetes.calls).to.equal(calls);
      await until(() => told.length >= 5, 1000);
      cut.abort();
      await watching;
      expect(told).to.deep.equal(['ADDED b', 'MODIFIED b', 'MODIFIED b', 'DELETED b', 'MODIFIED a']);
    });
  });
});
