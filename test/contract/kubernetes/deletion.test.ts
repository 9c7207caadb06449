// Deletion: at once, held by finalizers, under preconditions, of collections and definitions.
import { expect } from 'chai';
import { makePlayground, type Playground, send, widgetDefinition } from './exchange.ts';
import { describeEachServer, eventually } from './servers.ts';

const MERGE = 'application/merge-patch+json';

describeEachServer('Deletion', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
  });

  const remove = (path: string, options: unknown) =>
    send(server, 'DELETE', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(options) });

  it('removes what nothing holds and answers with its uid', async () => {
    const { body: made } = await server.call('POST', ground.widgets, ground.widget('free'));
    const { status, body } = await server.call('DELETE', `${ground.widgets}/free`);
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'free', group: ground.group, kind: 'widgets', uid: made.metadata.uid },
    });
    expect((await server.call('DELETE', `${ground.widgets}/free`)).status).to.equal(404);
  });

  it('waits for finalizers, takes no new ones, and goes with the last', async () => {
    const name = 'held';
    const path = `${ground.widgets}/${name}`;
    const metadata = { name, finalizers: ['example.com/hold'] };
    await server.call('POST', ground.widgets, ground.widget(name, { metadata }));
    const marked = await server.call('DELETE', path);
    expect(marked.status).to.equal(200);
    expect(marked.body.metadata.deletionTimestamp).to.match(/Z$/);
    expect(marked.body.metadata.deletionGracePeriodSeconds).to.equal(0);
    expect(marked.body.metadata.generation).to.equal(2);
    const again = await server.call('DELETE', path);
    expect(again.body.metadata.resourceVersion).to.equal(marked.body.metadata.resourceVersion);
    const added = await server.call(
      'PATCH',
      path,
      { metadata: { finalizers: ['example.com/hold', 'example.com/new'] } },
      MERGE,
    );
    expect(added.status).to.equal(422);
    expect(added.body.message).to.contain(
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/new"}',
    );
    const last = await server.call('PATCH', path, { metadata: { finalizers: null } }, MERGE);
    expect(last.status).to.equal(200);
    expect((await server.call('GET', path)).status).to.equal(404);
  });

  it('checks preconditions', async () => {
    const { body: made } = await server.call('POST', ground.widgets, ground.widget('sure'));
    const path = `${ground.widgets}/sure`;
    const wrong = await remove(path, { preconditions: { uid: 'nope' } });
    expect(wrong.status).to.equal(409);
    expect(wrong.body.message).to.equal(
      `Operation cannot be fulfilled on Widget.${ground.group} "sure": the UID in the precondition (nope) does not match the UID in record (${made.metadata.uid}). The object might have been deleted and then recreated`,
    );
    const old = await remove(path, { preconditions: { resourceVersion: '1' } });
    expect(old.body.message).to.contain(
      'the ResourceVersion in the precondition (1) does not match the ResourceVersion in record',
    );
    const right = await remove(path, { preconditions: { uid: made.metadata.uid } });
    expect(right.status).to.equal(200);
  });

  it('marks with the finalizer of the propagation policy', async () => {
    await server.call('POST', ground.widgets, ground.widget('front'));
    const bad = await remove(`${ground.widgets}/front`, { propagationPolicy: 'Sideways' });
    expect(bad.status).to.equal(422);
    const { body } = await remove(`${ground.widgets}/front`, { propagationPolicy: 'Foreground' });
    expect(body.metadata.finalizers).to.deep.equal(['foregroundDeletion']);
    expect(body.metadata).to.have.property('deletionTimestamp');
  });

  it('deletes a collection by selector', async () => {
    for (const name of ['x1', 'x2', 'y1']) {
      const metadata = { name, labels: { set: name.slice(0, 1) } };
      await server.call('POST', ground.widgets, ground.widget(name, { metadata }));
    }
    const { status } = await server.call('DELETE', `${ground.widgets}?labelSelector=set%3Dx`);
    expect(status).to.equal(200);
    const left = await server.call('GET', `${ground.widgets}?labelSelector=set`);
    expect((left.body.items as { metadata: { name: string } }[]).map((item) => item.metadata.name)).to.deep.equal([
      'y1',
    ]);
  });

  it('removes a pod that runs nowhere at once, and gives one on a node its grace period', async () => {
    const spec = { containers: [{ name: 'c', image: 'x' }] };
    await server.call('POST', `${ground.core}/pods`, { metadata: { name: 'nowhere' }, spec });
    await server.call('DELETE', `${ground.core}/pods/nowhere`);
    expect((await server.call('GET', `${ground.core}/pods/nowhere`)).status).to.equal(404);
    await server.call('POST', `${ground.core}/pods`, {
      metadata: { name: 'placed' },
      spec: { ...spec, nodeName: 'some-node' },
    });
    const marked = await server.call('DELETE', `${ground.core}/pods/placed`);
    expect(marked.body.metadata.deletionGracePeriodSeconds).to.equal(30);
    const forced = await remove(`${ground.core}/pods/placed`, { gracePeriodSeconds: 0 });
    expect(forced.status).to.equal(200);
    expect((await server.call('GET', `${ground.core}/pods/placed`)).status).to.equal(404);
  });

  it('preserves the pods of a Job by default, and says so', async () => {
    const jobs = `/apis/batch/v1/namespaces/${ground.namespace}/jobs`;
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } };
    await server.call('POST', jobs, { metadata: { name: 'orphaner' }, spec: { suspend: true, template } });
    const answer = await send(server, 'DELETE', `${jobs}/orphaner?dryRun=All`);
    expect(answer.headers['warning']).to.match(/^299 - "child pods are preserved by default when jobs are deleted/);
    expect(answer.body.metadata.finalizers).to.deep.equal(['orphan']);
  });

  it('deletes the objects of a definition with it, and starts empty when it comes back', async function () {
    this.timeout(30_000);
    const own = await makePlayground(server);
    const metadata = { name: 'held', finalizers: ['example.com/hold'] };
    await server.call('POST', own.widgets, own.widget('held', { metadata }));
    await server.call('POST', own.widgets, own.widget('free'));
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const crd = `${crds}/widgets.${own.group}`;
    await server.call('DELETE', crd);
    await eventually(
      'marked',
      async () =>
        (await server.call('GET', `${own.widgets}/held`)).body.metadata?.deletionTimestamp as string | undefined,
    );
    expect((await server.call('GET', crd)).status).to.equal(200);
    await server.call('PATCH', `${own.widgets}/held`, { metadata: { finalizers: null } }, MERGE);
    await eventually('gone', async () => ((await server.call('GET', crd)).status === 404 ? true : undefined));
    await server.call('POST', crds, widgetDefinition(own.group));
    const again = await eventually('served', async () => {
      const list = await server.call('GET', own.widgets);
      return list.status === 200 ? list : undefined;
    });
    expect(again.body.items).to.deep.equal([]);
  });

  it('serves a definition no longer once it is deleted', async () => {
    const own = await makePlayground(server);
    const crd = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${own.group}`;
    expect((await server.call('DELETE', crd)).status).to.equal(200);
    await eventually('404', async () => ((await server.call('GET', own.widgets)).status === 404 ? true : undefined));
  });
});
