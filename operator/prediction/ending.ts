// The end of a job, whatever way it came: what it cost goes into the ledger, the final status is written, then what only its work needed is
// removed (parts, plan, records) and the finalizer with it. The finalizer says that something may be left: whoever finds it removes it.
import { CloudError } from '../../cloud/errors.ts';
import { ledgerKey } from '../../cloud/keys.ts';
import type { LedgerEntry } from '../../cloud/ledger.ts';
import type { PredictionJob, PredictionJobStatus } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import { failed as kubernetesFailed } from '../runtime/kubernetes.ts';
import { PREDICTION_JOBS } from '../runtime/resources.ts';
import type { Invoker } from './invoker.ts';
import { folderOf, uidOf, userIdOf } from './job.ts';
import type { PredictionOptions } from './options.ts';
import { forget, readRecords, type Spent, spentTogether } from './records.ts';

export class Ending {
  readonly #options: PredictionOptions;

  constructor(options: PredictionOptions) {
    this.#options = options;
  }

  /** Before the final status: a crash in between repeats both, and the entry's key is the same. */
  async charge(job: PredictionJob, now: number, status: PredictionJobStatus): Promise<void> {
    const { bucket, functionName, functionMemoryMib } = this.#options;
    const { namespace = '', name = '', creationTimestamp } = job.metadata ?? {};
    const usd = status.cost?.actualUsd ?? 0;
    if (usd === 0) return;
    const userId = userIdOf(job);
    const entry: LedgerEntry = {
      version: 1,
      userId,
      at: new Date(now).toISOString(),
      operation: 'prediction',
      service: 'lambda',
      job: { namespace, name, uid: uidOf(job) },
      attempt: 0,
      usd,
      onDemandUsd: usd,
      seconds: status.durationSeconds ?? 0,
      what: `${functionName} ${functionMemoryMib} MiB`,
      outcome: status.phase ?? '',
    };
    const at = new Date(status.startTime ?? creationTimestamp ?? now).toISOString();
    const key = ledgerKey(userId, at, uidOf(job), 0, 'prediction');
    await bucket.put(key, JSON.stringify(entry), { ifAbsent: true }).catch((error: unknown) => {
      if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
    });
  }

  /** Removes what only the work needed; of a job without a result, the result too. Idempotent. */
  async clean(job: PredictionJob, invoker: Invoker): Promise<void> {
    const { bucket, places } = this.#options;
    const folder = folderOf(places, job);
    await invoker.end(job);
    for (const upload of await bucket.uploads(folder.output)) await bucket.abortUpload(upload);
    if (job.status?.phase !== 'Succeeded' && job.status?.startTime !== undefined)
      await bucket.deleteMany([folder.output, folder.summary, folder.picture]);
    await forget(bucket, folder);
  }

  /** The work of a deleted job that had not ended is over and paid for; `spent` as its run knows it. */
  async abandon(job: PredictionJob, now: number, spent: Spent | undefined): Promise<void> {
    const { bucket, places } = this.#options;
    const status = job.status ?? {};
    if (status.startTime === undefined) return;
    const { usd } =
      spent ?? spentTogether([...(await readRecords(bucket, folderOf(places, job))).values()].map((one) => one.spent));
    const actualUsd = Math.max(usd, status.cost?.actualUsd ?? 0);
    await this.charge(job, now, { ...status, phase: 'Cancelled', cost: { ...status.cost, actualUsd } });
  }

  /** Says that nothing is left. */
  async release(job: PredictionJob): Promise<void> {
    const { finalizers = [] } = job.metadata ?? {};
    if (!finalizers.includes(FINALIZER)) return;
    try {
      await this.finalizers(
        job,
        finalizers.filter((name) => name !== FINALIZER),
      );
    } catch (error) {
      if (!kubernetesFailed(error, 'NotFound')) throw error;
    }
  }

  finalizers(job: PredictionJob, finalizers: string[]): Promise<PredictionJob> {
    const { name = '', namespace, resourceVersion } = job.metadata ?? {};
    return this.#options.kubernetes.mergePatch(
      PREDICTION_JOBS,
      name,
      { metadata: { resourceVersion, finalizers } },
      { namespace },
    );
  }

  /** Deletes a job whose time after the end is over; else says in how many milliseconds that will be. */
  async expire(job: PredictionJob): Promise<number | undefined> {
    const ttl = job.spec.ttlSecondsAfterFinished;
    if (ttl === undefined) return undefined;
    const left = Date.parse(job.status?.completionTime ?? '') + ttl * 1000 - this.#options.clock.now();
    if (left > 0) return left;
    const { name = '', namespace, uid } = job.metadata ?? {};
    try {
      await this.#options.kubernetes.delete(PREDICTION_JOBS, name, { namespace, uid });
    } catch (error) {
      if (!kubernetesFailed(error, 'NotFound', 'Conflict')) throw error;
    }
    return undefined;
  }
}
