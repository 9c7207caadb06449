// What is particular to a kind when it is written: names, defaults, validation, deletion. writes/writer.ts asks here; a
// kind that isn't named behaves like a ConfigMap without rules. Each kind with more than a few lines has its own file.
import type { Cause, DeleteOptions, KubeObject, PropagationPolicy, ResourceInfo } from '../api.ts';
import { fieldError } from '../errors.ts';
import { storageKey } from './builtin.ts';
import { CLEANUP_FINALIZER } from './cleanup.ts';
import { defaultDefinition, definitionProblems, establishedStatus } from './definitions.ts';
import { isObject } from './fields.ts';
import { defaultJob, jobChangeProblems, jobProblems, prepareJob } from './job.ts';
import { nameProblems, type NameRule } from './names.ts';
import { defaultPod, podChangeProblems, podGraceSeconds, podProblems, preparePod } from './pod.ts';

export interface Kind {
  readonly names: NameRule;
  /** An update without resourceVersion overwrites whatever is there. */
  readonly unconditionalUpdate: boolean;
  /** metadata.generation counts changes of the desired state. */
  readonly generation: boolean;
  /** Fills in what the client left out; also on update. */
  readonly defaults?: (object: KubeObject) => void;
  readonly prepareCreate?: (object: KubeObject, now: string) => void;
  readonly prepareUpdate?: (object: KubeObject, old: KubeObject, now: string) => void;
  readonly problems?: (object: KubeObject) => Cause[];
  readonly changeProblems?: (object: KubeObject, old: KubeObject) => Cause[];
  /** Seconds an object may take to end before it is removed; undefined: it is removed at once. */
  readonly graceSeconds?: (object: KubeObject, options: DeleteOptions) => number | undefined;
  /** When the client names none; default Background. */
  readonly propagation?: PropagationPolicy;
}

const PLAIN: Kind = { names: 'subdomain', unconditionalUpdate: true, generation: false };
const CUSTOM: Kind = { names: 'subdomain', unconditionalUpdate: false, generation: true };
const RBAC: Kind = {
  ...PLAIN,
  names: 'path',
  defaults: defaultSubjects,
  problems: bindingProblems,
  changeProblems: roleRefChange,
};

const KINDS: Record<string, Kind> = {
  '/configmaps': { ...PLAIN, problems: (object) => dataProblems(object, 'ConfigMap'), changeProblems: immutableData },
  '/secrets': {
    ...PLAIN,
    defaults: defaultSecret,
    problems: (object) => dataProblems(object, 'Secret'),
    changeProblems: secretChangeProblems,
  },
  '/namespaces': {
    ...PLAIN,
    names: 'label',
    prepareCreate: prepareNamespace,
    prepareUpdate: keepFinalizers,
    defaults: labelNamespace,
  },
  '/pods': {
    ...PLAIN,
    generation: true,
    defaults: defaultPod,
    prepareCreate: preparePod,
    problems: podProblems,
    changeProblems: podChangeProblems,
    graceSeconds: podGraceSeconds,
  },
  '/events': { ...PLAIN, defaults: defaultEvent, problems: eventProblems },
  '/nodes': PLAIN,
  'batch/jobs': {
    ...PLAIN,
    generation: true,
    defaults: defaultJob,
    prepareCreate: prepareJob,
    problems: jobProblems,
    changeProblems: jobChangeProblems,
    propagation: 'Orphan',
  },
  'coordination.k8s.io/leases': { ...PLAIN, unconditionalUpdate: false, problems: leaseProblems },
  'apiextensions.k8s.io/customresourcedefinitions': {
    ...PLAIN,
    unconditionalUpdate: false,
    generation: true,
    defaults: defaultDefinition,
    prepareCreate: prepareDefinition,
    prepareUpdate: (crd, old, now) => (crd.status = establishedStatus({ ...crd, status: old.status }, now)),
    problems: definitionProblems,
    changeProblems: definitionChangeProblems,
  },
  'rbac.authorization.k8s.io/clusterrolebindings': RBAC,
  'rbac.authorization.k8s.io/clusterroles': RBAC,
  'rbac.authorization.k8s.io/rolebindings': RBAC,
  'rbac.authorization.k8s.io/roles': RBAC,
};

export function kindOf(resource: ResourceInfo): Kind {
  return resource.schema !== undefined ? CUSTOM : (KINDS[storageKey(resource)] ?? PLAIN);
}

function keyProblems(object: KubeObject, field: string): Cause[] {
  const rule =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  const entries = isObject(object[field]) ? Object.keys(object[field]) : [];
  return entries.flatMap((key) => {
    const at = `${field}[${key}]`;
    if (key === '.' || key === '..') return [fieldError.invalid(at, key, `must not be '${key}'`)];
    if (key.startsWith('..')) return [fieldError.invalid(at, key, "must not start with '..'")];
    return /^[-._a-zA-Z0-9]{1,253}$/.test(key) ? [] : [fieldError.invalid(at, key, rule)];
  });
}

const MAX_DATA_BYTES = 1024 * 1024;

function dataProblems(object: KubeObject, kind: 'ConfigMap' | 'Secret'): Cause[] {
  const causes = [...keyProblems(object, 'data'), ...keyProblems(object, 'binaryData')];
  const values = [object['data'], object['binaryData']].flatMap((one) => (isObject(one) ? Object.values(one) : []));
  const bytes = values.reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0);
  const limit = kind === 'Secret' ? (MAX_DATA_BYTES * 4) / 3 : MAX_DATA_BYTES;
  if (bytes > limit) causes.push(fieldError.tooLong(kind === 'Secret' ? 'data' : '[]', MAX_DATA_BYTES));
  return causes;
}

