// Answers that handlers put into the bucket: what an earlier leader's invocations left, and what asynchronous ones will leave. One list a
// look serves all chunks of a job, however many are waited for. Next: function.ts makes outcomes of them.
import type { Bucket } from '../../cloud/bucket.ts';
import { readJson } from '../../cloud/bucket.ts';
import { sleep, type Clock } from '../../cloud/clock.ts';
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';

const LOOK_EVERY_MS = 2_000;

interface Wait {
  readonly untilMs: number;
  readonly resolve: (answer: PredictionAnswer | undefined | Promise<PredictionAnswer | undefined>) => void;
  readonly reject: (error: unknown) => void;
}

export class Answers {
  readonly #bucket: Pick<Bucket, 'get' | 'list' | 'delete'>;
  readonly #clock: Clock;
  /** By folder, then by key. */
  readonly #waits = new Map<string, Map<string, Wait>>();

  constructor(bucket: Pick<Bucket, 'get' | 'list' | 'delete'>, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
  }

  /**
   * The answer that lies at `key`, if it settles the matter. One that says that trying again may help is taken away, so that it can't
   * be mistaken for the answer of the next try.
   */
  async settled(key: string): Promise<PredictionAnswer | undefined> {
    const answer = await readJson<PredictionAnswer>(this.#bucket, key);
    if (!answer || answer.success || !answer.retryable) return answer;
    await this.#bucket.delete(key);
    return undefined;
  }

  /** Resolves with the answer as soon as it lies there, with undefined at `untilMs`; rejects when the signal fires. */
  wait(key: string, untilMs: number, signal: AbortSignal): Promise<PredictionAnswer | undefined> {
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    return new Promise((resolve, reject) => {
      const waits = this.#waits.get(folder) ?? new Map<string, Wait>();
      const first = waits.size === 0;
      waits.set(key, { untilMs, resolve, reject });
      this.#waits.set(folder, waits);
      signal.addEventListener('abort', () => waits.delete(key) && reject(signal.reason as Error), { once: true });
      if (first) void this.#watch(folder, waits);
    });
  }

  /** Looks until nobody waits any more. */
  async #watch(folder: string, waits: Map<string, Wait>): Promise<void> {
    while (waits.size > 0) {
      await sleep(this.#clock, LOOK_EVERY_MS);
      const now = this.#clock.now();
      // A look that fails is made again; only time ends the waiting.
      const listed = waits.size > 0 ? await this.#bucket.list(folder).catch(() => []) : [];
      for (const { key } of listed) this.#settle(waits, key, (wait) => wait.resolve(readJson(this.#bucket, key)));
      for (const [key, { untilMs }] of waits)
        if (untilMs <= now) this.#settle(waits, key, (wait) => wait.resolve(undefined));
    }
    this.#waits.delete(folder);
  }

  #settle(waits: Map<string, Wait>, key: string, settle: (wait: Wait) => void): void {
    const wait = waits.get(key);
    if (!wait) return;
    waits.delete(key);
    settle(wait);
  }
}
