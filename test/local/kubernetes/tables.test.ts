import { expect } from 'chai';
import fc from 'fast-check';
import type { KubeObject, PrinterColumn, ResourceInfo } from '../../../local/kubernetes/api.ts';
import { renderTable } from '../../../local/kubernetes/tables.ts';
import { ageOf, humanDuration } from '../../../local/kubernetes/tables/ages.ts';
import { findAll } from '../../../local/kubernetes/tables/jsonpath.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');

function resource(group: string, plural: string, kind: string, custom?: readonly PrinterColumn[]): ResourceInfo {
  return {
    group,
    version: 'v1',
    plural,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    subresources: { status: true },
    printerColumns: custom ?? [],
    ...(custom === undefined ? {} : { openAPIV3Schema: { type: 'object' } }),
  };
}

function object(fields: Record<string, unknown>, metadata: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Any',
    metadata: { name: 'one', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    ...fields,
  };
}

function cells(info: ResourceInfo, one: KubeObject): unknown[] {
  const table = renderTable(info, [one], { now: NOW, includeObject: 'None', columns: true, listMeta: {} });
  return (table['rows'] as { cells: unknown[] }[])[0]?.cells ?? ([] as unknown[]);
}

function shownAs(info: ResourceInfo, one: KubeObject): Record<string, unknown> {
  const table = renderTable(info, [one], { now: NOW, includeObject: 'None', columns: true, listMeta: {} });
  const names = (table['columnDefinitions'] as { name: string }[]).map(({ name }) => name);
  return Object.fromEntries(cells(info, one).map((cell, index) => [names[index], cell])) as Record<string, unknown>;
}

describe('ages in tables', () => {
  for (const [seconds, words] of [
    [-5, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [200, '3m20s'],
    [660, '11m'],
    [10_800, '3h'],
    [12_000, '3h20m'],
    [100_000, '27h'],
    [200_000, '2d7h'],
    [172_800, '2d'],
    [1_000_000, '11d'],
    [70_000_000, '2y80d'],
    [300_000_000, '9y'],
  ] as const) {
    it(`show ${seconds} s as ${words}`, () => expect(humanDuration(seconds * 1000)).to.equal(words));
  }

  it('never fail, and end in a unit', () => {
    const property = fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (ms) =>
      /^\d+[smhdy](\d+[smhd])?$/.test(humanDuration(ms)),
    );
    fc.assert(property);
  });

  it('tell missing and malformed times apart', () => {
    expect(ageOf(undefined, NOW)).to.equal('<unknown>');
    expect(ageOf('soon', NOW)).to.equal('<invalid>');
    expect(ageOf('2026-01-01T00:09:55Z', NOW)).to.equal('5s');
  });
});

describe('the JSONPath of printer columns', () => {
  const value = {
    a: {
      b: [
        { type: 'X', n: 1 },
        { type: 'Y', n: 2 },
      ],
      'dotted.key/x': 'esc',
      c: false,
    },
    constructorless: 1,
  };
  for (const [path, found] of [
    ['.a.b[0].type', ['X']],
    ['{.a.b[1].n}', [2]],
    ['.a.b[-1].type', ['Y']],
    ['.a.b[*].n', [1, 2]],
    ['.a.b[-1:].n', [2]],
    ['.a.b[0:1].n', [1]],
    ['.a.b[?(@.type=="Y")].n', [2]],
    [".a.b[?(@.type=='Z')].n", []],
    ['.a.b[?(@.n>1)].type', ['Y']],
    ['.a.b[?(@.n<=1)].type', ['X']],
    ['.a.b[?(@.n>=1)].type', ['X', 'Y']],
    ['.a.b[?(@.n<1)].type', []],
    ['.a.b[?(@.type!="X")].n', [2]],
    ['.a.b[?(@.missing)].n', []],
    ['.a.dotted\\.key/x', ['esc']],
    ["$.a['dotted.key/x']", ['esc']],
    ['.a["dotted.key/x"]', ['esc']],
    ['.a.c', [false]],
    ['.toString', []],
    ['.a.b.type', []],
    ['.missing.deeper[0]', []],
  ] as const) {
    it(`finds ${JSON.stringify(found)} at ${path}`, () => expect(findAll(path, value)).to.deep.equal(found));
  }

  it('refuses what it can not read', () => {
    expect(() => findAll('.a[?(x)]', value)).to.throw(SyntaxError);
    expect(() => findAll('.a[x y]', value)).to.throw(SyntaxError);
    expect(() => findAll('.a]', value)).to.throw(SyntaxError);
    expect(() => findAll('.a.b[?(@.n==x)]', value)).to.throw(SyntaxError);
  });
});

