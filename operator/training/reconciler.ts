// TrainingJob: observe, decide (decide.ts, pure), act, confirm (confirm.ts, pure), again until there is nothing to do. The status is
// written, under the optimistic lock, before each action and after its outcome; a crash anywhere is mended by deciding again.
import type { Clock } from '../../cloud/clock.ts';
import type { Account, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { accountName, userOf } from '../../crds/objects.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Outcome as ReconcileOutcome } from '../runtime/controller.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Logger } from '../runtime/logging.ts';
import type { StatusWriter } from '../runtime/status.ts';
import type { Actor } from './act.ts';
import { budgetOf } from './admission.ts';
import type { Batches } from './batches.ts';
import { confirm } from './confirm.ts';
import type { Context, LaunchPlan } from './context.ts';
import type { PriceSource } from './costs.ts';
import { decide } from './decide.ts';
import { currentAttempt, leavingAttempt, uidOf } from './job.ts';
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
    let job = this.#options.cache.get(key);
    for (let step = 0; job && step < MOST_STEPS; step += 1) {
      if (mayLaunch(job)) await this.#options.planner.prepare();
      const decision = decide(job, this.#context(job));
      const before: TrainingJob = job;
      job = await this.#write(job, decision.status);
      const { action, requeueAfterMs } = decision;
      if (!action) {
        // A status that moved on may have something to do at once.
        if (job !== before && job.status?.phase !== before.status?.phase) continue;
        return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
      }
      if (signal.aborted) return undefined;
      const result = await this.#options.actor.act(job, action);
      if (result.gone) return undefined;
      if (result.job) job = result.job;
      if (result.outcome) {
        const at = { job, now: this.#options.clock.now(), prices: this.#options.prices };
        job = await this.#write(job, confirm(at, job.status ?? {}, result.outcome));
      }
      if (result.pauseMs !== undefined) return { requeueAfterMs: result.pauseMs };
    }
    return job ? { requeueAfterMs: 1000 } : undefined;
  }

  #context(job: TrainingJob): Context {
    const { accounts, observation, planner, batches, prices, clock } = this.#options;
    const { maxTrainingCostUsd, checkpointSeconds, logGroup } = this.#options;
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

  async #write(job: TrainingJob, status: TrainingJobStatus): Promise<TrainingJob> {
    const { writer, events, logger } = this.#options;
    const written = await writer.write(job, status);
    if (written === job) return job;
    const told = transition(job.status, status);
    if (told) {
      const { namespace, name } = job.metadata ?? {};
      logger.info({ kind: 'TrainingJob', namespace, name, phase: status.phase, reason: told.reason }, 'transition');
      await events.record(written, told);
    }
    return written;
  }
}
