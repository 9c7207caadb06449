import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG_MAPS, NAMESPACES, PODS, TestCluster } from './cluster.ts';

describe('garbage collection', () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start();
  });
  after(() => cluster.close());

  const there = (name: string) => cluster.get(CONFIG_MAPS, 'default', name) !== undefined;
  const remove = (name: string, propagationPolicy: 'Background' | 'Foreground' | 'Orphan') =>
    cluster.api.delete(CONFIG_MAPS, 'default', name, { propagationPolicy });

  it('deletes what has lost its only owner, and what that owned', async () => {
    const owner = await cluster.configMap('default', 'a');
    const child = await cluster.configMap('default', 'a-child', [owner]);
    await cluster.configMap('default', 'a-grandchild', [child]);
    await remove('a', 'Background');
    await cluster.until('all gone', () => !there('a') && !there('a-child') && !there('a-grandchild'));
  });

  it('keeps what another owner still holds, and forgets the lost one', async () => {
    const one = await cluster.configMap('default', 'b1');
    const two = await cluster.configMap('default', 'b2');
    await cluster.configMap('default', 'b-child', [one, two]);
    await remove('b1', 'Background');
    const owners = () =>
      cluster.get(CONFIG_MAPS, 'default', 'b-child')?.metadata.ownerReferences?.map(({ name }) => name);
    await cluster.until('one owner left', () => owners()?.length === 1);
    expect(owners()).to.deep.equal(['b2']);
  });

  it('leaves orphans alone when asked to', async () => {
    const owner = await cluster.configMap('default', 'c');
    await cluster.configMap('default', 'c-child', [owner]);
    await remove('c', 'Orphan');
    await cluster.until('owner gone', () => !there('c'));
    expect(cluster.get(CONFIG_MAPS, 'default', 'c-child')?.metadata.ownerReferences ?? []).to.deep.equal([]);
  });

  it('lets an owner deleted in the foreground wait for the dependents that block it', async () => {
    const owner = await cluster.configMap('default', 'd');
    const child = await cluster.configMap('default', 'd-child', [owner], { blockOwnerDeletion: true });
    const held = { ...child, metadata: { ...child.metadata, finalizers: ['example.com/hold'] } };
    await cluster.api.update(CONFIG_MAPS, held);
    await remove('d', 'Foreground');
    const deleting = () => cluster.get(CONFIG_MAPS, 'default', 'd-child')?.metadata.deletionTimestamp !== undefined;
    await cluster.until('child is being deleted', deleting);
    expect(there('d')).to.equal(true);
    const current = cluster.get(CONFIG_MAPS, 'default', 'd-child');
    if (current === undefined) throw new Error('gone too early');
    const { finalizers: _, ...metadata } = current.metadata;
    await cluster.api.update(CONFIG_MAPS, { ...current, metadata });
    await cluster.until('both gone', () => !there('d') && !there('d-child'));
  });

  it('deletes what is created for an owner that never was, by uid', async () => {
    const owner = await cluster.configMap('default', 'e');
    const impostor = { ...owner, metadata: { ...owner.metadata, uid: '00000000-0000-4000-8000-000000000000' } };
    await cluster.configMap('default', 'e-child', [impostor]);
    await cluster.until('child gone', () => !there('e-child'));
    expect(there('e')).to.equal(true);
  });

  it('does not touch what belongs to a kind that is not served', async () => {
    const stranger = { apiVersion: 'nobody.example.com/v1', kind: 'Nobody', metadata: { name: 'x', uid: 'x' } };
    await cluster.configMap('default', 'f', [stranger as never]);
    await sleep(50);
    expect(there('f')).to.equal(true);
  });
});

describe('the end of a namespace', () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start();
  });
  after(() => cluster.close());

  it('takes everything in it along', async () => {
    await cluster.api.create(NAMESPACES, { metadata: { name: 'going' } });
    await cluster.configMap('going', 'one');
    await cluster.configMap('default', 'staying');
    await cluster.api.delete(NAMESPACES, undefined, 'going');
    await cluster.until('namespace gone', () => cluster.get(NAMESPACES, undefined, 'going') === undefined);
    expect(cluster.api.list(CONFIG_MAPS, 'going')).to.deep.equal([]);
    expect(cluster.get(CONFIG_MAPS, 'default', 'staying')).to.not.equal(undefined);
  });

  it('waits for what a finalizer holds, and says so', async () => {
    await cluster.api.create(NAMESPACES, { metadata: { name: 'held' } });
    await cluster.api.create(CONFIG_MAPS, {
      metadata: { namespace: 'held', name: 'one', finalizers: ['example.com/hold'] },
    });
    await cluster.api.delete(NAMESPACES, undefined, 'held');
    const namespace = () => cluster.get(NAMESPACES, undefined, 'held');
    await cluster.until('told', () => JSON.stringify(namespace()?.status ?? {}).includes('configmaps/one'));
    expect(namespace()?.status?.['phase']).to.equal('Terminating');
    const held = cluster.get(CONFIG_MAPS, 'held', 'one');
    if (held === undefined) throw new Error('gone too early');
    const { finalizers: _, ...metadata } = held.metadata;
    await cluster.api.update(CONFIG_MAPS, { ...held, metadata });
    await cluster.until('namespace gone', () => namespace() === undefined);
  });

  it('takes pods along that nobody runs', async () => {
    await cluster.api.create(NAMESPACES, { metadata: { name: 'pods' } });
    await cluster.api.create(PODS, {
      metadata: { namespace: 'pods', name: 'one' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    await cluster.api.delete(NAMESPACES, undefined, 'pods');
    await cluster.until('namespace gone', () => cluster.get(NAMESPACES, undefined, 'pods') === undefined);
  });
});
