// batch/v1 Jobs → Pods: acts on what job-decision.ts decides, one action at a time, and deletes finished Jobs when their
// time to live is over. Stands in for the Job and TTL controllers of kube-controller-manager.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../cloud/clock.ts';
import type { Api, ApiEvent, KubeObject } from '../api.ts';
import {
  type BackoffRecord,
  decideJob,
  isFinished,
  type JobDecision,
  type JobStatus,
  TRACKING_FINALIZER,
} from './job-decision.ts';
import { isCode, timestamp, unlessGone, withFinalizers } from './objects.ts';
import { WorkQueue } from './queue.ts';

const JOBS = { group: 'batch', plural: 'jobs' };
const PODS = { group: '', plural: 'pods' };
const EVENTS = { group: '', plural: 'events' };

export class JobController {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;
  readonly #backoff = new Map<string, BackoffRecord>();

  constructor(api: Api, clock: Clock, onError: (key: string, error: unknown) => void) {
    this.#api = api;
    this.#clock = clock;
    this.#queue = new WorkQueue(clock, (key) => this.#reconcile(key), onError);
  }

  start(): void {
    for (const job of this.#api.list(JOBS)) this.#queue.add(jobKey(job.metadata.namespace, job.metadata.name));
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  observe({ type, resource, object }: ApiEvent): void {
    const { namespace, name, uid } = object.metadata;
    if (resource.group === 'batch' && resource.plural === 'jobs') {
      if (type === 'DELETED') this.#backoff.delete(uid);
      this.#queue.add(jobKey(namespace, name));
    } else if (resource.group === '' && resource.plural === 'pods') {
      const owner = object.metadata.ownerReferences?.find((one) => one.controller === true && one.kind === 'Job');
      if (owner !== undefined) this.#queue.add(jobKey(namespace, owner.name));
      // A pod whose Job is gone must not be held by it.
      else if (object.metadata.finalizers?.includes(TRACKING_FINALIZER)) this.#queue.add(jobKey(namespace, ''));
    }
  }

  async #reconcile(key: string): Promise<number | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const job = this.#api.get(JOBS, namespace, name);
    await this.#releaseOrphans(namespace);
    if (job === undefined) return undefined;
    const pods = this.#podsOf(job);
    if (isFinished(job.status)) {
      for (const pod of pods) await this.#release(pod);
      return this.#expire(job);
    }
    try {
      this.#recordFailures(job, pods);
      const decision = decideJob(job, pods, this.#backoff.get(job.metadata.uid), this.#clock.now());
      return await this.#act(job, decision);
    } catch (error) {
      if (isCode(error, 409) || isCode(error, 404)) return 10;
      throw error;
    }
  }

  async #act(job: KubeObject, decision: JobDecision): Promise<number | undefined> {
    let current = job;
    if (JSON.stringify(job.status) !== JSON.stringify(decision.status)) {
      current = await this.#api.updateStatus(JOBS, { ...job, status: decision.status });
    }
    for (const event of decision.events) await this.#tell(job, event.type, event.reason, event.message);
    for (const pod of decision.release) await this.#release(pod);
    for (const pod of decision.remove) {
      await unlessGone(this.#api.delete(PODS, pod.metadata.namespace, pod.metadata.name));
      await this.#tell(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    }
    for (let index = 0; index < decision.create; index += 1) await this.#createPod(job);
    const held = this.#podsOf(job).some((pod) => pod.metadata.finalizers?.includes(TRACKING_FINALIZER));
    if (decision.final !== undefined && !held) return this.#finish(current, decision);
    // Uncounted pods are settled by the next look.
    return decision.release.length > 0 ? 0 : decision.requeueAfterMs;
  }

  async #finish(job: KubeObject, { final }: JobDecision): Promise<number | undefined> {
    if (final === undefined) return undefined;
    const status = structuredClone(job.status ?? {}) as JobStatus;
    const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
    status.succeeded = (status.succeeded ?? 0) + succeeded.length;
    status.failed = (status.failed ?? 0) + failed.length;
    status.uncountedTerminatedPods = {};
    status.active = 0;
    status.ready = 0;
    status.terminating = 0;
    status.conditions = [...(status.conditions ?? []), final];
    if (final.type === 'Complete') status.completionTime = timestamp(this.#clock.now());
    for (const counter of ['active', 'succeeded', 'failed'] as const) if (status[counter] === 0) delete status[counter];
    await this.#api.updateStatus(JOBS, { ...job, status });
    this.#backoff.delete(job.metadata.uid);
    if (final.type === 'Complete') await this.#tell(job, 'Normal', 'Completed', 'Job completed');
    else await this.#tell(job, 'Warning', final.reason ?? '', final.message ?? '');
    return undefined;
  }

  /** Failures in a row, newest first seen now: what the wait before the next pod goes by. */
  #recordFailures(job: KubeObject, pods: readonly KubeObject[]): void {
    const fresh = pods.filter((pod) => pod.metadata.finalizers?.includes(TRACKING_FINALIZER));
    const known = new Set([...uncounted(job, 'succeeded'), ...uncounted(job, 'failed')]);
    const isNew = (pod: KubeObject) => !known.has(pod.metadata.uid);
    const { uid } = job.metadata;
    if (fresh.some((pod) => pod.status?.['phase'] === 'Succeeded' && isNew(pod))) this.#backoff.delete(uid);
    const failed = fresh.filter((pod) => pod.status?.['phase'] === 'Failed' && isNew(pod)).length;
    if (failed > 0) {
      const before = this.#backoff.get(uid)?.failures ?? 0;
      this.#backoff.set(uid, { failures: before + failed, lastFailure: this.#clock.now() });
    }
  }

  async #createPod(job: KubeObject): Promise<void> {
    const template = structuredClone((job.spec?.['template'] ?? {}) as { metadata?: object; spec?: object });
    const { namespace, name, uid } = job.metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true, blockOwnerDeletion: true };
    const metadata = {
      ...(template.metadata as { labels?: Record<string, string> } | undefined),
      namespace,
      generateName: `${name}-`,
      finalizers: [TRACKING_FINALIZER],
      ownerReferences: [owner],
    };
    const pod = await this.#api.create(PODS, { metadata, spec: template.spec });
    await this.#tell(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
  }

