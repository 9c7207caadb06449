// All runs of this leader: one for each job that is at work, and the pace they share, one for each place where chunks can run.
import type { PredictionJob } from '../../crds/crds.generated.ts';
import type { Found } from './beginning.ts';
import type { Invoker } from './invoker.ts';
import { jobKey, uidOf } from './job.ts';
import type { PredictionOptions } from './options.ts';
import { Pace } from './pace.ts';
import { Run } from './run.ts';

/** As many as one job may ask for; what there really is, throttles tell. */
const CEILING = 1_000;

export class Runs {
  readonly #options: PredictionOptions;
  readonly #runs = new Map<string, Run>();
  readonly #keys = new Map<string, Run>();
  readonly #paces = { Lambda: new Pace({ ceiling: CEILING }), Cluster: new Pace({ ceiling: CEILING }) };

  #stopped = false;

  constructor(options: PredictionOptions) {
    this.#options = options;
    options.metrics.concurrency(() => ({
      inFlight: [...this.#runs.values()].reduce((sum, { inFlight }) => sum + inFlight, 0),
      limit: this.#paces.Lambda.limit,
    }));
  }

  of(job: PredictionJob): Run | undefined {
    return this.#runs.get(uidOf(job));
  }

  invokerOf({ spec }: Pick<PredictionJob, 'spec'>): Invoker {
    return this.#options.invokers[spec.placement];
  }

  /** `found`: what admission has just found; absent: an earlier leader may have begun. */
  begin(job: PredictionJob, limitUsd: number, found?: Found): Run {
    // A reconcile that was under way when leadership was lost must not pay for anything any more.
    if (this.#stopped) throw new Error('this process leads no more');
    const pace = this.#paces[job.spec.placement];
    const { clock } = this.#options;
    const run = new Run({
      job,
      pace,
      limitUsd,
      found,
      invoker: this.invokerOf(job),
      options: this.#options,
      onRoom: () => {
        for (const key of pace.ready(clock.now())) this.#keys.get(key)?.wake();
      },
    });
    this.#runs.set(uidOf(job), run);
    this.#keys.set(jobKey(job), run);
    return run;
  }

  /** Ends its work, if there is any. */
  drop(job: PredictionJob): void {
    const run = this.of(job);
    if (!run) return;
    run.stop();
    this.#runs.delete(uidOf(job));
    if (this.#keys.get(jobKey(job)) === run) this.#keys.delete(jobKey(job));
  }

  /** Abandons everything in flight; the next leader goes on from what is in the bucket. */
  stop(): void {
    this.#stopped = true;
    for (const run of this.#runs.values()) run.stop();
    this.#runs.clear();
    this.#keys.clear();
  }
}