describe('tables of custom resources', () => {
  const columns: PrinterColumn[] = [
    { name: 'Str', type: 'string', jsonPath: '.spec.s' },
    { name: 'Int', type: 'integer', jsonPath: '.spec.i' },
    { name: 'Num', type: 'number', jsonPath: '.spec.n' },
    { name: 'Bool', type: 'boolean', jsonPath: '.spec.b' },
    { name: 'Date', type: 'date', jsonPath: '.spec.d' },
    {
      name: 'Done',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Complete")].status',
      priority: 1,
      description: 'd',
    },
  ];
  const info = resource('example.com', 'things', 'Thing', columns);

  it('show each type in its way', () => {
    const spec = { s: 'x', i: 5.7, n: 1.5, b: true, d: '2026-01-01T00:00:00Z' };
    const status = { conditions: [{ type: 'Complete', status: 'True' }] };
    expect(cells(info, object({ spec, status }))).to.deep.equal(['one', 'x', 5, 1.5, true, '10m', 'True']);
  });

  it('print anything in a string column, and nothing where the type does not fit', () => {
    const spec = { s: { a: [1] }, i: 'x', n: 'x', b: 'x', d: 5 };
    expect(cells(info, object({ spec }))).to.deep.equal(['one', '{"a":[1]}', null, null, null, null, null]);
    expect(cells(info, object({ spec: { s: 7 } }))[1]).to.equal('7');
    expect(cells(info, object({ spec: { s: null, d: 'bad' } })).slice(1, 6)).to.deep.equal([
      '',
      null,
      null,
      null,
      '<invalid>',
    ]);
  });

  it('say where a column comes from, and its priority', () => {
    const table = renderTable(info, [], {
      now: NOW,
      includeObject: 'None',
      columns: true,
      listMeta: { resourceVersion: '5' },
    });
    const definitions = table['columnDefinitions'] as Record<string, unknown>[];
    expect(definitions[1]).to.deep.equal({
      name: 'Str',
      type: 'string',
      format: '',
      description: 'Custom resource definition column (in JSONPath format): .spec.s',
      priority: 0,
    });
    expect(definitions[6]).to.include({ priority: 1, description: 'd' });
    expect(table).to.include({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect(table['metadata']).to.deep.equal({ resourceVersion: '5' });
  });

  it('default to name and age', () => {
    expect(cells(resource('example.com', 'things', 'Thing', []), object({}))).to.deep.equal(['one', '10m']);
  });

  it('carry the object as asked, and no columns in later watch events', () => {
    const one = object({ spec: {} });
    const rows = (includeObject: 'None' | 'Metadata' | 'Object') =>
      renderTable(info, [one], { now: NOW, includeObject, columns: false, listMeta: {} });
    expect((rows('None')['rows'] as { object: unknown }[])[0]?.object).to.equal(null);
    expect((rows('Object')['rows'] as { object: unknown }[])[0]?.object).to.equal(one);
    expect((rows('Metadata')['rows'] as { object: unknown }[])[0]?.object).to.deep.equal({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: one.metadata,
    });
    expect(rows('None')['columnDefinitions']).to.deep.equal([]);
  });
});

describe('tables of built-in kinds', () => {
  it('show simple kinds', () => {
    expect(cells(resource('', 'namespaces', 'Namespace'), object({ status: { phase: 'Active' } }))).to.deep.equal([
      'one',
      'Active',
      '10m',
    ]);
    expect(
      cells(resource('', 'configmaps', 'ConfigMap'), object({ data: { a: '1' }, binaryData: { b: '' } })),
    ).to.deep.equal(['one', 2, '10m']);
    expect(cells(resource('', 'secrets', 'Secret'), object({ type: 'Opaque', data: { a: '1' } }))).to.deep.equal([
      'one',
      'Opaque',
      1,
      '10m',
    ]);
    expect(cells(resource('', 'serviceaccounts', 'ServiceAccount'), object({}))).to.deep.equal(['one', 0, '10m']);
    expect(
      cells(resource('coordination.k8s.io', 'leases', 'Lease'), object({ spec: { holderIdentity: 'me' } })),
    ).to.deep.equal(['one', 'me', '10m']);
    expect(cells(resource('rbac.authorization.k8s.io', 'roles', 'Role'), object({}))).to.deep.equal([
      'one',
      '2026-01-01T00:00:00Z',
    ]);
  });

  it('show quotas and bindings', () => {
    const quota = object({ status: { hard: { pods: '5', 'limits.cpu': '2' }, used: { pods: '1' } } });
    expect(cells(resource('', 'resourcequotas', 'ResourceQuota'), quota)).to.deep.equal([
      'one',
      'pods: 1/5',
      'limits.cpu: 0/2',
      '10m',
    ]);
    const binding = object({
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', name: 's', namespace: 'n' },
      ],
    });
    expect(cells(resource('rbac.authorization.k8s.io', 'rolebindings', 'RoleBinding'), binding)).to.deep.equal([
      'one',
      'Role/r',
      '10m',
      'u',
      '',
      'n/s',
    ]);
  });

  it('show events of either API, with the last time seen', () => {
    const core = object({
      involvedObject: { kind: 'Pod', name: 'p', fieldPath: 'spec' },
      type: 'Normal',
      reason: 'Started',
      message: ' hello\n',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:09:00Z',
      count: 3,
      source: { component: 'kubelet', host: 'n1' },
    });
    expect(cells(resource('', 'events', 'Event'), core)).to.deep.equal([
      '60s',
      'Normal',
      'Started',
      'pod/p',
      'spec',
      'kubelet, n1',
      'hello',
      '10m',
      3,
      'one',
    ]);
    const modern = object({
      regarding: { kind: 'Pod' },
      eventTime: '2026-01-01T00:09:50.000000Z',
      note: 'n',
      reportingComponent: 'c',
    });
    expect(shownAs(resource('events.k8s.io', 'events', 'Event'), modern)).to.include({
      'Last Seen': '10s',
      Object: 'pod',
      Message: 'n',
      Count: 1,
      Source: 'c',
    });
  });

  it('show jobs by condition, completions and duration', () => {
    const info = resource('batch', 'jobs', 'Job');
    const spec = {
      completions: 2,
      parallelism: 1,
      selector: { matchLabels: { a: 'b' } },
      template: { spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    const done = object({
      spec,
      status: {
        succeeded: 2,
        startTime: '2026-01-01T00:00:00Z',
        completionTime: '2026-01-01T00:00:07Z',
        conditions: [{ type: 'Complete', status: 'True' }],
      },
    });
    expect(cells(info, done)).to.deep.equal(['one', 'Complete', '2/2', '7s', '10m', 'c', 'i', 'a=b']);
    const failed = object({ spec: { parallelism: 3 }, status: { conditions: [{ type: 'Failed', status: 'True' }] } });
    expect(cells(info, failed).slice(1, 4)).to.deep.equal(['Failed', '0/1 of 3', '']);
    expect(cells(info, object({ spec: {} }, { deletionTimestamp: 'x' }))[1]).to.equal('Terminating');
    expect(
      cells(info, object({ spec: {}, status: { conditions: [{ type: 'Suspended', status: 'True' }] } }))[1],
    ).to.equal('Suspended');
    expect(cells(info, object({ spec: {}, status: { startTime: '2026-01-01T00:09:00Z' } })).slice(1, 4)).to.deep.equal([
      'Running',
      '0/1',
      '60s',
    ]);
  });

  it('show nodes', () => {
    const node = object(
      {
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          nodeInfo: { kubeletVersion: 'v1' },
          addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        },
      },
      { labels: { 'node-role.kubernetes.io/worker': '' } },
    );
    expect(cells(resource('', 'nodes', 'Node'), node).slice(0, 7)).to.deep.equal([
      'one',
      'Ready,SchedulingDisabled',
      'worker',
      '10m',
      'v1',
      '127.0.0.1',
      '<none>',
    ]);
    expect(shownAs(resource('', 'nodes', 'Node'), object({}))).to.include({ Status: 'Unknown', Roles: '<none>' });
  });

  describe('show pods', () => {
    const info = resource('', 'pods', 'Pod');
    const spec = { containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }], nodeName: 'n1' };
    const status = (containers: unknown[], more: Record<string, unknown> = {}) =>
      shownAs(info, object({ spec, status: { phase: 'Running', containerStatuses: containers, ...more } }));
    const running = { ready: true, restartCount: 0, state: { running: {} } };

    it('running', () =>
      expect(status([running, running])).to.include({ Ready: '2/2', Status: 'Running', Restarts: '0', Node: 'n1' }));
    it('waiting', () =>
      expect(
        status([
          running,
          {
            restartCount: 2,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { finishedAt: '2026-01-01T00:09:50Z' } },
          },
        ]),
      ).to.include({ Ready: '1/2', Status: 'CrashLoopBackOff', Restarts: '2 (10s ago)' }));
    it('partly completed', () => {
      const completed = { state: { terminated: { reason: 'Completed', exitCode: 0 } } };
      expect(status([completed, running])['Status']).to.equal('NotReady');
      expect(status([completed, running], { conditions: [{ type: 'Ready', status: 'True' }] })['Status']).to.equal(
        'Running',
      );
    });
    it('ended without a reason', () => {
      expect(status([{ state: { terminated: { exitCode: 3 } } }])['Status']).to.equal('ExitCode:3');
      expect(status([{ state: { terminated: { signal: 9 } } }])['Status']).to.equal('Signal:9');
    });
    it('initialising', () => {
      const init = (state: Record<string, unknown>) =>
        status([], { initContainerStatuses: [{ restartCount: 1, state }] });
      expect(init({ running: {} })).to.include({ Status: 'Init:0/1', Restarts: '1' });
      expect(init({ waiting: { reason: 'ImagePullBackOff' } })['Status']).to.equal('Init:ImagePullBackOff');
      expect(init({ terminated: { exitCode: 1, reason: 'Error' } })['Status']).to.equal('Init:Error');
      expect(init({ terminated: { exitCode: 0 } })['Status']).to.equal('Running');
    });
    it('terminating, gated and over', () => {
      expect(
        shownAs(info, object({ spec, status: { phase: 'Running' } }, { deletionTimestamp: 'x' }))['Status'],
      ).to.equal('Terminating');
      const gated = { ...spec, readinessGates: [{ conditionType: 'G' }] };
      const one = object({ spec: gated, status: { phase: 'Failed', conditions: [{ type: 'G', status: 'True' }] } });
      expect(shownAs(info, one)).to.include({ 'Readiness Gates': '1/1', Status: 'Failed' });
      const rows = (phase: string) =>
        renderTable(info, [object({ status: { phase } })], {
          now: NOW,
          includeObject: 'None',
          columns: false,
          listMeta: {},
        })['rows'] as {
          conditions?: { reason: string }[];
        }[];
      expect(rows('Failed')[0]?.conditions?.[0]?.reason).to.equal('Failed');
      expect(rows('Succeeded')[0]?.conditions?.[0]?.reason).to.equal('Succeeded');
      expect(rows('Running')[0]).to.not.have.property('conditions');
    });
  });
});
