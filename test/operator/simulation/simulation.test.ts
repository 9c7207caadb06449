import { expect } from 'chai';
import type { FleetRequest } from '../../../cloud/compute.ts';
import { TAG } from '../../../cloud/tags.ts';
import { lastState } from './computation.ts';
import { figuresOf, violations } from './invariants.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';
import { table, verdict } from './table.ts';
import { throughput } from './throughput.ts';

const LONG = { model: { type: 'random_forest', hyperparameters: { n_estimators: 40, max_depth: 3 } } };

describe('The simulation', function () {
  this.timeout(60_000);
  let sim: Simulation;
  beforeEach(async () => {
    sim = new Simulation();
    await sim.account();
    await sim.operate();
  });
  afterEach(() => sim.close());

  async function played(): Promise<void> {
    await sim.until(() => sim.allEnded, 1_200, 'the end');
    await sim.pass(200);
  }

  it('lets a job live from nothing to a model in virtual time', async () => {
    await sim.train('job');
    await played();
    expect(violations(sim)).to.deep.equal([]);
    expect(figuresOf(sim)).to.include({ jobs: 1, machines: 1, interruptions: 0, attempts: 1, lostMax: 0 });
    expect(sim.story('job').phases).to.deep.equal(['Launching', 'Booting', 'Running', 'Finishing', 'Succeeded']);
    expect(sim.phase('job')).to.equal('Succeeded');
  });

  it('goes on from the last checkpoint when a machine is taken, and counts what was lost', async () => {
    await sim.train('job', LONG);
    sim.when(
      () => (sim.fleet.deeds[0]?.step ?? 0) >= 30,
      () => sim.fleet.interrupt(sim.fleet.deeds[0]?.machine ?? '', 0),
    );
    await played();
    expect(violations(sim)).to.deep.equal([]);
    const [first, second] = sim.fleet.deeds;
    expect(second?.resumedFrom).to.equal(first?.saved);
    const { interruptions, lostMax } = figuresOf(sim);
    expect(interruptions).to.equal(1);
    expect(lostMax).to.equal(((first?.step ?? 0) - (first?.saved ?? 0)) * 3);
  });

  it('plays the same story for the same seed', async () => {
    const story = async (seed: number): Promise<string[]> => {
      await sim.close();
      sim = new Simulation({ seed });
      await sim.account();
      await sim.operate();
      await sim.train('job', LONG);
      await played();
      return [
        ...sim.story('job').phases,
        String(sim.seconds),
        String(sim.compute.truth.get('i-00000000000000001')?.endedAt),
      ];
    };
    const once = await story(5);
    expect(await story(5)).to.deep.equal(once);
  });

  it('says with which jobs it is stuck', async () => {
    sim.compute.empty.add('spot/*');
    await sim.train('job');
    const error = await sim.until(() => sim.allEnded, 60, 'the end').catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).to.match(/the end did not come true in 60 s[^]*job Queued: /);
  });

  describe('finds', () => {
    /** What was tampered with, and what must be said of it. */
    const TAMPERED: Record<string, [tamper: () => void, said: RegExp]> = {
      'a machine that runs on': [() => sim.compute.set('i-00000000000000001', { state: 'running' }), /still runs/],
      'a machine that nobody paid for': [
        () => {
          for (const key of sim.bucket.keys('ledger/')) void sim.bucket.delete(key);
        },
        /is not in the ledger/,
      ],
      'a bill without a machine': [
        () => sim.bucket.set('ledger/x.json', { job: { uid: 'x' }, attempt: 1, usd: 1, seconds: 60 }),
        /which had no machine/,
      ],
      'a bill that is too high': [
        () => {
          const [key = ''] = sim.bucket.keys('ledger/');
          sim.bucket.set(key, { ...sim.bucket.json<object>(key), seconds: 5000 });
        },
        /the ledger says 5000 s/,
      ],
      'a model that is another': [
        () => {
          const [key = ''] = sim.bucket.keys('models/').filter((name) => name.endsWith('model.onnx'));
          sim.bucket.set(key, 'another');
        },
        /not that of an uninterrupted training/,
      ],
      'a model without its manifest': [
        () => {
          for (const key of sim.bucket.keys('models/')) void sim.bucket.delete(key);
        },
        /has no model/,
      ],
      'two machines for one attempt': [
        () => sim.fleet.deeds.push({ ...(sim.fleet.deeds[0] as never as object), machine: 'i-2' } as never),
        /ran on i-00000000000000001 and i-2/,
      ],
      'an instance with two owners': [
        () => sim.story('job').attempts.set(2, { number: 2, instanceId: 'i-00000000000000001', endedAt: 'x' } as never),
        /is of job attempt 1 and of job attempt 2/,
      ],
      'an interruption that never was': [
        () =>
          sim.story('job').attempts.set(1, { ...sim.story('job').attempts.get(1), endReason: 'Interrupted' } as never),
        /nothing had happened/,
      ],
      'work done twice': [
        () =>
          sim.fleet.deeds.push({
            ...(sim.fleet.deeds[0] as never as object),
            ...{ attempt: 2, resumedFrom: 0, machine: 'i-00000000000000001', stepMs: 10_000 },
          } as never),
        /more than a checkpoint interval/,
      ],
      'an attempt that never ended': [
        () => sim.story('job').attempts.set(1, { ...sim.story('job').attempts.get(1), endedAt: undefined } as never),
        /its attempt 1 did not/,
      ],
      'a job that ended otherwise': [
        () => (sim.story('job').job = { ...sim.story('job').job, status: { phase: 'Failed' } }),
        /is Failed instead of Succeeded/,
      ],
    };
    for (const [what, [tamper, said]] of Object.entries(TAMPERED))
      it(what, async () => {
        await sim.train('job');
        await played();
        expect(violations(sim)).to.deep.equal([]);
        tamper();
        expect(violations(sim).join('\n')).to.match(said);
      });
  });

  it('knows the token of a fleet call by its parameters, for ever', async () => {
    const request: FleetRequest = {
      ...{ launchTemplateId: 'lt-1', market: 'spot' as const, count: 1, token: 't', tags: { [TAG.jobUid]: 'x' } },
      offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }],
    };
    const first = await sim.compute.createFleet(request);
    expect(await sim.compute.createFleet(request)).to.deep.equal(first);
    const error = await sim.compute.createFleet({ ...request, count: 2 }).catch((thrown: unknown) => thrown);
    expect(error).to.include({ kind: 'precondition' });
    expect(sim.compute.truth).to.have.length(1);
  });

  it('gives a message of the queue out again unless it was deleted, five times at most', async () => {
    await sim.close();
    sim = new Simulation();
    const { notices, clock } = sim;
    const { signal } = new AbortController();
    notices.tell('Instance Rebalance Recommendation', 'i-1');
    for (let time = 1; time <= 5; time += 1) {
      const [message] = await sim.drive(notices.receive(signal));
      expect(message?.receives).to.equal(time);
      if (message && time === 2) await notices.hide([message], 5);
      await clock.advance(time === 2 ? 6_000 : 31_000);
    }
    expect(notices.dead).to.have.length(1);
    notices.send('{}');
    await notices.delete(await notices.receive(signal));
    expect(await sim.drive(notices.receive(signal))).to.deep.equal([]);
  });

  it('measures whole lives a second', async () => {
    await sim.close();
    const { lifecyclesPerSecond, machines, fleetCalls, violations: found } = await throughput(30);
    expect(found).to.deep.equal([]);
    expect(machines).to.equal(30);
    expect(fleetCalls).to.be.lessThan(5);
    expect(lifecyclesPerSecond).to.be.greaterThan(1);
  });
});

