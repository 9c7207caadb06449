// batch/v1 Jobs as the API server prepares and checks them: defaults, the selector by uid, immutable template. What they
// do is the Job controller's matter.
import type { Cause, KubeObject } from '../api.ts';
import { fieldError } from '../errors.ts';
import { isObject } from './fields.ts';
import { canonical, defaultPodSpec, podSpecProblems } from './pod.ts';

type Json = Record<string, unknown>;

export function defaultJob(job: KubeObject): void {
  const spec = (job.spec ??= {});
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) spec['completions'] = 1;
  spec['parallelism'] ??= 1;
  spec['backoffLimit'] ??= 6;
  spec['completionMode'] ??= 'NonIndexed';
  spec['suspend'] ??= false;
  spec['podReplacementPolicy'] ??= spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed';
  spec['manualSelector'] ??= false;
  const template = (spec['template'] ??= {}) as { spec?: Json };
  defaultPodSpec((template.spec ??= {}));
}

/** The selector and labels by which the controller knows its pods. */
export function prepareJob(job: KubeObject): void {
  const spec = (job.spec ??= {});
  job.status = {};
  if (spec['manualSelector'] === true) return;
  const uid = job.metadata.uid;
  const labels = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': uid,
    'job-name': job.metadata.name,
  };
  const template = (spec['template'] ??= {}) as { metadata?: { labels?: Record<string, string> } };
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, ...labels } };
  job.metadata.labels = { ...(job.metadata.labels ?? template.metadata.labels) };
  spec['selector'] = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
}

export function jobProblems(job: KubeObject): Cause[] {
  const spec = job.spec ?? {};
  const causes: Cause[] = [];
  for (const field of [
    'parallelism',
    'completions',
    'backoffLimit',
    'activeDeadlineSeconds',
    'ttlSecondsAfterFinished',
  ]) {
    const value = spec[field];
    if (typeof value === 'number' && value < 0) {
      causes.push(fieldError.invalid(`spec.${field}`, value, 'must be greater than or equal to 0'));
    }
  }
  const template = (isObject(spec['template']) ? spec['template'] : {}) as Json;
  causes.push(...podSpecProblems(template['spec'], 'spec.template.spec'));
  const restart = isObject(template['spec']) ? template['spec']['restartPolicy'] : undefined;
  if (restart === 'Always') {
    const message = 'Required value: valid values: "OnFailure", "Never"';
    const field = 'spec.template.spec.restartPolicy';
    causes.push({ field, reason: 'FieldValueRequired', message, type: 'FieldValueRequired' });
  }
  return causes;
}

export function jobChangeProblems(job: KubeObject, old: KubeObject): Cause[] {
  const fields = ['selector', 'completionMode', ...(templateMayChange(old) ? [] : ['template'])];
  if (job.spec?.['completionMode'] !== 'Indexed') fields.push('completions');
  return fields
    .filter((field) => canonical(job.spec?.[field] ?? null) !== canonical(old.spec?.[field] ?? null))
    .map((field) => fieldError.invalid(`spec.${field}`, job.spec?.[field], 'field is immutable'));
}

/** A suspended job that never started may still be given other scheduling. */
function templateMayChange(old: KubeObject): boolean {
  return old.spec?.['suspend'] === true && old.status?.['startTime'] === undefined;
}
