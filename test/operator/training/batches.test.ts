// Launches of like jobs in one fleet call: merged, written down, repeated by another process, and never for nobody.
import { expect } from 'chai';
import { TAG } from '../../../cloud/tags.ts';
import { batchKey } from '../../../cloud/keys.ts';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { Batches, type Answer, type BatchesOptions } from '../../../operator/training/batches.ts';
import type { BatchRecord } from '../../../operator/training/batch-record.ts';
import { currentAttempt } from '../../../operator/training/job.ts';
import { Pools } from '../../../operator/training/pools.ts';
import { failure, FakeBucket, FakeCompute } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { ROLE_ID } from '../worker.ts';
import { asked, attempt, jobOf, status } from './setting.ts';

const places = {
  bucket: 'bucket',
  datasetPrefix: 'datasets',
  modelPrefix: 'models',
  predictionPrefix: 'predictions',
  workerRoleId: ROLE_ID,
};
const offers = [
  { instanceType: 'm5.large', zone: 'a', subnetId: 's-a' },
  { instanceType: 'm5.large', zone: 'b', subnetId: 's-b' },
];

/** One or two processes over the same jobs, bucket and EC2. */
class Stand {
  readonly clock = new ManualClock();
  readonly compute = new FakeCompute(() => this.clock.now());
  readonly bucket = new FakeBucket(() => this.clock.now());
  readonly pools = new Pools(() => this.clock.now());
  readonly jobs = new Map<string, TrainingJob>();
  readonly woken: string[] = [];
  readonly surplus: string[] = [];
  readonly noted: string[] = [];

  process(more: Partial<BatchesOptions> = {}): Batches {
    return new Batches({
      compute: this.compute,
      bucket: this.bucket,
      places,
      pools: this.pools,
      installation: 'spotlearn',
      launchTemplateId: 'lt-1',
      clock: this.clock,
      logger: SILENT,
      job: (uid) => this.jobs.get(uid),
      waiting: (batch) =>
        [...this.jobs.values()].filter((job) => {
          const current = currentAttempt(job.status);
          return current?.batch === batch && current.instanceId === undefined;
        }),
      held: (id) => [...this.jobs.values()].some((job) => currentAttempt(job.status)?.instanceId === id),
      onInstance: ({ id }) => this.noted.push(id),
      onAnswer: (uid) => this.woken.push(uid),
      onFleet: () => {},
      surplus: async (ids) => {
        this.surplus.push(...ids);
        await this.compute.terminate(ids);
      },
      ...more,
    });
  }

  /** A job whose attempt is written down with the batch it joined. */
  write(uid: string, batch: string, more: object = {}): TrainingJob {
    const job = jobOf(status('Launching', [attempt({ ...asked, batch })]), {}, { uid, name: uid, ...more });
    this.jobs.set(uid, job);
    return job;
  }

  ask(batches: Batches, uid: string, batch: string): Answer | undefined {
    return batches.ask({ batch, uid, attempt: 1, market: 'spot', offers });
  }

  withdraw(batches: Batches, uid: string, batch: string): Answer | undefined {
    return batches.withdraw({ batch, uid, attempt: 1, market: 'spot', offers });
  }

  /** Joins, is written down, asks. */
  begin(batches: Batches, uid: string): string {
    const batch = batches.join('spot', offers);
    this.write(uid, batch);
    expect(this.ask(batches, uid, batch)).to.equal(undefined);
    return batch;
  }

  /** The status says which instance it is. */
  settle(uid: string, answer: Answer | undefined): void {
    const { status: old } = this.jobs.get(uid) as TrainingJob;
    if (answer?.got !== 'instance') throw new Error(`${uid} got nothing`);
    const attempts = old?.attempts?.map((one) => ({ ...one, instanceId: answer.instance.id }));
    this.jobs.set(uid, { ...(this.jobs.get(uid) as TrainingJob), status: { ...old, attempts } });
  }
}

const idOf = (answer: Answer | undefined): string | undefined =>
  answer?.got === 'instance' ? answer.instance.id : undefined;

