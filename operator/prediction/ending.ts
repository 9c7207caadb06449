// The end of a job, whatever way it came: what it cost goes into the ledger, the final status is written, then what only its work needed is
// removed (parts, plan, records) and the finalizer with it. The finalizer says that something may be left: whoever finds it removes it.
import { ledgerKey } from '../../cloud/keys.ts';
import { nextPeriod, periodOf, startOf, WENT_ON, type LedgerEntry } from '../../cloud/ledger/entries.ts';
import { addUsd } from '../../cloud/money.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { PredictionJob, PredictionJobStatus } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import { failed as kubernetesFailed } from '../runtime/kubernetes.ts';
import { PREDICTION_JOBS } from '../runtime/resources.ts';
import type { Invoker } from './invoker.ts';
import { folderOf, uidOf, userIdOf } from './job.ts';
import type { PredictionOptions } from './options.ts';
import { forget, readRecords, type Spent, spentTogether } from './records.ts';

/** Since when what it costs is not in the ledger. */
const begunAt = ({ metadata }: PredictionJob, { cost, startTime }: PredictionJobStatus, now: number): string =>
  cost?.billedUntil ?? startTime ?? metadata?.creationTimestamp ?? new Date(now).toISOString();

const secondsBetween = (from: number, to: number): number => Math.max(0, Math.round((to - from) / 1000));

export class Ending {
  readonly #options: PredictionOptions;

  constructor(options: PredictionOptions) {
    this.#options = options;
  }

  /** Before the final status: a crash in between repeats both, and the entry's key is the same. */
  async charge(job: PredictionJob, now: number, status: PredictionJobStatus): Promise<void> {
    const over = await this.bill(job, now, status);
    if (over === 'ended') return;
    const { billedUsd = 0, actualUsd = 0 } = over ?? status.cost ?? {};
    const usd = Math.max(0, addUsd(actualUsd, -billedUsd));
    if (usd === 0) return;
    const from = Date.parse(over?.billedUntil ?? begunAt(job, status, now));
    const last = startOf(nextPeriod(periodOf(from))) - 1000;
    await this.#append(
      job,
      { from, at: Math.min(now, last), usd, seconds: secondsBetween(from, now) },
      status.phase ?? '',
    );
  }

  /**
   * Puts into the ledger what a job has cost in the months that are over; undefined: nothing is to be told. `ended`: it was told to have ended
   * in one of them, by a call whose answer was lost.
   */
  async bill(
    job: PredictionJob,
    now: number,
    status: PredictionJobStatus,
  ): Promise<NonNullable<PredictionJobStatus['cost']> | 'ended' | undefined> {
    const from = Date.parse(begunAt(job, status, now));
    const midnight = startOf(nextPeriod(periodOf(from)));
    const { actualUsd = 0, billedUsd = 0 } = status.cost ?? {};
    if (!(midnight <= now) || actualUsd === 0) return undefined;
    const usd = Math.max(0, addUsd(actualUsd, -billedUsd));
    const slice = { from, at: midnight - 1000, usd, seconds: secondsBetween(from, midnight) };
    const there = await this.#append(job, slice, WENT_ON);
    if (there.outcome !== WENT_ON) return 'ended';
    const billed = addUsd(billedUsd, there.usd);
    return { ...status.cost, billedUsd: billed, billedUntil: timestamp(startOf(periodOf(now))) };
  }

  #append(
    job: PredictionJob,
    { from, at, usd, seconds }: { from: number; at: number; usd: number; seconds: number },
    outcome: string,
  ): Promise<LedgerEntry> {
    const { ledger, functionName, functionMemoryMib } = this.#options;
    const { namespace = '', name = '' } = job.metadata ?? {};
    const userId = userIdOf(job);
    const key = ledgerKey(userId, new Date(from).toISOString(), uidOf(job), 0, 'prediction');
    return ledger.append(key, {
      version: 1,
      userId,
      at: new Date(at).toISOString(),
      operation: 'prediction',
      service: 'lambda',
      job: { namespace, name, uid: uidOf(job) },
      attempt: 0,
      usd,
      onDemandUsd: usd,
      seconds,
      what: `${functionName} ${functionMemoryMib} MiB`,
      outcome,
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
