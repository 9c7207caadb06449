import { expect } from 'chai';
import type { Instance } from '../../../cloud/compute.ts';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { TAG } from '../../../cloud/tags.ts';
import { collectInstances, orphanedInstances } from '../../../operator/collection/instances.ts';
import type { EventText } from '../../../operator/runtime/events.ts';
import type { KubeObject } from '../../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { failure, FakeCompute } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { attempt, instance, NOW, training } from './jobs.ts';

const ENDED = '2026-11-24T09:30:00Z';
type Row = [what: string, orphan: boolean, instance: Partial<Instance>, jobs: TrainingJob[], claimed?: string];
const ROWS: Row[] = [
  ['no job at all', true, {}, []],
  ['one launched 59 s ago', false, { launchedAt: NOW - 59_999 }, []],
  ['one launched a minute ago', true, { launchedAt: NOW - 60_000 }, []],
  ['one that is going already', false, { state: 'shutting-down' }, []],
  ['one that is gone', false, { state: 'terminated' }, []],
  ['one that stopped and still pays for its disk', true, { state: 'stopped' }, []],
  ['the instance of a running attempt', false, {}, [training('u', 'Running', [attempt({ instanceId: 'i-1' })])]],
  [
    'the instance of an attempt that ended',
    true,
    {},
    [training('u', 'Launching', [attempt({ instanceId: 'i-1', endedAt: ENDED })])],
  ],
  [
    'the old one of two while a job is being moved',
    false,
    {},
    [training('u', 'Recovering', [attempt({ instanceId: 'i-1' }), attempt({ number: 2, batch: 'b-2' })])],
  ],
  [
    'the new one of two while a job is being moved',
    false,
    { batch: 'b-2' },
    [training('u', 'Recovering', [attempt({ instanceId: 'i-0' }), attempt({ number: 2, batch: 'b-2' })])],
  ],
  ['one from the fleet call an attempt waits for', false, {}, [training('u', 'Launching', [attempt()])]],
  [
    'a second one of a fleet call whose attempt has its instance',
    true,
    {},
    [training('u', 'Running', [attempt({ instanceId: 'i-2' })])],
  ],
  [
    'one of a merged call that another job waits for',
    false,
    { jobUid: 'x' },
    [training('u', 'Launching', [attempt()])],
  ],
  ['one without a batch beside a waiting job', true, { batch: undefined }, [training('u', 'Launching', [attempt()])]],
  ['the instance of a job that is final', true, {}, [training('u', 'Failed', [attempt({ instanceId: 'i-1' })])]],
  ['the tag of a live job that knows nothing of it', true, { jobUid: 'u' }, [training('u', 'Queued')]],
  ['one given to a job whose status is not written yet', false, {}, [], 'i-1'],
  ['one on the cluster', false, { market: 'cluster' }, []],
];

describe('Orphaned instances', () => {
  for (const [what, orphan, more, jobs, claimed] of ROWS)
    it(`${orphan ? 'are' : 'are not'}: ${what}`, () => {
      const found = orphanedInstances([instance('i-1', more)], jobs, NOW, (id) => id === claimed);
      expect(found.map(({ id }) => id)).to.deep.equal(orphan ? ['i-1'] : []);
    });

  const world = (...machines: Instance[]) => {
    const compute = new FakeCompute(() => NOW);
    for (const one of machines) compute.machines.set(one.id, one);
    const told: [KubeObject, EventText][] = [];
    const counted: number[] = [];
    const ending: string[] = [];
    return {
      compute,
      told,
      counted,
      ending,
      observation: { instances: () => machines, noteEnding: (ids: readonly string[]) => void ending.push(...ids) },
      jobs: (): TrainingJob[] => [],
      events: { record: async (about: KubeObject, text: EventText) => void told.push([about, text]) },
      clock: new ManualClock(NOW),
      logger: SILENT,
      onCollected: (count: number) => void counted.push(count),
    };
  };

  it('are ended in one call, with an Event at the job they were for and one for those no tag connects', async () => {
    const ofJob = instance('i-0', { jobUid: 'u', tags: { [TAG.job]: 'ml-user-7/lost' } });
    const strays = Array.from({ length: 7 }, (_, at) => instance(`i-${at + 1}`));
    const options = world(ofJob, ...strays);
    const self = { kind: 'Lease', metadata: { name: 'operator', namespace: 'system' } };
    const ids = ['i-0', ...strays.map(({ id }) => id)];
    expect(await collectInstances({ ...options, self })).to.deep.equal(ids);
    expect(options.compute.calls).to.deep.equal([`terminate ${ids.join(' ')}`]);
    expect([options.ending, options.counted]).to.deep.equal([ids, [8]]);
    expect(options.told.map(([about, { reason }]) => [about.kind, about.metadata?.name, reason])).to.deep.equal([
      ['TrainingJob', 'lost', 'OrphanTerminated'],
      ['Lease', 'operator', 'OrphanTerminated'],
    ]);
    expect(options.told[0]?.[0].metadata?.uid).to.equal('u');
    expect(options.told[1]?.[1].message).to.match(/i-1, i-2, i-3, i-4, i-5 and 2 more\.$/);
  });

  it('are spared when the API server knows of an owner that the watch has not told of', async () => {
    const options = world(instance('i-1'), instance('i-2'));
    const fresh = [training('u', 'Running', [attempt({ instanceId: 'i-1' })])];
    expect(await collectInstances({ ...options, listJobs: async () => fresh })).to.deep.equal(['i-2']);
  });

  it('are spared when an owner shows while the API server is asked', async () => {
    const options = world(instance('i-1'));
    const jobs: TrainingJob[] = [];
    const listJobs = async () => {
      jobs.push(training('u', 'Running', [attempt({ instanceId: 'i-1' })]));
      return [];
    };
    expect(await collectInstances({ ...options, jobs: () => jobs, listJobs })).to.deep.equal([]);
    expect(options.compute.calls).to.deep.equal([]);
  });

  it('are left alone, and nobody is asked, when all have owners', async () => {
    const options = world(instance('i-1'));
    const jobs = () => [training('u', 'Running', [attempt({ instanceId: 'i-1' })])];
    const listJobs = () => expect.fail('asked');
    expect(await collectInstances({ ...options, jobs, listJobs })).to.deep.equal([]);
  });

  it('are nobody’s news when EC2 or the API server refuses', async () => {
    const options = world(instance('i-1'));
    options.compute.before('terminate', failure('throttled'));
    expect(await collectInstances(options).catch(() => 'refused')).to.equal('refused');
    const listJobs = () => Promise.reject(new Error('away'));
    expect(await collectInstances({ ...options, listJobs }).catch(() => 'refused')).to.equal('refused');
    expect([options.ending, options.counted, options.told]).to.deep.equal([[], [], []]);
    expect(await collectInstances(options)).to.deep.equal(['i-1']);
  });
});