describe('A batch of launches', () => {
  it('is one fleet call for like jobs, each with an instance of its own', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const ids = ['u1', 'u2', 'u3'].map((uid) => stand.begin(batches, uid));
    expect(new Set(ids)).to.have.length(1);
    await stand.clock.advance(35);
    expect(stand.compute.requests.map(({ count }) => count)).to.deep.equal([3]);
    const answers = ['u1', 'u2', 'u3'].map((uid) => idOf(stand.ask(batches, uid, ids[0] ?? '')));
    expect(new Set(answers)).to.have.length(3);
    expect(stand.woken.sort()).to.deep.equal(['u1', 'u2', 'u3']);
    expect(stand.noted).to.have.length(3);
  });

  it('is written down before it is sent', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.compute.before('createFleet', failure('denied'));
    await stand.clock.advance(35);
    expect(stand.bucket.json<BatchRecord>(batchKey(id))?.members).to.deep.equal([{ uid: 'u1', attempt: 1 }]);
    expect(stand.ask(batches, 'u1', id)).to.include({ got: 'nothing', cause: 'platform' });
  });

  it('carries all owner tags for one job, and what is shared for several', async () => {
    const stand = new Stand();
    const batches = stand.process();
    stand.begin(batches, 'u1');
    await stand.clock.advance(35);
    stand.begin(batches, 'u2');
    stand.begin(batches, 'u3');
    await stand.clock.advance(35);
    const [one, several] = stand.compute.requests.map(({ tags }) => tags);
    expect(one).to.include({ [TAG.user]: '1', [TAG.job]: 'ml-user-1/u1', [TAG.jobUid]: 'u1' });
    expect(several).to.include({ [TAG.user]: '1', [TAG.installation]: 'spotlearn' });
    expect(several).not.to.have.any.keys(TAG.job, TAG.jobUid);
  });

  it('waits for a job that joined and is still being written, a second at most', async () => {
    const stand = new Stand();
    const batches = stand.process();
    stand.begin(batches, 'u1');
    const id = batches.join('spot', offers);
    stand.write('u2', id);
    await stand.clock.advance(900);
    expect(stand.compute.requests).to.deep.equal([]);
    stand.ask(batches, 'u2', id);
    await stand.clock.advance(35);
    expect(stand.compute.requests.map(({ count }) => count)).to.deep.equal([2]);
    const late = batches.join('spot', offers);
    stand.begin(batches, 'u3');
    await stand.clock.advance(1_000);
    expect(stand.compute.requests).to.have.length(2);
    stand.write('u4', late);
    expect(stand.ask(batches, 'u4', late)).to.include({ got: 'nothing', cause: 'none' });
  });

  it('holds 500 jobs at most', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const ids = Array.from({ length: 501 }, (_, at) => stand.begin(batches, `u${String(at).padStart(3, '0')}`));
    await stand.clock.advance(1_000);
    expect(stand.compute.requests.map(({ count }) => count).sort()).to.deep.equal([1, 500]);
    expect(new Set(ids)).to.have.length(2);
  });

  it('shares calls the more the longer a stream of jobs lasts', async () => {
    const stand = new Stand();
    const batches = stand.process();
    for (let at = 0; at < 600; at += 1) {
      stand.begin(batches, `u${at}`);
      await stand.clock.advance(100);
    }
    await stand.clock.advance(5_000);
    expect(stand.compute.requests.length).to.be.at.most(20);
    expect(stand.compute.machines.size).to.equal(600);
  });

  it('serves whom it can; only the others go without, and the empty pools are remembered', async () => {
    const stand = new Stand();
    stand.compute.empty.add('spot/m5.large/a');
    stand.compute.room.set('spot/m5.large/b', 1);
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.begin(batches, 'u2');
    await stand.clock.advance(35);
    expect(idOf(stand.ask(batches, 'u1', id))).to.match(/^i-/);
    expect(stand.ask(batches, 'u2', id)).to.include({ got: 'nothing', cause: 'capacity' });
    expect(stand.pools.blockedUntil('spot', 'm5.large', 'a')).to.be.greaterThan(0);
  });

  it('refused as a whole for want of capacity, is a refusal of each pool', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.compute.before('createFleet', failure('capacity'));
    await stand.clock.advance(35);
    expect(stand.ask(batches, 'u1', id)).to.include({ got: 'nothing', cause: 'capacity' });
    expect(stand.pools.blockedUntil('spot', 'm5.large', 'b')).to.be.greaterThan(0);
  });

  it('is sent again with the same token while EC2 throttles or does not answer, for as long as it takes', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.compute.before('createFleet', ...Array.from({ length: 20 }, () => failure('throttled')));
    stand.compute.after('createFleet', failure('unreachable'));
    await stand.clock.advance(600_000);
    await stand.clock.advance(60_000);
    expect(idOf(stand.ask(batches, 'u1', id))).to.match(/^i-/);
    expect(stand.compute.machines.size).to.equal(1);
  });

  it('whose token EC2 knows otherwise is found by its tag, or given up after a minute', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.compute.before('createFleet', failure('precondition'));
    await stand.clock.advance(35);
    stand.compute.before('createFleet', ...Array.from({ length: 60 }, () => failure('precondition')));
    await stand.clock.advance(120_000);
    expect(stand.ask(batches, 'u1', id)).to.include({ got: 'nothing', cause: 'platform' });
  });
});

