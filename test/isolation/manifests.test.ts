// Attacks by manifest, all on one world: addresses, models, names, namespaces and labels of another's. The schema or the operator says no,
// nothing of the other is touched, nothing is launched for it, and it is written down.
import { expect } from 'chai';
import type { PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { API_VERSION, namespaceOf } from '../../crds/objects.ts';
import { condition } from '../../crds/conditions.ts';
import { failed, type KubernetesError, type KubeObject, type Resource } from '../../operator/runtime/kubernetes.ts';
import { NAMESPACES, PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { eventually } from '../operator/cluster.ts';
import { ADDRESSES } from './addresses.ts';
import { MODEL_IDS, REFERENCES } from './models.ts';
import { People } from './people.ts';
import { attackTold, type Recorder } from './tally.ts';

type Job = TrainingJob | PredictionJob;
interface Tried {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  /** Why the API server did not take it. */
  readonly refusal: KubernetesError | undefined;
}

const kindOf = ({ plural }: Resource) => (plural === 'trainingjobs' ? 'TrainingJob' : 'PredictionJob');
const slug = (at: number) => `attack-${at}`;

describe('Attacks by manifest', function () {
  this.timeout(60_000);
  let people: People;
  const tried = new Map<string, Tried>();

  before(async () => {
    people = await People.start();
    const { me, you } = people;
    const { uid = '' } = (await people.theirs()).metadata ?? {};
    const own = people.world.uri;
    await Promise.all([
      ...ADDRESSES.flatMap(({ what, uri }, at) => [
        submit(`dataset ${what}`, TRAINING_JOBS, slug(at), { dataset: { uri: uri(me, you) }, target: 'class' }),
        submit(`data ${what}`, PREDICTION_JOBS, slug(at), { modelRef: 'model', data: { uri: uri(me, you) } }),
      ]),
      ...REFERENCES.map(({ what, ref }, at) =>
        submit(`model ${what}`, PREDICTION_JOBS, `model-${at}`, { modelRef: ref(you, { uid }), data: { uri: own } }),
      ),
      ...MODEL_IDS.map(({ what, id }, at) =>
        submit(`id ${what}`, TRAINING_JOBS, `id-${at}`, {
          dataset: { uri: own },
          target: 'class',
          model: { id: id(you) },
        }),
      ),
    ]);
  });
  after(() => people.close());

  async function submit(
    what: string,
    resource: Resource,
    name: string,
    spec: object,
    metadata: object = {},
  ): Promise<void> {
    const namespace = namespaceOf(people.me);
    const object = {
      apiVersion: API_VERSION,
      kind: kindOf(resource),
      metadata: { name, namespace, ...metadata },
      spec,
    };
    const refusal = await people.mine.create<KubeObject>(resource, object).then(
      () => undefined,
      (error: unknown) => error as KubernetesError,
    );
    tried.set(what, { resource, namespace, name, refusal });
  }

  const of = (what: string): Tried => tried.get(what) as Tried;
  const read = ({ resource, namespace, name }: Tried) => people.cluster.client.get<Job>(resource, name, namespace);

  async function inTrail({ resource, namespace, name }: Tried): Promise<Recorder> {
    const found = await eventually(() => people.entries(`${kindOf(resource)}/${namespace}/${name}`)[0]);
    expect(found.outcome).to.equal('Refused');
    return 'operator';
  }

  async function inLog({ resource, namespace, name }: Tried, code: number): Promise<Recorder> {
    await eventually(() =>
      people
        .events()
        .some(
          ({ objectRef, responseStatus }) =>
            responseStatus.code === code &&
            objectRef?.resource === resource.plural &&
            objectRef.namespace === namespace &&
            objectRef.name === name,
        ),
    );
    return 'API server';
  }

  /** The API server does not take it. */
  const bySchema = (family: string, what: string) =>
    attackTold(
      family,
      () => inLog(of(what), 422),
      async () => {
        expect(of(what).refusal?.status, of(what).refusal?.message).to.equal(422);
        expect(await read(of(what)).catch((error: unknown) => failed(error, 'NotFound'))).to.equal(true);
      },
    );

  /** It is taken, and Failed for this reason without having cost anything. */
  const byOperator = (family: string, what: string, reason: string) =>
    attackTold(
      family,
      () => inTrail(of(what)),
      async () => {
        expect(of(what).refusal?.message).to.equal(undefined);
        const { status } = await eventually(async () => {
          const job = await read(of(what));
          return job.status?.phase === 'Failed' && job;
        });
        expect(condition(status?.conditions, 'Failed')?.reason, status?.message).to.equal(reason);
        expect(status).not.to.have.any.keys('instanceId', 'attempts', 'outputUri');
        expect(status?.cost?.actualUsd ?? 0).to.equal(0);
      },
    );

  for (const { what, by } of ADDRESSES)
    for (const [field, missing] of [
      ['dataset', 'DatasetMissing'],
      ['data', 'DatasetMissing'],
    ] as const)
      it(`spec.${field}.uri with ${what} is refused`, () =>
        by === 'schema'
          ? bySchema(`spec.${field}.uri`, `${field} ${what}`)
          : byOperator(`spec.${field}.uri`, `${field} ${what}`, by === 'missing' ? missing : 'AccessRefused'));

  for (const { what, by } of REFERENCES)
    it(`spec.modelRef with ${what} is refused`, () =>
      by === 'schema'
        ? bySchema('spec.modelRef', `model ${what}`)
        : byOperator('spec.modelRef', `model ${what}`, 'ModelMissing'));

  for (const { what } of MODEL_IDS)
    it(`spec.model.id with ${what} is refused`, () => bySchema('spec.model.id', `id ${what}`));

  for (const { what, namespace, labels } of [
    { what: 'a namespace of nobody', namespace: () => 'somewhere', labels: false },
    { what: 'a namespace with the other’s label', namespace: () => 'labelled', labels: true },
    {
      what: 'a namespace that only ends like the other’s',
      namespace: (you: string) => `x-ml-user-${you}`,
      labels: true,
    },
    {
      what: 'a namespace that only begins like the other’s',
      namespace: (you: string) => `ml-user-${you}-x`,
      labels: true,
    },
    { what: 'a namespace of no digits', namespace: () => 'ml-user-abc', labels: true },
    { what: 'a namespace of too many digits', namespace: () => `ml-user-${'9'.repeat(21)}`, labels: true },
  ])
    it(`a job in ${what} is refused`, async () => {
      const place = namespace(people.you);
      await byNamespace(place, labels);
      const one = { resource: TRAINING_JOBS, namespace: place, name: 'spoof', refusal: undefined };
      await attackTold(
        'namespaces and labels',
        () => inTrail(one),
        async () => {
          const job = await eventually(async () => {
            const now = await read(one);
            return now.status?.phase === 'Failed' && now;
          });
          expect(condition(job.status?.conditions, 'Failed')?.reason).to.equal('UnknownNamespace');
        },
      );
    });

  for (const { what, namespace } of [
    { what: 'a namespace like an account’s without the account', namespace: () => 'ml-user-999' },
    { what: 'a namespace with a zero before the other’s id', namespace: (you: string) => `ml-user-0${you}` },
  ])
    it(`a job in ${what} waits for ever`, async () => {
      const place = namespace(people.you);
      await byNamespace(place, true);
      const one = { resource: TRAINING_JOBS, namespace: place, name: 'spoof', refusal: undefined };
      await attackTold(
        'namespaces and labels',
        () => inLog(one, 201),
        async () => {
          const job = await eventually(async () => {
            const now = await read(one);
            return condition(now.status?.conditions, 'Accepted') && now;
          });
          expect(condition(job.status?.conditions, 'Accepted')).to.include({
            status: 'False',
            reason: 'AccountMissing',
          });
          expect(job.status).not.to.have.any.keys('instanceId', 'attempts');
        },
      );
    });

  /** Made by an administrator: the attacker may not. With a job that wants the other's table. */
  async function byNamespace(name: string, labelled: boolean): Promise<void> {
    const { client } = people.cluster;
    const labels = labelled
      ? { labels: { 'spotlearn.io/user': people.you, 'spotlearn.io/installation': 'spotlearn' } }
      : {};
    await client.create<KubeObject>(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...labels } });
    const spec = { dataset: { uri: `s3://bucket/datasets/user_${people.you}/a.csv` }, target: 'class' };
    const metadata = { name: 'spoof', namespace: name };
    await client.create<KubeObject>(TRAINING_JOBS, {
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata,
      spec,
    } as KubeObject);
  }

  for (const { what, metadata } of [
    { what: 'the other’s label', metadata: () => ({ labels: { 'spotlearn.io/user': people.you } }) },
    { what: 'another installation’s label', metadata: () => ({ labels: { 'spotlearn.io/installation': 'theirs' } }) },
    {
      what: 'the other’s training as its owner',
      metadata: (uid: string) => ({
        ownerReferences: [{ apiVersion: API_VERSION, kind: 'TrainingJob', name: 'theirs', uid, controller: true }],
      }),
    },
    {
      what: 'the other’s uid as its own',
      metadata: (uid: string) => ({ uid, creationTimestamp: '2020-01-01T00:00:00Z' }),
    },
    { what: 'the other’s model id', metadata: () => ({}) },
    { what: 'the id of the model that the other is training', metadata: () => ({}) },
  ] as { what: string; metadata: (uid: string) => object }[])
    it(`a training with ${what} stays the attacker’s own`, async () => {
      const theirs = await people.theirs();
      const { uid = '' } = theirs.metadata ?? {};
      const name = `own-${what.replace(/[^a-z]+/g, '-')}`;
      const given = metadata(uid);
      const model = MODELS[what];
      await submit(
        what,
        TRAINING_JOBS,
        name,
        { dataset: { uri: people.world.uri }, target: 'class', ...(model ? { model: { id: model } } : {}) },
        given,
      );
      expect(of(what).refusal?.message).to.equal(undefined);
      await attackTold(
        'namespaces and labels',
        () => inLog(of(what), 201),
        async () => {
          // One whose owner is not in its namespace, the collector of garbage may take before it runs.
          const job = await eventually(async () => {
            const now = (await read(of(what)).catch(() => 'gone' as const)) as TrainingJob | 'gone';
            return now === 'gone' || (now.status?.instanceId !== undefined && now);
          });
          const instance = job === true ? undefined : people.world.compute.machines.get(job.status?.instanceId ?? '');
          if (job !== true) {
            expect(job.metadata?.uid).not.to.equal(uid);
            expect(instance?.tags).to.include({ 'spotlearn:user': people.me });
            expect(instance?.jobUid).to.equal(job.metadata?.uid);
          }
          expect((await people.theirs()).status?.instanceId).to.equal(theirs.status?.instanceId);
        },
      );
    });

  it('are at least eighty', () => {
    expect(2 * ADDRESSES.length + REFERENCES.length + MODEL_IDS.length).to.be.at.least(80);
  });

  it('touched nothing of the other', async () => {
    expect(people.touched()).to.deep.equal([]);
    expect(people.world.functions.events).to.deep.equal([]);
    const theirs = await people.theirs();
    expect(theirs.status?.phase).to.equal('Booting');
    expect(people.world.compute.machines.get(theirs.status?.instanceId ?? '')?.state).to.equal('running');
  });
});

const MODELS: Readonly<Record<string, string>> = {
  'the other’s model id': 'secret',
  'the id of the model that the other is training': 'of-theirs',
};
