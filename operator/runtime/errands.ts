// Work for objects that are no longer there, which no controller's queue can carry: tried until it is done, or this process leads no more.
import type { Cancel, Clock } from '../../cloud/clock.ts';
import type { Logger } from './logging.ts';

export interface ErrandOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly againMs: number;
}

export class Errands {
  readonly #options: ErrandOptions;
  readonly #waiting = new Set<Cancel>();
  #stopped = false;

  constructor(options: ErrandOptions) {
    this.#options = options;
  }

  /** `what` is for the log; `work` must be idempotent. */
  run(what: string, work: () => Promise<void>): void {
    if (this.#stopped) return;
    const { clock, logger, againMs } = this.#options;
    work().catch((error: unknown) => {
      if (this.#stopped) return;
      logger.warn({ what, err: error }, 'errand to be tried again');
      const cancel = clock.after(againMs, () => {
        this.#waiting.delete(cancel);
        this.run(what, work);
      });
      this.#waiting.add(cancel);
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }
}