describe('A job that no longer wants an instance', () => {
  it('leaves a batch that still collects', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    expect(stand.withdraw(batches, 'u1', id)).to.include({ got: 'nothing', cause: 'none' });
    await stand.clock.advance(1_000);
    expect(stand.compute.requests).to.deep.equal([]);
  });

  it('learns what became of a batch under way; what it would have got is ended', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.begin(batches, 'u2');
    stand.bucket.before('put', failure('unreachable'));
    await stand.clock.advance(35);
    expect(stand.withdraw(batches, 'u1', id)).to.equal(undefined);
    await stand.clock.advance(1_000);
    // Launched for it: its own to end and to pay for.
    const unwanted = idOf(stand.withdraw(batches, 'u1', id));
    expect(unwanted).to.match(/^i-/);
    expect(unwanted).not.to.equal(idOf(stand.ask(batches, 'u2', id)));
    expect(stand.surplus).to.deep.equal([]);
  });

  it('gives its place to those who want one, when there are not enough', async () => {
    const stand = new Stand();
    stand.compute.room.set('spot/m5.large/a', 1);
    stand.compute.empty.add('spot/m5.large/b');
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    stand.begin(batches, 'u2');
    stand.bucket.before('put', failure('unreachable'));
    await stand.clock.advance(35);
    stand.withdraw(batches, 'u1', id);
    await stand.clock.advance(1_000);
    expect(stand.withdraw(batches, 'u1', id)).to.include({ got: 'nothing', cause: 'none' });
    expect(idOf(stand.ask(batches, 'u2', id))).to.match(/^i-/);
  });

  it('is told of an instance that was given to it before', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    await stand.clock.advance(35);
    expect(idOf(stand.withdraw(batches, 'u1', id))).to.match(/^i-/);
  });

  it('and is gone altogether leaves an instance that is ended at once', async () => {
    const stand = new Stand();
    const batches = stand.process();
    stand.begin(batches, 'u1');
    stand.jobs.delete('u1');
    await stand.clock.advance(35);
    expect(stand.surplus).to.have.length(1);
    expect(stand.compute.running()).to.deep.equal([]);
  });
});

