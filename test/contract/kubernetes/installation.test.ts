// What the Pulumi program puts into a cluster, applied to every Kubernetes API there is: the recorded inputs of its resources, with strict
// field validation, in the order of their dependencies, twice.
import { expect } from 'chai';
import { programOf, TOKEN, type Declared, type Recorded } from '../../infra/mocks.ts';
import { describeEachServer, type Answer, type ContractServer } from './servers.ts';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** Where objects of a kind live: plural, and whether in a namespace. */
const PLURALS: Record<string, string> = {
  CustomResourceDefinition: 'customresourcedefinitions',
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ConfigMap: 'configmaps',
  Secret: 'secrets',
  Deployment: 'deployments',
  PodDisruptionBudget: 'poddisruptionbudgets',
  NetworkPolicy: 'networkpolicies',
};

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${base}${place}/${PLURALS[kind] ?? `unknown-${kind}`}`;
}

/** Creates or replaces; any warning or unknown field is an error. */
async function apply(server: ContractServer, manifest: Manifest): Promise<Answer> {
  const path = pathOf(manifest);
  const strict = '?fieldValidation=Strict';
  const created = await server.call('POST', path + strict, manifest);
  if (created.status !== 409) return created;
  const one = `${path}/${manifest.metadata.name}`;
  const { body } = await server.call('GET', one);
  const metadata = {
    ...manifest.metadata,
    resourceVersion: (body as Manifest & { metadata: { resourceVersion: string } }).metadata.resourceVersion,
  };
  return server.call('PUT', one + strict, { ...manifest, metadata });
}

/** In an order in which everything comes after what it depends on. */
function ordered(resources: readonly Recorded[]): Recorded[] {
  const left = new Map(resources.map((one) => [one.urn, one]));
  const done: Recorded[] = [];
  while (left.size > 0) {
    const next = [...left.values()].filter(({ dependsOn }) => !dependsOn.some((urn) => left.has(urn)));
    if (next.length === 0) throw new Error('The dependencies have a circle');
    for (const one of next) {
      left.delete(one.urn);
      done.push(one);
    }
  }
  return done;
}

describeEachServer('The installation of the Pulumi program', (server) => {
  let declared: Declared;
  let manifests: Manifest[];
  before(async function () {
    this.timeout(60_000);
    declared = await programOf();
    const recorded = declared.resources.filter(({ type }) => type.startsWith('kubernetes:'));
    manifests = ordered(recorded).map(({ inputs }) => inputs as unknown as Manifest);
  });
  // A shared server: suites after this one find nothing of ours.
  after(async () => {
    for (const manifest of manifests.toReversed())
      await server.call('DELETE', `${pathOf(manifest)}/${manifest.metadata.name}`);
  });

  it('is taken as it is, object by object, and taken again', async () => {
    expect(manifests.length).to.be.above(20);
    for (const status of [201, 200])
      for (const manifest of manifests) {
        const answer = await apply(server, manifest);
        expect(answer.status, `${manifest.kind} ${manifest.metadata.name}: ${JSON.stringify(answer.body)}`).to.be.oneOf(
          // The namespaces of other suites may be there already.
          [status, 200],
        );
      }
  });

  it('would not be taken with a word that Kubernetes does not know', async () => {
    const wrong: [kind: string, change: (manifest: Manifest) => unknown][] = [
      ['Deployment', (manifest) => ({ ...manifest, spec: { ...(manifest['spec'] as object), replica: 2 } })],
      ['NetworkPolicy', (manifest) => ({ ...manifest, spec: { ...(manifest['spec'] as object), podSelectors: {} } })],
      ['ConfigMap', (manifest) => ({ ...manifest, dates: {} })],
      ['PodDisruptionBudget', (manifest) => ({ ...manifest, spec: { ...(manifest['spec'] as object), minimum: 1 } })],
    ];
    for (const [kind, change] of wrong) {
      const manifest = manifests.find((one) => one.kind === kind) as Manifest;
      const typo = change({ ...manifest, metadata: { ...manifest.metadata, name: 'typo' } });
      const { status, body } = await server.call('POST', `${pathOf(manifest)}?fieldValidation=Strict`, typo);
      expect(status, kind).to.equal(400);
      expect((body as { message: string }).message).to.include('unknown field');
    }
  });

  it('lets operator and bot do what RBAC says, and not more', async () => {
    const can = async (account: string, verb: string, group: string, resource: string, namespace?: string) => {
      const spec = {
        user: `system:serviceaccount:spotlearn-system:${account}`,
        groups: ['system:serviceaccounts', 'system:authenticated'],
        resourceAttributes: { verb, group, resource, ...(namespace && { namespace }) },
      };
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
      const { body } = await server.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
      return (body as { status: { allowed: boolean } }).status.allowed;
    };
    if (server.kind === 'embedded') return; // It has reviews of oneself only; there the journeys run under these accounts.
    expect(await can('spotlearn-operator', 'patch', 'spotlearn.io', 'trainingjobs')).to.equal(true);
    expect(await can('spotlearn-operator', 'get', '', 'secrets', 'spotlearn-system')).to.equal(false);
    expect(await can('spotlearn-operator', 'delete', '', 'namespaces')).to.equal(true);
    expect(await can('spotlearn-operator', 'delete', '', 'pods')).to.equal(false);
    expect(await can('spotlearn-bot', 'create', 'spotlearn.io', 'trainingjobs', 'ml-user-1')).to.equal(true);
    expect(await can('spotlearn-bot', 'get', '', 'secrets', 'spotlearn-system')).to.equal(false);
    expect(await can('spotlearn-bot', 'patch', 'spotlearn.io', 'trainingjobs/status')).to.equal(false);
    expect(await can('spotlearn-bot', 'update', '', 'configmaps', 'spotlearn-system')).to.equal(true);
    expect(await can('spotlearn-bot', 'update', '', 'configmaps', 'kube-system')).to.equal(false);
  });

  it('keeps the token in the Secret that the bot reads, and in nothing else', async () => {
    for (const manifest of manifests) {
      const { body } = await server.call('GET', `${pathOf(manifest)}/${manifest.metadata.name}`);
      const text = JSON.stringify(body);
      const there = text.includes(TOKEN) || text.includes(Buffer.from(TOKEN).toString('base64'));
      expect(there, `${manifest.kind} ${manifest.metadata.name}`).to.equal(manifest.kind === 'Secret');
    }
  });

  it('runs under the restricted Pod Security Standard', async () => {
    const { body } = await server.call('GET', '/api/v1/namespaces/spotlearn-system');
    expect((body as { metadata: { labels: object } }).metadata.labels).to.include({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    if (server.kind === 'embedded') return; // It has no such admission.
    for (const { metadata, spec } of manifests.filter(({ kind }) => kind === 'Deployment')) {
      const { template } = spec as {
        template: { metadata: object; spec: Record<string, unknown> & { containers: object[] } };
      };
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `${metadata.name}-try`, namespace: 'spotlearn-system' },
      };
      const path = '/api/v1/namespaces/spotlearn-system/pods?dryRun=All';
      const taken = await server.call('POST', path, { ...pod, spec: template.spec });
      expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
      const loose = {
        ...template.spec,
        containers: template.spec.containers.map((one) => ({ ...one, securityContext: {} })),
      };
      expect((await server.call('POST', path, { ...pod, spec: loose })).status).to.equal(403);
    }
  });
});
