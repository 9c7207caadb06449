// PredictionJob: judge (admission.ts), pin model and table, let the chunks run beside the reconcilers (run.ts), merge their parts
// (merging.ts), publish (publishing.ts), end (ending.ts). A deletion is seen at any time. What lies in the bucket and the status says how
// far a job is, so that another leader goes on at any line.
import type { Account, PredictionJob, PredictionJobStatus } from '../../crds/crds.generated.ts';
import { accountName, FINALIZER } from '../../crds/objects.ts';
import type { Outcome } from '../runtime/controller.ts';
import { transition } from '../training/story.ts';
import { receiptOf } from '../accounts/receipt.ts';
import { LEDGER_RETRY_MS } from '../accounts/ledger.ts';
import { Trail } from '../accounts/trail.ts';
import { Errands } from '../runtime/errands.ts';
import { judge, limitOf } from './admission.ts';
import type { Found } from './beginning.ts';
import { Ending } from './ending.ts';
import { folderOf, jobKey, uidOf, userIdOf } from './job.ts';
import { complete } from './merging.ts';
import type { PredictionOptions } from './options.ts';
import { publish } from './publishing.ts';
import type { Refusal } from './refusals.ts';
import type { Ended, Run } from './run.ts';
import { Runs } from './runs.ts';
import { Stragglers } from './stragglers.ts';
import {
  accepted,
  type At,
  failed,
  held,
  FINAL_PHASES,
  merging,
  type Reached,
  running,
  succeeded,
  waiting,
} from './transitions.ts';

const WAIT_MS = 30_000;

export class PredictionReconciler {
  readonly #options: PredictionOptions;
  readonly #runs: Runs;
  readonly #trail: Trail;
  readonly #ending: Ending;
  readonly #stragglers: Stragglers;
  readonly #errands: Errands;
  /** Uids of jobs that were let go and are not seen to be gone yet. */
  readonly #left = new Set<string>();

  constructor(options: PredictionOptions) {
    this.#options = options;
    this.#runs = new Runs(options);
    this.#ending = new Ending(options);
    const { bucket, cache, clock, logger } = options;
    this.#trail = new Trail(bucket, clock, (job) => cache.makerOf(`${job.metadata?.namespace}/${job.metadata?.name}`));
    const clean = (job: PredictionJob) => this.#ending.clean(job, this.#runs.invokerOf(job));
    this.#stragglers = new Stragglers({ clock, logger, clean });
    this.#errands = new Errands({ clock, logger, againMs: LEDGER_RETRY_MS });
  }

  /** Abandons what is in flight; the next leader goes on. */
  stop(): void {
    this.#runs.stop();
    this.#stragglers.stop();
    this.#errands.stop();
  }

  async reconcile(key: string): Promise<Outcome> {
    const { cache, clock, enqueue } = this.#options;
    const job = cache.get(key);
    if (!job) return undefined;
    const { deletionTimestamp, finalizers } = job.metadata ?? {};
    const at: At = { job, now: clock.now() };
    const phase = job.status?.phase ?? '';
    if (deletionTimestamp) return this.#deleted(at);
    if (FINAL_PHASES.has(phase)) return this.#finished(job);
    if (!finalizers?.includes(FINALIZER)) {
      cache.put(await this.#ending.finalizers(job, [...(finalizers ?? []), FINALIZER]));
      enqueue(key);
      return undefined;
    }
    return phase === 'Running' || phase === 'Merging' ? this.#run(at) : this.#admit(at);
  }

  async #admit(at: At): Promise<Outcome> {
    const { job, now } = at;
    const status = job.status ?? {};
    const judgement = await judge(job, this.#options);
    switch (judgement.is) {
      case 'refused':
        await this.#told(job, 'Create', 'Refused', `${judgement.reason}: ${judgement.message}`);
        return this.#finish(at, failed(at, status, judgement));
      case 'waiting':
        await this.#write(job, waiting(at, status, judgement.phase, judgement.reason, judgement.message));
        return { requeueAfterMs: WAIT_MS };
      case 'accepted':
        await this.#told(job, 'Create', 'Allowed', `Model ${judgement.accepted.model.id}.`);
        return this.#run(
          { job: await this.#write(job, accepted(at, status, judgement.accepted)), now },
          judgement.found,
        );
    }
  }

  #told(job: PredictionJob, what: 'Create' | 'Delete', outcome: 'Allowed' | 'Refused', detail: string): Promise<void> {
    return this.#trail.tell(job, { kind: 'PredictionJob', what, outcome, detail });
  }

