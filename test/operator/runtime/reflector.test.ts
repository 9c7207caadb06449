import { expect } from 'chai';
import { Cache } from '../../../operator/runtime/cache.ts';
import { KubernetesError, type KubeObject, type Query, type WatchEvent } from '../../../operator/runtime/kubernetes.ts';
import { Reflector } from '../../../operator/runtime/reflector.ts';
import { TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { ManualClock, settled } from '../clock.ts';

const object = (name: string, version: number, uid = name): KubeObject => ({
  metadata: { namespace: 'n', name, uid, resourceVersion: String(version) },
});

/** An API server whose lists and watches the test plays. */
class Script {
  lists: Query[] = [];
  watches: {
    query: Query;
    send: (event: WatchEvent<KubeObject>) => void;
    end: (error?: Error) => void;
    signal: AbortSignal;
  }[] = [];
  items: KubeObject[] = [];
  version = '10';
  failures: Error[] = [];
  pages = false;
  async list(_: unknown, query: Query = {}) {
    this.lists.push(query);
    const failure = this.failures.shift();
    if (failure) throw failure;
    if (this.pages && !query.continue)
      return { items: this.items.slice(0, 1), metadata: { resourceVersion: this.version, continue: 'more' } };
    return { items: this.pages ? this.items.slice(1) : this.items, metadata: { resourceVersion: this.version } };
  }
  watch(
    _: unknown,
    query: Query,
    onEvent: (event: never) => void,
    { signal, heard }: { signal: AbortSignal; heard?: () => void },
  ) {
    return new Promise<void>((resolve, reject) => {
      const end = (error?: Error) => (error ? reject(error) : resolve());
      signal.addEventListener('abort', () => end(new KubernetesError('Unreachable', 'cut')));
      const send = (event: WatchEvent<KubeObject>) => {
        heard?.();
        try {
          onEvent(event as never);
        } catch (error) {
          reject(error as Error);
        }
      };
      this.watches.push({ query, send, end, signal });
    });
  }
}

describe('The reflector', () => {
  let clock: ManualClock;
  let script: Script;
  let cache: Cache<KubeObject>;
  let changes: string[];
  let errors: unknown[];
  let reflector: Reflector<KubeObject>;
  beforeEach(() => {
    clock = new ManualClock();
    script = new Script();
    cache = new Cache<KubeObject>({ namespace: (one) => [one.metadata?.namespace ?? ''] });
    changes = [];
    errors = [];
    reflector = new Reflector<KubeObject>({
      kubernetes: script as never,
      resource: TRAINING_JOBS,
      cache,
      clock,
      onChange: (key, _, gone) => changes.push(`${gone ? '-' : '+'}${key}`),
      onError: (error) => errors.push(error),
      silenceMs: 60_000,
      resyncMs: 3_600_000,
      random: () => 0,
    });
  });
  afterEach(() => reflector.stop());

  it('lists page by page, then watches from there with bookmarks and an end', async () => {
    script.items = [object('a', 1), object('b', 2)];
    script.pages = true;
    reflector.start();
    await reflector.synced;
    await settled();
    expect(script.lists).to.deep.equal([
      { limit: 500, continue: undefined, labelSelector: undefined },
      { limit: 500, continue: 'more', labelSelector: undefined },
    ]);
    expect(changes).to.deep.equal(['+n/a', '+n/b']);
    expect(script.watches[0]?.query).to.include({
      resourceVersion: '10',
      allowWatchBookmarks: true,
      timeoutSeconds: 300,
    });
    expect(cache.by('namespace', 'n')).to.have.length(2);
  });

  it('follows events and goes on from the last version, bookmarks included, when the server ends the watch', async () => {
    script.items = [object('a', 1)];
    reflector.start();
    await settled();
    script.watches[0]?.send({ type: 'MODIFIED', object: object('a', 11) });
    script.watches[0]?.send({ type: 'ADDED', object: object('b', 12) });
    script.watches[0]?.send({ type: 'DELETED', object: object('a', 13) });
    script.watches[0]?.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '20' } } });
    script.watches[0]?.end();
    await settled();
    expect(changes).to.deep.equal(['+n/a', '+n/a', '+n/b', '-n/a']);
    expect(script.watches[1]?.query.resourceVersion).to.equal('20');
    expect(reflector.lists).to.equal(1);
  });

  it('lists again when its version is gone, and finds what went meanwhile', async () => {
    script.items = [object('a', 1), object('b', 2)];
    reflector.start();
    await settled();
    script.items = [object('b', 2)];
    script.watches[0]?.send({ type: 'ERROR', object: { code: 410, reason: 'Expired' } as never });
    await settled();
    expect(reflector.lists).to.equal(2);
    expect(changes).to.deep.equal(['+n/a', '+n/b', '-n/a', '+n/b']);
  });

  it('cuts a silent watch and opens another without listing', async () => {
    reflector.start();
    await settled();
    await clock.advance(59_999);
    expect(script.watches).to.have.length(1);
    script.watches[0]?.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '15' } } });
    await clock.advance(59_999);
    expect(script.watches).to.have.length(1);
    await clock.advance(1);
    expect(script.watches).to.have.length(2);
    expect(script.watches[1]?.query.resourceVersion).to.equal('15');
    expect(reflector.lists).to.equal(1);
    expect(errors).to.deep.equal([]);
  });

  it('pauses longer and longer while the server fails, and as long as it asks', async () => {
    const down = new KubernetesError('Unreachable', 'down');
    script.failures = [down, down, down, new KubernetesError('Throttled', 'later', 429, 9)];
    reflector.start();
    await settled();
    for (const [after, lists] of [
      [249, 1],
      [1, 2],
      [499, 2],
      [1, 3],
      [1000, 4],
      [8_999, 4],
      [1, 5],
    ] as const) {
      await clock.advance(after);
      expect(script.lists, `after ${after} ms more`).to.have.length(lists);
    }
    expect(errors).to.have.length(4);
  });

  it('tells of every object again at each resync', async () => {
    script.items = [object('a', 1)];
    reflector.start();
    await settled();
    await clock.advance(3_600_000);
    expect(changes.filter((change) => change === '+n/a').length).to.be.greaterThan(1);
  });
});

describe('The cache', () => {
  it('keeps the newer of two versions of an object, and the other object under the same name', () => {
    const cache = new Cache<KubeObject>();
    expect(cache.put(object('a', 9))).to.equal(true);
    expect(cache.put(object('a', 8))).to.equal(false);
    expect(cache.get('n/a')?.metadata?.resourceVersion).to.equal('9');
    expect(cache.put(object('a', 7, 'another'))).to.equal(true);
    expect(cache.size).to.equal(1);
  });

  it('keeps its indexes with the objects', () => {
    const cache = new Cache<KubeObject & { colour: string }>({ colour: ({ colour }) => [colour] });
    cache.put({ ...object('a', 1), colour: 'red' });
    cache.put({ ...object('a', 2), colour: 'blue' });
    expect(cache.by('colour', 'red')).to.deep.equal([]);
    expect(cache.by('colour', 'blue')).to.have.length(1);
    cache.remove('n/a');
    expect(cache.remove('n/a')).to.equal(undefined);
    expect(cache.by('colour', 'blue')).to.deep.equal([]);
  });
});
