// What surrounds an attempt on EC2: owner tags told afterwards, terminations merged, and the choice a deadline asks for.
import { expect } from 'chai';
import { TAG } from '../../../cloud/tags.ts';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { timestamp } from '../../../crds/conditions.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import type { Selection } from '../../../operator/training/selection.ts';
import { sharedTags, Tagger } from '../../../operator/training/tagging.ts';
import { Terminations } from '../../../operator/training/terminations.ts';
import { choiceFor } from '../../../operator/training/timing.ts';
import { failure, FakeCompute } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { ago, attempt, jobOf, NOW, status } from './setting.ts';

const launched = async (compute: FakeCompute, count: number): Promise<string[]> => {
  const offers = [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }];
  const tags = { [TAG.installation]: 'spotlearn', [TAG.batch]: 'b' };
  const answer = await compute.createFleet({ launchTemplateId: 'l', market: 'spot', count, offers, token: 't', tags });
  return answer.instances.map(({ id }) => id);
};

describe('Owner tags', () => {
  it('of a shared call name the user when it is the same for all', () => {
    const of = (namespace: string) => jobOf(undefined, {}, { namespace });
    expect(sharedTags([of('ml-user-1'), of('ml-user-1')], 'b', 'x')).to.include({ [TAG.user]: '1' });
    expect(sharedTags([of('ml-user-1'), of('ml-user-2')], 'b', 'x')).not.to.have.property(TAG.user);
    expect(sharedTags([], 'b', 'x')).to.deep.equal({ [TAG.installation]: 'x', [TAG.batch]: 'b', Name: 'spotlearn' });
  });

  const stand = () => {
    const clock = new ManualClock();
    const compute = new FakeCompute(() => clock.now());
    const owners = new Map<string, TrainingJob>();
    const tagger = new Tagger({ compute, clock, logger: SILENT, owner: (id) => owners.get(id) });
    const tagged = () => compute.calls.filter((call) => call.startsWith('tag')).length;
    return { clock, compute, owners, tagger, tagged };
  };

  it('are told to one instance after another, more slowly than EC2 would refuse', async () => {
    const { clock, compute, owners, tagger, tagged } = stand();
    const ids = await launched(compute, 60);
    for (const id of ids) {
      owners.set(id, jobOf(undefined, {}, { uid: `uid of ${id}` }));
      tagger.add(id);
    }
    await clock.advance(0);
    expect(tagged()).to.be.within(19, 21);
    await clock.advance(10_000);
    expect(tagged()).to.equal(60);
    expect(compute.machines.get(ids[9] ?? '')?.jobUid).to.equal(`uid of ${ids[9]}`);
  });

  it('are not told to an instance that serves nobody any more, and a refusal ends nothing', async () => {
    const { clock, compute, owners, tagger, tagged } = stand();
    const [first = '', second = '', third = ''] = await launched(compute, 3);
    owners.set(second, jobOf(undefined));
    owners.set(third, jobOf(undefined));
    compute.before('tag', failure('throttled'));
    for (const id of [first, second, third]) tagger.add(id);
    await clock.advance(60_000);
    expect(tagged()).to.equal(2);
    expect(compute.machines.get(third)?.jobUid).to.equal('uid-1');
    tagger.add(second);
    await tagger.stop();
    expect(tagged()).to.equal(2);
  });
});

