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
import { confirm } from './confirm.ts';
import { decide } from './decide.ts';
import { currentAttempt, uidOf } from './job.ts';
import type { Observation } from './observation.ts';
import type { Planner } from './planner.ts';
import { transition } from './story.ts';

/** More steps than any job needs at once: a loop would be a bug, and must not spin. */
const MOST_STEPS = 25;

export interface TrainingOptions {
  cache: Cache<TrainingJob>;
  accounts: Cache<Account>;
  writer: StatusWriter<TrainingJob>;
  events: EventRecorder;
  observation: Pick<Observation, 'seen'>;
  planner: Planner;
  actor: Actor;
  clock: Clock;
  logger: Logger;
  maxTrainingCostUsd: number;
  checkpointSeconds: number;
  logGroup: string;
}

/** Phases in which decide.ts asks what could be launched. */
const LAUNCHING: ReadonlySet<string> = new Set(['Queued', 'Launching', 'Recovering']);
const mayLaunch = (job: TrainingJob): boolean =>
  !job.metadata?.deletionTimestamp && LAUNCHING.has(job.status?.phase ?? '');

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
        const at = { job, now: this.#options.clock.now() };
        job = await this.#write(job, confirm(at, job.status ?? {}, result.outcome));
      }
      if (result.pauseMs !== undefined) return { requeueAfterMs: result.pauseMs };
    }
    return job ? { requeueAfterMs: 1000 } : undefined;
  }

  #context(job: TrainingJob) {
    const { accounts, observation, planner, clock, maxTrainingCostUsd, checkpointSeconds, logGroup } = this.#options;
    const account = accounts.get(accountName(userOf(job.metadata?.namespace ?? '') ?? ''));
    const attempt = currentAttempt(job.status);
    return {
      now: clock.now(),
      seen: observation.seen(uidOf(job), attempt?.instanceId),
      plan: () => planner.plan(job),
      priceOf: planner.priceOf,
      budgetUsd: budgetOf(job, account, maxTrainingCostUsd),
      accountSuspended: account?.spec.suspend ?? false,
      checkpointSeconds,
      logGroup,
    };
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