  async #run(at: At, found?: Found): Promise<Outcome> {
    const { job } = at;
    const { accounts, maxPredictionCostUsd, monthLeftUsd } = this.#options;
    const account = accounts.get(accountName(userIdOf(job)));
    const limit = limitOf(job, account, maxPredictionCostUsd);
    const hold = holdOf(account, monthLeftUsd);
    const run = this.#runs.of(job) ?? this.#runs.begin(job, limit, found);
    run.update(job, hold !== undefined);
    const { error, ended } = run;
    if (error !== undefined) {
      this.#runs.drop(job);
      throw error;
    }
    if (ended?.is === 'failed') return this.#fail(at, run, ended);
    if (ended) return this.#merge(at, run, ended);
    if (hold) await this.#write(job, held(at, job.status ?? {}, reachedBy(run), hold));
    else if (!found) await this.#write(job, await this.#billed(at, running(at, job.status ?? {}, reachedBy(run))));
    return { requeueAfterMs: WAIT_MS };
  }

  /** A job that runs through midnight of a month: what it has cost counts for the month behind. */
  async #billed({ job, now }: At, status: PredictionJobStatus): Promise<PredictionJobStatus> {
    if (this.#options.ledger.away !== undefined) return status;
    const cost = await this.#ending.bill(job, now, status);
    return cost === undefined || cost === 'ended' ? status : { ...status, cost };
  }

  async #merge(
    { job: before, now }: At,
    run: Run,
    { plan, merged, model }: Extract<Ended, { is: 'done' }>,
  ): Promise<Outcome> {
    const { bucket, places, kms, metrics } = this.#options;
    const reached = reachedBy(run);
    const at = { job: before, now };
    if (plan.upload) {
      at.job = await this.#write(before, merging(at, before.status ?? {}, reached));
      const completed = await complete(bucket, { key: folderOf(places, before).output, plan, merged, kms });
      if (completed.is === 'inconsistent')
        return this.#fail(at, run, { reason: 'ResultInconsistent', message: completed.message });
      if (completed.is === 'overwritten') {
        this.#options.logger.warn({ job: jobKey(before), chunks: [...completed.chunks] }, 'parts were overwritten');
        run.redo(completed.chunks);
        return { requeueAfterMs: WAIT_MS };
      }
    }
    const published = await publish({ job: at.job, model, plan, merged, spent: reached.spent }, this.#options);
    const end = { job: at.job, now: this.#options.clock.now() };
    metrics.predicted(published.rows);
    return this.#finish(end, succeeded(end, at.job.status ?? {}, published, reached));
  }

  #fail(at: At, run: Run, refusal: Refusal): Promise<Outcome> {
    return this.#finish(at, failed(at, at.job.status ?? {}, refusal, reachedBy(run)));
  }

  async #finish(at: At, status: PredictionJobStatus): Promise<Outcome> {
    await this.#ending.charge(at.job, at.now, status);
    const written = await this.#write(at.job, this.#receipted(at.job, status));
    this.#expectStragglers(written);
    this.#runs.drop(at.job);
    this.#options.reservations.release(userIdOf(at.job), uidOf(at.job));
    return this.#finished(written);
  }

  #receipted({ spec }: PredictionJob, status: PredictionJobStatus): PredictionJobStatus {
    const { startTime, completionTime, cost, quote, data } = status;
    if (startTime === undefined) return status;
    const actualUsd = cost?.actualUsd ?? 0;
    const to = Date.parse(completionTime ?? '');
    const bought = {
      ...{ spec, quote, actualUsd, onDemandUsd: actualUsd, interruptions: 0, interruptionsUsd: 0 },
      installationUsd: this.#options.shareUsd({ from: Date.parse(startTime), to }),
      dataEtag: data?.etag,
    };
    return { ...status, receipt: receiptOf(bought, to) };
  }

  async #finished(job: PredictionJob): Promise<Outcome> {
    this.#runs.drop(job);
    if (job.metadata?.finalizers?.includes(FINALIZER)) {
      await this.#ending.clean(job, this.#runs.invokerOf(job));
      await this.#ending.release(job);
    }
    const requeueAfterMs = await this.#ending.expire(job);
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  }

  async #deleted({ job, now }: At): Promise<Outcome> {
    this.#runs.of(job)?.abandon();
    if (!job.metadata?.finalizers?.includes(FINALIZER)) return undefined;
    await this.#leave(job, now);
    return undefined;
  }

  /**
   * Of a job that is gone, as it was last: when nobody let it go, somebody took its finalizer away, and what it cost is paid for all the same.
   */
  gone(job: PredictionJob): void {
    const goneAt = this.#options.clock.now();
    if (this.#left.delete(uidOf(job)) || FINAL_PHASES.has(job.status?.phase ?? '')) return;
    this.#runs.of(job)?.abandon();
    this.#errands.run(`vanished ${jobKey(job)}`, async () => {
      await this.#leave(job, goneAt);
      this.#left.delete(uidOf(job));
    });
  }

  /** Idempotent. */
  async #leave(job: PredictionJob, now: number): Promise<void> {
    if (!FINAL_PHASES.has(job.status?.phase ?? '')) await this.#ending.abandon(job, now, this.#runs.of(job)?.spent);
    await this.#told(job, 'Delete', 'Allowed', job.status?.phase ?? '').catch((error: unknown) => {
      this.#options.logger.warn({ err: error, job: jobKey(job) }, 'deletion not in the audit trail');
    });
    await this.#ending.clean(job, this.#runs.invokerOf(job));
    this.#left.add(uidOf(job));
    await this.#ending.release(job);
    this.#expectStragglers(job);
    this.#runs.drop(job);
    this.#options.reservations.release(userIdOf(job), uidOf(job));
  }

  #expectStragglers(job: PredictionJob): void {
    if (!this.#runs.of(job)?.gaveUp) return;
    this.#stragglers.expect(job, this.#runs.invokerOf(job).urlSeconds * 1000);
  }

  async #write(job: PredictionJob, status: PredictionJobStatus): Promise<PredictionJob> {
    const { writer, events, logger } = this.#options;
    const written = await writer.write(job, status);
    if (written === job) return job;
    const told = transition(job.status, status);
    if (told) {
      const { namespace, name } = job.metadata ?? {};
      logger.info({ kind: 'PredictionJob', namespace, name, phase: status.phase, reason: told.reason }, 'transition');
      await events.record(written, told);
    }
    return written;
  }
}

/** Why nothing more of the account may be begun. */
function holdOf(account: Account | undefined, monthLeftUsd: PredictionOptions['monthLeftUsd']): Refusal | undefined {
  if (account?.spec.suspend)
    return {
      reason: 'AccountSuspended',
      message: 'The account is suspended; what is under way ends, no more is begun.',
    };
  if (account && (monthLeftUsd(account) ?? Infinity) <= 0)
    return {
      reason: 'MonthExhausted',
      message: 'The month’s limit of the account is used up; it goes on with the next month (UTC) or after a top-up.',
    };
  return undefined;
}

const reachedBy = ({ progress, spent, trouble }: Run): Reached => ({ progress, spent, trouble });
