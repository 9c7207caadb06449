// Takes keys from a queue and gives each to a reconciler, several at once but never one key twice. A reconcile ends in one of
// four ways: done, again after a known time, an error (again after a growing pause), or a terminal error (not before it changes).
import type { Clock } from '../../cloud/clock.ts';
import { failed } from './kubernetes.ts';
import type { Logger } from './logging.ts';
import type { ControllerMetrics } from './metrics.ts';
import { Queue } from './queue.ts';

/** Undefined: done. */
export type Outcome = undefined | { requeueAfterMs: number };

/** Trying again can't help until the object or the world changes; the reconciler has written it to the status. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface ControllerOptions {
  name: string;
  clock: Clock;
  logger: Logger;
  metrics: ControllerMetrics;
  reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  /** Keys in work at once. */
  workers?: number;
}

export class Controller {
  readonly queue: Queue;
  readonly #options: ControllerOptions;
  readonly #stop = new AbortController();
  #workers: Promise<void>[] = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.queue = new Queue(options.clock, (ms) => options.metrics.waited(ms));
    options.metrics.depth(() => this.queue.depth);
  }

  start(): void {
    this.#workers = Array.from({ length: this.#options.workers ?? 4 }, () => this.#work());
  }

  /** No new key is begun; what is in work gets the signal and is waited for. */
  async stop(): Promise<void> {
    this.queue.close();
    this.#stop.abort();
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    for (;;) {
      const key = await this.queue.take();
      if (key === undefined) return;
      try {
        await this.#once(key);
      } finally {
        this.queue.done(key);
      }
    }
  }

  async #once(key: string): Promise<void> {
    const { clock, logger, metrics, reconcile, name } = this.#options;
    const began = clock.now();
    try {
      const outcome = await reconcile(key, this.#stop.signal);
      this.queue.forget(key);
      if (outcome) this.queue.addAfter(key, outcome.requeueAfterMs);
      metrics.reconciled(outcome ? 'requeue_after' : 'success', clock.now() - began);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (error instanceof TerminalError) {
        this.queue.forget(key);
        metrics.reconciled('terminal_error', clock.now() - began);
        logger.warn({ controller: name, key, err: error }, 'reconcile failed for good');
        return;
      }
      metrics.reconciled('error', clock.now() - began);
      // A lost optimistic lock is everyday life: the newer version is on its way through the watch.
      const level = failed(error, 'Conflict') ? 'debug' : 'warn';
      logger[level]({ controller: name, key, failures: this.queue.failures(key) + 1, err: error }, 'reconcile failed');
      this.queue.addRateLimited(key);
    }
  }
}
