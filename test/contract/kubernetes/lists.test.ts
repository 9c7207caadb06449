// Lists: selectors, pages, revisions, shapes.
import { expect } from 'chai';
import { makePlayground, type Playground, send } from './exchange.ts';
import { describeEachServer } from './servers.ts';

describeEachServer('Lists', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
    for (const [name, labels] of [
      ['a', { tier: 'web', n: '1' }],
      ['b', { tier: 'db', n: '5' }],
      ['c', { tier: 'web' }],
      ['d', {}],
    ] as const) {
      await server.call('POST', ground.widgets, ground.widget(name, { metadata: { name, labels } }));
    }
  });

  const names = async (query: string): Promise<string[]> => {
    const { status, body } = await server.call('GET', `${ground.widgets}?${query}`);
    expect(status, JSON.stringify(body)).to.equal(200);
    return (body.items as { metadata: { name: string } }[]).map((item) => item.metadata.name);
  };

  const selectors: [string, string[]][] = [
    ['tier=web', ['a', 'c']],
    ['tier==web,n', ['a']],
    ['tier!=web', ['b', 'd']],
    ['tier', ['a', 'b', 'c']],
    ['!tier', ['d']],
    ['tier in (web, db)', ['a', 'b', 'c']],
    ['tier notin (web)', ['b', 'd']],
    ['n>2', ['b']],
    ['n<2', ['a']],
    ['tier in (web),!n', ['c']],
  ];
  for (const [selector, expected] of selectors) {
    it(`selects by label: ${selector}`, async () => {
      expect(await names(`labelSelector=${encodeURIComponent(selector)}`)).to.deep.equal(expected);
    });
  }

  it('selects by metadata.name and metadata.namespace, and refuses other fields', async () => {
    expect(await names('fieldSelector=metadata.name%3Db')).to.deep.equal(['b']);
    expect(await names('fieldSelector=metadata.name!%3Db')).to.deep.equal(['a', 'c', 'd']);
    const { status } = await server.call('GET', `${ground.widgets}?fieldSelector=spec.size%3D1`);
    expect(status).to.equal(400);
    const bad = await server.call('GET', `${ground.widgets}?labelSelector=${encodeURIComponent('a b===')}`);
    expect(bad.status).to.equal(400);
  });

  it('pages a consistent list although objects come and go', async () => {
    const first = await server.call('GET', `${ground.widgets}?limit=2`);
    expect(first.body.metadata.remainingItemCount).to.equal(2);
    await server.call('POST', ground.widgets, ground.widget('bb'));
    await server.call('DELETE', `${ground.widgets}/d`);
    const token = encodeURIComponent(first.body.metadata.continue as string);
    const second = await server.call('GET', `${ground.widgets}?limit=2&continue=${token}`);
    const both = [...first.body.items, ...second.body.items] as { metadata: { name: string } }[];
    expect(both.map((item) => item.metadata.name)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(second.body.metadata.resourceVersion).to.equal(first.body.metadata.resourceVersion);
    expect(second.body.metadata.continue ?? '').to.equal('');
    const exact = `resourceVersion=${first.body.metadata.resourceVersion}&resourceVersionMatch=Exact`;
    expect(await names(exact)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(await names('resourceVersion=0')).to.deep.equal(['a', 'b', 'bb', 'c']);
  });

  it('refuses what is no revision, a revision of the future, and matches without one', async () => {
    const bad = await server.call('GET', `${ground.widgets}?resourceVersion=abc`);
    expect(bad.status).to.equal(400);
    expect(bad.body.message).to.contain('Invalid value: "abc"');
    const future = await server.call('GET', `${ground.widgets}?resourceVersion=99999999`);
    expect(future.status).to.equal(504);
    expect(future.body.message).to.match(/^Timeout: Too large resource version: 99999999, current: \d+$/);
    const match = await server.call('GET', `${ground.widgets}?resourceVersionMatch=Exact`);
    expect(match.body.message).to.contain('resourceVersionMatch is forbidden unless resourceVersion is provided');
    const token = await server.call('GET', `${ground.widgets}?limit=1&continue=abc`);
    expect(token.status).to.equal(400);
    expect(token.body.message).to.match(/^invalid continue token|continue key is not valid/);
  });

  it('lists all namespaces at once, items of built-in kinds without their type', async () => {
    await server.call('POST', `${ground.core}/configmaps`, { metadata: { name: 'one' } });
    const { body } = await server.call('GET', '/api/v1/configmaps?fieldSelector=metadata.name%3Done');
    expect(body.kind).to.equal('ConfigMapList');
    expect(body.items[0]).to.not.have.property('kind');
    const custom = await server.call('GET', `/apis/${ground.group}/v1/widgets`);
    expect(custom.body.kind).to.equal('WidgetList');
    expect(custom.body.items[0].kind).to.equal('Widget');
  });

  it('answers as a Table with printer columns, and as metadata only', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const table = await send(server, 'GET', `${ground.widgets}?fieldSelector=metadata.name%3Da`, {
      headers: { accept },
    });
    expect(table.body.kind).to.equal('Table');
    expect((table.body.columnDefinitions as { name: string }[]).map((column) => column.name)).to.deep.equal([
      'Name',
      'Size',
    ]);
    expect(table.body.rows[0].cells).to.deep.equal(['a', 1]);
    const partial = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const list = await send(server, 'GET', ground.widgets, { headers: { accept: partial } });
    expect(list.body.kind).to.equal('PartialObjectMetadataList');
    expect(list.body.items[0]).to.not.have.property('spec');
    const one = await send(server, 'GET', `${ground.widgets}/a`, {
      headers: { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' },
    });
    expect(one.body.kind).to.equal('PartialObjectMetadata');
  });

  it('refuses a media type nobody has', async () => {
    const { status } = await send(server, 'GET', ground.widgets, {
      headers: { accept: 'application/vnd.kubernetes.foo' },
    });
    expect(status).to.equal(406);
  });
});
