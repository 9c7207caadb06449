// Virtual time: days in milliseconds. `advance` runs what is due, in order, and lets promises settle in between.
import type { Cancel, Clock } from '../../cloud/clock.ts';

export class ManualClock implements Clock {
  #now: number;
  #timers: { at: number; run: () => void }[] = [];
  constructor(now = Date.parse('2026-11-24T10:00:00Z')) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  get pending(): number {
    return this.#timers.length;
  }
  after(delayMs: number, run: () => void): Cancel {
    const timer = { at: this.#now + Math.max(0, delayMs), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

/** Lets every promise that can go on do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
