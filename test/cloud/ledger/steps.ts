// Buckets that stop: one that a process can use for n calls only (a kill), and one that waits before each call until it is let go on,
// so that two processes can be interleaved step by step.
import type { CompactedBucket } from '../../../cloud/ledger/compaction.ts';

const CALLS = ['get', 'list', 'put', 'deleteMany'] as const;

export class Killed extends Error {}

function wrapped(bucket: CompactedBucket, around: <T>(call: () => Promise<T>) => Promise<T>): CompactedBucket {
  return Object.fromEntries(
    CALLS.map((name) => [
      name,
      (...args: unknown[]) => around(() => (bucket[name] as (...args: unknown[]) => Promise<unknown>)(...args)),
    ]),
  ) as unknown as CompactedBucket;
}

/** Does `calls` calls, then none any more. `answered`: the first refused one still has its effect. */
export function killedAfter(bucket: CompactedBucket, calls: number, answered: boolean): CompactedBucket {
  let left = calls;
  return wrapped(bucket, async (call) => {
    left -= 1;
    if (left >= 0) return call();
    if (left === -1 && !answered) await call();
    throw new Killed();
  });
}

/** A process that does one call of its bucket at a time, when told to. */
export class Stepped {
  readonly bucket: CompactedBucket;
  calls = 0;
  #over = false;
  #free = false;
  readonly #waiting: (() => void)[] = [];
  #arrived: () => void = () => undefined;

  constructor(bucket: CompactedBucket) {
    this.bucket = wrapped(bucket, async (call) => {
      if (!this.#free) await new Promise<void>((go) => (this.#waiting.push(go), this.#arrived()));
      this.calls += 1;
      return call();
    });
  }

  /** Begins; gives what it comes to. */
  begin<T>(work: (bucket: CompactedBucket) => Promise<T>): Promise<T> {
    return work(this.bucket).finally(() => {
      this.#over = true;
      this.#arrived();
    });
  }

  async steps(count: number): Promise<void> {
    for (let step = 0; step < count; step += 1) {
      await this.#ready();
      if (this.#over) return;
      this.#waiting.shift()?.();
      await this.#settled();
    }
  }

  finish(): void {
    this.#free = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #ready(): Promise<void> {
    while (!this.#over && this.#waiting.length === 0) await new Promise<void>((come) => (this.#arrived = come));
  }

  /** Until the next call waits, or it is over. */
  async #settled(): Promise<void> {
    await this.#ready();
  }
}
