// Creating, reading, replacing: what the API server fills in, keeps, refuses, and in which words.
import { expect } from 'chai';
import { makePlayground, type Playground, send } from './exchange.ts';
import { describeEachServer } from './servers.ts';

describeEachServer('CRUD', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
  });

  const post = (path: string, body: unknown) => server.call('POST', path, body);

  it('fills in uid, resourceVersion, creationTimestamp, generation and defaults of a custom resource', async () => {
    const { status, body } = await post(ground.widgets, ground.widget('fresh'));
    expect(status).to.equal(201);
    expect(body.metadata.uid).to.match(/^[0-9a-f-]{36}$/);
    expect(body.metadata.resourceVersion).to.match(/^\d+$/);
    expect(body.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(body.metadata.generation).to.equal(1);
    expect(body.metadata.namespace).to.equal(ground.namespace);
    expect(body.spec).to.deep.equal({ size: 1, color: 'red' });
    const read = await server.call('GET', `${ground.widgets}/fresh`);
    expect(read.body).to.deep.equal(body);
  });

  it('makes a name from generateName', async () => {
    const body = { ...ground.widget(''), metadata: { generateName: 'auto-' } };
    const answer = await post(ground.widgets, body);
    expect(answer.body.metadata.name).to.match(/^auto-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(answer.body.metadata.generateName).to.equal('auto-');
  });

  it('tells of an object that exists already, and of one that does not', async () => {
    await post(ground.widgets, ground.widget('twice'));
    const again = await post(ground.widgets, ground.widget('twice'));
    expect(again.status).to.equal(409);
    expect(again.body).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `widgets.${ground.group} "twice" already exists`,
      reason: 'AlreadyExists',
      details: { name: 'twice', group: ground.group, kind: 'widgets' },
      code: 409,
    });
    const missing = await server.call('GET', `${ground.core}/configmaps/none`);
    expect(missing.status).to.equal(404);
    expect(missing.body.message).to.equal('configmaps "none" not found');
    expect(missing.body.details).to.deep.equal({ name: 'none', kind: 'configmaps' });
  });

  it('refuses what is invalid with every cause', async () => {
    const { status, body } = await post(ground.widgets, { ...ground.widget('A_B'), spec: { size: 0 } });
    expect(status).to.equal(422);
    expect(body.reason).to.equal('Invalid');
    expect(body.message).to.match(
      new RegExp(
        `^Widget.${ground.group} "A_B" is invalid: \\[metadata.name: Invalid value: "A_B": a lowercase RFC 1123 subdomain`,
      ),
    );
    expect(body.message).to.contain(
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    );
    expect((body.details.causes as { field: string }[]).map((cause) => cause.field)).to.deep.equal([
      'metadata.name',
      'spec.size',
    ]);
  });

  const refusals: [string, (ground: Playground) => Record<string, unknown>, number, (ground: Playground) => string][] =
    [
      [
        'another kind',
        (g) => ({ ...g.widget('a'), kind: 'Gadget' }),
        422,
        (g) => `Gadget.${g.group} "a" is invalid: kind: Invalid value: "Gadget": must be Widget`,
      ],
      [
        'another version',
        (g) => ({ ...g.widget('a'), apiVersion: `${g.group}/v2` }),
        400,
        (g) => `the API version in the data (${g.group}/v2) does not match the expected API version (${g.group}/v1)`,
      ],
      [
        'no name',
        (g) => ({ ...g.widget('a'), metadata: {} }),
        422,
        (g) => `Widget.${g.group} "" is invalid: metadata.name: Required value: name or generateName is required`,
      ],
      [
        'another namespace',
        (g) => ({ ...g.widget('a'), metadata: { name: 'a', namespace: 'other' } }),
        400,
        () => 'the namespace of the provided object does not match the namespace sent on the request',
      ],
      [
        'labels that are none',
        (g) => ({ ...g.widget('a'), metadata: { name: 'a', labels: { a: 'b c' } } }),
        422,
        (g) =>
          `Widget.${g.group} "a" is invalid: metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      ],
    ];
  for (const [what, body, code, message] of refusals) {
    it(`refuses ${what} in the server's words`, async () => {
      const answer = await post(ground.widgets, body(ground));
      expect(answer.body.message).to.equal(message(ground));
      expect(answer.status).to.equal(code);
    });
  }

  it('drops unknown fields with a warning, silently, or refuses them, as fieldValidation says', async () => {
    const body = JSON.stringify({ ...ground.widget('extra'), spec: { size: 1, foo: 2 } });
    const headers = { 'content-type': 'application/json' };
    const warned = await send(server, 'POST', ground.widgets, { headers, body });
    expect(warned.status).to.equal(201);
    expect(warned.headers['warning']).to.equal('299 - "unknown field \\"spec.foo\\""');
    expect(warned.body.spec).to.not.have.property('foo');
    const ignored = await send(server, 'POST', `${ground.widgets}?fieldValidation=Ignore&dryRun=All`, {
      headers,
      body: body.replace('extra', 'silent'),
    });
    expect(ignored.headers['warning']).to.equal(undefined);
    const strict = await send(server, 'POST', `${ground.widgets}?fieldValidation=Strict`, { headers, body });
    expect(strict.status).to.equal(400);
    expect(strict.body.message).to.equal(
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.foo"',
    );
  });

  it('checks built-in kinds by field and type as well', async () => {
    const unknown = await post(`${ground.core}/configmaps?fieldValidation=Strict`, { metadata: { name: 'a' }, foo: 1 });
    expect(unknown.body.message).to.equal(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"',
    );
    const type = await post(`${ground.core}/configmaps`, { metadata: { name: 'a' }, data: { x: 1 } });
    expect(type.status).to.equal(400);
    expect(type.body.message).to.equal(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    );
    const key = await post(`${ground.core}/configmaps`, { metadata: { name: 'a' }, data: { 'x y': '1' } });
    expect(key.body.message).to.match(
      /^ConfigMap "a" is invalid: data\[x y\]: Invalid value: "x y": a valid config key must consist of/,
    );
  });

  it('wants an existing namespace', async () => {
    const { status, body } = await post('/api/v1/namespaces/nowhere-at-all/configmaps', { metadata: { name: 'a' } });
    expect(status).to.equal(404);
    expect(body.message).to.equal('namespaces "nowhere-at-all" not found');
  });

  it('replaces only what is still as it was read', async () => {
    const { body: first } = await post(ground.widgets, ground.widget('lock'));
    const path = `${ground.widgets}/lock`;
    const second = await server.call('PUT', path, { ...first, spec: { ...first.spec, size: 2 } });
    expect(second.status).to.equal(200);
    const late = await server.call('PUT', path, { ...first, spec: { ...first.spec, size: 3 } });
    expect(late.status).to.equal(409);
    expect(late.body.reason).to.equal('Conflict');
    expect(late.body.message).to.equal(
      `Operation cannot be fulfilled on widgets.${ground.group} "lock": the object has been modified; please apply your changes to the latest version and try again`,
    );
    const blind = await server.call('PUT', path, ground.widget('lock'));
    expect(blind.status).to.equal(422);
    expect(blind.body.message).to.contain(
      'metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
  });

  it('lets a ConfigMap be replaced blindly', async () => {
    await post(`${ground.core}/configmaps`, { metadata: { name: 'blind' }, data: { a: '1' } });
    const answer = await server.call('PUT', `${ground.core}/configmaps/blind`, {
      metadata: { name: 'blind' },
      data: { a: '2' },
    });
    expect(answer.status).to.equal(200);
    expect(answer.body.data).to.deep.equal({ a: '2' });
  });

  it('counts generations of the spec only, and changes no version when nothing changes', async () => {
    const { body: first } = await post(ground.widgets, ground.widget('gen'));
    const path = `${ground.widgets}/gen`;
    const same = await server.call('PUT', path, first);
    expect(same.body.metadata.resourceVersion).to.equal(first.metadata.resourceVersion);
    const labelled = await server.call('PUT', path, { ...first, metadata: { ...first.metadata, labels: { a: 'b' } } });
    expect(labelled.body.metadata.generation).to.equal(1);
    const changed = await server.call('PUT', path, { ...labelled.body, spec: { size: 5 } });
    expect(changed.body.metadata.generation).to.equal(2);
  });

  it('keeps status and spec apart', async () => {
    const { body: first } = await post(ground.widgets, ground.widget('parts', { status: { phase: 'Set' } }));
    expect(first).to.not.have.property('status');
    const path = `${ground.widgets}/parts`;
    const status = await server.call('PUT', `${path}/status`, {
      ...first,
      spec: { size: 9 },
      status: { phase: 'Hot' },
    });
    expect(status.body.spec.size).to.equal(1);
    expect(status.body.status).to.deep.equal({ phase: 'Hot' });
    expect(status.body.metadata.generation).to.equal(1);
    const main = await server.call('PUT', path, { ...status.body, status: { phase: 'Cold' } });
    expect(main.body.status).to.deep.equal({ phase: 'Hot' });
  });

  it('never changes uid, creation time or namespace of what is there', async () => {
    const { body: first } = await post(`${ground.core}/configmaps`, { metadata: { name: 'fixed' } });
    const metadata = { ...first.metadata, creationTimestamp: '2001-01-01T00:00:00Z' };
    const { body } = await server.call('PUT', `${ground.core}/configmaps/fixed`, { ...first, metadata });
    expect(body.metadata.creationTimestamp).to.equal(first.metadata.creationTimestamp);
    const uid = { ...first.metadata, uid: '11111111-1111-1111-1111-111111111111', resourceVersion: undefined };
    const other = await server.call('PUT', `${ground.core}/configmaps/fixed`, { ...first, metadata: uid });
    expect(other.status).to.equal(409);
    expect(other.body.message).to.contain(
      'Precondition failed: UID in precondition: 11111111-1111-1111-1111-111111111111',
    );
  });

  it('keeps nothing of a dry run', async () => {
    const dry = await post(`${ground.widgets}?dryRun=All`, ground.widget('dry'));
    expect(dry.status).to.equal(201);
    expect(dry.body.spec.color).to.equal('red');
    expect((await server.call('GET', `${ground.widgets}/dry`)).status).to.equal(404);
    const bad = await post(`${ground.widgets}?dryRun=All`, { ...ground.widget('dry'), spec: {} });
    expect(bad.status).to.equal(422);
  });

  it('turns stringData of a Secret into data, and keeps an immutable ConfigMap', async () => {
    const secret = await post(`${ground.core}/secrets`, { metadata: { name: 's' }, stringData: { a: 'b' } });
    expect(secret.body.data).to.deep.equal({ a: 'Yg==' });
    expect(secret.body.type).to.equal('Opaque');
    expect(secret.body).to.not.have.property('stringData');
    const { body } = await post(`${ground.core}/configmaps`, {
      metadata: { name: 'im' },
      data: { a: '1' },
      immutable: true,
    });
    const changed = await server.call('PUT', `${ground.core}/configmaps/im`, { ...body, data: { a: '2' } });
    expect(changed.status).to.equal(422);
    expect(changed.body.message).to.equal(
      'ConfigMap "im" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    );
  });

  it('serves events in both groups', async () => {
    const about = { kind: 'Pod', name: 'p', namespace: ground.namespace };
    const event = {
      metadata: { name: 'e1' },
      involvedObject: about,
      reason: 'Why',
      message: 'because',
      type: 'Normal',
    };
    expect((await post(`${ground.core}/events`, event)).status).to.equal(201);
    const { body } = await server.call('GET', `/apis/events.k8s.io/v1/namespaces/${ground.namespace}/events/e1`);
    expect(body.apiVersion).to.equal('events.k8s.io/v1');
    expect(body.note).to.equal('because');
    expect(body.regarding.name).to.equal('p');
    const found = await server.call(
      'GET',
      `${ground.core}/events?fieldSelector=involvedObject.name%3Dp,involvedObject.kind%3DPod`,
    );
    expect(found.body.items).to.have.length(1);
    const none = await server.call('GET', `${ground.core}/events?fieldSelector=involvedObject.name%3Dq`);
    expect(none.body.items).to.have.length(0);
  });

  it('gives pods their defaults and their first status, and a Job its selector', async () => {
    const pod = await post(`${ground.core}/pods`, {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    });
    expect(pod.body.status).to.deep.equal({ phase: 'Pending', qosClass: 'BestEffort' });
    expect(pod.body.spec).to.deep.equal({
      containers: [
        {
          name: 'c',
          image: 'x',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'Always',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      tolerations: ['not-ready', 'unreachable'].map((key) => ({
        key: `node.kubernetes.io/${key}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] } };
    const job = await post(`/apis/batch/v1/namespaces/${ground.namespace}/jobs?dryRun=All`, {
      metadata: { name: 'j' },
      spec: { template },
    });
    const uid = job.body.metadata.uid as string;
    expect(job.body.spec.selector).to.deep.equal({ matchLabels: { 'batch.kubernetes.io/controller-uid': uid } });
    expect(job.body.spec.template.metadata.labels).to.include({ 'job-name': 'j', 'controller-uid': uid });
    const { template: _template, selector: _selector, ...rest } = job.body.spec;
    expect(rest).to.deep.equal({
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      manualSelector: false,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
    });
    const empty = await post(`${ground.core}/pods`, { metadata: { name: 'q' }, spec: { containers: [] } });
    expect(empty.body.message).to.equal('Pod "q" is invalid: spec.containers: Required value');
  });

  it('refuses a body that is no object, no JSON, or of another media type', async () => {
    const list = await send(server, 'POST', ground.widgets, {
      headers: { 'content-type': 'application/json' },
      body: '[]',
    });
    expect(list.status).to.equal(400);
    const torn = await send(server, 'POST', ground.widgets, {
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    expect(torn.status).to.equal(400);
    expect(torn.body.message).to.match(
      /^the object provided is unrecognized \(must be of type Widget\): couldn't get version\/kind; json parse error: /,
    );
    const text = await send(server, 'POST', `${ground.core}/configmaps`, {
      headers: { 'content-type': 'text/plain' },
      body: 'x',
    });
    expect(text.status).to.equal(415);
    expect(text.body.reason).to.equal('UnsupportedMediaType');
  });

  it('takes no request above 3 MB and no object above 1.5 MB', async () => {
    const headers = { 'content-type': 'application/json' };
    const huge = JSON.stringify({ ...ground.widget('huge'), spec: { size: 1, tags: ['x'.repeat(3.2 * 1024 * 1024)] } });
    const refused = await send(server, 'POST', ground.widgets, { headers, body: huge }).catch(() => undefined);
    if (refused !== undefined) expect(refused.status).to.equal(413);
    const large = await post(ground.widgets, {
      ...ground.widget('large'),
      spec: { size: 1, tags: ['x'.repeat(1.6 * 1024 * 1024)] },
    });
    expect(large.status).to.equal(500);
    expect(large.body.message).to.equal('etcdserver: request is too large');
  });

  it('knows paths that it does not serve', async () => {
    const kind = await server.call('GET', `${ground.core}/gadgets`);
    expect(kind.status).to.equal(404);
    expect(kind.body.message).to.equal('the server could not find the requested resource');
    const method = await server.call('PATCH', `${ground.core}/configmaps`, {});
    expect(method.status).to.equal(405);
    expect(method.body.message).to.equal('the server does not allow this method on the requested resource');
    expect((await server.call('GET', '/apis/nothing.example.org/v1')).status).to.equal(404);
  });
});
