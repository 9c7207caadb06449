// batch/v1 Jobs as the operator uses them, for trainings and predictions alike: made once, listed by label, deleted with what they own,
// and asked why they failed – which only their pods know.
import { failed, type Kubernetes, type KubeObject } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import { JOBS, PODS } from '../runtime/resources.ts';

const PAGE = 500;
/** Deletions under way at once. */
const AT_ONCE = 10;

export interface BatchJob extends KubeObject {
  spec: Record<string, unknown>;
  status?: {
    active?: number;
    ready?: number;
    terminating?: number;
    succeeded?: number;
    failed?: number;
    uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

export interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

export const placeOf = ({ metadata }: KubeObject): Place => ({
  name: metadata?.name ?? '',
  namespace: metadata?.namespace ?? '',
  uid: metadata?.uid ?? '',
});

/** The Job's end as a condition; undefined while it may still succeed. */
export const ending = (job: BatchJob, ...types: readonly string[]) =>
  job.status?.conditions?.find(({ type, status }) => types.includes(type) && status === 'True');

/** Whether the Job failed because its pod did: only the pod knows why. */
export const failedByItsPod = (job: BatchJob): boolean =>
  ending(job, 'Failed', 'FailureTarget')?.reason === 'BackoffLimitExceeded';

interface ContainerState {
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
  };
}

export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly containerStatuses?: readonly ContainerState[];
  };
}

/** Evicted, OOMKilled, `ExitCode20` …; undefined when the pod is gone. */
export function podReason(pods: readonly Pod[]): string | undefined {
  for (const { status } of pods) {
    if (status?.reason) return status.reason;
    const ended = status?.containerStatuses?.find(({ state }) => state?.terminated)?.state?.terminated;
    if (ended)
      return ended.reason && ended.reason !== 'Error' ? ended.reason : `ExitCode${ended.exitCode ?? 'Unknown'}`;
  }
  return undefined;
}

export class BatchJobs {
  readonly #kubernetes: Pick<Kubernetes, 'create' | 'get' | 'list' | 'delete'>;
  readonly #logger: Logger;

  constructor(kubernetes: Pick<Kubernetes, 'create' | 'get' | 'list' | 'delete'>, logger: Logger) {
    this.#kubernetes = kubernetes;
    this.#logger = logger;
  }

  /** The Job, made now or (`made` false) there already by the same name. Rejects with KubernetesError. */
  async make(wanted: BatchJob): Promise<{ readonly job: BatchJob; readonly made: boolean }> {
    const { name, namespace } = placeOf(wanted);
    try {
      return { job: await this.#kubernetes.create<BatchJob>(JOBS, wanted, namespace), made: true };
    } catch (error) {
      if (!failed(error, 'AlreadyExists')) throw error;
      return { job: await this.get(name, namespace), made: false };
    }
  }

  /** Rejects with KubernetesError. */
  get(name: string, namespace: string): Promise<BatchJob> {
    return this.#kubernetes.get<BatchJob>(JOBS, name, namespace);
  }

  /** One call for each 500; of all namespaces without one. */
  async list(labelSelector: string, namespace?: string): Promise<BatchJob[]> {
    const found: BatchJob[] = [];
    let next: string | undefined;
    do {
      const page = await this.#kubernetes.list<BatchJob>(
        JOBS,
        { labelSelector, limit: PAGE, continue: next },
        namespace,
      );
      found.push(...page.items);
      next = page.metadata.continue || undefined;
    } while (next);
    return found;
  }

  /** Deletes Jobs, and with them pods and Secrets; idempotent. */
  async delete(places: readonly Place[]): Promise<void> {
    for (let at = 0; at < places.length; at += AT_ONCE)
      await Promise.all(places.slice(at, at + AT_ONCE).map((place) => this.#deleteOne(place)));
  }

  async #deleteOne({ name, namespace, uid }: Place): Promise<void> {
    try {
      await this.#kubernetes.delete(JOBS, name, { namespace, uid });
    } catch (error) {
      if (!failed(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  /** Why a Job failed by its pod; `Failed` when the pod is gone or can't be asked. */
  async reasonOf(job: BatchJob): Promise<string> {
    const { name, namespace } = placeOf(job);
    try {
      const labelSelector = `batch.kubernetes.io/job-name=${name}`;
      const { items } = await this.#kubernetes.list<Pod>(PODS, { labelSelector }, namespace);
      return podReason(items) ?? 'Failed';
    } catch (error) {
      this.#logger.warn({ id: name, err: error }, 'why a pod failed cannot be asked');
      return 'Failed';
    }
  }
}
