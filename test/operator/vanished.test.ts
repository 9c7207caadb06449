// Jobs that go without having been let go, because somebody took their finalizers away: what runs is ended, and what it cost is in the ledger.
import { expect } from 'chai';
import type { LedgerEntry } from '../../cloud/ledger/entries.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { Errands } from '../../operator/runtime/errands.ts';
import { KubernetesError } from '../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import type { Action } from '../../operator/training/actions.ts';
import { leftSomething, settle } from '../../operator/training/vanished.ts';
import { failure } from './aws.ts';
import { ManualClock } from './clock.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { World } from './world.ts';

const attempt = (number: number, more: object = {}) => ({
  ...{ number, batch: 'b', market: 'spot', requestedAt: '2026-11-27T10:00:00Z', instanceId: `i-${number}` },
  ...more,
});
const job = (...attempts: object[]) => ({ metadata: { name: 'j' }, status: { attempts } }) as unknown as TrainingJob;
const ENDED = { endedAt: '2026-11-27T11:00:00Z' };

describe('A job that vanished', () => {
  it('left something while an attempt is open or not in the ledger', () => {
    expect(leftSomething(job())).to.equal(false);
    expect(leftSomething(job(attempt(1, ENDED)))).to.equal(false);
    expect(leftSomething(job(attempt(1)))).to.equal(true);
    expect(leftSomething(job(attempt(1, { ...ENDED, unbilled: true })))).to.equal(true);
  });

  it('is settled: open attempts end as of that moment, old ends are delivered, and it is let go', async () => {
    const acts: Action[] = [];
    const act = async (_: TrainingJob, action: Action) => {
      acts.push(action);
      if (action.do === 'removeFinalizer') throw new KubernetesError('Conflict', 'another has its name', 409);
      return {};
    };
    await settle({ act }, job(attempt(1, { ...ENDED, unbilled: true }), attempt(2)), 77);
    expect(acts.map(({ do: what }) => what)).to.deep.equal(['end', 'deliver', 'removeFinalizer']);
    expect(acts[0]).to.include({ reason: 'Deleted', cause: 'deletion', downSince: 77 });
  });

  it('is not settled while the ledger is away, nor while the API server is', async () => {
    const unbilled = { outcome: { of: 'ended', unbilled: true } };
    const away = async () => unbilled as never;
    expect(await settle({ act: away }, job(attempt(1)), 0).catch((error: Error) => error.message)).to.equal(
      'the ledger is away',
    );
    const broken = async () => {
      throw new KubernetesError('Server', 'it broke', 500);
    };
    expect(await settle({ act: broken }, job(), 0).catch((error: Error) => error.message)).to.equal('it broke');
  });

  it('is an errand: tried again until it is done, and no more once this process leads no more', async () => {
    const clock = new ManualClock();
    const errands = new Errands({ clock, logger: SILENT, againMs: 1000 });
    let tries = 0;
    const work = (succeeds: number) => async () => {
      if ((tries += 1) < succeeds) throw new Error('not yet');
    };
    errands.run('a', work(3));
    for (let turn = 0; turn < 5; turn += 1) await clock.advance(1000);
    expect(tries).to.equal(3);
    errands.run('b', work(Infinity));
    await clock.advance(1000);
    const before = tries;
    errands.stop();
    await clock.advance(5000);
    errands.run('c', work(Infinity));
    expect(tries).to.equal(before);
  });
});

describe('Jobs robbed of their finalizers, on a Kubernetes API', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  beforeEach(async () => {
    world = new World(cluster);
    await world.operate();
    await world.account();
  });
  afterEach(() => world.close());

  const rob = async (resource: typeof TRAINING_JOBS, name: string): Promise<void> => {
    const { namespace } = world;
    await cluster.client.delete(resource, name, { namespace });
    await cluster.client
      .mergePatch(resource, name, { metadata: { finalizers: null } }, { namespace })
      .catch(() => undefined);
  };
  const entries = () =>
    world.bucket.keys(`ledger/user_${world.userId}/`).map((key) => world.bucket.json<LedgerEntry>(key));

  it('a training’s instance is ended and paid for, also after the ledger was away', async () => {
    const { metadata } = await world.train('t');
    const id = await world.instance('t');
    world.bucket.before('put', failure('unreachable'));
    await rob(TRAINING_JOBS, 't');
    await eventually(() => world.compute.machines.get(id)?.state === 'terminated');
    const [entry] = await eventually(() => entries().length > 0 && entries(), 18_000);
    expect(entry).to.deep.include({ operation: 'training', outcome: 'Deleted', attempt: 1 });
    expect(entry?.job.uid).to.equal(metadata?.uid);
    expect(entry?.usd).to.be.greaterThan(0);
  });

  it('a prediction’s invocation is paid for, and nothing of it stays', async () => {
    world.bucket.set(`datasets/user_${world.userId}/a.csv`, 'age,sum\n1,2\n3,4\n5,6\n');
    world.model('model');
    world.functions.handler = () => new Promise(() => undefined);
    await world.predict('p');
    await eventually(() => world.functions.events.length === 1);
    await rob(PREDICTION_JOBS, 'p');
    const [entry] = await eventually(() => entries().length > 0 && entries());
    expect(entry).to.deep.include({ operation: 'prediction', outcome: 'Cancelled' });
    expect(entry?.usd).to.be.greaterThan(0);
    await eventually(() => world.bucket.keys(`predictions/user_${world.userId}/`).length === 0);
  });
});