describe('A batch after a crash', () => {
  it('that was never written down is sent once, by whoever comes first', async () => {
    const stand = new Stand();
    for (const uid of ['u1', 'u2']) stand.write(uid, 'lost');
    const [old, next] = [stand.process(), stand.process()];
    expect(stand.ask(next, 'u1', 'lost')).to.equal(undefined);
    await stand.clock.advance(0);
    expect(idOf(stand.ask(next, 'u1', 'lost'))).to.match(/^i-/);
    stand.ask(old, 'u1', 'lost');
    await stand.clock.advance(0);
    expect(stand.compute.machines.size).to.equal(2);
    expect([stand.ask(old, 'u1', 'lost'), stand.ask(old, 'u2', 'lost')].map(idOf)).to.deep.equal(
      [stand.ask(next, 'u1', 'lost'), stand.ask(next, 'u2', 'lost')].map(idOf),
    );
  });

  it('whose answer was lost gives the same instances again, and to those without one', async () => {
    const stand = new Stand();
    const first = stand.process();
    const id = stand.begin(first, 'u1');
    stand.begin(first, 'u2');
    await stand.clock.advance(35);
    stand.settle('u1', stand.ask(first, 'u1', id));
    await first.stop();
    const second = stand.process();
    stand.ask(second, 'u2', id);
    await stand.clock.advance(0);
    const got = idOf(stand.ask(second, 'u2', id));
    expect(got).to.match(/^i-/);
    expect(got).not.to.equal(currentAttempt(stand.jobs.get('u1')?.status)?.instanceId);
    expect(stand.compute.machines.size).to.equal(2);
    expect(stand.surplus).to.deep.equal([]);
  });

  it('leaves an instance with a ticket to the job the ticket names', async () => {
    const stand = new Stand();
    const first = stand.process();
    const id = stand.begin(first, 'u1');
    stand.begin(first, 'u2');
    await stand.clock.advance(35);
    const [low = '', high = ''] = [...stand.compute.machines.keys()].sort();
    // Put against the order of the ids, its status never written.
    stand.bucket.set(`instances/${ROLE_ID}:${low}/ticket.json`, { job: { uid: 'u2', attempt: 1 } });
    await first.stop();
    const second = stand.process();
    for (const uid of ['u1', 'u2']) stand.ask(second, uid, id);
    await stand.clock.advance(0);
    expect(['u1', 'u2'].map((uid) => idOf(stand.ask(second, uid, id)))).to.deep.equal([high, low]);
  });

  it('that nobody waits for any more is never sent', async () => {
    const stand = new Stand();
    stand.write('u1', 'lost', { deletionTimestamp: '2026-11-24T10:00:00Z' });
    const batches = stand.process();
    expect(stand.withdraw(batches, 'u1', 'lost')).to.equal(undefined);
    await stand.clock.advance(0);
    expect(stand.withdraw(batches, 'u1', 'lost')).to.include({ got: 'nothing', cause: 'none' });
    expect(stand.compute.requests).to.deep.equal([]);
    // A late former leader finds the place taken, and does not send either.
    const late = stand.process();
    stand.write('u1', 'lost');
    stand.ask(late, 'u1', 'lost');
    await stand.clock.advance(0);
    expect(stand.compute.requests).to.deep.equal([]);
    expect(stand.ask(late, 'u1', 'lost')).to.include({ got: 'nothing', cause: 'none' });
  });

  it('for which there is no pool any more is given up and never sent', async () => {
    const stand = new Stand();
    stand.write('u1', 'lost');
    const batches = stand.process();
    const ask = () => batches.ask({ batch: 'lost', uid: 'u1', attempt: 1, market: 'spot', offers: [] });
    ask();
    await stand.clock.advance(0);
    expect(ask()).to.include({ got: 'nothing', cause: 'none' });
    expect(stand.compute.requests).to.deep.equal([]);
  });

  it('that is old is looked for by its tag and not sent again: EC2 has forgotten the token', async () => {
    const stand = new Stand();
    const first = stand.process();
    const id = stand.begin(first, 'u1');
    await stand.clock.advance(35);
    await first.stop();
    stand.compute.fleets.clear();
    await stand.clock.advance(7 * 3_600_000);
    const second = stand.process();
    stand.ask(second, 'u1', id);
    await stand.clock.advance(0);
    expect(idOf(stand.ask(second, 'u1', id))).to.match(/^i-/);
    expect(stand.compute.machines.size).to.equal(1);
  });

  it('stops without a word when the process does', async () => {
    const stand = new Stand();
    const batches = stand.process();
    stand.begin(batches, 'u1');
    stand.bucket.before('put', failure('unreachable'), failure('unreachable'));
    await stand.clock.advance(35);
    await batches.stop();
    await stand.clock.advance(60_000);
    expect(stand.compute.requests).to.deep.equal([]);
    expect(stand.woken).to.deep.equal([]);
    expect(stand.clock.pending).to.equal(0);
  });

  it('protects from the collector what is given and not written yet', async () => {
    const stand = new Stand();
    const batches = stand.process();
    const id = stand.begin(batches, 'u1');
    await stand.clock.advance(35);
    expect(batches.claimed(idOf(stand.ask(batches, 'u1', id)) ?? '')).to.equal(true);
    expect(batches.claimed('i-other')).to.equal(false);
  });
});
