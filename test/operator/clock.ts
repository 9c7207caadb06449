// Virtual time: days in milliseconds. `advance` runs what is due, in order, and lets promises settle in between.
import type { Cancel, Clock } from '../../cloud/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  #pending = 0;
  /** A binary heap by time, then by the order in which they were set; cancelled ones stay until they come up. */
  readonly #timers: Timer[] = [];
  readonly #settle: () => Promise<void>;

  /** `settle` waits until nothing but time is waited for; one turn is enough where no real I/O takes part. */
  constructor(now = Date.parse('2026-11-24T10:00:00Z'), settle: () => Promise<void> = settled) {
    this.#now = now;
    this.#settle = settle;
  }
  now(): number {
    return this.#now;
  }
  get pending(): number {
    return this.#pending;
  }
  after(delayMs: number, run: () => void): Cancel {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: (this.#order += 1), run };
    this.#pending += 1;
    push(this.#timers, timer);
    return () => {
      if (timer.run) this.#pending -= 1;
      timer.run = undefined;
    };
  }
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#now = Math.max(this.#now, next.at);
      const { run } = next;
      next.run = undefined;
      this.#pending -= 1;
      run?.();
      await this.#settle();
    }
    this.#now = end;
    await this.#settle();
  }

  /** Takes the first timer at or before `end` that was not cancelled. */
  #due(end: number): Timer | undefined {
    for (;;) {
      const first = this.#timers[0];
      if (!first || first.at > end) return undefined;
      pop(this.#timers);
      if (first.run) return first;
    }
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(timer, heap[parent] as Timer)) break;
    heap[at] = heap[parent] as Timer;
    at = parent;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
    if (!before(heap[child] as Timer, last)) break;
    heap[at] = heap[child] as Timer;
    at = child;
  }
  heap[at] = last;
}

/** Lets every promise that can go on do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await turned();
}

/** One turn of the event loop: every chain of promises that waits for nothing else runs to its end. */
export const turned = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
