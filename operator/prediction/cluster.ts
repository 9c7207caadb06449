// Placement Cluster for predictions: a chunk is a batch/v1 Job that runs the packaged handler. Its answer lies in the bucket, as of an
// asynchronous invocation; how the Job ended says why there is none. One look at all Jobs serves every chunk that is waited for.
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import { sleep, type Clock } from '../../cloud/clock.ts';
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';
import { ConfigurationError } from '../../cloud/errors.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { INSTALLATION_LABEL } from '../../crds/objects.ts';
import { BatchJobs, type BatchJob, ending, failedByItsPod, placeOf, type Pod } from '../cluster/jobs.ts';
import { failed, type Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import { PODS, SECRETS } from '../runtime/resources.ts';
import { chunkJob, chunkJobName, eventSecret, JOB_SECONDS, POD_SECONDS, PREDICTION_UID_LABEL } from './cluster-job.ts';
import { verdict } from './cluster-verdict.ts';
import type { Invoked, Invoker, Work } from './invoker.ts';

export interface ClusterInvokerOptions {
  readonly kubernetes: Pick<Kubernetes, 'create' | 'get' | 'list' | 'delete'>;
  readonly bucket: Pick<Bucket, 'get' | 'delete'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the handler (settings.predictionContainerImage); undefined: this installation predicts nothing on its cluster. */
  readonly image: string | undefined;
  readonly installation: string;
  /** Most memory of a pod: as much as the function has (settings.functionMemoryMib). */
  readonly memoryMib: number;
}

/** Of a presigned URL: clocks that differ. */
const CLOCKS_SECONDS = 60;
/** A Secret holds 1 MiB, a presigned URL of a role's session is up to 2 KB. */
const MOST_PARTS = 400;
const TICK_MS = 1_000;
/** A pod that has not begun by then is asked why. */
const SLOW_START_MS = 60_000;
/** Reasons for which a container waits that waiting does not mend. */
const HOPELESS = /^(ErrImagePull|ImagePullBackOff|InvalidImageName|CreateContainer(Config)?Error)$/;

interface Watch {
  readonly work: Work;
  readonly name: string;
  readonly since: number;
  readonly resolve: (invoked: Invoked | Promise<Invoked>) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening to the signal. */
  readonly deaf: () => void;
}

export class ClusterInvoker implements Invoker {
  readonly #options: ClusterInvokerOptions;
  readonly #jobs: BatchJobs;
  readonly #watches = new Set<Watch>();
  #looking: Promise<void> | undefined;
  /** Pods take a while to start: fewer and longer chunks than on Lambda. */
  readonly chunkSeconds = 300;
  readonly timeoutSeconds = POD_SECONDS;
  readonly urlSeconds = JOB_SECONDS + CLOCKS_SECONDS;

  constructor(options: ClusterInvokerOptions) {
    this.#options = options;
    this.#jobs = new BatchJobs(options.kubernetes, options.logger);
  }

  /** Why nothing can run here, for people; undefined when it can. */
  get unavailable(): string | undefined {
    if (this.#options.image !== undefined) return undefined;
    return 'This installation has no prediction image for its cluster (SPOTLEARN_PREDICTION_CONTAINER_IMAGE); choose placement Lambda.';
  }

  mostParts(): number {
    return MOST_PARTS;
  }

  costUsd(): number {
    return 0;
  }

  async invoke(work: Work, signal: AbortSignal): Promise<Invoked> {
    const { bucket, logger } = this.#options;
    const { namespace = '', name: job, uid = '' } = work.job.metadata ?? {};
    const name = chunkJobName(uid, work.name);
    const earlier = await this.#answer(work);
    if (earlier && (earlier.success || !earlier.retryable)) {
      await this.#drop(name, namespace);
      return verdict(undefined, undefined, earlier, this.#options.memoryMib);
    }
    // A failure of an earlier try must not be taken for the answer of the next.
    if (earlier && !(await this.#find(name, namespace))) await bucket.delete(work.answerKey);
    if (await this.#make(work)) logger.info({ namespace, job, id: name }, 'chunk created on the cluster');
    return this.#wait(work, name, signal);
  }

  /** Deletes its Jobs, and with them pods and events. */
  async end(job: PredictionJob): Promise<void> {
    const { namespace, uid = '' } = job.metadata ?? {};
    const jobs = await this.#jobs.list(`${PREDICTION_UID_LABEL}=${uid}`, namespace);
    await this.#jobs.delete(jobs.map(placeOf));
  }

  /** Job, then event: the pod starts when its event is there. False when the Job was there already. */
  async #make({ job, event, name }: Work): Promise<boolean> {
    const { kubernetes, image, installation, memoryMib } = this.#options;
    if (image === undefined) throw new ConfigurationError(this.unavailable ?? '');
    const { job: there, made } = await this.#jobs.make(chunkJob(job, name, { image, installation, memoryMib }));
    const place = placeOf(there);
    try {
      await kubernetes.create(SECRETS, eventSecret(place, installation, event), place.namespace);
    } catch (error) {
      if (!failed(error, 'AlreadyExists')) throw error;
    }
    return made;
  }

  #wait(work: Work, name: string, signal: AbortSignal): Promise<Invoked> {
    return new Promise<Invoked>((resolve, reject) => {
      const abort = () => this.#end(watch, () => reject(signal.reason as Error));
      const deaf = () => signal.removeEventListener('abort', abort);
      const watch: Watch = { work, name, since: this.#options.clock.now(), resolve, reject, deaf };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      this.#watches.add(watch);
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  /** Looks at all Jobs every second as long as one is waited for. */
  async #look(): Promise<void> {
    const { installation, clock, logger } = this.#options;
    while (this.#watches.size > 0) {
      await sleep(clock, TICK_MS);
      // Those that were made before the list was asked for: who is not in it is gone.
      const asked = [...this.#watches];
      try {
        const jobs = await this.#jobs.list(`${INSTALLATION_LABEL}=${installation},${PREDICTION_UID_LABEL}`);
        const byName = new Map(jobs.map((job) => [placeOf(job).name, job]));
        const stuck = await this.#stuck(asked, byName);
        for (const watch of asked) this.#settle(watch, byName.get(watch.name), stuck.get(watch.name));
      } catch (error) {
        if (failed(error, 'Throttled', 'Server', 'Unreachable', 'Gone'))
          logger.warn({ err: error }, 'Jobs of predictions cannot be listed');
        else for (const watch of asked) this.#end(watch, () => watch.reject(error));
      }
    }
  }

  #settle(watch: Watch, job: BatchJob | undefined, stuck: string | undefined): void {
    if (job && stuck === undefined && !ending(job, 'Complete', 'Failed')) return;
    this.#end(watch, () => watch.resolve(this.#outcome(watch, job, stuck)));
  }

  #end(watch: Watch, tell: () => void): void {
    if (!this.#watches.delete(watch)) return;
    watch.deaf();
    tell();
  }

  /** Why containers wait that no waiting helps, by Job; asked only when one is slow to begin. */
  async #stuck(asked: readonly Watch[], jobs: ReadonlyMap<string, BatchJob>): Promise<Map<string, string>> {
    const { kubernetes, clock, installation } = this.#options;
    const slow = asked.some(
      ({ name, since }) => clock.now() - since >= SLOW_START_MS && (jobs.get(name)?.status?.ready ?? 0) === 0,
    );
    if (!slow) return new Map();
    const labelSelector = `${INSTALLATION_LABEL}=${installation},${PREDICTION_UID_LABEL}`;
    const { items } = await kubernetes.list<Pod>(PODS, { labelSelector });
    return new Map(
      items.flatMap(({ metadata, status }) => {
        const reasons = status?.containerStatuses?.map(({ state }) => state?.waiting?.reason ?? '') ?? [];
        const reason = reasons.find((one) => HOPELESS.test(one));
        return reason ? [[metadata?.labels?.['batch.kubernetes.io/job-name'] ?? '', reason] as const] : [];
      }),
    );
  }

  /** The Job goes as soon as it is known how it ended, so that trying again makes another. */
  async #outcome({ work, name }: Watch, job: BatchJob | undefined, stuck: string | undefined): Promise<Invoked> {
    const reason = stuck ?? (job && failedByItsPod(job) ? await this.#jobs.reasonOf(job) : undefined);
    const invoked = verdict(job, reason, await this.#answer(work), this.#options.memoryMib);
    if (job) await this.#jobs.delete([placeOf(job)]);
    const { namespace, name: owner } = work.job.metadata ?? {};
    this.#options.logger.info(
      { namespace, job: owner, id: name, is: invoked.is, reason },
      'chunk ended on the cluster',
    );
    return invoked;
  }

  #answer({ answerKey }: Work): Promise<PredictionAnswer | undefined> {
    return readJson<PredictionAnswer>(this.#options.bucket, answerKey);
  }

  async #find(name: string, namespace: string): Promise<BatchJob | undefined> {
    try {
      return await this.#jobs.get(name, namespace);
    } catch (error) {
      if (!failed(error, 'NotFound')) throw error;
      return undefined;
    }
  }

  async #drop(name: string, namespace: string): Promise<void> {
    const job = await this.#find(name, namespace);
    if (job) await this.#jobs.delete([placeOf(job)]);
  }
}
