// The controller's work: keys, each at most once waiting and never twice in work (a key added while in work runs again after).
// Failed keys come back after an exponential pause of their own. Time is the clock's.
import type { Cancel, Clock } from '../../cloud/clock.ts';

export const BACKOFF = { firstMs: 200, mostMs: 120_000 };

export class Queue {
  readonly #clock: Clock;
  readonly #ready: string[] = [];
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #later = new Map<string, { at: number; cancel: Cancel }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  readonly #added = new Map<string, number>();
  readonly #onWait: (ms: number) => void;
  readonly #watchers = new Map<string, (() => void)[]>();
  #closed = false;

  /** `onWait` is told how long each key waited before it was taken. */
  constructor(clock: Clock, onWait: (ms: number) => void = () => {}) {
    this.#clock = clock;
    this.#onWait = onWait;
  }

  /** Keys ready to be taken. */
  get depth(): number {
    return this.#ready.length;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#later.get(key)?.cancel();
    this.#later.delete(key);
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#waiting.has(key)) return;
    this.#waiting.add(key);
    this.#added.set(key, this.#clock.now());
    this.#ready.push(key);
    this.#hand();
  }

  /** The earliest of several times wins. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) return this.add(key);
    const at = this.#clock.now() + delayMs;
    const old = this.#later.get(key);
    if (old && old.at <= at) return;
    old?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#later.delete(key);
      this.add(key);
    });
    this.#later.set(key, { at, cancel });
  }

  /** After a failure: 200 ms, doubling with each failure in a row, two minutes at most. */
  addRateLimited(key: string, atLeastMs = 0): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.max(atLeastMs, Math.min(BACKOFF.mostMs, BACKOFF.firstMs * 2 ** Math.min(failures, 20))));
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Ends the series of failures. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, or undefined once the queue is closed. Call done(key) afterwards. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#hand();
    });
  }

  done(key: string): void {
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
    if (this.#isBusy(key)) return;
    for (const watcher of this.#watchers.get(key) ?? []) watcher();
    this.#watchers.delete(key);
  }

  /** Resolves when what was known of the key has been worked on without failure: nothing of it waits, runs or is to be tried again. */
  settled(key: string): Promise<void> {
    if (!this.#isBusy(key)) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.set(key, [...(this.#watchers.get(key) ?? []), resolve]));
  }

  #isBusy(key: string): boolean {
    return this.#waiting.has(key) || this.#working.has(key) || this.#failures.has(key);
  }

  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#later.values()) cancel();
    this.#later.clear();
    this.#ready.length = 0;
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #hand(): void {
    while (this.#ready.length > 0 && this.#takers.length > 0) {
      const key = this.#ready.shift() as string;
      this.#waiting.delete(key);
      this.#working.add(key);
      this.#onWait(this.#clock.now() - (this.#added.get(key) ?? 0));
      this.#added.delete(key);
      this.#takers.shift()?.(key);
    }
  }
}