describe('What simulations are made of', () => {
  it('computes a state that depends on every step, the data and the seed', () => {
    const states = [lastState('a', 0, 10), lastState('a', 0, 11), lastState('b', 0, 10), lastState('a', 1, 10)];
    expect(new Set(states)).to.have.length(4);
    expect(lastState('a', 0, 10)).to.equal(states[0]);
  });

  it('has chance that can be repeated and is even', () => {
    const [one, other] = [new Random(1), new Random(1)];
    const thrown = Array.from({ length: 2_000 }, () => one.whole(1, 6));
    expect(Array.from({ length: 2_000 }, () => other.whole(1, 6))).to.deep.equal(thrown);
    for (const side of [1, 2, 3, 4, 5, 6]) expect(thrown.filter((eyes) => eyes === side).length).to.be.within(250, 420);
    const waits = Array.from({ length: 2_000 }, () => one.exponential(10));
    expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length).to.be.within(9, 11);
  });

  it('draws tables', () => {
    expect(
      table(
        ['what', 'runs'],
        [
          ['a', verdict(0, 12)],
          ['longer', verdict(2, 12)],
        ],
      ),
    ).to.equal(['what         runs', '──────  ─────────', 'a            ✓ 12', 'longer  ✗ 2 of 12'].join('\n'));
  });
});
