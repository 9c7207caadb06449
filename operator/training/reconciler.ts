// TrainingJob: observe, decide (decide.ts, pure), act, confirm (confirm.ts, pure), again until there is nothing to do. The status is
// written, under the optimistic lock, before each action and after its outcome; a crash anywhere is mended by deciding again.
import type { Clock } from '../../cloud/clock.ts';
import type { Account, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { accountName, userOf } from '../../crds/objects.ts';
import type { Ledger } from '../accounts/ledger.ts';
import type { Span } from '../accounts/overhead.ts';
import { receiptOf } from '../accounts/receipt.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Outcome as ReconcileOutcome } from '../runtime/controller.ts';
import type { EventRecorder, EventText } from '../runtime/events.ts';
import type { Logger } from '../runtime/logging.ts';
import type { StatusWriter } from '../runtime/status.ts';
import type { Actor } from './act.ts';
import { budgetOf } from './admission.ts';
import type { Batches } from './batches.ts';
import { confirm } from './confirm.ts';
import type { Context, LaunchPlan } from './context.ts';
import type { PriceSource } from './costs.ts';
import { decide } from './decide.ts';
import { currentAttempt, FINAL_PHASES, leavingAttempt, uidOf } from './job.ts';
import type { Observation } from './observation.ts';
import type { Planner } from './planner.ts';
import { leftUsd } from './stopping.ts';
import { transition } from './story.ts';
import { type Choice, choiceFor } from './timing.ts';

/** More steps than any job needs at once: a loop would be a bug, and must not spin. */
const MOST_STEPS = 25;

export interface TrainingOptions {
  cache: Cache<TrainingJob>;
  accounts: Cache<Account>;
  writer: StatusWriter<TrainingJob>;
  events: EventRecorder;
  observation: Pick<Observation, 'seen'>;
  planner: Planner;
  batches: Pick<Batches, 'join'>;
  prices?: PriceSource;
  ledger: Pick<Ledger, 'away'>;
  /** USD left of the account's month beyond what runs and its stop; undefined: unknown. */
  monthLeftUsd: (account: Account) => number | undefined;
  /** A job's share of the installation's standing costs, USD. */
  shareUsd: (span: Span) => number;
  actor: Actor;
  clock: Clock;
  logger: Logger;
  maxTrainingCostUsd: number;
  checkpointSeconds: number;
  observeSeconds: number;
  logGroup: string;
}

/** Phases in which decide.ts asks what could be launched. */
const LAUNCHING: ReadonlySet<string> = new Set(['Queued', 'Launching', 'Recovering']);
const mayLaunch = (job: TrainingJob): boolean =>
  !job.metadata?.deletionTimestamp && job.spec.placement !== 'Cluster' && LAUNCHING.has(job.status?.phase ?? '');

const ON_CLUSTER: LaunchPlan = {
  market: 'cluster',
  selection: { offers: [{ instanceType: 'cluster', zone: 'cluster', subnetId: '' }], reason: 'placement Cluster' },
};

export class TrainingReconciler {
  readonly #options: TrainingOptions;

  constructor(options: TrainingOptions) {
    this.#options = options;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileOutcome> {
    const found = this.#options.cache.get(key);
    if (!found) return undefined;
    const draft = new Draft(found);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const { job } = draft;
      if (mayLaunch(job)) await this.#orWrite(draft, this.#options.planner.prepare());
      const { status, action, requeueAfterMs } = decide(job, this.#context(job));
      draft.say(this.#receipted(job, status));
      if (!action) {
        // A status that moved on may have something to do at once.
        if (draft.job.status?.phase !== job.status?.phase) continue;
        await this.#write(draft);
        return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
      }
      // Admission only reads: that the job was seen is written when admission takes its time, or fails.
      if (action.do !== 'admit') await this.#write(draft);
      if (signal.aborted) return undefined;
      const result = await this.#orWrite(draft, this.#options.actor.act(draft.job, action));
      if (result.gone) return undefined;
      if (result.job) draft.is(result.job);
      if (result.outcome) {
        const at = { job: draft.job, now: this.#options.clock.now(), prices: this.#options.prices };
        draft.say(this.#receipted(draft.job, confirm(at, draft.job.status ?? {}, result.outcome)));
      }
      if (result.pauseMs === undefined) continue;
      await this.#write(draft);
      return { requeueAfterMs: result.pauseMs };
    }
    await this.#write(draft);
    return { requeueAfterMs: 1000 };
  }

  /** What was said until now is written also when this fails. */
  async #orWrite<T>(draft: Draft, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await this.#write(draft);
      throw error;
    }
  }

  /** A job that is over says what it took; also when the ledger told another sum later. */
  #receipted(job: TrainingJob, status: TrainingJobStatus): TrainingJobStatus {
    const { startTime, completionTime, cost, receipt, counts, quote, dataset, model } = status;
    if (!FINAL_PHASES.has(status.phase ?? '') || startTime === undefined) return status;
    const actualUsd = cost?.actualUsd ?? 0;
    const to = Date.parse(completionTime ?? '');
    // A hand that writes a phase does not write the end.
    if (receipt?.actualUsd === actualUsd || !Number.isFinite(to)) return status;
    const bought = {
      ...{ spec: job.spec, quote, actualUsd },
      onDemandUsd: cost?.onDemandUsd ?? 0,
      interruptions: counts?.interruptions ?? 0,
      interruptionsUsd: cost?.lostUsd ?? 0,
      installationUsd: receipt?.installationUsd ?? this.#options.shareUsd({ from: Date.parse(startTime), to }),
      dataEtag: dataset?.etag,
      dataSha256: model?.dataSha256,
    };
    return { ...status, receipt: receiptOf(bought, to) };
  }

  #context(job: TrainingJob): Context {
    const { accounts, observation, planner, batches, prices, clock } = this.#options;
    const { maxTrainingCostUsd, checkpointSeconds, logGroup, ledger, monthLeftUsd } = this.#options;
    const account = accounts.get(accountName(userOf(job.metadata?.namespace ?? '') ?? ''));
    const { status } = job;
    const leaving = leavingAttempt(status);
    const seen = observation.seen(uidOf(job), {
      current: currentAttempt(status)?.instanceId,
      leaving: leaving?.instanceId,
      all: status?.attempts?.flatMap(({ instanceId }) => instanceId ?? []),
    });
    const budgetUsd = budgetOf(job, account, maxTrainingCostUsd);
    const now = clock.now();
    const choice = choiceFor(job, {
      ...{ now, planner, checkpointSeconds, observeSeconds: this.#options.observeSeconds },
      budgetLeftUsd: leftUsd(status ?? {}, { now, prices, budgetUsd }),
    });
    return {
      ...{ now, seen, prices, choice, budgetUsd, checkpointSeconds, logGroup },
      plan: () => this.#plan(job, choice),
      batchFor: (market, offers) =>
        market === 'cluster' ? `${uidOf(job)}-${(status?.attemptCount ?? 0) + 1}` : batches.join(market, offers),
      priceOf: planner.priceOf,
      accountSuspended: account?.spec.suspend ?? false,
      monthLeftUsd: account && monthLeftUsd(account),
      ledgerAway: ledger.away !== undefined,
    };
  }

  #plan(job: TrainingJob, choice: Choice | undefined): LaunchPlan {
    if (job.spec.placement === 'Cluster') return ON_CLUSTER;
    const leaving = leavingAttempt(job.status) ?? currentAttempt(job.status);
    const avoid = leaving?.instanceType === undefined ? [] : [`${leaving.instanceType}/${leaving.zone}`];
    const { planner } = this.#options;
    if (choice?.choice === 'OnDemand') {
      const plan = planner.plan(job, undefined, { avoid, market: 'on-demand' });
      if (plan.selection.offers.length > 0) return { ...plan, marketReason: choice.reason };
    }
    return planner.plan(job, undefined, { avoid });
  }

  /** Writes what has been said since the last time, in one call, and tells each transition of it. */
  async #write(draft: Draft): Promise<void> {
    const { writer, events, logger } = this.#options;
    const { written: before, told } = draft;
    const written = await writer.write(before, draft.job.status ?? {});
    draft.is(written);
    if (written === before) return;
    for (const { phase, text } of told) {
      const { namespace, name } = written.metadata ?? {};
      logger.info({ kind: 'TrainingJob', namespace, name, phase, reason: text.reason }, 'transition');
      void events.record(written, text);
    }
  }
}

interface Told {
  readonly phase: string | undefined;
  readonly text: EventText;
}

/** A job with what is to be its status: several transitions that need no action in between are one write. */
class Draft {
  #written: TrainingJob;
  #job: TrainingJob;
  #told: Told[] = [];

  constructor(job: TrainingJob) {
    this.#written = job;
    this.#job = job;
  }

  /** As the API server knows it. */
  get written(): TrainingJob {
    return this.#written;
  }
  get job(): TrainingJob {
    return this.#job;
  }
  get told(): readonly Told[] {
    return this.#told;
  }

  say(status: TrainingJobStatus): void {
    if (status === this.#job.status) return;
    const text = transition(this.#job.status, status);
    if (text) this.#told.push({ phase: status.phase, text });
    this.#job = { ...this.#job, status };
  }

  /** The API server's newest version: what was said until now is in it. */
  is(job: TrainingJob): void {
    this.#written = job;
    this.#job = job;
    this.#told = [];
  }
}
