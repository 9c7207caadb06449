// Runs attempts on the cluster itself (placement Cluster), with the shape of the border to EC2: launch, list, terminate, and the ticket –
// a Secret mounted as a file here, an object in the bucket there. Everything after that (heartbeats, checkpoints, results) is the same.
import type { Clock } from '../../cloud/clock.ts';
import type { Instance, LaunchedInstance } from '../../cloud/compute.ts';
import type { Ticket } from '../../cloud/contract/contract.generated.ts';
import { ConfigurationError } from '../../cloud/errors.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { INSTALLATION_LABEL } from '../../crds/objects.ts';
import { BatchJobs, failedByItsPod, placeOf, type Place } from '../cluster/jobs.ts';
import { failed, type Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import { SECRETS } from '../runtime/resources.ts';
import { CLUSTER_TYPE, JOB_UID_LABEL, ticketSecret, workerJob } from './cluster/manifest.ts';
import { instanceFrom } from './cluster/reading.ts';
import { jobKey } from './job.ts';

export { clusterId, isClusterId } from './cluster/manifest.ts';

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

export class ClusterRunner {
  readonly #options: ClusterOptions;
  readonly #jobs: BatchJobs;
  /** Where the Jobs of the last look are, by id. */
  #places = new Map<string, Place>();
  /** Why pods failed, by uid of their Job; asked once. */
  #reasons = new Map<string, string>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#jobs = new BatchJobs(options.kubernetes, options.logger);
  }

  /** Why nothing can run here, for people; undefined when it can. */
  get unavailable(): string | undefined {
    if (this.#options.image !== undefined) return undefined;
    return 'This installation has no worker image for its cluster (SPOTLEARN_WORKER_CONTAINER_IMAGE); choose placement Spot.';
  }

  /** Creates the Job of an attempt; again for the same attempt, it is the same Job. Rejects with KubernetesError. */
  async launch(job: TrainingJob, attempt: Attempt): Promise<LaunchedInstance> {
    const { kubernetes: _, clock, logger, image, ...facts } = this.#options;
    if (image === undefined) throw new ConfigurationError(this.unavailable ?? '');
    const { job: there, made } = await this.#jobs.make(workerJob(job, attempt, { ...facts, image, now: clock.now() }));
    const place = placeOf(there);
    if (made)
      logger.info({ job: jobKey(job), id: place.name, attempt: attempt.number }, 'worker created on the cluster');
    this.#places.set(place.name, place);
    return { id: place.name, instanceType: CLUSTER_TYPE, zone: place.namespace };
  }

  /** Puts the ticket, or a fresher one in its place. Rejects with KubernetesError: NotFound when the Job is gone. */
  async putTicket(job: TrainingJob, instanceId: string, ticket: Ticket): Promise<void> {
    const { kubernetes, installation } = this.#options;
    const namespace = job.metadata?.namespace ?? '';
    const uid = this.#places.get(instanceId)?.uid ?? placeOf(await this.#jobs.get(instanceId, namespace)).uid;
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
    const jobs = await this.#jobs.list(`${INSTALLATION_LABEL}=${this.#options.installation},${JOB_UID_LABEL}`);
    this.#places = new Map(jobs.map(placeOf).map((place) => [place.name, place]));
    const failures = jobs.filter(failedByItsPod);
    const known = this.#reasons;
    this.#reasons = new Map();
    for (const job of failures) {
      const { uid } = placeOf(job);
      this.#reasons.set(uid, known.get(uid) ?? (await this.#jobs.reasonOf(job)));
    }
    return jobs.map((job) => instanceFrom(job, this.#reasons.get(placeOf(job).uid)));
  }

  /** Deletes the Jobs, and with them pods and tickets; idempotent, ids that are not there count as ended. */
  async terminate(ids: readonly string[]): Promise<void> {
    if (ids.some((id) => !this.#places.has(id))) await this.instances();
    await this.#jobs.delete(ids.flatMap((id) => this.#places.get(id) ?? []));
  }
}
