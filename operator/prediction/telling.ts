// When a run does something of itself: asks for a status, at once when it matters, else once in a while, so that hundreds of chunks that
// end are not hundreds of writes; and wakes up when a pause is over.
import type { Cancel, Clock } from '../../cloud/clock.ts';

const EVERY_MS = 1_000;

export class Telling {
  readonly #clock: Clock;
  readonly #tell: () => void;
  /** What ends within the first moment is told of once. */
  #told: number;
  #due: Cancel | undefined;

  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#told = clock.now();
  }

  now(): void {
    this.stop();
    this.#told = this.#clock.now();
    this.#tell();
  }

  soon(): void {
    if (this.#due) return;
    const wait = this.#told + EVERY_MS - this.#clock.now();
    if (wait <= 0) this.now();
    else this.#due = this.#clock.after(wait, () => this.now());
  }

  stop(): void {
    this.#due?.();
    this.#due = undefined;
  }
}

/** Rings once, at the earliest time it was set to. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #set: { readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** In ms, as the clock tells. */
  at(at: number): void {
    if (this.#set && this.#set.at <= at) return;
    this.stop();
    const ring = (): void => {
      this.#set = undefined;
      this.#ring();
    };
    this.#set = { at, cancel: this.#clock.after(at - this.#clock.now(), ring) };
  }

  stop(): void {
    this.#set?.cancel();
    this.#set = undefined;
  }
}
