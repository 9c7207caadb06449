// The batched look at the world: what is read when, what is proven by it, and what is not.
import { expect } from 'chai';
import type { Instance } from '../../../cloud/compute.ts';
import type { LogReport } from '../../../operator/training/log-follow.ts';
import { Observation, STEADY_MS, type ObservationOptions } from '../../../operator/training/observation.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { FakeBucket, FakeCompute, failure } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { heartbeat, ROLE_ID } from '../worker.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const place = (id: string) => `instances/${ROLE_ID}:${id}/`;

const EMPTY = { launchedAt: NOW, stateReason: undefined, batch: undefined, jobUid: 'u', tags: {} };

class Stand {
  readonly clock = new ManualClock(NOW);
  readonly compute = new FakeCompute(() => this.clock.now());
  readonly bucket = new FakeBucket(() => this.clock.now());
  readonly changes: string[] = [];
  readonly world: Observation;
  constructor(more: Partial<ObservationOptions> = {}) {
    this.world = new Observation({
      compute: this.compute,
      bucket: this.bucket,
      workerRoleId: ROLE_ID,
      clock: this.clock,
      logger: SILENT,
      intervalMs: 5_000,
      onChange: ({ id }) => this.changes.push(id),
      busy: () => true,
      expecting: () => false,
      ...more,
    });
  }
  async launch(jobUid = 'u'): Promise<string> {
    const { instances } = await this.compute.createFleet({
      launchTemplateId: 'l',
      market: 'spot',
      count: 1,
      offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }],
      token: jobUid,
      tags: { 'spotlearn:job-uid': jobUid, 'spotlearn:batch': 'b' },
    });
    return instances[0]?.id ?? '';
  }
  asked(): number {
    return this.compute.calls.filter((call) => call.startsWith('instances')).length;
  }
  /** Looks every five seconds for so long. */
  async watch(ms: number): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end; ) {
      await this.clock.advance(5_000);
      await this.world.tick().catch(() => undefined);
    }
  }
}
const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('nothing thrown'),
    (error: unknown) => error,
  );

