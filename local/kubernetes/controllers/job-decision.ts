// What a Job wants next, decided from the Job, its pods and the time alone: the order of concerns of the real Job
// controller (syncJob). jobs.ts acts on it. Pods are counted once: by a finalizer on each and the list of uncounted ones.
import type { KubeObject } from '../api.ts';
import { timestamp } from './objects.ts';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
/** Wait after the first failed pod; doubles with each further one in a row. */
const BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 600_000;

export interface JobCondition {
  type: string;
  status: string;
  lastProbeTime?: string;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

export interface JobStatus {
  active?: number;
  ready?: number;
  succeeded?: number;
  failed?: number;
  terminating?: number;
  startTime?: string;
  completionTime?: string;
  conditions?: JobCondition[];
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
  [field: string]: unknown;
}

export interface JobDecision {
  /** To be written first, before finalizers go: it names the pods that are about to be counted. */
  readonly status: JobStatus;
  readonly release: readonly KubeObject[];
  readonly remove: readonly KubeObject[];
  readonly create: number;
  /** Once everything above is done and no pod is held: the last word. */
  readonly final: JobCondition | undefined;
  readonly events: readonly { type: string; reason: string; message: string }[];
  readonly requeueAfterMs: number | undefined;
}

/** Failed pods since the last success, for the back-off; the controller keeps it in memory, as the real one does. */
export interface BackoffRecord {
  readonly failures: number;
  readonly lastFailure: number;
}

export function isFinished(status: JobStatus | undefined): boolean {
  return (status?.conditions ?? []).some((one) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True');
}

function phase(pod: KubeObject): unknown {
  return pod.status?.['phase'];
}

export function isActive(pod: KubeObject): boolean {
  return phase(pod) !== 'Succeeded' && phase(pod) !== 'Failed' && pod.metadata.deletionTimestamp === undefined;
}

function tracked(pod: KubeObject): boolean {
  return pod.metadata.finalizers?.includes(TRACKING_FINALIZER) ?? false;
}

function isReady(pod: KubeObject): boolean {
  const conditions = (pod.status?.['conditions'] ?? []) as JobCondition[];
  return conditions.some((one) => one.type === 'Ready' && one.status === 'True');
}

export function decideJob(
  job: KubeObject,
  pods: readonly KubeObject[],
  backoff: BackoffRecord | undefined,
  now: number,
): JobDecision {
  const spec = job.spec as {
    parallelism?: number;
    completions?: number;
    backoffLimit?: number;
    activeDeadlineSeconds?: number;
    suspend?: boolean;
    podReplacementPolicy?: string;
  };
  const status: JobStatus = structuredClone(job.status ?? {});
  const conditions = (status.conditions ??= []);
  const suspended = spec.suspend === true;
  const events: { type: string; reason: string; message: string }[] = [];
  let requeueAfterMs: number | undefined;
  const again = (ms: number) => (requeueAfterMs = Math.max(0, Math.min(requeueAfterMs ?? ms, ms)));

  const active = pods.filter(isActive);
  const replaceFailedOnly = spec.podReplacementPolicy === 'Failed';
  const lost = (pod: KubeObject) =>
    phase(pod) === 'Failed' ||
    (!replaceFailedOnly && pod.metadata.deletionTimestamp !== undefined && phase(pod) !== 'Succeeded');
  const uncounted = settleUncounted(status, pods);
  const release = pods.filter((pod) => tracked(pod) && (phase(pod) === 'Succeeded' || lost(pod)));
  for (const pod of release) {
    const list = phase(pod) === 'Succeeded' ? uncounted.succeeded : uncounted.failed;
    if (!uncounted.succeeded.includes(pod.metadata.uid) && !uncounted.failed.includes(pod.metadata.uid))
      list.push(pod.metadata.uid);
  }
  const succeeded = (status.succeeded ?? 0) + uncounted.succeeded.length;
  const failed = (status.failed ?? 0) + uncounted.failed.length;
  if (status.startTime === undefined && !suspended) status.startTime = timestamp(now);

  const condition = (type: string, reason: string, message: string, value = 'True'): JobCondition => ({
    type,
    status: value,
    lastProbeTime: timestamp(now),
    lastTransitionTime: timestamp(now),
    reason,
    message,
  });
  const ending = conditions.find(
    (one) => ['FailureTarget', 'SuccessCriteriaMet'].includes(one.type) && one.status === 'True',
  );
  let target = ending;
  if (target === undefined) {
    const deadline = spec.activeDeadlineSeconds;
    const started = status.startTime === undefined ? now : Date.parse(status.startTime);
    const left = deadline === undefined || suspended ? undefined : started + deadline * 1000 - now;
    if (failed > (spec.backoffLimit ?? 6) || restartsBeyond(pods, job, spec.backoffLimit ?? 6)) {
      target = condition('FailureTarget', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    } else if (left !== undefined && left <= 0) {
      target = condition('FailureTarget', 'DeadlineExceeded', 'Job was active longer than specified deadline');
    } else if (left !== undefined) again(left);
  }

  let remove: readonly KubeObject[] = [];
  let create = 0;
  let running = active.length;
  if (target !== undefined) {
    remove = active;
    running = 0;
  } else if (job.metadata.deletionTimestamp === undefined) {
    const wanted = wantedActive(spec, suspended, succeeded, active.length);
    if (active.length > wanted) remove = youngestFirst(active).slice(0, active.length - wanted);
    const terminating = replaceFailedOnly
      ? pods.filter(
          (pod) =>
            pod.metadata.deletionTimestamp !== undefined && phase(pod) !== 'Succeeded' && phase(pod) !== 'Failed',
        ).length
      : 0;
    const missing = wanted - active.length - terminating;
    const wait = backoff === undefined ? 0 : backoff.lastFailure + backoffMs(backoff.failures) - now;
    if (missing > 0 && wait > 0) again(wait);
    else create = Math.max(0, missing);
    running = active.length - remove.length + create;
    const enough = spec.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
    if (enough && running === 0) {
      target = condition('SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods');
    } else {
      const changed = setSuspended(conditions, suspended, condition);
      if (changed !== undefined) events.push(changed);
      if (changed?.reason === 'Resumed') status.startTime = timestamp(now);
      if (changed?.reason === 'Suspended') delete status.startTime;
    }
  }
  if (target !== undefined && ending === undefined) conditions.push(target);
  status.active = running;
  status.ready = active.filter((pod) => !remove.includes(pod)).filter(isReady).length;
  status.terminating =
    pods.filter(
      (pod) => pod.metadata.deletionTimestamp !== undefined && phase(pod) !== 'Succeeded' && phase(pod) !== 'Failed',
    ).length + remove.length;
  const final = target === undefined ? undefined : finalCondition(target, condition);
  return { status, release, remove, create, final, events, requeueAfterMs };
}

/** Pods that were written down and have lost their finalizer since are counted now. */
function settleUncounted(status: JobStatus, pods: readonly KubeObject[]): { succeeded: string[]; failed: string[] } {
  const held = new Set(pods.filter(tracked).map((pod) => pod.metadata.uid));
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const left = { succeeded: succeeded.filter((uid) => held.has(uid)), failed: failed.filter((uid) => held.has(uid)) };
  status.succeeded = (status.succeeded ?? 0) + succeeded.length - left.succeeded.length;
  status.failed = (status.failed ?? 0) + failed.length - left.failed.length;
  status.uncountedTerminatedPods = left;
  return left;
}

function wantedActive(
  spec: { parallelism?: number; completions?: number },
  suspended: boolean,
  succeeded: number,
  active: number,
): number {
  if (suspended) return 0;
  const parallelism = spec.parallelism ?? 1;
  if (spec.completions === undefined) return succeeded > 0 ? active : parallelism;
  return Math.max(0, Math.min(spec.completions - succeeded, parallelism));
}

/** With restartPolicy OnFailure, restarts of containers are what counts against the limit. */
function restartsBeyond(pods: readonly KubeObject[], job: KubeObject, limit: number): boolean {
  const template = job.spec?.['template'] as { spec?: { restartPolicy?: string } } | undefined;
  if (template?.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const pod of pods) {
    if (phase(pod) !== 'Running' && phase(pod) !== 'Pending') continue;
    const all = [
      ...((pod.status?.['initContainerStatuses'] ?? []) as object[]),
      ...((pod.status?.['containerStatuses'] ?? []) as object[]),
    ];
    for (const one of all) restarts += (one as { restartCount?: number }).restartCount ?? 0;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function backoffMs(failures: number): number {
  return failures <= 0 ? 0 : Math.min(BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
}

function youngestFirst(pods: readonly KubeObject[]): KubeObject[] {
  const rank = (pod: KubeObject) => `${phase(pod) === 'Pending' ? 1 : 0}${pod.metadata.creationTimestamp}`;
  return [...pods].sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
}

function setSuspended(
  conditions: JobCondition[],
  suspended: boolean,
  condition: (type: string, reason: string, message: string, value?: string) => JobCondition,
): { type: string; reason: string; message: string } | undefined {
  const index = conditions.findIndex((one) => one.type === 'Suspended');
  const value = suspended ? 'True' : 'False';
  // Only a Job that was suspended once is ever told to be resumed.
  if (index < 0 ? !suspended : conditions[index]?.status === value) return undefined;
  const reason = suspended ? 'JobSuspended' : 'JobResumed';
  const message = suspended ? 'Job suspended' : 'Job resumed';
  const next = condition('Suspended', reason, message, value);
  if (index < 0) conditions.push(next);
  else conditions[index] = next;
  return { type: 'Normal', reason: suspended ? 'Suspended' : 'Resumed', message };
}

function finalCondition(
  target: JobCondition,
  condition: (type: string, reason: string, message: string) => JobCondition,
): JobCondition {
  return condition(target.type === 'FailureTarget' ? 'Failed' : 'Complete', target.reason ?? '', target.message ?? '');
}
