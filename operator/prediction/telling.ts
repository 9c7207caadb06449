// Asks for a status: at once when it matters, else once in a while, so that hundreds of chunks that end are not hundreds of writes.
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
