// Columns and cells of the built-in kinds, as kube-apiserver prints them (pkg/printers/internalversion). A kind that isn't
// here gets the API server's generic table: name and time of creation.
import type { KubeObject } from '../api.ts';
import { ageOf, humanDuration } from './ages.ts';
import { condition, type Fields, fields, list, words } from './fields.ts';
import { podCells, podConditions } from './pods.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

export interface RowCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface Printer {
  readonly columns: readonly Column[];
  cells(object: KubeObject, now: number): unknown[];
  conditions?(object: KubeObject): RowCondition[] | undefined;
}

export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
};
export const CREATION_DESCRIPTION =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';
const AGE: Column = { name: 'Age', type: 'string', description: CREATION_DESCRIPTION };

export const GENERIC: Printer = {
  columns: [NAME, { name: 'Created At', type: 'date', description: CREATION_DESCRIPTION }],
  cells: (object) => [object.metadata.name, object.metadata.creationTimestamp],
};

function text(name: string, description: string, priority = 0): Column {
  return { name, type: 'string', description, priority };
}

function age(object: KubeObject, now: number): string {
  return ageOf(object.metadata.creationTimestamp, now);
}

/** Key `group/plural`. */
export const PRINTERS: Readonly<Record<string, Printer>> = {
  '/namespaces': {
    columns: [NAME, text('Status', 'The status of the namespace'), AGE],
    cells: (object, now) => [object.metadata.name, object.status?.['phase'] ?? '', age(object, now)],
  },
  '/configmaps': {
    columns: [NAME, text('Data', 'Data contains the configuration data.'), AGE],
    cells: (object, now) => [object.metadata.name, size(object['data']) + size(object['binaryData']), age(object, now)],
  },
  '/secrets': {
    columns: [
      NAME,
      text('Type', 'Used to facilitate programmatic handling of secret data.'),
      text('Data', 'Data contains the secret data.'),
      AGE,
    ],
    cells: (object, now) => [object.metadata.name, object['type'] ?? 'Opaque', size(object['data']), age(object, now)],
  },
  '/serviceaccounts': {
    columns: [NAME, text('Secrets', 'Secrets is a list of the secrets in the same namespace that pods may use.'), AGE],
    cells: (object, now) => [object.metadata.name, list(object['secrets']).length, age(object, now)],
  },
  '/resourcequotas': {
    columns: [
      NAME,
      text('Request', 'Request represents a minimum amount of cpu/memory that a container may consume.'),
      text('Limit', 'Limits control the maximum amount of cpu/memory that a container may use.'),
      AGE,
    ],
    cells: (object, now) => {
      const [requests, limits] = quotas(object);
      return [object.metadata.name, requests, limits, age(object, now)];
    },
  },
  '/events': { columns: eventColumns(), cells: eventCells },
  'events.k8s.io/events': { columns: eventColumns(), cells: eventCells },
  '/nodes': {
    columns: [
      NAME,
      text('Status', 'The status of the node'),
      text('Roles', 'The roles of the node'),
      AGE,
      text('Version', 'Kubelet Version reported by the node.'),
      ...['Internal-IP', 'External-IP', 'OS-Image', 'Kernel-Version', 'Container-Runtime'].map((name) =>
        text(name, '', 1),
      ),
    ],
    cells: nodeCells,
  },
  '/pods': {
    columns: [
      NAME,
      text('Ready', 'The aggregate readiness state of this pod for accepting traffic.'),
      text('Status', 'The aggregate status of the containers in this pod.'),
      text(
        'Restarts',
        'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
      ),
      AGE,
      ...['IP', 'Node', 'Nominated Node', 'Readiness Gates'].map((name) => text(name, '', 1)),
    ],
    cells: podCells,
    conditions: podConditions,
  },
  'batch/jobs': {
    columns: [
      NAME,
      text('Status', 'Status of the job.'),
      text('Completions', 'The number of pods which reached phase Succeeded.'),
      text('Duration', 'Time required to complete the job.'),
      AGE,
      text('Containers', 'Names of each container in the template.', 1),
      text('Images', 'Images referenced by each container in the template.', 1),
      text('Selector', 'A label query over pods that should match the pod count.', 1),
    ],
    cells: jobCells,
  },
  'coordination.k8s.io/leases': {
    columns: [NAME, text('Holder', 'holderIdentity contains the identity of the holder of a current lease.'), AGE],
    cells: (object, now) => [object.metadata.name, object.spec?.['holderIdentity'] ?? '', age(object, now)],
  },
  'rbac.authorization.k8s.io/rolebindings': bindings(),
  'rbac.authorization.k8s.io/clusterrolebindings': bindings(),
};

function size(value: unknown): number {
  return Object.keys(fields(value)).length;
}

function quotas(object: KubeObject): [string, string] {
  const hard = fields(object.status?.['hard']);
  const used = fields(object.status?.['used']);
  const shown = Object.keys(hard)
    .sort()
    .map((name) => ({ name, shown: `${name}: ${words(used[name] ?? 0)}/${words(hard[name])}` }));
  const of = (limits: boolean) =>
    shown
      .filter(({ name }) => name.startsWith('limits.') === limits)
      .map(({ shown }) => shown)
      .join(', ');
  return [of(false), of(true)];
}

