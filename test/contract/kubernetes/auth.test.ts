// Who may ask what: without a token, with a wrong one; discovery documents and health.
import { expect } from 'chai';
import { makePlayground, type Playground, send } from './exchange.ts';
import { describeEachServer, eventually } from './servers.ts';

describeEachServer('Access and discovery', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
  });

  it('tells everyone its version and health', async () => {
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const { status, body } = await send(server, 'GET', path, { token: null });
      expect([status, body]).to.deep.equal([200, 'ok']);
    }
    const { body } = await send(server, 'GET', '/version', { token: null });
    expect(body).to.include({ major: '1', minor: '34' });
    expect(body.gitVersion).to.match(/^v1\.34\./);
  });

  it('answers 401 to a token it does not know', async () => {
    const { status, body } = await send(server, 'GET', '/api', { token: 'wrong' });
    expect(status).to.equal(401);
    expect(body).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
  });

  it('answers 403 to nobody in particular', async () => {
    const { status, body } = await send(server, 'GET', '/api', { token: null });
    expect(status).to.equal(403);
    expect(body.message).to.equal('forbidden: User "system:anonymous" cannot get path "/api"');
    const read = await send(server, 'GET', `${ground.widgets}/a`, { token: null });
    expect(read.status).to.equal(403);
    expect(read.body.message).to.equal(
      `widgets.${ground.group} "a" is forbidden: User "system:anonymous" cannot get resource "widgets" in API group "${ground.group}" in the namespace "${ground.namespace}"`,
    );
    const list = await send(server, 'GET', '/api/v1/namespaces', { token: null });
    expect(list.body.message).to.equal(
      'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
    );
  });

  it('tells its resources, aggregated and one by one', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const all = await send(server, 'GET', '/apis', { headers: { accept } });
    expect(all.headers['content-type']).to.equal(
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    );
    interface Group {
      metadata: { name: string };
      versions: { resources: { verbs: string[] }[] }[];
    }
    const group = (all.body.items as Group[]).find((item) => item.metadata.name === ground.group);
    expect(group?.versions).to.deep.equal([
      {
        version: 'v1',
        resources: [
          {
            resource: 'widgets',
            responseKind: { group: ground.group, version: 'v1', kind: 'Widget' },
            scope: 'Namespaced',
            singularResource: 'widget',
            verbs: group?.versions[0]?.resources[0]?.verbs,
            categories: ['gadgets'],
            subresources: [
              {
                subresource: 'status',
                responseKind: { group: ground.group, version: 'v1', kind: 'Widget' },
                verbs: ['get', 'patch', 'update'],
              },
            ],
          },
        ],
        freshness: 'Current',
      },
    ]);
    expect(group?.versions[0]?.resources[0]?.verbs).to.have.members([
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
    const legacy = await server.call('GET', `/apis/${ground.group}/v1`);
    expect(legacy.body.kind).to.equal('APIResourceList');
    expect(legacy.body.resources[0]).to.include({
      name: 'widgets',
      singularName: 'widget',
      namespaced: true,
      kind: 'Widget',
    });
    expect((await server.call('GET', '/api')).body.versions).to.deep.equal(['v1']);
    const groups = (await server.call('GET', '/apis')).body.groups as { name: string }[];
    expect(groups.map((one) => one.name)).to.include.members(['batch', 'coordination.k8s.io', ground.group]);
    const one = await server.call('GET', `/apis/${ground.group}`);
    expect(one.body).to.deep.include({ kind: 'APIGroup', name: ground.group });
    const core = (await server.call('GET', '/api/v1')).body.resources as { name: string; shortNames?: string[] }[];
    expect(core.find((it) => it.name === 'pods')?.shortNames).to.deep.equal(['po']);
    expect(core.map((it) => it.name)).to.include.members(['pods/log', 'pods/status', 'namespaces/finalize']);
  });

  it('gives a token of a service account to whoever may ask, and knows whose it is', async () => {
    const accounts = `${ground.core}/serviceaccounts`;
    expect((await server.call('POST', accounts, { metadata: { name: 'worker' } })).status).to.equal(201);
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } };
    const { status, body } = await server.call('POST', `${accounts}/worker/token`, request);
    expect(status).to.equal(201);
    expect(body).to.deep.include({ kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1' });
    expect(body.spec.expirationSeconds).to.equal(7200);
    expect(Date.parse(body.status.expirationTimestamp)).to.be.closeTo(Date.now() + 7_200_000, 60_000);
    const refused = await send(server, 'GET', `${ground.core}/configmaps`, { token: body.status.token });
    expect(refused.status).to.equal(403);
    expect(refused.body.message).to.include(`User "system:serviceaccount:${ground.namespace}:worker" cannot list`);
    const missing = await server.call('POST', `${accounts}/nobody/token`, request);
    expect([missing.status, missing.body.message]).to.deep.equal([404, 'serviceaccounts "nobody" not found']);
    const headers = { 'content-type': 'application/json' };
    const sent = { token: null, headers, body: JSON.stringify(request) };
    expect((await send(server, 'POST', `${accounts}/worker/token`, sent)).status).to.equal(403);
  });

  it('gives no token for less than ten minutes, and takes one back with its account', async () => {
    const accounts = `${ground.core}/serviceaccounts`;
    await server.call('POST', accounts, { metadata: { name: 'brief' } });
    const request = (expirationSeconds: number) => ({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds },
    });
    const short = await server.call('POST', `${accounts}/brief/token`, request(60));
    expect([short.status, short.body.reason]).to.deep.equal([422, 'Invalid']);
    expect(short.body.message).to.contain('may not specify a duration less than 10 minutes');
    const long = await server.call('POST', `${accounts}/brief/token`, request(2 ** 33));
    expect(long.status).to.equal(422);
    const { token } = (await server.call('POST', `${accounts}/brief/token`, request(600))).body.status;
    const read = () => send(server, 'GET', `${ground.core}/configmaps`, { token });
    expect((await read()).status).to.equal(403);
    await server.call('DELETE', `${accounts}/brief`);
    await server.call('POST', accounts, { metadata: { name: 'brief' } });
    await eventually('the token is known no more', async () => ((await read()).status === 401 ? true : undefined));
  });

  it('lets an administrator act as somebody else, with no more rights than those', async () => {
    const as = (headers: Record<string, string>) => send(server, 'GET', `${ground.core}/secrets`, { headers });
    const user = await as({ 'impersonate-user': 'ada' });
    expect([user.status, user.body.message]).to.deep.equal([
      403,
      `secrets is forbidden: User "ada" cannot list resource "secrets" in API group "" in the namespace "${ground.namespace}"`,
    ]);
    expect((await as({ 'impersonate-user': 'ada', 'impersonate-group': 'system:masters' })).status).to.equal(200);
    const account = await as({ 'impersonate-user': `system:serviceaccount:${ground.namespace}:worker` });
    expect(account.body.message).to.contain(`User "system:serviceaccount:${ground.namespace}:worker" cannot list`);
    expect((await as({ 'impersonate-user': 'system:anonymous' })).status).to.equal(403);
    expect((await as({ 'impersonate-uid': '1' })).status).to.equal(500);
    const more = { 'impersonate-user': 'ada', 'impersonate-uid': '1', 'impersonate-extra-team': 'blue' };
    expect((await as(more)).status).to.equal(403);
    const discovery = await send(server, 'GET', '/apis', { headers: { 'impersonate-user': 'ada' } });
    expect(discovery.status).to.equal(200);
  });

  it('lets bound roles read, and only that', async function () {
    const role = {
      metadata: { name: 'reader' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
    };
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${ground.namespace}`;
    expect((await server.call('POST', `${rbac}/roles`, role)).status).to.equal(201);
    const subjects = [{ kind: 'Group', name: 'system:unauthenticated', apiGroup: 'rbac.authorization.k8s.io' }];
    const roleRef = { kind: 'Role', name: 'reader', apiGroup: 'rbac.authorization.k8s.io' };
    const bound = await server.call('POST', `${rbac}/rolebindings`, { metadata: { name: 'open' }, subjects, roleRef });
    expect(bound.status).to.equal(201);
    let status = 0;
    for (let tries = 0; tries < 50 && status !== 200; tries++) {
      status = (await send(server, 'GET', `${ground.core}/configmaps`, { token: null })).status;
      if (status !== 200) await new Promise((done) => setTimeout(done, 100));
    }
    expect(status).to.equal(200);
    expect((await send(server, 'GET', `${ground.core}/secrets`, { token: null })).status).to.equal(403);
    expect((await send(server, 'DELETE', `${ground.core}/configmaps/x`, { token: null })).status).to.equal(403);
  });
});
