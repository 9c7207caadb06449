// Watches: from now, from a revision, through selectors; their end, their bookmarks, their refusals.
import { expect } from 'chai';
import { makePlayground, openWatch, type Playground } from './exchange.ts';
import { describeEachServer } from './servers.ts';

describeEachServer('Watches', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
  });

  const label = (name: string, labels: Record<string, string | null>) =>
    server.call('PATCH', `${ground.widgets}/${name}`, { metadata: { labels } }, 'application/merge-patch+json');

  const revision = async (): Promise<string> =>
    (await server.call('GET', ground.widgets)).body.metadata.resourceVersion as string;

  it('tells what happens to objects, in order', async () => {
    const watch = await openWatch(server, `${ground.widgets}?watch=1&resourceVersion=${await revision()}`);
    await server.call('POST', ground.widgets, ground.widget('life'));
    await label('life', { a: 'b' });
    await server.call('DELETE', `${ground.widgets}/life`);
    const events = [await watch.next(), await watch.next(), await watch.next()];
    expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED']);
    const versions = events.map((event) => Number(event.object.metadata.resourceVersion));
    expect(versions[0]).to.be.lessThan(versions[1] ?? 0);
    expect(versions[1]).to.be.lessThan(versions[2] ?? 0);
    watch.close();
  });

  it('goes on from a revision of the past', async () => {
    const from = await revision();
    await server.call('POST', ground.widgets, ground.widget('past-1'));
    await server.call('POST', ground.widgets, ground.widget('past-2'));
    const watch = await openWatch(server, `${ground.widgets}?watch=true&resourceVersion=${from}`);
    expect((await watch.next()).object.metadata.name).to.equal('past-1');
    const second = await watch.next();
    expect(second.object.metadata.name).to.equal('past-2');
    expect(second.object.kind).to.equal('Widget');
    watch.close();
  });

  it('begins with what is there when no revision is given', async () => {
    await server.call('POST', ground.widgets, ground.widget('there'));
    const watch = await openWatch(server, `${ground.widgets}?watch=1&fieldSelector=metadata.name%3Dthere`);
    const event = await watch.next();
    expect(event.type).to.equal('ADDED');
    expect(event.object.metadata.name).to.equal('there');
    watch.close();
  });

  it('shows objects that start and stop matching as ADDED and DELETED', async () => {
    await server.call('POST', ground.widgets, ground.widget('turns'));
    const path = `${ground.widgets}?watch=1&labelSelector=on%3Dyes&resourceVersion=${await revision()}`;
    const watch = await openWatch(server, path);
    await label('turns', { on: 'yes' });
    await label('turns', { on: 'yes', more: 'x' });
    await label('turns', { on: null });
    const types = [await watch.next(), await watch.next(), await watch.next()].map((event) => event.type);
    expect(types).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED']);
    watch.close();
  });

  it('ends after timeoutSeconds', async () => {
    const began = Date.now();
    const watch = await openWatch(
      server,
      `${ground.widgets}?watch=1&resourceVersion=${await revision()}&timeoutSeconds=1`,
    );
    expect(await watch.ended).to.deep.equal([]);
    expect(Date.now() - began).to.be.within(800, 5000);
  });

  it('sends the initial events and their end when asked to', async () => {
    await server.call('POST', ground.widgets, ground.widget('initial'));
    const query =
      'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=20';
    const watch = await openWatch(server, `${ground.widgets}?${query}`);
    const seen: string[] = [];
    for (;;) {
      const event = await watch.next(true);
      if (event.type === 'BOOKMARK') {
        expect(event.object.kind).to.equal('Widget');
        expect(event.object.metadata.annotations).to.deep.equal({ 'k8s.io/initial-events-end': 'true' });
        expect(Number(event.object.metadata.resourceVersion)).to.be.greaterThan(0);
        break;
      }
      expect(event.type).to.equal('ADDED');
      seen.push(event.object.metadata.name as string);
    }
    expect(seen).to.include('initial');
    watch.close();
  });

  it('answers 410 as an event when the revision is too old', async function () {
    // etcd of the real server keeps everything here; only a bounded window forgets.
    if (server.kind === 'real') this.skip();
    const { startKubernetes } = await import('../../../local/kubernetes/server.ts');
    const { mkdtemp, rm } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    const stateDir = await mkdtemp(`${tmpdir()}/kubernetes-`);
    const small = await startKubernetes({ stateDir, storage: { historyEvents: 3 }, controllers: false });
    try {
      const own = { url: small.url, ca: small.caPem, token: small.adminToken };
      for (let n = 0; n < 5; n++) {
        await small.api.create(
          { group: '', plural: 'configmaps' },
          { metadata: { name: `c${n}`, namespace: 'default' } },
        );
      }
      const watch = await openWatch(own, '/api/v1/configmaps?watch=1&resourceVersion=1');
      const event = await watch.next();
      expect(event.type).to.equal('ERROR');
      expect(event.object).to.include({ kind: 'Status', code: 410, reason: 'Expired' });
      expect(event.object.message).to.match(/^too old resource version: 1 \(\d+\)$/);
      await watch.ended;
    } finally {
      await small.close();
      await rm(stateDir, { recursive: true });
    }
  });

  it('watches as Tables, with columns in the first event only', async () => {
    const from = await revision();
    await server.call('POST', ground.widgets, ground.widget('table-1'));
    await server.call('POST', ground.widgets, ground.widget('table-2'));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const watch = await openWatch(server, `${ground.widgets}?watch=1&resourceVersion=${from}`, { accept });
    const [first, second] = [await watch.next(), await watch.next()];
    expect(first.object.kind).to.equal('Table');
    expect((first.object.columnDefinitions as { name: string }[]).map((column) => column.name)).to.deep.equal([
      'Name',
      'Size',
    ]);
    expect(first.object.rows[0].cells).to.deep.equal(['table-1', 1]);
    expect(second.object.columnDefinitions ?? []).to.have.length(0);
    watch.close();
  });
});
