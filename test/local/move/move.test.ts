import { expect } from 'chai';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { API_VERSION, FINALIZER, identityOf, MOVED_TO } from '../../../crds/objects.ts';
import type { Movable } from '../../../local/move/carried.ts';
import { MOVED_FROM } from '../../../local/move/carried.ts';
import { heldIn, isMove } from '../../../local/move/fence.ts';
import { CONFIG_MAPS, inventoryOf } from '../../../local/move/inventory.ts';
import { move, rehearse, undo } from '../../../local/move/move.ts';
import { StartFailure } from '../../../local/stack/failure.ts';
import type { Kubernetes, Resource } from '../../../operator/runtime/kubernetes.ts';
import {
  ACCOUNTS,
  NAMESPACES,
  PREDICTION_JOBS,
  QUOTAS,
  ROLE_BINDINGS,
  TRAINING_JOBS,
} from '../../../operator/runtime/resources.ts';
import { eventually } from '../../operator/cluster.ts';
import { checkpoint, report, succeed, ticketOf } from '../../operator/worker.ts';
import { World } from '../../operator/world.ts';
import { HASTY, Killed, Mortal, startEnds, type Ends } from './ends.ts';
import { FIRST, furnish, SYSTEM } from './furniture.ts';

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true };
const DEFINITIONS: Resource = {
  ...{ group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', namespaced: false },
};
const NAMESPACE = 'ml-user-7';

describe('A move to another cluster', function () {
  this.timeout(60_000);
  let ends: Ends;
  let said: string[];
  beforeEach(async () => {
    ends = await startEnds();
    said = [];
  });
  afterEach(() => ends.close());
  const facts = (mortal = new Mortal()) => ({
    from: mortal.over(ends.here.client),
    to: mortal.over(ends.there.client),
    tell: (sentence: string) => void said.push(sentence),
    clock: HASTY,
  });
  const refused = async (doing: Promise<void>): Promise<string> => {
    try {
      await doing;
    } catch (error) {
      expect(error).to.be.instanceOf(StartFailure);
      return (error as Error).message;
    }
    throw new Error('It was not refused');
  };

  /** What must be there afterwards, whichever way it came about. */
  async function arrived(): Promise<void> {
    const [left, come] = [await inventoryOf(ends.here.client), await inventoryOf(ends.there.client)];
    for (const what of ['Account', 'TrainingJob', 'PredictionJob', 'Chat'] as const) {
      expect(come[what].map(({ metadata }) => metadata?.name)).to.deep.equal(
        left[what].map((one) => one.metadata?.name),
      );
      for (const [at, original] of left[what].entries()) {
        const copy = come[what][at];
        expect(copy?.spec).to.deep.equal(original.spec);
        expect(copy?.data).to.deep.equal(original.data);
        expect(copy?.metadata?.labels).to.deep.equal(original.metadata?.labels);
        expect(copy?.metadata?.annotations).to.include({ [MOVED_FROM]: original.metadata?.uid });
        if (what === 'TrainingJob' || what === 'PredictionJob') {
          expect(copy?.metadata?.finalizers).to.deep.equal([FINALIZER]);
          expect(identityOf(copy as unknown as TrainingJob)).to.equal(identityOf(original as unknown as TrainingJob));
          expect({ ...copy?.status, origin: undefined }).to.deep.equal({ ...original.status, origin: undefined });
        }
        if (what !== 'Chat') {
          expect(original.metadata?.finalizers).to.equal(undefined);
          expect(original.metadata?.annotations).to.include.keys(MOVED_TO);
        }
      }
    }
    const [source, destination] = [await heldIn(ends.here.client), await heldIn(ends.there.client)];
    expect(isMove(source.holder)).to.equal(true);
    expect(source.movedAt).to.be.a('string');
    expect(destination).to.deep.equal({ holder: '', movedAt: undefined });
  }

  it('leaves a running training on its instance, which the operator there takes to its end and pays for once', async () => {
    const world = new World(ends.here);
    const first = await world.operate({ leaderElection: true });
    await world.account({ limits: { trainingUsd: 5 } });
    await world.train('one');
    await world.trained('one', 'Booting');
    const [{ id = '' } = {}] = world.compute.running();
    report(world.bucket, id);
    const before = await world.trained('one', 'Running');
    await first.close();
    await move(facts());
    expect(said.join('\n')).to.include('1 of the trainings on an instance, which goes on meanwhile');
    await world.operate({ leaderElection: true }, undefined, ends.there.connection);
    report(world.bucket, id, { sequence: 2, percent: 80 });
    const read = () => ends.there.client.get<TrainingJob>(TRAINING_JOBS, 'one', world.namespace);
    await eventually(async () => (await read()).status?.progress?.percent === 80);
    succeed(world.bucket, id);
    const { status } = await eventually(async () => {
      const job = await read();
      return job.status?.phase === 'Succeeded' ? job : undefined;
    });
    expect(status?.attempts?.map(({ instanceId, endReason }) => [instanceId, endReason])).to.deep.equal([
      [id, 'Succeeded'],
    ]);
    expect(status?.model?.id).to.equal(`one-${before.metadata?.uid?.slice(0, 8)}`);
    expect(world.compute.calls.filter((call) => call.startsWith('createFleet'))).to.have.length(1);
    expect(world.bucket.keys(`ledger/user_${world.userId}/`)).to.have.length(1);
    const account = await eventually(async () => {
      const one = await ends.there.client.get<Movable>(ACCOUNTS, `user-${world.userId}`);
      return (one.status?.['month'] as { operations?: number } | undefined)?.operations === 1 ? one : undefined;
    });
    expect(account.spec).to.have.nested.property('limits.trainingUsd', 5);
    for (const resource of [QUOTAS, ROLE_BINDINGS])
      expect((await ends.there.client.list(resource, {}, world.namespace)).items).to.have.length(1);
    await world.close();
  });

  it('lets a training go on from its checkpoint whose instance the operator there ended before, knowing no job of it', async () => {
    const world = new World(ends.here);
    const first = await world.operate({ leaderElection: true });
    await world.account();
    await world.train('one');
    await world.trained('one', 'Booting');
    const [{ id = '' } = {}] = world.compute.running();
    checkpoint(world.bucket, id, 7);
    const saved = { key: 'checkpoints/7.joblib', step: 7, at: new Date().toISOString(), bytes: 15 };
    report(world.bucket, id, { checkpoint: saved });
    await world.trained('one', 'Running');
    await first.close();
    await world.compute.terminate([id]);
    await move(facts());
    await world.operate({ leaderElection: true }, undefined, ends.there.connection);
    const next = await eventually(() => world.compute.running()[0]?.id);
    expect(next).not.to.equal(id);
    const ticket = await eventually(() => ticketOf(world.bucket, next));
    expect([ticket.job.attempt, ticket.resume?.step]).to.deep.equal([2, 7]);
    await world.close();
  });

  it('keeps spec, status, marks and who a job was', async () => {
    await furnish(ends.here.client);
    await move(facts());
    await arrived();
    const older = await ends.there.client.get<TrainingJob>(TRAINING_JOBS, 'older', NAMESPACE);
    expect(older.status?.origin).to.deep.equal(FIRST);
    expect(said).to.include(
      'Carried over: 1 account, 2 trainings, 1 prediction and 1 chat (1 of the trainings on an instance, which goes on meanwhile).',
    );
  });

  it('only says what it would do until it is told to', async () => {
    await furnish(ends.here.client);
    const mortal = new Mortal();
    await rehearse(facts(mortal));
    expect(mortal.calls).to.deep.equal([]);
    expect(said).to.have.length(1);
    expect(said[0]).to.include('To be carried over: 1 account, 2 trainings, 1 prediction and 1 chat');
  });

  it('goes on where it stopped, killed after any of its calls', async () => {
    const whole = new Mortal();
    await furnish(ends.here.client);
    await move(facts(whole));
    expect(whole.calls).to.include('create trainingjobs/running').and.to.have.length.above(15);
    for (let at = 1; at <= whole.calls.length; at += 1) {
      await ends.close();
      ends = await startEnds();
      await furnish(ends.here.client);
      const death = await move(facts(new Mortal(at))).catch((error: unknown) => error);
      expect(death, `after ${whole.calls[at - 1]}`).to.be.instanceOf(Killed);
      await move(facts());
      await arrived();
    }
    said = [];
    const again = new Mortal();
    await move(facts(again));
    expect(again.calls).to.deep.equal([]);
    await rehearse(facts());
    expect(said.at(-1)).to.match(/^All of it was moved at 2/);
  });

  it('can be taken back until the copies count, and then no longer', async () => {
    const whole = new Mortal();
    await furnish(ends.here.client);
    await move(facts(whole));
    expect(await refused(undo(facts()))).to.include('can no longer be taken back');
    const counts = whole.calls.indexOf('mergePatch leases/spotlearn-operator') + 1;
    expect(counts).to.be.above(5);
    for (let at = 1; at < counts; at += 2) {
      await ends.close();
      ends = await startEnds();
      await furnish(ends.here.client);
      const before = await inventoryOf(ends.here.client);
      await move(facts(new Mortal(at))).catch(() => undefined);
      await undo(facts());
      expect(await inventoryOf(ends.here.client)).to.deep.equal(before);
      const left = await inventoryOf(ends.there.client);
      expect([...left.Account, ...left.TrainingJob, ...left.PredictionJob, ...left.Chat]).to.deep.equal([]);
      for (const { client } of [ends.here, ends.there]) expect((await heldIn(client)).holder).to.equal('');
    }
  });

  it('stops bots that run as Deployments, and starts the one at the destination again', async () => {
    await furnish(ends.here.client);
    const labels = { 'app.kubernetes.io/component': 'x' };
    const deploy = (client: Kubernetes, program: string, replicas: number) =>
      client.create(DEPLOYMENTS, {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: `spotlearn-${program}`, namespace: SYSTEM } },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a' }] } },
        },
      } as Movable);
    for (const { client } of [ends.here, ends.there]) {
      await deploy(client, 'bot', 1);
      await deploy(client, 'operator', 2);
    }
    const replicas = async (client: Kubernetes) =>
      (await client.list<{ spec: { replicas: number } }>(DEPLOYMENTS, {}, SYSTEM)).items.map(
        (one) => one.spec.replicas,
      );
    await move(facts());
    expect(await replicas(ends.here.client)).to.deep.equal([0, 0]);
    expect(await replicas(ends.there.client)).to.deep.equal([1, 2]);
  });

  describe('refuses, and does nothing:', () => {
    const nothingDone = async () => {
      for (const { client } of [ends.here, ends.there]) expect((await heldIn(client)).holder).to.equal('');
    };

    it('one and the same API', async () => {
      const { client } = ends.here;
      expect(await refused(move({ ...facts(), to: client }))).to.include('are the same Kubernetes API');
    });

    it('a destination without Spotlearn', async () => {
      await ends.there.client.delete(NAMESPACES, SYSTEM);
      await eventually(
        async () =>
          !(await ends.there.client.list<Movable>(NAMESPACES)).items.some((one) => one.metadata?.name === SYSTEM),
      );
      expect(await refused(move(facts()))).to.include('not installed at the destination');
      await nothingDone();
    });

    it('another job of the same name, and another account; the same account is taken as it is', async () => {
      await furnish(ends.here.client);
      await furnish(ends.there.client);
      const said = await refused(move(facts()));
      expect(said).to.include('TrainingJob ml-user-7/running is at the destination already, and is another one');
      expect(said).not.to.include('Account');
      await ends.there.client.mergePatch(ACCOUNTS, 'user-7', { spec: { suspend: true } });
      await ends.here.client.mergePatch(ACCOUNTS, 'user-7', { spec: { suspend: false } });
      expect(await refused(move(facts()))).to.include('Account user-7 is at the destination already');
      await nothingDone();
    });

    it('what is being deleted, and what runs in pods', async () => {
      const { client } = ends.here;
      await furnish(client);
      await client.delete(TRAINING_JOBS, 'older', { namespace: NAMESPACE });
      const attempts = [{ number: 1, batch: 'b', market: 'cluster', requestedAt: '2026-01-02T03:04:05Z' }];
      await client.mergePatch(
        TRAINING_JOBS,
        'running',
        { status: { attempts } },
        { namespace: NAMESPACE, subresource: 'status' },
      );
      const spec = { modelRef: 'older', data: { uri: 's3://bucket/x.csv' }, placement: 'Cluster' };
      await client.create(PREDICTION_JOBS, {
        apiVersion: API_VERSION,
        kind: 'PredictionJob',
        metadata: { name: 'pods', namespace: NAMESPACE },
        spec,
      } as Movable);
      await client.mergePatch(
        PREDICTION_JOBS,
        'pods',
        { status: { phase: 'Running' } },
        { namespace: NAMESPACE, subresource: 'status' },
      );
      const said = await refused(move(facts()));
      expect(said).to.include('ml-user-7/older is being deleted');
      expect(said).to.include('ml-user-7/running runs in a pod, which cannot come along; suspend it');
      expect(said).to.include('ml-user-7/pods runs in pods');
      await nothingDone();
    });

    it('a destination with earlier definitions, which would drop who a job is', async () => {
      await furnish(ends.here.client);
      const { client } = ends.there;
      const name = 'predictionjobs.spotlearn.io';
      const text = JSON.stringify(await client.get(DEFINITIONS, name)).replace('"origin":', '"earlier":');
      await client.replace(DEFINITIONS, JSON.parse(text) as Movable);
      expect(await refused(move(facts()))).to.include(
        'The definition of predictionjobs at the destination is of an earlier version',
      );
      await nothingDone();
    });

    it('a destination whose operator works for another installation', async () => {
      await furnish(ends.here.client);
      await ends.here.client.mergePatch(NAMESPACES, NAMESPACE, {
        metadata: { labels: { 'spotlearn.io/installation': 'ours' } },
      });
      const data = { SPOTLEARN_INSTALLATION: 'theirs' };
      await ends.there.client.create(CONFIG_MAPS, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'spotlearn-operator', namespace: SYSTEM },
        data,
      } as Movable);
      expect(await refused(move(facts()))).to.include(
        'ml-user-7 belongs to the installation ours, and the operator at the destination works for theirs',
      );
      await nothingDone();
    });

    it('to begin while another move holds an end', async () => {
      await furnish(ends.here.client);
      await move(facts(new Mortal(2))).catch(() => undefined);
      const other = await startEnds();
      try {
        expect(await refused(move({ ...facts(), to: other.here.client }))).to.include('Another move is under way');
        expect((await heldIn(other.here.client)).holder).to.equal('');
      } finally {
        await other.close();
      }
    });
  });
});
