import { expect } from 'chai';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { Collector } from '../../../operator/collection/collector.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { failure, FakeBucket, FakeCompute } from '../aws.ts';
import { ManualClock, settled } from '../clock.ts';
import { attempt, FOLDERS, HOUR, instance, MINUTE, training } from './jobs.ts';

describe('The collector', () => {
  let clock: ManualClock;
  let compute: FakeCompute;
  let bucket: FakeBucket;
  let jobs: TrainingJob[];
  let synced: boolean;
  let look: () => number;
  let collected: Record<string, number>;
  let collector: Collector;

  beforeEach(() => {
    clock = new ManualClock();
    compute = new FakeCompute(() => clock.now());
    bucket = new FakeBucket(() => clock.now());
    jobs = [];
    synced = true;
    look = () => clock.now();
    collected = {};
    collector = new Collector({
      observation: {
        get at() {
          return look();
        },
        instances: () => [...compute.machines.values()],
        noteEnding: () => {},
      },
      compute,
      bucket,
      folders: FOLDERS,
      jobs: () => jobs,
      predictions: () => [],
      synced: () => synced,
      events: { record: async () => {} },
      clock,
      logger: SILENT,
      onCollected: (what, count) => {
        collected[what] = (collected[what] ?? 0) + count;
      },
    });
    compute.machines.set('i-1', instance('i-1', { launchedAt: clock.now() - HOUR }));
    compute.disks.set('v', { id: 'v', state: 'available', createdAt: clock.now() - HOUR, tags: {} });
    for (const key of ['instances/AROA:i-0/ticket.json', 'checkpoints/x/1.joblib', 'batches/b.json']) {
      bucket.set(key, 'x');
      bucket.objects.set(key, { ...bucket.objects.get(key), modifiedAt: clock.now() - 48 * HOUR } as never);
    }
    bucket.open.set('u', { id: 'u', key: 'predictions/user_7/x/r.csv', startedAt: clock.now() - 48 * HOUR });
  });
  afterEach(() => collector.stop());

  const calls = (of: { calls: string[] }, name: string) =>
    of.calls.filter((call) => call.split(' ')[0] === name).length;

  it('ends instances within half a minute, the rest within a few, and counts all of it', async () => {
    collector.start();
    await clock.advance(30_000);
    expect(collected).to.deep.equal({ instance: 1 });
    await clock.advance(MINUTE);
    expect(collected).to.deep.equal({ instance: 1, upload: 1, object: 3 });
    await clock.advance(10 * MINUTE);
    expect(collected).to.deep.equal({ instance: 1, upload: 1, object: 3, volume: 1 });
  });

  it('asks EC2 for volumes six times an hour and lists the bucket once, and nothing else', async () => {
    compute.machines.clear();
    collector.start();
    await clock.advance(MINUTE);
    compute.calls.length = 0;
    bucket.calls.length = 0;
    await clock.advance(HOUR);
    expect([...new Set(compute.calls.map((call) => call.split(' ')[0]))]).to.have.members(['volumes', 'deleteVolume']);
    expect(calls(compute, 'volumes')).to.equal(6);
    expect([calls(bucket, 'list'), calls(bucket, 'uploads')]).to.deep.equal([4, 1]);
  });

  for (const [what, spoil, mend] of [
    ['before the jobs are synced', () => (synced = false), () => (synced = true)],
    ['before there was a look at EC2', () => (look = () => 0), () => (look = () => clock.now())],
    [
      'on a look that is over three minutes old',
      () => (look = () => clock.now() - 3 * MINUTE - 1),
      () => (look = () => clock.now() - 3 * MINUTE),
    ],
  ] as [string, () => void, () => void][])
    it(`touches nothing ${what}, and begins within a minute of better knowledge`, async () => {
      spoil();
      collector.start();
      await clock.advance(2 * HOUR);
      expect([compute.calls, bucket.calls, collected]).to.deep.equal([[], [], {}]);
      mend();
      await clock.advance(MINUTE);
      expect(collected).to.deep.equal({ instance: 1, upload: 1, object: 3 });
    });

  it('goes on with every other kind while one fails, and tries that again', async () => {
    bucket.before('list', ...Array.from({ length: 4 }, () => failure('unreachable')));
    bucket.before('uploads', failure('unreachable'));
    compute.before('terminate', failure('throttled'));
    collector.start();
    await clock.advance(11 * MINUTE);
    expect(collected).to.deep.equal({ instance: 1, volume: 1 });
    await clock.advance(HOUR);
    expect(collected).to.deep.equal({ instance: 1, volume: 1, upload: 1, object: 3 });
  });

  it('leaves what live jobs own through three days', async () => {
    jobs = [training('x', 'Running', [attempt({ instanceId: 'i-1', batch: 'b' }), attempt({ instanceId: 'i-0' })])];
    bucket.open.set('u', { id: 'u', key: 'checkpoints/x/2.joblib', startedAt: clock.now() - 48 * HOUR });
    compute.disks.clear();
    collector.start();
    await clock.advance(72 * HOUR);
    expect(collected).to.deep.equal({});
    expect([bucket.objects.size, bucket.open.size, compute.running().length]).to.deep.equal([3, 1, 1]);
  });

  it('stops at once', async () => {
    collector.start();
    await settled();
    await collector.stop();
    expect(clock.pending).to.equal(0);
  });
});