describe('The look at the world', () => {
  it('reads a heartbeat once, and tells whose picture changed', async () => {
    const stand = new Stand();
    const { world, bucket, changes } = stand;
    const id = await stand.launch();
    bucket.set(`${place(id)}heartbeat.json`, heartbeat());
    bucket.set(`${place('i-unknown')}heartbeat.json`, heartbeat());
    await world.tick();
    await world.tick();
    expect(world.seen('u', { current: id })).to.deep.include({ at: NOW, heardAt: NOW });
    expect(bucket.calls.filter((call) => call.startsWith('get'))).to.have.length(1);
    expect(new Set(changes)).to.deep.equal(new Set([id]));
  });

  it('keeps what it knew when EC2 does not answer, proves nothing by it, and still hears the workers', async () => {
    const stand = new Stand();
    const id = await stand.launch();
    await stand.world.tick();
    stand.compute.before('instances', failure('throttled'));
    await stand.clock.advance(STEADY_MS);
    stand.bucket.set(`${place(id)}heartbeat.json`, heartbeat());
    await thrown(stand.world.tick());
    expect(stand.world.at).to.equal(NOW);
    expect(stand.world.instances()).to.have.length(1);
    expect(stand.world.seen('u', { current: id }).heardAt).to.equal(NOW + STEADY_MS);
    // Asked again at once, not a minute later.
    await stand.world.tick();
    expect(stand.world.at).to.equal(NOW + STEADY_MS);
  });

  it('publishes nothing of EC2 when the bucket does not answer', async () => {
    const stand = new Stand();
    const id = await stand.launch();
    await stand.world.tick();
    stand.compute.set(id, { state: 'terminated' });
    stand.bucket.before('list', failure('unreachable'));
    await stand.clock.advance(STEADY_MS);
    await thrown(stand.world.tick());
    expect(stand.world.instances()[0]?.state).to.equal('running');
    await stand.world.tick();
    expect(stand.world.instances()[0]?.state).to.equal('terminated');
  });

  it('looks at EC2 also while the API server does not list the jobs on the cluster, which stay as they were', async () => {
    const pod = { id: 'cluster-u-1', instanceType: 'cluster', zone: 'n', market: 'cluster', state: 'running' } as const;
    const answers: (Error | Instance[])[] = [[{ ...pod, ...EMPTY }], failure('unreachable')];
    const instances = async (): Promise<Instance[]> => {
      const next = answers.shift() ?? [];
      if (next instanceof Error) throw next;
      return next;
    };
    const stand = new Stand({ cluster: { instances } });
    const id = await stand.launch();
    await stand.world.tick();
    stand.compute.set(id, { state: 'terminated' });
    await stand.clock.advance(STEADY_MS);
    await stand.world.tick();
    expect(stand.world.instances().map(({ state }) => state)).to.deep.equal(['terminated', 'running']);
    await stand.clock.advance(STEADY_MS);
    await stand.world.tick();
    expect(stand.world.instances().map((one) => one.id)).to.deep.equal([id]);
  });

  it('asks EC2 once a minute while nothing is expected of it, and at every look while something is', async () => {
    let expecting = false;
    const stand = new Stand({ expecting: () => expecting });
    await stand.launch();
    await stand.watch(600_000);
    expect(stand.asked()).to.be.within(10, 11);
    expecting = true;
    const before = stand.asked();
    await stand.watch(60_000);
    expect(stand.asked() - before).to.equal(12);
  });

  it('asks an idle cloud only every tenth time', async () => {
    const stand = new Stand({ busy: () => false, expecting: undefined });
    stand.world.start();
    await stand.clock.advance(100_000);
    await stand.world.stop();
    expect(stand.asked()).to.be.within(2, 4);
  });

  it('looks soon when EC2 tells of a change of state, once for many of them', async () => {
    const stand = new Stand();
    const id = await stand.launch();
    stand.world.start();
    await stand.clock.advance(2_000);
    for (let event = 0; event < 50; event += 1) stand.world.notice(id, 'state-change', NOW);
    await stand.clock.advance(500);
    expect(stand.asked()).to.equal(2);
    await stand.world.stop();
  });

  it('believes in an instance that was launched and is not listed yet, for a minute', async () => {
    const stand = new Stand();
    stand.world.noteLaunched({ id: 'i-9', instanceType: 'm5.large', zone: 'a' }, 'spot', { jobUid: 'u', batch: 'b' });
    await stand.world.tick();
    expect(stand.world.seen('u', {}).instances).to.have.length(1);
    await stand.clock.advance(61_000);
    await stand.world.tick();
    expect(stand.world.seen('u', {}).instances).to.have.length(0);
  });

  it('finds an instance of a shared call by the status that names it, and tells it apart from one being replaced', async () => {
    const stand = new Stand();
    const [old, next] = [await stand.launch('x'), await stand.launch('y')];
    stand.bucket.set(`${place(old)}heartbeat.json`, heartbeat({ step: 3 }));
    stand.bucket.set(`${place(next)}heartbeat.json`, heartbeat({ step: 4 }));
    await stand.world.tick();
    const seen = stand.world.seen('u', { current: next, leaving: old, all: [old, next] });
    expect(seen.instances.map(({ id }) => id)).to.deep.equal([old, next]);
    expect([seen.heartbeat?.step, seen.leaving?.heartbeat?.step]).to.deep.equal([4, 3]);
  });

  it('knows its own instances from foreign ones in notices', async () => {
    const noticed: string[] = [];
    const stand = new Stand({ onNotice: ({ id }, kind) => noticed.push(`${kind} ${id}`) });
    const id = await stand.launch();
    await stand.world.tick();
    for (const kind of ['rebalance', 'interruption', 'rebalance'] as const)
      expect(stand.world.notice(id, kind, NOW)).to.equal(true);
    expect(stand.world.seen('u', { current: id }).notice?.kind).to.equal('interruption');
    expect(stand.world.notice('i-foreign', 'interruption', NOW)).to.equal(false);
    expect(noticed).to.have.length(3);
    stand.world.noteEnding([id]);
    expect(stand.world.instances()[0]?.state).to.equal('shutting-down');
  });

  it('hears a log as a sign of life, and goes on without logs when they do not come', async () => {
    const reports: (Error | LogReport)[] = [failure('throttled'), { at: NOW, percent: 45 }];
    let heard = '';
    const tick = async (): Promise<Map<string, LogReport>> => {
      const next = reports.shift();
      if (next instanceof Error) throw next;
      return new Map(next ? [[heard, next]] : []);
    };
    const stand = new Stand({ logs: { forget: () => {}, tick } });
    const id = await stand.launch();
    heard = id;
    await stand.world.tick();
    await stand.watch(100_000);
    const { log, quietMs = 0 } = stand.world.seen('u', { current: id });
    expect(log?.percent).to.equal(45);
    expect(quietMs).to.be.within(90_000, 100_000);
  });
});

describe('Silence', () => {
  const quiet = (stand: Stand, id: string): number => stand.world.seen('u', { current: id }).quietMs ?? 0;

  it('is what was listened to: pauses in looking, outages and a clock that jumps add next to nothing', async () => {
    const stand = new Stand();
    const id = await stand.launch();
    await stand.world.tick();
    await stand.watch(100_000);
    expect(quiet(stand, id)).to.be.within(95_000, 100_000);
    const before = quiet(stand, id);
    await stand.clock.advance(3_600_000);
    await stand.world.tick();
    expect(quiet(stand, id) - before).to.be.at.most(60_000);
  });

  it('ends with a heartbeat, and wakes the job when it has lasted', async () => {
    const stand = new Stand();
    const id = await stand.launch();
    await stand.world.tick();
    stand.changes.length = 0;
    await stand.watch(299_000);
    expect(stand.changes.filter((one) => one === id)).to.have.length(1);
    stand.bucket.set(`${place(id)}heartbeat.json`, heartbeat());
    await stand.watch(5_000);
    expect(quiet(stand, id)).to.equal(0);
  });

  it('of an instance that is down is not counted', async () => {
    const stand = new Stand();
    const id = await stand.launch();
    await stand.world.tick();
    await stand.compute.terminate([id]);
    stand.world.noteEnding([id]);
    await stand.watch(120_000);
    expect(quiet(stand, id)).to.equal(0);
  });
});
