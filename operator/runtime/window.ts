// Merges what several reconciles ask for at about the same time into one call (decision 4, after Karpenter's batcher): a window opens
// with the first item, closes when nothing came for a while, and at the latest some time after it opened. Time is the clock's.
import type { Cancel, Clock } from '../../cloud/clock.ts';

/** Nothing new for so long closes a window. */
export const WINDOW_IDLE_MS = 35;
/** A window is open for so long at most. */
export const WINDOW_MOST_MS = 1_000;
export const WINDOW_MOST_ITEMS = 500;

export interface WindowOptions {
  clock: Clock;
  /** Called once, when the window closes. */
  onClose: () => void;
  /** Milliseconds that must still pass before it may close; 0: none. Asked when it is about to. */
  delayMs?: () => number;
}

/** One window. Its owner keeps the items and says when one comes. */
export class Window {
  readonly #options: WindowOptions;
  readonly #opened: number;
  #held = 0;
  #due = 0;
  #timer: { at: number; cancel: Cancel } | undefined;
  #closed = false;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#opened = options.clock.now();
    this.touch();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Something came: the idle time begins anew. */
  touch(): void {
    this.#due = this.#options.clock.now() + WINDOW_IDLE_MS;
    this.#schedule();
  }

  /** Somebody will bring an item soon: the window does not close for idleness before as many releases. */
  hold(): void {
    this.#held += 1;
    this.touch();
  }

  release(): void {
    this.#held = Math.max(0, this.#held - 1);
    this.touch();
  }

  /** Closes at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#options.onClose();
  }

  /** Closes without a word. */
  cancel(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** One timer is enough: one that is early looks again. */
  #schedule(): void {
    if (this.#closed) return;
    const latest = this.#opened + WINDOW_MOST_MS;
    const at = this.#held > 0 ? latest : Math.min(latest, this.#due);
    if (this.#timer && this.#timer.at <= at) return;
    this.#timer?.cancel();
    this.#wait(at);
  }

  #wait(at: number): void {
    const { clock } = this.#options;
    const cancel = clock.after(Math.max(0, at - clock.now()), () => {
      this.#timer = undefined;
      this.#look();
    });
    this.#timer = { at, cancel };
  }

  #look(): void {
    const { clock, delayMs } = this.#options;
    const now = clock.now();
    const over = now >= this.#opened + WINDOW_MOST_MS;
    if (!over && (this.#held > 0 || now < this.#due)) return this.#schedule();
    const delay = delayMs?.() ?? 0;
    if (delay > 0) return this.#wait(now + delay);
    this.close();
  }
}

interface Item<T> {
  readonly value: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Merges items into calls of at most WINDOW_MOST_ITEMS; `add` settles with the call its item was part of. */
export class Merger<T> {
  readonly #clock: Clock;
  readonly #send: (items: readonly T[]) => Promise<void>;
  readonly #limit: TokenBucket | undefined;
  #items: Item<T>[] = [];
  #window: Window | undefined;

  /** `limit`: calls as they may follow each other; a window stays open until the next may be made, or it is full. */
  constructor(clock: Clock, send: (items: readonly T[]) => Promise<void>, limit?: TokenBucket) {
    this.#clock = clock;
    this.#send = send;
    this.#limit = limit;
  }

  add(values: readonly T[]): Promise<unknown> {
    return Promise.all(values.map((value) => this.#one(value)));
  }

  #one(value: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#items.push({ value, resolve, reject });
      this.#window ??= new Window({
        clock: this.#clock,
        onClose: () => this.#flush(),
        delayMs: () => this.#limit?.waitMs() ?? 0,
      });
      this.#window.touch();
      if (this.#items.length >= WINDOW_MOST_ITEMS) this.#window.close();
    });
  }

  #flush(): void {
    const items = this.#items;
    this.#items = [];
    this.#window = undefined;
    this.#limit?.take();
    this.#send(items.map(({ value }) => value)).then(
      () => items.forEach(({ resolve }) => resolve()),
      (error: unknown) => items.forEach(({ reject }) => reject(error)),
    );
  }
}

/** A token bucket: how long to wait before the next call, so that the other side need not refuse it. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  /** Milliseconds until a token is there; 0: now. */
  waitMs(): number {
    this.#refill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
  }

  take(): void {
    this.#refill();
    this.#tokens -= 1;
  }

  #refill(): void {
    const now = this.#clock.now();
    // A clock that went back gives nothing, and takes nothing.
    this.#tokens = Math.min(this.#burst, this.#tokens + (Math.max(0, now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
  }
}