function bindings(): Printer {
  return {
    columns: [
      NAME,
      text('Role', 'RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace.'),
      AGE,
      ...['Users', 'Groups', 'ServiceAccounts'].map((name) => text(name, '', 1)),
    ],
    cells: (object, now) => {
      const role = fields(object['roleRef']);
      const of = (kind: string, show = (one: Fields) => words(one['name'])) =>
        list(object['subjects'])
          .filter((one) => one['kind'] === kind)
          .map(show)
          .join(', ');
      const account = (one: Fields) => `${words(one['namespace'])}/${words(one['name'])}`;
      return [
        object.metadata.name,
        `${words(role['kind'])}/${words(role['name'])}`,
        age(object, now),
        of('User'),
        of('Group'),
        of('ServiceAccount', account),
      ];
    },
  };
}

function eventColumns(): Column[] {
  return [
    text('Last Seen', 'The time at which the most recent occurrence of this event was recorded.'),
    text('Type', 'Type of this event (Normal, Warning), new types could be added in the future'),
    text('Reason', 'This should be a short, machine understandable string that gives the reason for the transition.'),
    text('Object', 'The object that this event is about.'),
    text('Subobject', '', 1),
    text('Source', '', 1),
    text('Message', 'A human-readable description of the status of this operation.'),
    text('First Seen', '', 1),
    text('Count', '', 1),
    { ...NAME, priority: 1 },
  ];
}

function eventCells(object: KubeObject, now: number): unknown[] {
  const involved = fields(object['involvedObject'] ?? object['regarding']);
  const series = fields(object['series']);
  const firstSeen = ageOf(object['firstTimestamp'] ?? object['deprecatedFirstTimestamp'] ?? object['eventTime'], now);
  const last = series['lastObservedTime'] ?? object['lastTimestamp'] ?? object['deprecatedLastTimestamp'];
  const source = fields(object['source'] ?? object['deprecatedSource']);
  const component = [
    source['component'] ?? object['reportingComponent'],
    source['host'] ?? object['reportingInstance'],
  ];
  const kind = words(involved['kind'] ?? '').toLowerCase();
  return [
    last === undefined || last === null ? firstSeen : ageOf(last, now),
    object['type'] ?? '',
    object['reason'] ?? '',
    involved['name'] ? `${kind}/${words(involved['name'])}` : kind,
    involved['fieldPath'] ?? '',
    component.filter(Boolean).join(', '),
    words(object['message'] ?? object['note'] ?? '').trim(),
    firstSeen,
    series['count'] ?? (object['count'] || 1),
    object.metadata.name,
  ];
}

function nodeCells(object: KubeObject, now: number): unknown[] {
  const ready = list(object.status?.['conditions']).find((one) => one['type'] === 'Ready')?.['status'];
  const cordoned = object.spec?.['unschedulable'] === true ? ',SchedulingDisabled' : '';
  const status = ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady';
  const roles = Object.keys(object.metadata.labels ?? {})
    .filter((label) => label.startsWith('node-role.kubernetes.io/'))
    .map((label) => label.slice('node-role.kubernetes.io/'.length));
  const info = fields(object.status?.['nodeInfo']);
  const address = (type: string) =>
    list(object.status?.['addresses']).find((one) => one['type'] === type)?.['address'] ?? '<none>';
  const known = (value: unknown) => value || '<unknown>';
  return [
    object.metadata.name,
    `${status}${cordoned}`,
    roles.join(',') || '<none>',
    age(object, now),
    info['kubeletVersion'] ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    known(info['osImage']),
    known(info['kernelVersion']),
    known(info['containerRuntimeVersion']),
  ];
}

function jobCells(object: KubeObject, now: number): unknown[] {
  const spec = fields(object.spec);
  const status = fields(object.status);
  const succeeded = Number(status['succeeded'] ?? 0);
  const parallelism = Number(spec['parallelism'] ?? 0);
  const completions =
    spec['completions'] === undefined
      ? `${succeeded}/1${parallelism > 1 ? ` of ${parallelism}` : ''}`
      : `${succeeded}/${words(spec['completions'])}`;
  const start = status['startTime'];
  const end = typeof status['completionTime'] === 'string' ? Date.parse(status['completionTime']) : now;
  const pod = fields(fields(spec['template'])['spec']);
  const containers = list(pod['containers']);
  const selector = fields(fields(spec['selector'])['matchLabels']);
  return [
    object.metadata.name,
    jobStatus(object),
    completions,
    typeof start === 'string' ? humanDuration(end - Date.parse(start)) : '',
    age(object, now),
    containers.map((one) => one['name']).join(','),
    containers.map((one) => one['image']).join(','),
    Object.entries(selector)
      .map(([key, value]) => `${key}=${words(value)}`)
      .join(',') || '<none>',
  ];
}

function jobStatus(object: KubeObject): string {
  if (condition(object, 'Complete')) return 'Complete';
  if (condition(object, 'Failed')) return 'Failed';
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (condition(object, type)) return type;
  return 'Running';
}
