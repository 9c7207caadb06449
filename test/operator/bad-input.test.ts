// What people get wrong (issue: BAD INPUT), through the whole operator on the embedded Kubernetes API: each row is refused or waits with
// words that say what is wrong and what to do, costs nothing, leaves nothing running, and the next good job is served as ever.
import { expect } from 'chai';
import { condition } from '../../crds/conditions.ts';
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { FleetAnswer, FleetRequest } from '../../cloud/compute.ts';
import { KubernetesError } from '../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { checkpoint, controlOf, end, report, succeed, ticketOf } from './worker.ts';
import { CSV, World } from './world.ts';

type Phase = NonNullable<TrainingJobStatus['phase']>;

describe('Bad input to the operator', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  beforeEach(() => {
    world = new World(cluster);
  });
  afterEach(() => world.close());

  /** The process lives on: another job is served from start to end. */
  async function servesTheNext(): Promise<void> {
    await world.train('good');
    succeed(world.bucket, await world.instance('good'));
    await world.trained('good', 'Succeeded');
    expect(world.compute.running()).to.deep.equal([]);
  }

  const patch = (name: string, spec: object) =>
    cluster.client.mergePatch<TrainingJob>(TRAINING_JOBS, name, { spec }, { namespace: world.namespace });
  /** As an administrator does with `kubectl edit --subresource=status`. */
  const edit = (name: string, status: object | null) =>
    cluster.client.mergePatch<TrainingJob>(
      TRAINING_JOBS,
      name,
      { status },
      { namespace: world.namespace, subresource: 'status' },
    );
  const remove = (name: string) => cluster.client.delete(TRAINING_JOBS, name, { namespace: world.namespace });
  const gone = (name: string) =>
    eventually(async () => (await world.training(name).catch(() => undefined)) === undefined);
  const ledger = () => world.bucket.keys(`ledger/user_${world.userId}/`);

  describe('in a spec', () => {
    interface Row {
      readonly spec: object;
      readonly given?: (on: World) => void;
      readonly account?: object;
      readonly phase: Phase;
      /** Type, status and reason of the condition that says it. */
      readonly says: readonly [type: string, status: string, reason: string];
      readonly words: readonly RegExp[];
    }
    const notAt =
      (...pools: string[]) =>
      (on: World) =>
        pools.forEach((pool) => on.compute.unoffered.add(pool));
    const a = 'eu-central-1a';
    const refused = (reason: string) => ['Failed', 'True', reason] as const;
    const ROWS: Readonly<Record<string, Row>> = {
      'a type that does not exist': {
        spec: { resources: { instanceTypes: ['m5.lrage'] } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/no instance type m5\.lrage/, /Near names: m5\.large/, /spec\.resources\.instanceTypes/],
      },
      'one of several types that does not exist': {
        spec: { resources: { instanceTypes: ['m5.large', 'x9.huge'] } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/no instance type x9\.huge/, /say vcpu and memoryGiB/],
      },
      'a zone where EC2 does not offer the type': {
        given: notAt(`m5.large/${a}`),
        spec: { resources: { instanceTypes: ['m5.large'], zones: [a] } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/does not offer m5\.large in eu-central-1a/, /eu-central-1b has it: change spec\.resources\.zones/],
      },
      'a type that no zone has': {
        given: notAt(`m5.large/${a}`, 'm5.large/eu-central-1b'),
        spec: { resources: { instanceTypes: ['m5.large'] } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/does not offer m5\.large in eu-central-1a, eu-central-1b/, /choose another type/],
      },
      'a zone without a subnet': {
        spec: { resources: { zones: ['eu-central-1c'] } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/has a subnet/, /which has them in eu-central-1a, eu-central-1b/, /spec\.resources\.zones/],
      },
      'more than any type has': {
        spec: { resources: { vcpu: 192, memoryGiB: 4096 } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/No instance type has at least 192 vCPU, 4096 GiB/, /The largest: /, /Ask for less in spec\.resources/],
      },
      'a cap under every Spot price, which may fall': {
        spec: { resources: { maxPricePerHour: 0.001 } },
        phase: 'Queued',
        says: ['Provisioned', 'False', 'NoCapacity'],
        words: [
          /costs more than maxPricePerHour 0\.001 USD/,
          /the cheapest is \S+ in \S+ at 0\.02 USD/,
          /Raise /,
          /since 20/,
        ],
      },
      'a cap under every on-demand price, which will not': {
        spec: { placement: 'OnDemand', resources: { maxPricePerHour: 0.001 } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/costs more than maxPricePerHour 0\.001 USD/, /the cheapest is \S+ in \S+ at 0\.0\d+ USD/, /Raise /],
      },
      'a deadline in the past': {
        spec: { deadline: '2020-01-01T09:00:00Z' },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/2020-01-01T09:00:00Z\) is in the past/, /again with a later one/],
      },
      'a budget smaller than the first minute': {
        spec: { budget: { maxCostUsd: 0.0001 } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/maxCostUsd of \$0\.0001 buys nothing/, /first minute/, /again with at least \$0\.00\d+/],
      },
      // A whole number is compared with the whole part of a minimum, by the real API server too: the operator says it.
      'a budget of nothing': {
        spec: { budget: { maxCostUsd: 0 } },
        phase: 'Failed',
        says: refused('InvalidSpec'),
        words: [/maxCostUsd of \$0\.00 buys nothing/, /again with at least \$0\.00\d+/],
      },
      'an account whose limit is smaller than the first minute': {
        account: { limits: { trainingUsd: 0.0001 } },
        spec: {},
        phase: 'Queued',
        says: ['Accepted', 'False', 'QuotaExceeded'],
        words: [/limit of \$0\.0001 for one training buys nothing/, /Have the limit raised/],
      },
      'a data set that is not there': {
        given: (on) => on.bucket.objects.delete(`datasets/user_${on.userId}/a.csv`),
        spec: {},
        phase: 'Failed',
        says: refused('DatasetMissing'),
        words: [/There is no object s3:\/\/bucket\/datasets\//, /Upload the data set/],
      },
      'an empty data set': {
        given: (on) => on.bucket.set(`datasets/user_${on.userId}/a.csv`, ''),
        spec: {},
        phase: 'Failed',
        says: refused('InvalidData'),
        words: [/empty/i],
      },
      'a target that the table lacks': {
        spec: { target: 'Class ' },
        phase: 'Failed',
        says: refused('InvalidData'),
        words: [/no column "Class " to predict/, /Did you mean "class"\?/],
      },
      'the data of another user': {
        spec: { dataset: { uri: 's3://bucket/datasets/user_1/a.csv' } },
        phase: 'Failed',
        says: refused('AccessRefused'),
        words: [/datasets\/user_/],
      },
      'the id of a model that exists': {
        given: (on) => on.model('churn'),
        spec: { model: { type: 'linear', id: 'churn' } },
        phase: 'Failed',
        says: refused('ModelExists'),
        words: [/There is a model churn already/, /another spec\.model\.id/],
      },
    };

    for (const [what, { spec, given, account, phase, says, words }] of Object.entries(ROWS))
      it(`${phase === 'Failed' ? 'refuses' : 'lets wait'}: ${what}`, async () => {
        given?.(world);
        await world.operate();
        await world.account(account);
        await world.train('bad', spec);
        const { status } = await world.trained('bad', phase);
        const found = condition(status.conditions, says[0]);
        expect([found?.type, found?.status, found?.reason]).to.deep.equal(says);
        for (const word of words) expect(status.message).to.match(word);
        expect(found?.message).to.equal(status.message);
        expect(status.message).to.match(/[.?]$/);
        if (phase === 'Failed') {
          expect(condition(status.conditions, 'Accepted')).to.include({ status: 'False', reason: says[2] });
          if (says[2] === 'InvalidSpec')
            expect(status.message).to.match(/create the job again|Create (it|the job) again/i);
        }
        expect(world.compute.requests).to.deep.equal([]);
        expect(status.attempts ?? []).to.deep.equal([]);
        expect(ledger()).to.deep.equal([]);
        if (account) return;
        world.bucket.set(`datasets/user_${world.userId}/a.csv`, CSV);
        await servesTheNext();
      });

    it('takes the smallest sensible budget that it named', async () => {
      await world.operate();
      await world.account();
      await world.train('poor', { budget: { maxCostUsd: 0.0001 } });
      const { status } = await world.trained('poor', 'Failed');
      const enough = /at least \$([\d.]+\d)/.exec(status.message ?? '')?.[1];
      await world.train('enough', { budget: { maxCostUsd: Number(enough) } });
      expect(await world.instance('enough')).to.match(/^i-/);
    });

    it('goes on with a waiting job once its cap is raised', async () => {
      await world.operate();
      await world.account();
      await world.train('capped', { resources: { maxPricePerHour: 0.001 } });
      await world.trained('capped', 'Queued');
      await patch('capped', { resources: { maxPricePerHour: 1 } });
      succeed(world.bucket, await world.instance('capped'));
      await world.trained('capped', 'Succeeded');
    });

    it('refuses the later of two jobs for one model id, and names the other', async () => {
      await world.operate();
      await world.account();
      const model = { type: 'linear', id: 'churn' };
      await world.train('a-first', { model });
      const first = await world.instance('a-first');
      await world.train('b-second', { model });
      const { status } = await world.trained('b-second', 'Failed');
      expect(condition(status.conditions, 'Failed')?.reason).to.equal('ModelExists');
      expect(status.message).to.equal(
        'TrainingJob a-first was created before and makes the model churn already; choose another spec.model.id.',
      );
      expect(world.compute.requests).to.have.length(1);
      succeed(world.bucket, first);
      expect((await world.trained('a-first', 'Succeeded')).status.model?.id).to.equal('churn');
      await servesTheNext();
    });
  });

  describe('that the schema does not let in', () => {
    const SPECS: Readonly<Record<string, readonly [spec: object, words: RegExp]>> = {
      'a deadline of 0 s': [{ activeDeadlineSeconds: 0 }, /activeDeadlineSeconds.*greater than or equal to 1/s],
      'a deadline that is no time': [{ deadline: 'tomorrow' }, /deadline/],
      'a negative budget': [{ budget: { maxCostUsd: -1 } }, /maxCostUsd/],
      'a negative price cap': [{ resources: { maxPricePerHour: -1 } }, /maxPricePerHour/],
      'no type at all': [{ resources: { instanceTypes: [] } }, /instanceTypes/],
      'a zone that is no zone': [{ resources: { zones: ['here'] } }, /zones/],
      'types on the cluster': [
        { placement: 'Cluster', resources: { instanceTypes: ['m5.large'] } },
        /no meaning with placement Cluster; remove it/,
      ],
    };
    const answer = async (promise: Promise<unknown>): Promise<KubernetesError> => {
      const error = await promise.then(() => undefined).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(KubernetesError);
      return error as KubernetesError;
    };

    for (const [what, [spec, words]] of Object.entries(SPECS))
      it(`refuses ${what} at admission`, async () => {
        await world.operate();
        await world.account();
        const error = await answer(world.train('bad', spec));
        expect(error.kind).to.equal('Invalid');
        expect(error.message).to.match(words);
      });

    it('refuses a change of what is immutable, and the job goes on', async () => {
      await world.operate();
      await world.account();
      await world.train('kept');
      const id = await world.instance('kept');
      expect((await answer(patch('kept', { target: 'age' }))).message).to.match(/target is immutable; create another/);
      expect((await answer(patch('kept', { placement: 'OnDemand' }))).message).to.match(/placement is immutable/);
      succeed(world.bucket, id);
      await world.trained('kept', 'Succeeded');
    });

    it('refuses garbage in a status', async () => {
      await world.operate();
      await world.account();
      await world.train('kept');
      const id = await world.instance('kept');
      expect((await answer(edit('kept', { phase: 'Dancing' }))).message).to.match(/phase.*supported values/s);
      expect((await answer(edit('kept', { attempts: [{ number: 'one' }] }))).message).to.match(/attempts/);
      expect((await answer(edit('kept', { cost: { actualUsd: 'much' } }))).message).to.match(/actualUsd/);
      succeed(world.bucket, id);
      await world.trained('kept', 'Succeeded');
    });
  });

  describe('in a data set that changes under a job', () => {
    const CHANGES: Readonly<
      Record<string, readonly [change: string | undefined, reason: string, words: readonly RegExp[]]>
    > = {
      vanished: [undefined, 'DatasetMissing', [/a\.csv is gone; it had 43 bytes/, /once it is uploaded again/]],
      shrank: [CSV.slice(0, 30), 'DatasetChanged', [/it shrank from 43 to 30 bytes/, /Create another TrainingJob/]],
      grew: [`${CSV}60,4,bad\n`, 'DatasetChanged', [/it grew from 43 to 52 bytes/, /Create another TrainingJob/]],
      changed: [CSV.replace('30', '31'), 'DatasetChanged', [/its content changed \(ETag "\w+" then, "\w+" now\)/]],
    };
    const into = (change: string | undefined) => {
      const key = `datasets/user_${world.userId}/a.csv`;
      if (change === undefined) world.bucket.objects.delete(key);
      else world.bucket.set(key, change);
    };
    async function running(name: string, spec: object = {}): Promise<string> {
      await world.operate();
      await world.account();
      await world.train(name, spec);
      const id = await world.instance(name);
      report(world.bucket, id);
      await world.trained(name, 'Running');
      checkpoint(world.bucket, id, 5);
      return id;
    }
    const notice = (id: string, detailType = 'EC2 Spot Instance Interruption Warning', detail: object = {}) =>
      world.notices.waiting.push({
        handle: id,
        body: JSON.stringify({
          'detail-type': detailType,
          time: new Date().toISOString(),
          detail: { 'instance-id': id, 'instance-action': 'terminate', ...detail },
        }),
      });
    const taken = (id: string) => {
      world.compute.set(id, { state: 'terminated', stateReason: 'Server.SpotInstanceTermination' });
      notice(id, 'EC2 Instance State-change Notification', { state: 'terminated' });
    };
    const replacement = () =>
      eventually(async () => {
        const { status } = await world.training('job');
        return status?.attempts?.find(({ number }) => number === 2)?.instanceId;
      });
    async function failedFor(name: string, reason: string, words: readonly RegExp[]): Promise<TrainingJobStatus> {
      await world.trained(name, 'Failed');
      await eventually(() => world.compute.running().length === 0);
      const status = await eventually(async () => {
        const now = (await world.training(name)).status;
        return now?.attempts?.every(({ endedAt }) => endedAt !== undefined) && now;
      });
      expect(condition(status.conditions, 'Failed')).to.include({ status: 'True', reason });
      expect(condition(status.conditions, 'Running')?.status).to.not.equal('True');
      for (const word of words) expect(status.message).to.match(word);
      expect(condition(status.conditions, 'Failed')?.message).to.equal(status.message);
      expect(status.cost?.reservedUsd).to.equal(0);
      return status;
    }

    for (const [what, [change, reason, words]] of Object.entries(CHANGES)) {
      it(`refuses the next attempt when it ${what} before an interruption`, async () => {
        const id = await running('job');
        into(change);
        taken(id);
        const status = await failedFor('job', reason, words);
        expect(world.compute.requests).to.have.length(1);
        expect(status.attempts?.map(({ endReason }) => endReason)).to.deep.equal(['Interrupted']);
        expect(ledger()).to.have.length(1);
        into(CSV);
        await servesTheNext();
      });

      it(`gives the replacement no ticket when it ${what} before a notice`, async () => {
        const id = await running('job');
        into(change);
        notice(id);
        const second = await replacement();
        end(world.bucket, id, { outcome: 'Interrupted', exitCode: 30 });
        const status = await failedFor('job', reason, words);
        expect(ticketOf(world.bucket, second)).to.equal(undefined);
        expect(status.instanceId).to.equal(undefined);
        expect(status.counts?.user ?? 0).to.equal(0);
        expect(status.attempts?.map(({ endReason }) => endReason)).to.deep.equal(['Interrupted', 'Stopped']);
        expect(ledger()).to.have.length(2);
        into(CSV);
        await servesTheNext();
      });
    }

    it('lets the attempt with the data come to its end also while it is being replaced', async () => {
      const id = await running('job');
      into(undefined);
      notice(id);
      await replacement();
      succeed(world.bucket, id);
      await world.trained('job', 'Succeeded');
      await eventually(() => world.compute.running().length === 0);
    });

    it('lets an attempt that has the data already come to its end', async () => {
      const id = await running('job');
      into(undefined);
      succeed(world.bucket, id);
      await world.trained('job', 'Succeeded');
    });
  });

  describe('in a status edited by hand', () => {
    let stopWork = () => {};
    afterEach(() => stopWork());
    /** Workers on all instances: they stop when told to, else they succeed. */
    function work(): void {
      const round = setInterval(() => {
        for (const { id } of world.compute.running()) {
          if (!ticketOf(world.bucket, id)) continue;
          if (controlOf(world.bucket, id)) end(world.bucket, id, { outcome: 'Stopped', exitCode: 31 });
          else succeed(world.bucket, id);
        }
      }, 20);
      stopWork = () => clearInterval(round);
    }
    async function running(name = 'job'): Promise<string> {
      await world.operate();
      await world.account();
      await world.train(name);
      const id = await world.instance(name);
      report(world.bucket, id);
      await world.trained(name, 'Running');
      return id;
    }
    const settles = (name: string, phases: readonly Phase[]) =>
      eventually(async () => {
        const { status } = await world.training(name);
        const over = status?.attempts?.every(({ endedAt }) => endedAt !== undefined) ?? true;
        return phases.includes(status?.phase as Phase) && over && world.compute.running().length === 0 && status;
      });

    for (const phase of ['Pending', 'Queued', 'Launching', 'Booting', 'Running', 'Recovering'] as const)
      it(`phase ${phase}: the job goes on and succeeds, and nothing stays behind`, async () => {
        await running();
        await edit('job', { phase });
        work();
        const status = await settles('job', ['Succeeded']);
        expect(status.model?.id).to.match(/^job-/);
        expect(ledger()).to.have.length(status.attemptCount ?? 0);
        stopWork();
        await servesTheNext();
      });

    it('phase Finishing: a result that is not there is no model; the next attempt follows', async () => {
      await running();
      await edit('job', { phase: 'Finishing' });
      const status = await settles('job', ['Recovering']);
      expect(status.message).to.match(/result\.json is missing.*Trying again in \d+ s/);
      expect(status.counts?.platform).to.equal(1);
      expect(status.attempts?.[0]?.endReason).to.equal('ResultCorrupt');
      expect(world.bucket.keys('models/')).to.deep.equal([]);
    });

    for (const phase of ['Succeeded', 'Failed'] as const)
      it(`phase ${phase}: the job is over; its instance is ended and paid for`, async () => {
        await running();
        await edit('job', { phase });
        const status = await settles('job', [phase]);
        expect(status.attempts?.[0]?.costUsd).to.be.greaterThan(0);
        expect(ledger()).to.have.length(1);
        await servesTheNext();
      });

    for (const phase of ['Stopping', 'Suspended'] as const)
      it(`phase ${phase}: the instance is given back, and the job ends right`, async () => {
        await running();
        await edit('job', { phase });
        work();
        await settles('job', ['Succeeded', 'Suspended']);
        stopWork();
        await remove('job');
        await gone('job');
        await servesTheNext();
      });

    const LOST: Readonly<Record<string, object | null>> = {
      'its attempts removed': { attempts: [] },
      'attempts and their count removed': { attempts: null, attemptCount: null, instanceId: null },
      'everything removed': null,
    };
    for (const [what, status] of Object.entries(LOST))
      it(`${what}: the instance nobody knows any more is ended, and the job begins again`, async () => {
        const first = await running();
        await edit('job', status);
        const second = await world.instance('job', first);
        await eventually(() => world.compute.machines.get(first)?.state === 'terminated');
        expect(second).to.not.equal(first);
        succeed(world.bucket, second);
        await settles('job', ['Succeeded']);
        await servesTheNext();
      });

    it('the instance in its summary changed: the attempt knows better', async () => {
      const id = await running();
      await edit('job', { instanceId: 'i-0ffffffffffffffff' });
      succeed(world.bucket, id);
      await settles('job', ['Succeeded']);
      expect(world.compute.machines.size).to.equal(1);
    });

    it('the instance of its attempt changed to one that is not there: the real one is ended, the job begins again', async () => {
      const id = await running();
      const attempts = (await world.training('job')).status?.attempts?.map((one) => ({
        ...one,
        instanceId: 'i-0ffffffffffffffff',
      }));
      await edit('job', { attempts });
      await eventually(() => world.compute.machines.get(id)?.state === 'terminated');
      await remove('job');
      await gone('job');
      expect(world.compute.running()).to.deep.equal([]);
      await servesTheNext();
    });

    it('the instance of its attempt changed to another job’s: the other job is not touched', async () => {
      const id = await running();
      await world.train('other');
      const others = await world.instance('other');
      report(world.bucket, others);
      await world.trained('other', 'Running');
      const attempts = (await world.training('job')).status?.attempts?.map((one) => ({ ...one, instanceId: others }));
      await edit('job', { attempts });
      await eventually(() => world.compute.machines.get(id)?.state === 'terminated');
      await remove('job');
      await gone('job');
      expect(world.compute.running().map((one) => one.id)).to.deep.equal([others]);
      succeed(world.bucket, others);
      await settles('other', ['Succeeded']);
    });
  });

  describe('in time: a job deleted while its fleet call is under way', () => {
    /** The next fleet call launches at once and answers when told to. */
    function lateFleet(): { launched: Promise<void>; answer: () => void } {
      const { compute } = world;
      const real = compute.createFleet.bind(compute);
      let answer = () => {};
      let sent = () => {};
      const answered = new Promise<void>((resolve) => (answer = resolve));
      const launched = new Promise<void>((resolve) => (sent = resolve));
      compute.createFleet = async (request: FleetRequest): Promise<FleetAnswer> => {
        const found = await real(request);
        sent();
        await answered;
        return found;
      };
      return { launched, answer };
    }
    /** Created while nobody operates, so that they are admitted together and share a call. */
    async function together(...names: string[]): Promise<ReturnType<typeof lateFleet>> {
      const first = await world.operate();
      await world.account();
      await first.close();
      for (const name of names) await world.train(name);
      const fleet = lateFleet();
      await world.operate();
      await fleet.launched;
      return fleet;
    }

    it('ends the instance and keeps the job until EC2 says so', async () => {
      const { answer } = await together('gone');
      // EC2 does not end it at once.
      const { compute } = world;
      const terminate = compute.terminate.bind(compute);
      compute.terminate = async (ids) => {
        await terminate(ids);
        for (const id of ids) compute.set(id, { state: 'shutting-down' });
      };
      await remove('gone');
      const [machine] = compute.running();
      answer();
      await eventually(() => compute.running().length === 0);
      const left = await world.training('gone');
      expect(left.metadata?.deletionTimestamp).to.be.a('string');
      expect(left.metadata?.finalizers).to.have.length(1);
      compute.set(machine?.id ?? '', { state: 'terminated' });
      await gone('gone');
      expect(compute.requests).to.have.length(1);
      expect(ledger()).to.have.length(1);
    });

    it('lets it go when the call gave nothing', async () => {
      world.compute.empty.add('spot/*');
      const { answer } = await together('gone');
      await remove('gone');
      answer();
      await gone('gone');
      expect(world.compute.machines.size).to.equal(0);
      expect(ledger()).to.deep.equal([]);
    });

    it('does not touch the others of the same call', async () => {
      const { answer } = await together('gone', 'stays', 'stays-too');
      expect(world.compute.requests[0]?.count).to.equal(3);
      await remove('gone');
      answer();
      await gone('gone');
      for (const name of ['stays', 'stays-too']) succeed(world.bucket, await world.instance(name));
      for (const name of ['stays', 'stays-too']) {
        const { status } = await world.trained(name, 'Succeeded');
        expect(status.attemptCount).to.equal(1);
      }
      expect(world.compute.running()).to.deep.equal([]);
      expect(world.compute.requests).to.have.length(1);
      expect(world.compute.machines.size).to.equal(3);
    });

    it('also when the operator is another one by then', async () => {
      const first = await world.operate();
      await world.account();
      const { launched, answer } = lateFleet();
      await world.train('gone');
      await launched;
      await remove('gone');
      const closed = first.close();
      answer();
      await closed;
      const { compute } = world;
      await world.operate();
      await gone('gone');
      expect(compute.running()).to.deep.equal([]);
      expect(compute.machines.size).to.equal(1);
    });
  });
});
