// The server as a library: users and roles, pod logs, bindings, in-process API; and client-node, the operator's client.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  V1MicroTime,
  Watch,
} from '@kubernetes/client-node';
import { expect } from 'chai';
import { generate } from 'selfsigned';
import type { ApiEvent } from '../../../local/kubernetes/api.ts';
import { type Kubernetes, startKubernetes } from '../../../local/kubernetes/server.ts';
import { openWatch, send, widgetDefinition } from '../../contract/kubernetes/exchange.ts';

const CONFIG_MAPS = { group: '', plural: 'configmaps' };

describe('The embedded Kubernetes API as a library', function () {
  this.timeout(20_000);
  let folder: string;
  let server: Kubernetes;
  let address: { url: string; ca: string; token: string };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
    server = await startKubernetes({ stateDir: folder });
    address = { url: server.url, ca: server.caPem, token: server.adminToken };
  });

  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const admin = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    send(address, method, path, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  describe('users', () => {
    it('may do what a role bound to them says, in its namespace, and nothing else', async () => {
      const token = server.addToken('bob', ['team']);
      const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['one'], verbs: ['get'] }];
      const rbac = '/apis/rbac.authorization.k8s.io/v1';
      await admin('POST', `${rbac}/namespaces/default/roles`, { metadata: { name: 'r' }, rules });
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' };
      const subjects = [{ kind: 'Group', name: 'team', apiGroup: 'rbac.authorization.k8s.io' }];
      await admin('POST', `${rbac}/namespaces/default/rolebindings`, { metadata: { name: 'b' }, roleRef, subjects });
      for (const name of ['one', 'two'])
        await server.api.create(CONFIG_MAPS, { metadata: { name, namespace: 'default' } });
      const status = async (path: string, method = 'GET') => (await send(address, method, path, { token })).status;
      expect(await status('/api/v1/namespaces/default/configmaps/one')).to.equal(200);
      expect(await status('/api/v1/namespaces/default/configmaps/two')).to.equal(403);
      expect(await status('/api/v1/namespaces/default/configmaps')).to.equal(403);
      expect(await status('/api/v1/namespaces/kube-system/configmaps/one')).to.equal(403);
      expect(await status('/api/v1/namespaces/default/configmaps/one', 'DELETE')).to.equal(403);
      expect(await status('/apis')).to.equal(200);
      expect(await status('/metrics')).to.equal(403);
    });

    it('may do everything as cluster-admin, or by a cluster role with stars', async () => {
      const token = server.addToken('root-like');
      const path = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
      await admin('POST', path, { metadata: { name: 'ca' }, roleRef, subjects: [{ kind: 'User', name: 'root-like' }] });
      expect((await send(address, 'GET', '/api/v1/nodes', { token })).status).to.equal(200);
    });

    it('learn what they may do by a SelfSubjectAccessReview', async () => {
      const review = async (token: string) => {
        const spec = { resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } };
        const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
        const headers = { 'content-type': 'application/json' };
        const { body } = await send(address, 'POST', path, { token, headers, body: JSON.stringify({ spec }) });
        return body.status.allowed as boolean;
      };
      expect(await review(server.adminToken)).to.equal(true);
      expect(await review(server.addToken('nobody'))).to.equal(false);
    });

    it('keep their tokens over a restart', async () => {
      const token = server.addToken('stays', ['system:masters']);
      const { port } = server;
      await server.close();
      server = await startKubernetes({ stateDir: folder });
      expect(server.port).to.equal(port);
      expect((await send(address, 'GET', '/api/v1/nodes', { token })).status).to.equal(200);
      expect(server.kubeconfigFor(token, 'stays')).to.contain(`token: ${token}`);
    });
  });

  describe('pods', () => {
    it('show the log their kubelet tells', async () => {
      const pem = await generate([{ name: 'commonName', value: 'kubelet' }], { keyType: 'ec', algorithm: 'sha256' });
      const kubelet = createServer({ key: pem.private, cert: pem.cert }, (request, response) =>
        response.end(`asked ${request.url}`),
      );
      await new Promise<void>((done) => kubelet.listen(0, '127.0.0.1', done));
      const Port = (kubelet.address() as AddressInfo).port;
      const status = {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port } },
      };
      await admin('POST', '/api/v1/nodes', { metadata: { name: 'n1' }, status });
      const pods = '/api/v1/namespaces/default/pods';
      await admin('POST', pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'main', image: 'x' }] } });
      const early = await admin('GET', `${pods}/p/log`);
      expect(early.body.message).to.equal('pod p does not have a host assigned');
      const bound = await admin('POST', `${pods}/p/binding`, {
        metadata: { name: 'p' },
        target: { kind: 'Node', name: 'n1' },
      });
      expect(bound.status).to.equal(201);
      expect((await admin('POST', `${pods}/p/binding`, { target: { name: 'n1' } })).status).to.equal(409);
      const { body } = await admin('GET', `${pods}/p/log?tailLines=3&container=main`);
      expect(body).to.equal('asked /containerLogs/default/p/main?tailLines=3');
      expect((await admin('GET', `${pods}/p/log?container=other`)).body.message).to.equal(
        'container other is not valid for pod p',
      );
      kubelet.closeAllConnections();
      await new Promise((done) => kubelet.close(done));
      expect((await admin('GET', `${pods}/p/log`)).status).to.equal(500);
      const evicted = await admin('POST', `${pods}/p/eviction`, {
        metadata: { name: 'p' },
        deleteOptions: { gracePeriodSeconds: 0 },
      });
      expect(evicted.status).to.equal(201);
      expect((await admin('GET', `${pods}/p`)).status).to.equal(404);
      expect((await admin('GET', `${pods}/p/exec`)).status).to.equal(404);
    });
  });

  describe('requests beyond the common', () => {
    it('say what is left out: protobuf and server-side apply', async () => {
      const path = '/api/v1/namespaces/default/configmaps';
      const proto = { 'content-type': 'application/vnd.kubernetes.protobuf' };
      const sent = await admin('POST', path, {}, proto);
      expect([sent.status, sent.body.message]).to.satisfy(
        ([status, message]: [number, string]) => status === 415 && message.includes('protobuf is left out'),
      );
      const asked = await admin('GET', path, undefined, { accept: 'application/vnd.kubernetes.protobuf' });
      expect(asked.status).to.equal(406);
      await admin('POST', path, { metadata: { name: 'x' } });
      const there = await admin('PATCH', `${path}/x`, {}, { 'content-type': 'application/apply-patch+yaml' });
      expect(there.status).to.equal(415);
      expect(there.body.message).to.contain('server-side apply');
    });

    it('may be YAML in both directions', async () => {
      const { status } = await send(address, 'POST', '/api/v1/namespaces/default/configmaps', {
        headers: { 'content-type': 'application/yaml' },
        body: 'metadata: {name: yaml}\ndata: {a: b}\n',
      });
      expect(status).to.equal(201);
      const path = '/api/v1/namespaces/default/configmaps/yaml';
      const { body } = await send(address, 'GET', path, { headers: { accept: 'application/yaml' } });
      expect(body).to.contain('data:\n  a: b');
    });

    it('never reach the prototype', async () => {
      const { status } = await send(address, 'POST', '/api/v1/namespaces/default/configmaps', {
        headers: { 'content-type': 'application/json' },
        body: '{"metadata":{"name":"evil"},"__proto__":{"data":{}}}',
      });
      expect(status).to.equal(400);
    });

    it('are answered in readable form to curl', async () => {
      const { body } = await send(address, 'GET', '/version?pretty=true', { headers: { accept: 'text/plain' } });
      expect(body.major).to.equal('1');
    });
  });

  describe('in process', () => {
    it('tells every change with what was before, and reads at once', async () => {
      const events: ApiEvent[] = [];
      const stop = server.api.subscribe((event) => events.push(event));
      const made = await server.api.create(CONFIG_MAPS, {
        metadata: { name: 'in', namespace: 'default' },
        data: { a: '1' },
      });
      await server.api.update(CONFIG_MAPS, { ...made, data: { a: '2' } });
      await server.api.delete(CONFIG_MAPS, 'default', 'in');
      stop();
      expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED']);
      expect(events[1]?.old?.['data']).to.deep.equal({ a: '1' });
      expect(server.api.get(CONFIG_MAPS, 'default', 'in')).to.equal(undefined);
      expect(events[2]?.resourceVersion).to.equal(server.api.resourceVersion());
    });

    it('refuses like over HTTPS', async () => {
      const failed = await server.api
        .create(CONFIG_MAPS, { metadata: { name: 'X Y', namespace: 'default' } })
        .catch((error: unknown) => error);
      expect(failed).to.include({ code: 422, reason: 'Invalid' });
      const unknown = await server.api.create({ group: 'no', plural: 'such' }, {}).catch((error: unknown) => error);
      expect(unknown).to.include({ code: 404 });
    });

    it('knows definitions as soon as they are there', async () => {
      await server.api.create(
        { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' },
        widgetDefinition('fast.example.com'),
      );
      expect(server.api.find('fast.example.com', 'widgets')?.kind).to.equal('Widget');
      expect(server.api.findKind('fast.example.com/v1', 'Widget')?.plural).to.equal('widgets');
      expect(server.api.resources().length).to.be.greaterThan(10);
      const made = await server.api.create(
        { group: 'fast.example.com', plural: 'widgets' },
        { metadata: { name: 'w', namespace: 'default' }, spec: { size: 2 } },
      );
      const hot = await server.api.updateStatus(
        { group: 'fast.example.com', plural: 'widgets' },
        { ...made, status: { phase: 'Hot' } },
      );
      expect(hot.status).to.deep.equal({ phase: 'Hot' });
      expect(server.api.list({ group: 'fast.example.com', plural: 'widgets' }, 'default')).to.have.length(1);
    });
  });

  describe('with client-node', () => {
    let config: KubeConfig;
    before(() => {
      config = new KubeConfig();
      config.loadFromString(server.kubeconfigYaml);
    });

    it('serves typed and custom objects, patches, and refusals with a body to parse', async () => {
      const core = config.makeApiClient(CoreV1Api);
      await core.createNamespacedConfigMap({
        namespace: 'default',
        body: { metadata: { name: 'typed' }, data: { a: '1' } },
      });
      const patched = await core.patchNamespacedConfigMap(
        { namespace: 'default', name: 'typed', body: { data: { b: '2' } } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      );
      expect(patched.data).to.deep.equal({ a: '1', b: '2' });
      const error = (await core
        .readNamespacedConfigMap({ namespace: 'default', name: 'nope' })
        .catch((caught: unknown) => caught)) as { code: number; body: string };
      expect(error.code).to.equal(404);
      expect(JSON.parse(error.body)).to.include({ reason: 'NotFound' });
      const custom = config.makeApiClient(CustomObjectsApi);
      const place = { group: 'fast.example.com', version: 'v1', namespace: 'default', plural: 'widgets' };
      const list = (await custom.listNamespacedCustomObject(place)) as { items: unknown[] };
      expect(list.items).to.have.length(1);
    });

    it('keeps microseconds of a Lease', async () => {
      const leases = config.makeApiClient(CoordinationV1Api);
      const renewTime = new V1MicroTime('2026-01-02T03:04:05.678901Z');
      const body = {
        metadata: { name: 'leader' },
        spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime },
      };
      const made = await leases.createNamespacedLease({ namespace: 'default', body });
      const again = await leases.replaceNamespacedLease({ namespace: 'default', name: 'leader', body: made });
      expect(again.spec?.holderIdentity).to.equal('me');
      const raw = await admin('GET', '/apis/coordination.k8s.io/v1/namespaces/default/leases/leader');
      expect(raw.body.spec.renewTime).to.match(/^2026-01-02T03:04:05\.\d{6}Z$/);
    });

    it('watches within milliseconds', async () => {
      const seen: string[] = [];
      let told: () => void = () => undefined;
      const arrived = new Promise<void>((done) => (told = done));
      const query = { resourceVersion: server.api.resourceVersion(), allowWatchBookmarks: true };
      const controller = await new Watch(config).watch(
        '/api/v1/configmaps',
        query,
        (type: string, object: { metadata: { name: string } }) => {
          seen.push(`${type} ${object.metadata.name}`);
          told();
        },
        () => undefined,
      );
      await server.api.create(CONFIG_MAPS, { metadata: { name: 'watched', namespace: 'default' } });
      await arrived;
      controller.abort();
      expect(seen).to.deep.equal(['ADDED watched']);
    });
  });

  it('ends its watches when it closes', async () => {
    const own = mkdtempSync(join(tmpdir(), 'kubernetes-'));
    const other = await startKubernetes({ stateDir: own, controllers: false });
    const watch = await openWatch({ url: other.url, ca: other.caPem, token: other.adminToken }, '/api/v1/pods?watch=1');
    await other.close();
    expect(await watch.ended).to.deep.equal([]);
    rmSync(own, { recursive: true });
  });
});
