// The one loop that every controller here runs on: keys wait once, are reconciled one after another, come back after a
// known time or, after an error, after a growing one. Level-driven: a reconcile reads everything anew.
import type { Cancel, Clock } from '../../../cloud/clock.ts';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 60_000;

/** Milliseconds after which the key is due again; undefined when it is done. */
export type Reconcile = (key: string) => Promise<number | undefined>;

export class WorkQueue {
  readonly #clock: Clock;
  readonly #reconcile: Reconcile;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #waiting = new Set<string>();
  readonly #later = new Map<string, Cancel>();
  readonly #failures = new Map<string, number>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(clock: Clock, reconcile: Reconcile, onError: (key: string, error: unknown) => void) {
    this.#clock = clock;
    this.#reconcile = reconcile;
    this.#onError = onError;
  }

  add(key: string): void {
    if (this.#stopped) return;
    this.#waiting.add(key);
    this.#running ??= this.#run();
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    this.#later.get(key)?.();
    const cancel = this.#clock.after(delayMs, () => {
      this.#later.delete(key);
      this.add(key);
    });
    this.#later.set(key, cancel);
  }

  /** Resolves when the key in work is through; nothing starts afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const cancel of this.#later.values()) cancel();
    this.#later.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    // Events arrive in the middle of a write; reconcile after it.
    await Promise.resolve();
    for (;;) {
      const [key] = this.#waiting;
      if (key === undefined) break;
      this.#waiting.delete(key);
      await this.#one(key);
    }
    this.#running = undefined;
  }

  async #one(key: string): Promise<void> {
    try {
      const again = await this.#reconcile(key);
      this.#failures.delete(key);
      if (again !== undefined) this.addAfter(key, again);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#onError(key, error);
      this.addAfter(key, Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS));
    }
  }
}