function immutableData(object: KubeObject, old: KubeObject): Cause[] {
  if (old['immutable'] !== true) return [];
  const causes: Cause[] = [];
  if (object['immutable'] !== true)
    causes.push(fieldError.forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const field of ['data', 'binaryData']) {
    if (JSON.stringify(object[field]) !== JSON.stringify(old[field])) {
      causes.push(fieldError.forbidden(field, 'field is immutable when `immutable` is set'));
    }
  }
  return causes;
}

function defaultSecret(secret: KubeObject): void {
  const plain = secret['stringData'];
  if (isObject(plain)) {
    const data = (secret['data'] ??= {}) as Record<string, string>;
    for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(String(value)).toString('base64');
  }
  delete secret['stringData'];
  secret['type'] ??= 'Opaque';
}

function secretChangeProblems(secret: KubeObject, old: KubeObject): Cause[] {
  const causes = immutableData(secret, old);
  if (secret['type'] !== old['type']) causes.push(fieldError.invalid('type', secret['type'], 'field is immutable'));
  return causes;
}

function labelNamespace(namespace: KubeObject): void {
  if (namespace.metadata.name === undefined) return;
  namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name };
}

function prepareNamespace(namespace: KubeObject): void {
  namespace.spec = { ...namespace.spec, finalizers: ['kubernetes'] };
  namespace.status = { phase: 'Active' };
}

/** Only the finalize subresource changes them. */
function keepFinalizers(namespace: KubeObject, old: KubeObject): void {
  namespace.spec = { ...namespace.spec, finalizers: old.spec?.['finalizers'] };
}

function defaultEvent(event: KubeObject): void {
  event['source'] ??= {};
  event['involvedObject'] ??= {};
  event['firstTimestamp'] ??= null;
  event['lastTimestamp'] ??= null;
  event['eventTime'] ??= null;
  event['reportingComponent'] ??= (event['source'] as { component?: string }).component ?? '';
  event['reportingInstance'] ??= '';
}

function eventProblems(event: KubeObject): Cause[] {
  const about = event['involvedObject'] as { namespace?: string };
  const namespace = event.metadata.namespace;
  const clusterScoped = about.namespace === undefined || about.namespace === '';
  if (clusterScoped ? namespace === 'default' : about.namespace === namespace) return [];
  return [fieldError.invalid('involvedObject.namespace', about.namespace ?? '', 'does not match event.namespace')];
}

function leaseProblems(lease: KubeObject): Cause[] {
  const causes: Cause[] = [];
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = lease.spec ?? {};
  if (typeof duration === 'number' && duration <= 0) {
    causes.push(fieldError.invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  }
  if (typeof transitions === 'number' && transitions < 0) {
    causes.push(fieldError.invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
  }
  return causes;
}

function definitionChangeProblems(crd: KubeObject, old: KubeObject): Cause[] {
  return ['group', 'scope']
    .filter((field) => crd.spec?.[field] !== old.spec?.[field])
    .map((field) => fieldError.invalid(`spec.${field}`, crd.spec?.[field], 'field is immutable'));
}

/** The finalizer keeps the definition until its objects are gone (cleanup.ts). */
function prepareDefinition(crd: KubeObject, now: string): void {
  crd.status = establishedStatus(crd, now);
  crd.metadata.finalizers = [...new Set([...(crd.metadata.finalizers ?? []), CLEANUP_FINALIZER])];
}

function defaultSubjects(binding: KubeObject): void {
  for (const subject of Array.isArray(binding['subjects']) ? binding['subjects'].filter(isObject) : []) {
    if (subject['kind'] === 'User' || subject['kind'] === 'Group') subject['apiGroup'] ??= 'rbac.authorization.k8s.io';
    else if (subject['kind'] === 'ServiceAccount' && binding.kind === 'RoleBinding') {
      subject['namespace'] ??= binding.metadata.namespace;
    }
  }
}

function bindingProblems(object: KubeObject): Cause[] {
  if (!object.kind.endsWith('Binding')) return [];
  const causes: Cause[] = [];
  const roleRef = (object['roleRef'] ?? {}) as { kind?: string; name?: string; apiGroup?: string };
  const kinds = object.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(roleRef.kind ?? ''))
    causes.push(fieldError.notSupported('roleRef.kind', roleRef.kind ?? '', kinds));
  if (!roleRef.name) causes.push(fieldError.required('roleRef.name'));
  for (const [index, subject] of ((object['subjects'] ?? []) as { kind?: string; name?: string }[]).entries()) {
    if (!subject.name) causes.push(fieldError.required(`subjects[${index}].name`));
    else if (subject.kind === 'ServiceAccount') {
      for (const one of nameProblems(subject.name, 'subdomain')) {
        causes.push(fieldError.invalid(`subjects[${index}].name`, subject.name, one));
      }
    }
  }
  return causes;
}

function roleRefChange(object: KubeObject, old: KubeObject): Cause[] {
  if (JSON.stringify(object['roleRef']) === JSON.stringify(old['roleRef'])) return [];
  return [fieldError.invalid('roleRef', object['roleRef'], 'cannot change roleRef')];
}
