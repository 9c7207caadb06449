// Pods and pod templates: the API server's defaults, what must be there, what may change, how long they may take to end.
import type { Cause, DeleteOptions, KubeObject } from '../api.ts';
import { fieldError } from '../errors.ts';
import { isObject } from './fields.ts';
import { nameProblems } from './names.ts';

type Json = Record<string, unknown>;

const CONTAINER_LISTS = ['containers', 'initContainers'] as const;

export function defaultPodSpec(spec: Json): void {
  spec['restartPolicy'] ??= 'Always';
  spec['terminationGracePeriodSeconds'] ??= 30;
  spec['dnsPolicy'] ??= 'ClusterFirst';
  spec['securityContext'] ??= {};
  spec['schedulerName'] ??= 'default-scheduler';
  if (typeof spec['serviceAccountName'] === 'string') spec['serviceAccount'] ??= spec['serviceAccountName'];
  for (const container of CONTAINER_LISTS.flatMap((list) => objects(spec[list]))) {
    container['resources'] ??= {};
    container['terminationMessagePath'] ??= '/dev/termination-log';
    container['terminationMessagePolicy'] ??= 'File';
    const image = container['image'];
    if (typeof image === 'string' && image !== '') container['imagePullPolicy'] ??= pullPolicy(image);
    for (const port of objects(container['ports'])) port['protocol'] ??= 'TCP';
    defaultFieldRefs(container);
    defaultRequests(container);
  }
  for (const volume of objects(spec['volumes'])) defaultVolume(volume);
}

function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultFieldRefs(container: Json): void {
  for (const variable of objects(container['env'])) {
    const from = variable['valueFrom'];
    if (isObject(from) && isObject(from['fieldRef'])) from['fieldRef']['apiVersion'] ??= 'v1';
  }
}

function defaultRequests(container: Json): void {
  const resources = container['resources'];
  if (!isObject(resources) || !isObject(resources['limits'])) return;
  resources['requests'] = { ...resources['limits'], ...(isObject(resources['requests']) ? resources['requests'] : {}) };
}

function defaultVolume(volume: Json): void {
  for (const [source, modeField] of [
    ['secret', 'defaultMode'],
    ['configMap', 'defaultMode'],
    ['downwardAPI', 'defaultMode'],
    ['projected', 'defaultMode'],
  ] as const) {
    const inner = volume[source];
    if (isObject(inner)) inner[modeField] ??= 0o644;
  }
  if (isObject(volume['hostPath'])) volume['hostPath']['type'] ??= '';
  if (Object.keys(volume).length === 1) volume['emptyDir'] = {};
}

export function defaultPod(pod: KubeObject): void {
  if (!isObject(pod.spec)) return;
  defaultPodSpec(pod.spec);
  pod.spec['enableServiceLinks'] ??= true;
}

/** Admission's part: priority, tolerations, the first status. */
export function preparePod(pod: KubeObject): void {
  const spec = (pod.spec ??= {});
  spec['priority'] ??= 0;
  spec['preemptionPolicy'] ??= 'PreemptLowerPriority';
  const tolerations = objects(spec['tolerations']);
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    if (tolerations.some((one) => one['key'] === key)) continue;
    tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  spec['tolerations'] = tolerations;
  pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
}

function qosClass(spec: Json): string {
  const resources = objects(spec['containers']).map((one) => (isObject(one['resources']) ? one['resources'] : {}));
  if (resources.every((one) => one['limits'] === undefined && one['requests'] === undefined)) return 'BestEffort';
  const guaranteed = resources.every((one) => {
    const limits = one['limits'];
    if (!isObject(limits) || limits['cpu'] === undefined || limits['memory'] === undefined) return false;
    const requests = one['requests'];
    return isObject(requests) && requests['cpu'] === limits['cpu'] && requests['memory'] === limits['memory'];
  });
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

export function podSpecProblems(spec: unknown, at: string): Cause[] {
  if (!isObject(spec)) return [fieldError.required(`${at}.containers`)];
  const causes: Cause[] = [];
  if (objects(spec['containers']).length === 0) causes.push(fieldError.required(`${at}.containers`));
  const seen = new Set<unknown>();
  for (const list of CONTAINER_LISTS) {
    for (const [index, container] of objects(spec[list]).entries()) {
      const here = `${at}.${list}[${index}]`;
      const name = container['name'];
      if (typeof name !== 'string' || name === '') causes.push(fieldError.required(`${here}.name`));
      else if (seen.has(name)) causes.push(fieldError.duplicate(`${here}.name`, name));
      else for (const one of nameProblems(name, 'label')) causes.push(fieldError.invalid(`${here}.name`, name, one));
      seen.add(name);
      if (container['image'] === undefined || container['image'] === '')
        causes.push(fieldError.required(`${here}.image`));
      causes.push(...mountProblems(container, spec, here));
    }
  }
  const restart = spec['restartPolicy'];
  const policies = ['Always', 'OnFailure', 'Never'];
  if (!policies.includes(String(restart)))
    causes.push(fieldError.notSupported(`${at}.restartPolicy`, restart, policies));
  return causes;
}

function mountProblems(container: Json, spec: Json, at: string): Cause[] {
  const volumes = new Set(objects(spec['volumes']).map((volume) => volume['name']));
  return objects(container['volumeMounts'])
    .map((mount, index) => ({ name: mount['name'], index }))
    .filter(({ name }) => !volumes.has(name))
    .map(({ name, index }) => ({
      field: `${at}.volumeMounts[${index}].name`,
      reason: 'FieldValueNotFound',
      message: `Not found: ${JSON.stringify(name)}`,
      type: 'FieldValueNotFound',
    }));
}

export function podProblems(pod: KubeObject): Cause[] {
  return podSpecProblems(pod.spec, 'spec');
}

const CHANGE_TEXT =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export function podChangeProblems(pod: KubeObject, old: KubeObject): Cause[] {
  const fixed = (spec: Json = {}) => {
    const copy = structuredClone(spec);
    delete copy['activeDeadlineSeconds'];
    delete copy['tolerations'];
    for (const container of CONTAINER_LISTS.flatMap((list) => objects(copy[list]))) {
      delete container['image'];
      delete container['imagePullPolicy'];
    }
    return canonical(copy);
  };
  return fixed(pod.spec) === fixed(old.spec) ? [] : [fieldError.forbidden('spec', CHANGE_TEXT)];
}

/** Text that is equal for equal values, whatever the order of keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

/** A pod nobody runs, or that has ended, goes at once; a running one is left to its kubelet. */
export function podGraceSeconds(pod: KubeObject, options: DeleteOptions): number {
  const asked = options.gracePeriodSeconds ?? Number(pod.spec?.['terminationGracePeriodSeconds'] ?? 30);
  const phase = pod.status?.['phase'];
  if (!pod.spec?.['nodeName'] || phase === 'Succeeded' || phase === 'Failed') return 0;
  return Math.max(0, asked);
}

function objects(list: unknown): Json[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
