import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import { Store, type StoreEvent, type StoreOptions } from '../../../../local/kubernetes/storage/store.ts';

const KEY = '/configmaps';

function configMap(name: string, value = '', namespace = 'default'): KubeObject {
  const metadata = { name, namespace, uid: `uid-${name}`, resourceVersion: '', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } };
}

describe('The store', () => {
  let folder: string;
  let store: Store;

  const open = async (options: Partial<StoreOptions> = {}): Promise<Store> =>
    (store = await Store.open({ folder, ...options }));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'store-'));
    await open();
  });

  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives every write its own revision, in order, and tells listeners in that order', async () => {
    const seen: string[] = [];
    store.subscribe((event) => seen.push(`${event.revision} ${event.type} ${event.object.metadata.name}`));
    const [a, b] = await Promise.all([store.put(KEY, configMap('a')), store.put(KEY, configMap('b'))]);
    await store.put(KEY, { ...a, data: { value: 'new' } });
    await store.remove(KEY, b);
    expect(seen).to.deep.equal(['1 ADDED a', '2 ADDED b', '3 MODIFIED a', '4 DELETED b']);
    expect(store.revision).to.equal(4);
  });

  it('shows a write to readers once it is durable, to the next write at once', async () => {
    const written = store.put(KEY, configMap('a'));
    expect(store.get(KEY, 'default', 'a')).to.equal(undefined);
    expect(store.head(KEY, 'default', 'a')?.metadata.resourceVersion).to.equal('1');
    await written;
    expect(store.get(KEY, 'default', 'a')?.metadata.resourceVersion).to.equal('1');
  });

  it('lists by namespace and name', async () => {
    for (const [namespace, name] of [
      ['b', 'x'],
      ['a', 'z'],
      ['a', 'y'],
      ['a-b', 'q'],
    ] as const) {
      await store.put(KEY, configMap(name, '', namespace));
    }
    const names = store.list(KEY).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(names).to.deep.equal([...names].sort());
    expect(store.list(KEY, 'a').map(({ metadata }) => metadata.name)).to.deep.equal(['y', 'z']);
  });

  it('comes back as it was, with its revision and its history', async () => {
    const a = await store.put(KEY, configMap('a', '1'));
    await store.put(KEY, { ...a, data: { value: '2' } });
    await store.close();
    await open();
    expect(store.revision).to.equal(2);
    expect(store.get(KEY, 'default', 'a')?.['data']).to.deep.equal({ value: '2' });
    expect(store.history.since(1)?.map((event) => event.revision)).to.deep.equal([2]);
  });

  it('ignores a torn last record and keeps it aside', async () => {
    await store.put(KEY, configMap('a'));
    await store.close();
    appendFileSync(join(folder, 'journal-1'), 'deadbeef {"r":2,"k":"/configmaps","o":{"meta');
    const notices: string[] = [];
    await open({ onNotice: (message) => notices.push(message) });
    expect(store.revision).to.equal(1);
    expect(notices).to.have.length(1);
    expect(readFileSync(join(folder, 'journal-1.torn'), 'utf8')).to.contain('deadbeef');
    await store.put(KEY, configMap('b'));
    await store.close();
    await open();
    expect(store.list(KEY)).to.have.length(2);
  });

  it('is the same after every cut of its journal: a prefix of its writes', async () => {
    for (let n = 0; n < 6; n++) await store.put(KEY, configMap(`c${n}`, 'x'.repeat(n * 7)));
    await store.close();
    const bytes = readFileSync(join(folder, 'journal-1'));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length }), async (cut) => {
        writeFileSync(join(folder, 'journal-1'), bytes.subarray(0, cut));
        await open();
        const whole = bytes.subarray(0, cut).toString().split('\n').length - 1;
        expect(store.list(KEY).map(({ metadata }) => metadata.name)).to.deep.equal(
          Array.from({ length: whole }, (_, n) => `c${n}`),
        );
        await store.close();
      }),
      { numRuns: 30 },
    );
    await open();
  });

  it('acknowledges writes although a listener throws', async () => {
    await store.close();
    const notices: string[] = [];
    await open({ onNotice: (message) => notices.push(message) });
    store.subscribe(() => {
      throw new Error('broken');
    });
    const seen: number[] = [];
    store.subscribe((event) => seen.push(event.revision));
    await store.put(KEY, configMap('a'));
    await store.put(KEY, configMap('b'));
    expect(seen).to.deep.equal([1, 2]);
    expect(notices).to.deep.equal(['a listener failed', 'a listener failed']);
  });

  it('refuses a second opener until it is closed', async () => {
    let error: unknown;
    await Store.open({ folder }).catch((caught: unknown) => (error = caught));
    expect(error).to.have.property('name', 'FolderInUse');
  });

  it('compacts its journal while it is written to, and loses nothing', async () => {
    await store.close();
    await open({ compactBytes: 2000 });
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 10 }, (_, n) => store.put(KEY, configMap(`c${n}`, `${round}`))));
    }
    await store.close();
    const files = readdirSync(folder);
    expect(files).to.include('snapshot');
    expect(files.filter((name) => name.startsWith('journal-')).length).to.be.lessThan(3);
    await open();
    expect(store.revision).to.equal(100);
    expect(store.list(KEY).map((object) => (object['data'] as { value: string }).value)).to.deep.equal(
      Array(10).fill('9'),
    );
  });

  it('refuses a damaged snapshot instead of starting from less', async () => {
    await store.put(KEY, configMap('a'));
    await store.compact();
    await store.close();
    writeFileSync(join(folder, 'snapshot'), readFileSync(join(folder, 'snapshot')).subarray(0, 40));
    let error: unknown;
    await Store.open({ folder }).catch((caught: unknown) => (error = caught));
    expect(String(error)).to.match(/snapshot in .* is damaged/);
    rmSync(join(folder, 'snapshot'));
    await open();
  });

  it('lists the world of an older revision, and says when it no longer can', async () => {
    await store.close();
    await open({ historyEvents: 5 });
    const a = await store.put(KEY, configMap('a', 'old'));
    await store.put(KEY, configMap('b'));
    await store.put(KEY, { ...a, data: { value: 'new' } });
    await store.remove(KEY, configMap('b'));
    const before = store.listAt(KEY, undefined, 2)?.map((object) => [object.metadata.name, object['data']]);
    expect(before).to.deep.equal([
      ['a', { value: 'old' }],
      ['b', { value: '' }],
    ]);
    for (let n = 0; n < 5; n++) await store.put(KEY, configMap(`c${n}`));
    expect(store.listAt(KEY, undefined, 2)).to.equal(undefined);
    expect(store.history.since(2)).to.equal(undefined);
    expect(store.history.since(store.revision)).to.deep.equal([]);
  });

  it('replays exactly what listeners were told', async () => {
    const told: StoreEvent[] = [];
    store.subscribe((event) => told.push(event));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean()), { maxLength: 20 }),
        async (steps) => {
          const from = store.revision;
          told.length = 0;
          await Promise.all(
            steps.map(([n, removes]) => {
              const head = store.head(KEY, 'default', `c${n}`);
              return removes && head !== undefined ? store.remove(KEY, head) : store.put(KEY, configMap(`c${n}`));
            }),
          );
          expect(store.history.since(from)).to.deep.equal(told);
        },
      ),
      { numRuns: 20 },
    );
  });
});
