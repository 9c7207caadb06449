import { expect } from 'chai';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { API_VERSION } from '../../../crds/objects.ts';
import { KubernetesError, type Kubernetes, type WatchEvent } from '../../../operator/runtime/kubernetes.ts';
import { NAMESPACES, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { ManualClock, turned } from '../clock.ts';
import { MemoryKubernetes } from './kubernetes.ts';

const SPEC = { dataset: { uri: 's3://bucket/datasets/user_7/a.csv' }, target: 'class' };
const job = (name: string, more: object = {}): TrainingJob =>
  ({ apiVersion: API_VERSION, kind: 'TrainingJob', metadata: { name, namespace: 'n', ...more }, spec: SPEC }) as never;
const at = { namespace: 'n' };
const status = { namespace: 'n', subresource: 'status' } as const;

describe('The API server in memory', () => {
  let clock: ManualClock;
  let server: MemoryKubernetes;
  let client: Kubernetes;
  beforeEach(() => {
    clock = new ManualClock(undefined, turned);
    server = new MemoryKubernetes(clock);
    client = server.client();
  });

  async function refused(call: Promise<unknown>): Promise<string> {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof KubernetesError ? error.kind : 'no refusal';
  }
  const patch = (body: object, place: Parameters<Kubernetes['mergePatch']>[3] = at) =>
    client.mergePatch<TrainingJob>(TRAINING_JOBS, 'a', body, place);

  it('fills in defaults, a uid, a generation and a version', async () => {
    const made = await client.create(TRAINING_JOBS, job('a'));
    expect(made.spec).to.deep.include({ placement: 'Spot', backoffLimit: 2, suspend: false, model: { type: 'auto' } });
    expect(made.metadata).to.include({ generation: 1, creationTimestamp: '2026-11-24T10:00:00Z' });
    expect(made.metadata?.uid).to.match(/^[0-9a-f]{8}-/);
    expect(await client.get(TRAINING_JOBS, 'a', 'n')).to.deep.equal(made);
  });

  it('says which of the refusals it is', async () => {
    expect(await refused(client.get(TRAINING_JOBS, 'a', 'n'))).to.equal('NotFound');
    const made = await client.create(TRAINING_JOBS, job('a'));
    expect(await refused(client.create(TRAINING_JOBS, job('a')))).to.equal('AlreadyExists');
    await patch({ spec: { suspend: true } });
    const { resourceVersion, uid } = made.metadata ?? {};
    expect(await refused(patch({ metadata: { resourceVersion }, spec: {} }))).to.equal('Conflict');
    expect(await refused(patch({ metadata: { uid: 'other' }, spec: {} }))).to.equal('Conflict');
    expect(await refused(client.replace(TRAINING_JOBS, made))).to.equal('Conflict');
    expect(await refused(client.delete(TRAINING_JOBS, 'a', { ...at, uid: 'other' }))).to.equal('Conflict');
    expect(await refused(client.delete(TRAINING_JOBS, 'a', { ...at, uid, resourceVersion }))).to.equal('Conflict');
  });

  it('keeps spec and status apart, merges by RFC 7386 and counts generations of the spec alone', async () => {
    await client.create(TRAINING_JOBS, job('a'));
    await patch({ status: { phase: 'Pending' } });
    expect((await client.get<TrainingJob>(TRAINING_JOBS, 'a', 'n')).status).to.equal(undefined);
    await patch({ status: { phase: 'Queued', message: 'm', counts: { user: 1 } }, spec: { suspend: true } }, status);
    const merged = await patch({ status: { message: null, counts: { platform: 2 } } }, status);
    expect(merged.status).to.deep.equal({ phase: 'Queued', counts: { user: 1, platform: 2 } });
    expect(merged.spec.suspend).to.equal(false);
    expect(merged.metadata?.generation).to.equal(1);
    expect((await patch({ spec: { suspend: true } })).metadata?.generation).to.equal(2);
  });

  it('makes no version of a change of nothing', async () => {
    const made = await client.create(TRAINING_JOBS, job('a'));
    expect((await patch({ spec: { suspend: false } })).metadata?.resourceVersion).to.equal(
      made.metadata?.resourceVersion,
    );
  });

  it('hands out objects that nobody can change', async () => {
    const made = await client.create(TRAINING_JOBS, job('a'));
    expect(() => {
      made.spec.target = 'other';
    }).to.throw(TypeError);
  });

  it('keeps what has a finalizer until the last is gone', async () => {
    await client.create(TRAINING_JOBS, job('a', { finalizers: ['f'] }));
    await client.delete(TRAINING_JOBS, 'a', at);
    expect((await client.get<TrainingJob>(TRAINING_JOBS, 'a', 'n')).metadata?.deletionTimestamp).to.be.a('string');
    await client.delete(TRAINING_JOBS, 'a', at);
    await patch({ metadata: { finalizers: [] } });
    expect(await refused(client.get(TRAINING_JOBS, 'a', 'n'))).to.equal('NotFound');
  });

  it('lists in pages of one snapshot, by namespace and by label', async () => {
    for (const name of ['a', 'b', 'c']) await client.create(TRAINING_JOBS, job(name, { labels: { odd: name } }));
    const first = await client.list<TrainingJob>(TRAINING_JOBS, { limit: 2 });
    await client.create(TRAINING_JOBS, job('d'));
    const second = await client.list<TrainingJob>(TRAINING_JOBS, { limit: 2, continue: first.metadata.continue });
    const names = [...first.items, ...second.items].map(({ metadata }) => metadata?.name);
    expect(names).to.deep.equal(['a', 'b', 'c']);
    expect(second.metadata).to.deep.equal({ resourceVersion: first.metadata.resourceVersion, continue: undefined });
    expect((await client.list(TRAINING_JOBS, {}, 'other')).items).to.deep.equal([]);
    expect((await client.list(TRAINING_JOBS, { labelSelector: 'odd=b' })).items).to.have.length(1);
    const page = await client.list(TRAINING_JOBS, { limit: 2 });
    server.forget();
    expect(await refused(client.list(TRAINING_JOBS, { continue: page.metadata.continue }))).to.equal('Gone');
  });

  it('tells what its schema would refuse', async () => {
    await client.create(TRAINING_JOBS, job('a'));
    await patch({ status: { phase: 'Lost', invented: 1, attempts: [{ number: 1.5 }] } }, status);
    expect(server.complaints).to.include.members([
      'trainingjobs/a.status.phase is "Lost"',
      'trainingjobs/a.status.invented is unknown',
      'trainingjobs/a.status.attempts[0].number is no integer',
      'trainingjobs/a.status.attempts[0].batch is missing',
    ]);
  });

  describe('watched', () => {
    let events: string[];
    let stop: AbortController;
    let ended: string;
    async function watch(resourceVersion: string, more: object = {}): Promise<void> {
      events = [];
      ended = '';
      stop = new AbortController();
      const tell = ({ type, object }: WatchEvent<TrainingJob>) => {
        events.push(`${type} ${object.metadata?.name ?? object.metadata?.resourceVersion ?? ''}`.trim());
        if (type === 'ERROR') throw new KubernetesError('Gone', 'told so');
      };
      client.watch(TRAINING_JOBS, { resourceVersion, ...more }, tell, { signal: stop.signal }).then(
        () => (ended = 'quietly'),
        (error: KubernetesError) => (ended = error.kind),
      );
      await turned();
    }

    it('tells what happened since a version, and then what happens', async () => {
      const { metadata } = await client.list(TRAINING_JOBS);
      await client.create(TRAINING_JOBS, job('a'));
      await watch(metadata.resourceVersion ?? '');
      await patch({ spec: { suspend: true } });
      await client.create(NAMESPACES, { metadata: { name: 'other' } });
      await client.delete(TRAINING_JOBS, 'a', at);
      await turned();
      expect(events).to.deep.equal(['ADDED a', 'MODIFIED a', 'DELETED a']);
    });

    it('is late when asked to be, in order', async () => {
      await watch('1');
      server.watchLagMs = () => 1000;
      await client.create(TRAINING_JOBS, job('a'));
      await client.create(TRAINING_JOBS, job('b'));
      await clock.advance(999);
      expect(events).to.deep.equal([]);
      await clock.advance(1);
      expect(events).to.deep.equal(['ADDED a', 'ADDED b']);
    });

    it('gets bookmarks, and ends by itself after its time', async () => {
      await watch('1', { timeoutSeconds: 150 });
      await clock.advance(149_000);
      expect(events).to.deep.equal(['BOOKMARK 1', 'BOOKMARK 1']);
      await clock.advance(1_000);
      expect(ended).to.equal('quietly');
    });

    it('only hears of what its selector names', async () => {
      await watch('1', { labelSelector: 'odd=b' });
      for (const name of ['a', 'b']) await client.create(TRAINING_JOBS, job(name, { labels: { odd: name } }));
      await turned();
      expect(events).to.deep.equal(['ADDED b']);
    });

    it('hears that its version is too old, now or when it begins', async () => {
      await watch('1');
      await client.create(TRAINING_JOBS, job('a'));
      server.forget();
      await turned();
      expect([events.at(-1), ended]).to.deep.equal(['ERROR', 'Gone']);
      await watch('1');
      expect(ended).to.equal('Gone');
    });

    it('ends when the server, its client or its own signal ends it', async () => {
      await watch('1');
      server.closeWatches();
      await turned();
      expect(ended).to.equal('quietly');
      await watch('1');
      client.close();
      await turned();
      expect(ended).to.equal('Unreachable');
      await watch('1');
      stop.abort();
      await turned();
      expect(ended).to.equal('Unreachable');
      await client.create(TRAINING_JOBS, job('a'));
      expect(events).to.deep.equal([]);
    });
  });
});
