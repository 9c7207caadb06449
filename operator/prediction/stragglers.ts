// Invocations that nobody waits for any more can't be called back, and may put an answer, or a result, after the folder of their job was
// cleaned. So it is cleaned once more when they must have ended; whom a restart makes forget it, operator/collection finds within a day.
// Used by reconciler.ts.
import type { Cancel, Clock } from '../../cloud/clock.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import type { Logger } from '../runtime/logging.ts';
import { jobKey } from './job.ts';

/** Most find at the next part that their upload is gone. */
const SOON_MS = 15_000;

export interface StragglerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Idempotent. */
  readonly clean: (job: PredictionJob) => Promise<void>;
}

export class Stragglers {
  readonly #options: StragglerOptions;
  readonly #due = new Set<Cancel>();

  constructor(options: StragglerOptions) {
    this.#options = options;
  }

  /** All of them have ended after `lastMs`. */
  expect(job: PredictionJob, lastMs: number): void {
    for (const wait of new Set([Math.min(SOON_MS, lastMs), lastMs])) {
      const cancel = this.#options.clock.after(wait, () => {
        this.#due.delete(cancel);
        this.#options.clean(job).catch((error: unknown) => {
          this.#options.logger.warn({ job: jobKey(job), err: error }, 'late answers are left to the collection');
        });
      });
      this.#due.add(cancel);
    }
  }

  stop(): void {
    for (const cancel of this.#due) cancel();
    this.#due.clear();
  }
}
