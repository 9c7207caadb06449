// What takes time in a watch: bookmarks and its end, with a clock that the test turns.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Clock } from '../../../../cloud/clock.ts';
import { type Kubernetes, startKubernetes } from '../../../../local/kubernetes/server.ts';
import { openWatch } from '../../../contract/kubernetes/exchange.ts';

class TurnedClock implements Clock {
  #now = Date.parse('2026-05-01T12:00:00Z');
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  turn(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}

describe('A watch in time', () => {
  let folder: string;
  let clock: TurnedClock;
  let server: Kubernetes;
  let address: { url: string; ca: string; token: string };
  const configMaps = { group: '', plural: 'configmaps' };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
    clock = new TurnedClock();
    server = await startKubernetes({ stateDir: folder, clock, controllers: false });
    address = { url: server.url, ca: server.caPem, token: server.adminToken };
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('is kept fresh by bookmarks at the newest revision, also of other kinds', async () => {
    const watch = await openWatch(address, '/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion=1');
    await server.api.create(configMaps, { metadata: { name: 'a', namespace: 'default' } });
    clock.turn(10_000);
    const bookmark = await watch.next(true);
    expect(bookmark.type).to.equal('BOOKMARK');
    expect(bookmark.object).to.deep.equal({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { resourceVersion: server.api.resourceVersion(), creationTimestamp: null },
    });
    clock.turn(10_000);
    expect((await watch.next(true)).type).to.equal('BOOKMARK');
    watch.close();
  });

  it('gets none unless it asks for them, and ends in time', async () => {
    const watch = await openWatch(address, '/api/v1/pods?watch=1&resourceVersion=1&timeoutSeconds=60');
    clock.turn(61_000);
    expect(await watch.ended).to.deep.equal([]);
  });

  it('gets a last bookmark before it ends', async () => {
    const watch = await openWatch(address, '/api/v1/pods?watch=1&allowWatchBookmarks=1&timeoutSeconds=5');
    clock.turn(5000);
    expect((await watch.ended).map((event) => event.type)).to.deep.equal(['BOOKMARK']);
  });

  it('gets bookmarks in the shape it asked for', async () => {
    const path = '/api/v1/pods?watch=1&allowWatchBookmarks=1&timeoutSeconds=5';
    const table = await openWatch(address, path, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    const partial = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    const metadata = await openWatch(address, path, { accept: partial });
    clock.turn(5000);
    expect((await table.ended)[0]?.object).to.include({ kind: 'Table' });
    expect((await metadata.ended)[0]?.object).to.include({ kind: 'PartialObjectMetadata' });
  });

  it('stamps objects with the time of its clock', async () => {
    const made = await server.api.create(configMaps, { metadata: { name: 'a', namespace: 'default' } });
    expect(made.metadata.creationTimestamp).to.equal('2026-05-01T12:00:00Z');
  });

  const refused: [string, string, number][] = [
    ['watch=1&includeObject=Everything', 'unrecognized includeObject value: "Everything"', 400],
    ['watch=1&resourceVersion=abc', 'resourceVersion: Invalid value: "abc": strconv.ParseUint', 500],
    [
      'watch=1&resourceVersionMatch=NotOlderThan',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      422,
    ],
    ['watch=1&sendInitialEvents=true', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan', 422],
    [
      'watch=1&sendInitialEvents=maybe&resourceVersionMatch=NotOlderThan',
      'invalid value "maybe" for sendInitialEvents',
      400,
    ],
  ];
  for (const [query, message, code] of refused) {
    it(`refuses ${query} before it starts`, async () => {
      const { send } = await import('../../../contract/kubernetes/exchange.ts');
      const answer = await send(address, 'GET', `/api/v1/pods?${query}`);
      expect(answer.body.message).to.contain(message);
      expect(answer.status).to.equal(code);
    });
  }
});
