// Runs attempts on the cluster itself (placement Cluster), with the shape of the border to EC2: launch, list, terminate, and the ticket –
// a Secret mounted as a file here, an object in the bucket there. Everything after that (heartbeats, checkpoints, results) is the same.
import type { Clock } from '../../cloud/clock.ts';
import type { Instance, LaunchedInstance } from '../../cloud/compute.ts';
import type { Ticket } from '../../cloud/contract/contract.generated.ts';
import { ConfigurationError } from '../../cloud/errors.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { INSTALLATION_LABEL } from '../../crds/objects.ts';
import { failed, type Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import { JOBS, PODS, SECRETS } from '../runtime/resources.ts';
import { type BatchJob, CLUSTER_TYPE, JOB_UID_LABEL, ticketSecret, workerJob } from './cluster/manifest.ts';
import { failedByItsPod, instanceFrom, podReason } from './cluster/reading.ts';
import { jobKey } from './job.ts';

export { clusterId, isClusterId } from './cluster/manifest.ts';

const PAGE = 500;
/** Deletions under way at once. */
const AT_ONCE = 10;

export interface ClusterOptions {
  readonly kubernetes: Pick<Kubernetes, 'create' | 'get' | 'list' | 'mergePatch' | 'delete'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the worker; undefined: this installation runs nothing on its cluster. */
  readonly image: string | undefined;
  readonly installation: string;
  readonly bucket: string;
  readonly region: string;
  readonly workerRoleId: string;
  readonly logGroup: string;
}

interface Place {
  readonly namespace: string;
  readonly uid: string;
}

export class ClusterRunner {
  readonly #options: ClusterOptions;
  /** Where the Jobs of the last look are, by id. */
  #places = new Map<string, Place>();
  /** Why pods failed, by uid of their Job; asked once. */
  #reasons = new Map<string, string>();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Why nothing can run here, for people; undefined when it can. */
  get unavailable(): string | undefined {
    if (this.#options.image !== undefined) return undefined;
    return 'This installation has no worker image for its cluster (SPOTLEARN_WORKER_CONTAINER_IMAGE); choose placement Spot.';
  }

  /** Creates the Job of an attempt; again for the same attempt, it is the same Job. Rejects with KubernetesError. */
  async launch(job: TrainingJob, attempt: Attempt): Promise<LaunchedInstance> {
    const { kubernetes, clock, logger, image, ...facts } = this.#options;
    if (image === undefined) throw new ConfigurationError(this.unavailable ?? '');
    const wanted = workerJob(job, attempt, { ...facts, image, now: clock.now() });
    const { name = '', namespace = '' } = wanted.metadata ?? {};
    let made: BatchJob;
    try {
      made = await kubernetes.create<BatchJob>(JOBS, wanted, namespace);
      logger.info({ job: jobKey(job), id: name, attempt: attempt.number }, 'worker created on the cluster');
    } catch (error) {
      if (!failed(error, 'AlreadyExists')) throw error;
      made = await kubernetes.get<BatchJob>(JOBS, name, namespace);
    }
    this.#places.set(name, { namespace, uid: made.metadata?.uid ?? '' });
    return { id: name, instanceType: CLUSTER_TYPE, zone: namespace };
  }

  /** Puts the ticket, or a fresher one in its place. Rejects with KubernetesError: NotFound when the Job is gone. */
  async putTicket(job: TrainingJob, instanceId: string, ticket: Ticket): Promise<void> {
    const { kubernetes, installation } = this.#options;
    const namespace = job.metadata?.namespace ?? '';
    const uid = this.#places.get(instanceId)?.uid ?? (await this.#uidOf(instanceId, namespace));
    const secret = ticketSecret({ id: instanceId, namespace, uid }, installation, ticket);
    try {
      await kubernetes.create(SECRETS, secret, namespace);
    } catch (error) {
      if (!failed(error, 'AlreadyExists')) throw error;
      const { metadata, data } = secret;
      const patch = { metadata: { labels: metadata?.labels, ownerReferences: metadata?.ownerReferences }, data };
      await kubernetes.mergePatch(SECRETS, instanceId, patch, { namespace });
    }
  }

  /** Every Job of this installation, also those that ended in the last ten minutes. One call for each 500, and one more for each that failed. */
  async instances(): Promise<Instance[]> {
    const jobs = await this.#jobs();
    this.#places = new Map(
      jobs.map(({ metadata }) => [
        metadata?.name ?? '',
        { namespace: metadata?.namespace ?? '', uid: metadata?.uid ?? '' },
      ]),
    );
    const failures = jobs.filter(failedByItsPod);
    const known = this.#reasons;
    this.#reasons = new Map();
    for (const { metadata } of failures) {
      const uid = metadata?.uid ?? '';
      const reason = known.get(uid) ?? (await this.#askPod(metadata?.name ?? '', metadata?.namespace ?? ''));
      this.#reasons.set(uid, reason);
    }
    return jobs.map((job) => instanceFrom(job, this.#reasons.get(job.metadata?.uid ?? '')));
  }

  /** Deletes the Jobs, and with them pods and tickets; idempotent, ids that are not there count as ended. */
  async terminate(ids: readonly string[]): Promise<void> {
    if (ids.some((id) => !this.#places.has(id))) await this.instances();
    for (let at = 0; at < ids.length; at += AT_ONCE)
      await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => this.#delete(id)));
  }

  async #delete(id: string): Promise<void> {
    const place = this.#places.get(id);
    if (!place) return;
    try {
      await this.#options.kubernetes.delete(JOBS, id, place);
    } catch (error) {
      if (!failed(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async #uidOf(id: string, namespace: string): Promise<string> {
    const { metadata } = await this.#options.kubernetes.get<BatchJob>(JOBS, id, namespace);
    return metadata?.uid ?? '';
  }

  async #jobs(): Promise<BatchJob[]> {
    const { kubernetes, installation } = this.#options;
    const labelSelector = `${INSTALLATION_LABEL}=${installation},${JOB_UID_LABEL}`;
    const found: BatchJob[] = [];
    let next: string | undefined;
    do {
      const page = await kubernetes.list<BatchJob>(JOBS, { labelSelector, limit: PAGE, continue: next });
      found.push(...page.items);
      next = page.metadata.continue || undefined;
    } while (next);
    return found;
  }

  /** `Failed` when the pod is gone or can't be asked. */
  async #askPod(job: string, namespace: string): Promise<string> {
    const { kubernetes, logger } = this.#options;
    try {
      const pods = await kubernetes.list(PODS, { labelSelector: `batch.kubernetes.io/job-name=${job}` }, namespace);
      return podReason(pods.items as Parameters<typeof podReason>[0]) ?? 'Failed';
    } catch (error) {
      logger.warn({ id: job, err: error }, 'why a worker failed cannot be asked');
      return 'Failed';
    }
  }
}
