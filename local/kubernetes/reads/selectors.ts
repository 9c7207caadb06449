// labelSelector and fieldSelector as the API server reads them: text → predicate. Used by lists, watches and
// deletecollection. Bad text is a 400 in the server's own words.
import type { KubeObject, ResourceInfo } from '../api.ts';
import { badRequest } from '../errors.ts';
import { LABEL_VALUE_TEXT } from '../resources/names.ts';

export type Predicate = (object: KubeObject) => boolean;

const NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const REQUIREMENT =
  /^\s*(?:(!)\s*(\S+)|(\S+?)\s*(==|=|!=|>|<)\s*([^\s,]*)|(\S+)\s+(in|notin)\s*\(([^)]*)\)|([^\s!=<>]+))\s*$/;

type Labels = Record<string, string>;

/** Undefined when there is nothing to select by. */
export function parseLabelSelector(text: string | undefined): Predicate | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const requirements = splitOutsideParentheses(text).map((part) => parseRequirement(part, text));
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return requirements.every((holds) => holds(labels));
  };
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseRequirement(part: string, whole: string): (labels: Labels) => boolean {
  const match = REQUIREMENT.exec(part);
  if (match === null) throw unparsable(whole, `found '${part.trim()}'`);
  const [, not, notKey, key, operator, value = '', setKey, setOperator, set = '', existsKey] = match;
  if (not !== undefined && notKey !== undefined) return absent(checkKey(notKey, whole));
  if (existsKey !== undefined) return (labels) => checkKey(existsKey, whole) in labels;
  if (setKey !== undefined) {
    const name = checkKey(setKey, whole);
    const values = new Set(set.split(',').map((one) => checkValue(one.trim(), name)));
    if (setOperator === 'in') return (labels) => name in labels && values.has(labels[name] ?? '');
    return (labels) => !(name in labels) || !values.has(labels[name] ?? '');
  }
  const name = checkKey(key ?? '', whole);
  if (operator === '>' || operator === '<') {
    const bound = Number(value);
    if (!Number.isInteger(bound) || value === '')
      throw unparsable(whole, `for 'Gt', 'Lt' operators, the value must be an integer`);
    return (labels) =>
      name in labels && (operator === '>' ? Number(labels[name]) > bound : Number(labels[name]) < bound);
  }
  const wanted = checkValue(value, name);
  if (operator === '!=') return (labels) => !(name in labels) || labels[name] !== wanted;
  return (labels) => name in labels && labels[name] === wanted;
}

function absent(name: string): (labels: Labels) => boolean {
  return (labels) => !(name in labels);
}

function checkKey(key: string, whole: string): string {
  if (!NAME.test(key)) throw unparsable(whole, `<nil>: Invalid value: ${JSON.stringify(key)}: not a qualified name`);
  return key;
}

function checkValue(value: string, key: string): string {
  if (!VALUE.test(value) || value.length > 63) {
    const why = value.length > 63 ? 'must be no more than 63 characters' : LABEL_VALUE_TEXT;
    throw badRequest(`unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${why}`);
  }
  return value;
}

function unparsable(text: string, why: string): Error {
  return badRequest(`unable to parse requirement: ${why} in ${JSON.stringify(text)}`);
}

/** What may be selected beyond metadata.name and metadata.namespace, by resource (group/plural). */
const FIELDS: Record<string, readonly string[]> = {
  '/pods': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  '/events': [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  '/namespaces': ['status.phase', 'name'],
  '/nodes': ['spec.unschedulable'],
  '/secrets': ['type'],
  'batch/jobs': ['status.successful'],
};

export interface FieldSelector {
  readonly matches: Predicate;
  /** The one name asked for, when there is one: a look-up, not a scan. */
  readonly name: string | undefined;
}

/** Works on objects as they are stored (events as core/v1). */
export function parseFieldSelector(text: string | undefined, resource: ResourceInfo): FieldSelector | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const stored = resource.group === 'events.k8s.io' ? '/events' : `${resource.group}/${resource.plural}`;
  const terms = text
    .split(/(?<!\\),/)
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
      if (match === null) {
        throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      }
      const [, field = '', operator, value = ''] = match;
      const path = field.replace(/^regarding\./, 'involvedObject.');
      if (path !== 'metadata.name' && path !== 'metadata.namespace' && !FIELDS[stored]?.includes(path)) {
        throw badRequest(
          FIELDS[stored] === undefined
            ? `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
            : `field label not supported: ${field}`,
        );
      }
      return { path, equal: operator !== '!=', value: value.replace(/\\([\\,=])/g, '$1') };
    });
  const exact = terms.find((term) => term.path === 'metadata.name' && term.equal);
  return {
    name: exact?.value,
    matches: (object) => terms.every((term) => (fieldValue(object, term.path) === term.value) === term.equal),
  };
}

function fieldValue(object: KubeObject, path: string): string {
  if (path === 'source') return fieldValue(object, 'source.component') || fieldValue(object, 'reportingComponent');
  if (path === 'name') return object.metadata.name;
  if (path === 'status.successful') return fieldValue(object, 'status.succeeded') || '0';
  let value: unknown = object;
  for (const part of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return path === 'spec.hostNetwork' || path === 'spec.unschedulable' ? 'false' : '';
}