describe('Terminations', () => {
  it('of the same moment are one call to EC2, and one to the cluster', async () => {
    const clock = new ManualClock();
    const compute = new FakeCompute(() => clock.now());
    const ended: string[] = [];
    const pods: string[] = [];
    const counts: string[] = [];
    const terminations = new Terminations({
      compute,
      cluster: { terminate: async (ids) => void pods.push(...ids) },
      observation: { noteEnding: (ids) => void ended.push(...ids), isDown: (id) => id === 'i-down' },
      clock,
      onTerminated: (reason, count) => counts.push(`${reason} ${count}`),
    });
    const done = Promise.all([
      terminations.end(['i-1', 'i-2'], 'Succeeded'),
      terminations.end(['i-2', 'cluster-u-1'], 'Stopped'),
      terminations.end([], 'Stopped'),
      terminations.end(['i-down'], 'Stopped'),
    ]);
    await clock.advance(35);
    await done;
    expect(compute.calls).to.deep.equal(['terminate i-1 i-2']);
    expect(pods).to.deep.equal(['cluster-u-1']);
    expect(ended).to.deep.equal(['i-1', 'i-2', 'cluster-u-1']);
    expect(counts.sort()).to.deep.equal(['Stopped 2', 'Succeeded 2']);
  });

  it('fail together, so that each is asked for again', async () => {
    const clock = new ManualClock();
    const compute = new FakeCompute();
    compute.before('terminate', failure('throttled'));
    const terminations = new Terminations({
      ...{ compute, clock, cluster: { terminate: async () => {} } },
      observation: { noteEnding: () => expect.fail('nothing ended'), isDown: () => false },
      onTerminated: () => expect.fail('nothing ended'),
    });
    const both = Promise.allSettled([terminations.end(['i-1'], 'x'), terminations.end(['i-2'], 'x')]);
    await clock.advance(35);
    expect((await both).map((one) => one.status)).to.deep.equal(['rejected', 'rejected']);
  });
});

describe('What a deadline asks for', () => {
  const some: Selection = {
    offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }],
    reason: 'r',
    price: 0.03,
    spotPrice: 0.03,
  };
  const none: Selection = { offers: [], reason: 'none' };
  const choose = (job: TrainingJob, spot: Selection, budgetLeftUsd = 10) =>
    choiceFor(job, {
      ...{ now: NOW, budgetLeftUsd, checkpointSeconds: 60, observeSeconds: 5 },
      planner: { selection: (_job, _bytes, market) => (market === 'spot' ? spot : { ...some, price: 0.1 }) },
    });
  const due = (seconds: number) => timestamp(NOW + seconds * 1000);
  const halfDone = {
    startTime: ago(600),
    progress: { percent: 50, step: 50, steps: 100, etaSeconds: 500, lastHeartbeatTime: ago(0), lastCheckpointStep: 50 },
  };
  const working = (spec: object, more: object = {}) =>
    jobOf(status('Running', [attempt({ startedAt: ago(500), ...more })], halfDone), spec);

  it('is nothing without one, and for placements that leave no choice', () => {
    expect(choose(working({}), some)).to.equal(undefined);
    expect(choose(working({ deadline: due(9_000), placement: 'OnDemand' }), some)).to.equal(undefined);
    expect(choose(working({ deadline: due(9_000), placement: 'Cluster' }), some)).to.equal(undefined);
  });

  it('is Spot while it runs, with the work and the slack that are left', () => {
    const choice = choose(working({ deadline: due(9_000) }), some);
    expect(choice?.choice).to.equal('Spot');
    expect(choice?.workSeconds).to.be.within(500, 600);
    expect(choice?.slackSeconds).to.be.within(8_400, 8_500);
  });

  it('is on-demand when Spot was lost and no time is left for another try, within the budget', () => {
    const lost = jobOf(status('Queued', [attempt({ startedAt: ago(500), endedAt: ago(1) })], halfDone), {
      deadline: due(900),
    });
    expect(choose(lost, none)?.choice).to.equal('OnDemand');
    expect(choose(lost, none, 0.001)?.choice).to.equal('Wait');
  });

  it('is to wait while the job is ahead and Spot is away', () => {
    const ahead = jobOf(status('Queued', [attempt({ startedAt: ago(500), endedAt: ago(1) })], halfDone), {
      deadline: due(90_000),
    });
    expect(choose(ahead, none)?.choice).to.equal('Wait');
  });

  it('is Spot again for a job that on-demand has brought ahead', () => {
    expect(choose(working({ deadline: due(90_000) }, { market: 'on-demand' }), some)?.choice).to.equal('Spot');
  });
});
