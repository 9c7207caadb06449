// What is refused, and in which words, by kind: each row was asked of the real server first.
import { expect } from 'chai';
import { makePlayground, type Playground, send } from './exchange.ts';
import { describeEachServer } from './servers.ts';

const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

interface Row {
  readonly method?: string;
  /** Below the namespace when it has no leading slash. */
  readonly path: string;
  readonly body?: unknown;
  readonly code: number;
  readonly message: string;
}

const pod = (spec: object, metadata: object = {}) => ({
  metadata: { name: 'p', ...metadata },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
});
const podRow = (body: unknown, text: string): Row => ({
  path: 'pods',
  body,
  code: 422,
  message: `Pod "p" is invalid: ${text}`,
});
const crd = (spec: object) => ({
  metadata: { name: 'gs.d.io' },
  spec: {
    group: 'd.io',
    scope: 'Namespaced',
    names: { plural: 'gs', kind: 'G' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    ...spec,
  },
});
const crdRow = (spec: object, text: string): Row => ({
  path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  body: crd(spec),
  code: 422,
  message: `CustomResourceDefinition.apiextensions.k8s.io "gs.d.io" is invalid: ${text}`,
});
const version = (schema: unknown) => ({
  versions: [{ name: 'v1', served: true, storage: true, ...(schema as object) }],
});
const jobs = (namespace: string) => `/apis/batch/v1/namespaces/${namespace}/jobs`;
const template = (spec: object) => ({ spec: { containers: [{ name: 'c', image: 'x' }], ...spec } });

const ROWS: Record<string, (ground: Playground) => Row> = {
  'a pod with an unknown restart policy': () =>
    podRow(
      pod({ restartPolicy: 'Sometimes' }),
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ),
  'a container name that is none': () =>
    podRow(pod({ containers: [{ name: 'C_', image: 'x' }] }), `spec.containers[0].name: Invalid value: "C_": ${LABEL}`),
  'two containers of one name': () =>
    podRow(
      pod({
        containers: [
          { name: 'c', image: 'x' },
          { name: 'c', image: 'y' },
        ],
      }),
      'spec.containers[1].name: Duplicate value: "c"',
    ),
  'a container without image': () =>
    podRow(pod({ containers: [{ name: 'c' }] }), 'spec.containers[0].image: Required value'),
  'a mount of no volume': () =>
    podRow(
      pod({ containers: [{ name: 'c', image: 'x', volumeMounts: [{ name: 'v', mountPath: '/x' }] }] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ),
  'a label value that is too long': () =>
    podRow(
      pod({}, { labels: { a: 'x'.repeat(64) } }),
      `metadata.labels: Invalid value: "${'x'.repeat(64)}": must be no more than 63 characters`,
    ),
  'an annotation key with a blank': () =>
    podRow(pod({}, { annotations: { 'a b': 'x' } }), `metadata.annotations: Invalid value: "a b": ${NAME_PART}`),
  'a finalizer of nobody': () =>
    podRow(
      pod({}, { finalizers: ['ab'] }),
      'metadata.finalizers[0]: Invalid value: "ab": name is neither a standard finalizer name nor is it fully qualified',
    ),
  'an owner without name and uid': () =>
    podRow(
      pod({}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: '', uid: '' }] }),
      '[metadata.ownerReferences.name: Invalid value: "": must not be empty, metadata.ownerReferences.uid: Invalid value: "": must not be empty]',
    ),
  'a namespace with a dot': () => ({
    path: '/api/v1/namespaces',
    body: { metadata: { name: 'a.b' } },
    code: 422,
    message: 'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots',
  }),
  'a Job that restarts always': (ground) => ({
    path: jobs(ground.namespace),
    body: { metadata: { name: 'j' }, spec: { template: template({ restartPolicy: 'Always' }) } },
    code: 422,
    message:
      'Job.batch "j" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  }),
  'a Job without anything': (ground) => ({
    path: jobs(ground.namespace),
    body: { metadata: { name: 'j' } },
    code: 422,
    message:
      'Job.batch "j" is invalid: [spec.template.spec.containers: Required value, spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"]',
  }),
  'a Job of less than nothing': (ground) => ({
    path: jobs(ground.namespace),
    body: { metadata: { name: 'j' }, spec: { parallelism: -1, template: template({ restartPolicy: 'Never' }) } },
    code: 422,
    message: 'Job.batch "j" is invalid: spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
  }),
  'a Lease of no time': (ground) => ({
    path: `/apis/coordination.k8s.io/v1/namespaces/${ground.namespace}/leases`,
    body: { metadata: { name: 'l' }, spec: { leaseDurationSeconds: 0 } },
    code: 422,
    message:
      'Lease.coordination.k8s.io "l" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
  }),
  'a ConfigMap above 1 MiB': () => ({
    path: 'configmaps',
    body: { metadata: { name: 'a' }, data: { x: 'y'.repeat(1_100_000) } },
    code: 422,
    message: 'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes',
  }),
  'a ConfigMap key of dots': () => ({
    path: 'configmaps',
    body: { metadata: { name: 'a' }, data: { '..': '1' } },
    code: 422,
    message: `ConfigMap "a" is invalid: data[..]: Invalid value: "..": must not be '..'`,
  }),
  'metadata that is a list': () => ({
    path: 'configmaps',
    body: { metadata: [] },
    code: 400,
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.metadata of type v1.ObjectMeta',
  }),
  'a Secret that is no base64': () => ({
    path: 'secrets',
    body: { metadata: { name: 'a' }, data: { x: '!!' } },
    code: 400,
    message: 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
  }),
  'a definition without group': () =>
    crdRow(
      { group: '' },
      '[metadata.name: Invalid value: "gs.d.io": must be spec.names.plural+"."+spec.group, spec.group: Required value]',
    ),
  'a definition of unknown scope': () =>
    crdRow({ scope: 'X' }, 'spec.scope: Unsupported value: "X": supported values: "Cluster", "Namespaced"'),
  'a definition without versions': () =>
    crdRow(
      { versions: [] },
      '[spec.versions: Invalid value: []: must have exactly one version marked as storage version, status.storedVersions: Invalid value: null: must have at least one stored version]',
    ),
  'a definition without schema': () => crdRow(version({}), 'spec.versions[0].schema.openAPIV3Schema: Required value'),
  'a definition of a string': () =>
    crdRow(
      version({ schema: { openAPIV3Schema: { type: 'string' } } }),
      'spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root',
    ),
  'a definition with an untyped field': () =>
    crdRow(
      version({ schema: { openAPIV3Schema: { type: 'object', properties: { a: {} } } } }),
      'spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
    ),
  'a creation outside any namespace': () => ({
    path: '/api/v1/configmaps',
    body: { metadata: { name: 'a', namespace: 'default' } },
    code: 405,
    message: 'the server does not allow this method on the requested resource',
  }),
  'a deletion with an unknown policy': () => ({
    method: 'DELETE',
    path: 'configmaps/kube-root-ca.crt',
    body: { propagationPolicy: 'X' },
    code: 422,
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "X": supported values: "Foreground", "Background", "Orphan", "nil"',
  }),
  'a version that is not served': () => ({
    method: 'GET',
    path: '/apis/batch/v9/jobs',
    code: 404,
    message: 'the server could not find the requested resource',
  }),
  'a limit that is no number': () => ({
    method: 'GET',
    path: 'pods?limit=x',
    code: 400,
    message: 'strconv.ParseInt: parsing "x": invalid syntax',
  }),
  'the end of the default namespace': () => ({
    method: 'DELETE',
    path: '/api/v1/namespaces/default',
    code: 403,
    message: 'namespaces "default" is forbidden: this namespace may not be deleted',
  }),
};

describeEachServer('Refusals', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
  });

  for (const [what, row] of Object.entries(ROWS)) {
    it(`refuses ${what}`, async () => {
      const { method = 'POST', path, body, code, message } = row(ground);
      const whole = path.startsWith('/') ? path : `${ground.core}/${path}`;
      const answer = await send(server, method, `${whole}${method === 'POST' ? '?dryRun=All' : ''}`, {
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(answer.body.message).to.equal(message);
      expect(answer.status).to.equal(code);
    });
  }
});
