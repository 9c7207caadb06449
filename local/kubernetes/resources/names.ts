// Validation of names, labels and annotations in the API server's words (apimachinery's util/validation).
import type { Cause, ObjectMeta } from '../api.ts';
import { fieldError } from '../errors.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const ANNOTATIONS_BYTES = 256 * 1024;

const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
export const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** How a kind's names look: most are subdomains; namespaces labels; RBAC only must fit into a path. */
export type NameRule = 'subdomain' | 'label' | 'path';

/** What is wrong with a name, as the details after `Invalid value: "x": `. */
export function nameProblems(name: string, rule: NameRule): string[] {
  if (rule === 'path') {
    if (name === '.' || name === '..') return [`may not be '${name}'`];
    return ['/', '%'].filter((bad) => name.includes(bad)).map((bad) => `may not contain '${bad}'`);
  }
  if (rule === 'label' && name.includes('.')) return ['must not contain dots'];
  const limit = rule === 'label' ? 63 : 253;
  const problems = (rule === 'label' ? LABEL : SUBDOMAIN).test(name)
    ? []
    : [rule === 'label' ? LABEL_TEXT : SUBDOMAIN_TEXT];
  if (name.length > limit) problems.unshift(`must be no more than ${limit} characters`);
  return problems;
}

export function qualifiedNameProblems(key: string): string[] {
  const parts = key.split('/');
  const problems: string[] = [];
  if (parts.length > 2) {
    return [
      `a qualified name ${QUALIFIED_TEXT.slice('name part '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') problems.push('prefix part must be non-empty');
    else problems.push(...nameProblems(prefix, 'subdomain').map((problem) => `prefix part ${problem}`));
  }
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push('name part must be no more than 63 characters');
  if (!QUALIFIED_PART.test(name)) problems.push(QUALIFIED_TEXT);
  return problems;
}

export function labelProblems(labels: Record<string, string>, field: string): Cause[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((problem) => fieldError.invalid(field, key, problem)),
    ...(value.length > 63 ? [fieldError.invalid(field, value, 'must be no more than 63 characters')] : []),
    ...(LABEL_VALUE.test(value) ? [] : [fieldError.invalid(field, value, LABEL_VALUE_TEXT)]),
  ]);
}

/** Everything of metadata but what depends on an older object. */
export function metadataProblems(metadata: Partial<ObjectMeta>, rule: NameRule): Cause[] {
  const causes: Cause[] = [];
  if (metadata.generateName !== undefined && metadata.generateName !== '') {
    const prefix = metadata.generateName.replace(/-$/, '');
    causes.push(
      ...nameProblems(prefix, rule).map((one) =>
        fieldError.invalid('metadata.generateName', metadata.generateName, one),
      ),
    );
  }
  if (metadata.name === undefined || metadata.name === '') {
    causes.push(fieldError.required('metadata.name', 'name or generateName is required'));
  } else {
    causes.push(
      ...nameProblems(metadata.name, rule).map((one) => fieldError.invalid('metadata.name', metadata.name, one)),
    );
  }
  causes.push(...labelProblems(metadata.labels ?? {}, 'metadata.labels'));
  const annotations = Object.entries(metadata.annotations ?? {});
  for (const [key] of annotations) {
    for (const one of qualifiedNameProblems(key.toLowerCase()))
      causes.push(fieldError.invalid('metadata.annotations', key, one));
  }
  const bytes = annotations.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > ANNOTATIONS_BYTES) causes.push(fieldError.tooLong('metadata.annotations', ANNOTATIONS_BYTES));
  for (const owner of metadata.ownerReferences ?? []) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[field]) continue;
      const why = field === 'apiVersion' ? 'version must not be empty' : 'must not be empty';
      causes.push(fieldError.invalid(`metadata.ownerReferences.${field}`, owner[field] ?? '', why));
    }
  }
  for (const finalizer of metadata.finalizers ?? []) {
    for (const one of qualifiedNameProblems(finalizer))
      causes.push(fieldError.invalid('metadata.finalizers', finalizer, one));
  }
  return causes;
}

/** Of built-in kinds: a finalizer without a domain is one of Kubernetes' own. */
export function unqualifiedFinalizers(finalizers: readonly string[] = []): Cause[] {
  const why = 'name is neither a standard finalizer name nor is it fully qualified';
  return finalizers.flatMap((one, index) =>
    one.includes('/') || STANDARD_FINALIZERS.has(one)
      ? []
      : [fieldError.invalid(`metadata.finalizers[${index}]`, one, why)],
  );
}

const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);