  #podsOf(job: KubeObject): KubeObject[] {
    return this.#api
      .list(PODS, job.metadata.namespace)
      .filter((pod) =>
        pod.metadata.ownerReferences?.some((one) => one.controller === true && one.uid === job.metadata.uid),
      );
  }

  async #release(pod: KubeObject): Promise<void> {
    const current = this.#api.get(PODS, pod.metadata.namespace, pod.metadata.name);
    const finalizers = current?.metadata.finalizers ?? [];
    if (current?.metadata.uid !== pod.metadata.uid || !finalizers.includes(TRACKING_FINALIZER)) return;
    const left = finalizers.filter((one) => one !== TRACKING_FINALIZER);
    await unlessGone(this.#api.update(PODS, withFinalizers(current, left)));
  }

  async #releaseOrphans(namespace: string): Promise<void> {
    for (const pod of this.#api.list(PODS, namespace)) {
      if (!pod.metadata.finalizers?.includes(TRACKING_FINALIZER)) continue;
      const owner = pod.metadata.ownerReferences?.find((one) => one.controller === true && one.kind === 'Job');
      const job = owner === undefined ? undefined : this.#api.get(JOBS, namespace, owner.name);
      if (job?.metadata.uid !== owner?.uid || owner === undefined || job?.metadata.deletionTimestamp !== undefined)
        await this.#release(pod);
    }
  }

  async #expire(job: KubeObject): Promise<number | undefined> {
    const ttl = job.spec?.['ttlSecondsAfterFinished'];
    if (typeof ttl !== 'number' || job.metadata.deletionTimestamp !== undefined) return undefined;
    const conditions = (job.status?.['conditions'] ?? []) as {
      type: string;
      status: string;
      lastTransitionTime?: string;
    }[];
    const finished = conditions.find((one) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True');
    const left = Date.parse(finished?.lastTransitionTime ?? '') + ttl * 1000 - this.#clock.now();
    if (left > 0) return left;
    const { namespace, name, uid } = job.metadata;
    await unlessGone(
      this.#api.delete(JOBS, namespace, name, { propagationPolicy: 'Foreground', preconditions: { uid } }),
    );
    return undefined;
  }

  async #tell(job: KubeObject, type: string, reason: string, message: string): Promise<void> {
    const { namespace, name, uid } = job.metadata;
    const at = timestamp(this.#clock.now());
    const event = {
      metadata: { namespace, name: `${name}.${randomBytes(8).toString('hex')}` },
      involvedObject: { apiVersion: 'batch/v1', kind: 'Job', namespace, name, uid },
      type,
      reason,
      message,
      source: { component: 'job-controller' },
      reportingComponent: 'job-controller',
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
    // A namespace that is going takes no events; the Job's work matters more than its story.
    await this.#api.create(EVENTS, event).catch(() => undefined);
  }
}

function jobKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function uncounted(job: KubeObject, which: 'succeeded' | 'failed'): string[] {
  const status: JobStatus = job.status ?? {};
  return status.uncountedTerminatedPods?.[which] ?? [];
}
