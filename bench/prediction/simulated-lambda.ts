// Lambda in virtual time, led by the operator's own code: plan, chain and pace decide, an invocation lasts as long as a recorded one of its size.
// Environments start cold, some chunks are slow, the account's concurrency is short for a while, and the operator is slow to react.
import { decide, outcomeAfter, type Outcome } from '../../operator/prediction/chain.ts';
import type { PredictionDone } from '../../cloud/contract/contract.generated.ts';
import { Pace } from '../../operator/prediction/pace.ts';
import { type Chunk, chunkName, draft, type Plan, planOf, type Terms } from '../../operator/prediction/plan.ts';
import type { Recorded } from './recording.ts';

export interface Conditions {
  readonly workers: number;
  readonly bytes: number;
  readonly rowBytes: number;
  readonly chunks: readonly Recorded[];
  readonly coldMs: number;
  /** Share of invocations that take `slowTimes` as long. */
  readonly slowShare: number;
  readonly slowTimes: number;
  /** From `at` on, for `ms`, only this share of the workers may be in flight. */
  readonly shortage: { readonly at: number; readonly ms: number; readonly share: number };
  readonly random: () => number;
}

export interface Simulated {
  /** Of `workers` ideal ones with the same luck: never cold, never slowed, never waiting, each begun once. */
  readonly efficiency: number;
  readonly seconds: number;
  readonly invocations: number;
  readonly throttles: number;
  /** Of the largest part: a handler has up to three in memory. */
  readonly partBytes: number;
}

interface Flight {
  readonly chunk: Chunk;
  readonly token: number;
  readonly ends: number;
  /** Undefined: throttled. */
  readonly ms: number | undefined;
}

/** From an outcome until the operator has stored, presigned and invoked: it looks so often. */
const REACTION_MS = 50;
const THROTTLE_MS = 30;
const BILLED = { usd: 0, seconds: 0, memoryMib: 0 };
const ADDED_BYTES = 2;
const JOB = 'job';

/** ms = overhead + perByte * bytes, by least squares: what an ideal worker takes. */
export function fit(chunks: readonly Recorded[]): { overheadMs: number; msPerByte: number } {
  const mean = (of: (chunk: Recorded) => number) => chunks.reduce((sum, chunk) => sum + of(chunk), 0) / chunks.length;
  const [bytes, ms] = [mean((chunk) => chunk.bytes), mean((chunk) => chunk.ms)];
  const spread = mean((chunk) => (chunk.bytes - bytes) ** 2);
  const slope = mean((chunk) => (chunk.bytes - bytes) * (chunk.ms - ms)) / spread;
  const msPerByte = slope > 0 ? slope : ms / bytes;
  return { overheadMs: Math.max(0, ms - msPerByte * bytes), msPerByte };
}

export class SimulatedLambda {
  readonly #conditions: Conditions;
  readonly #terms: Terms;
  readonly #pace: Pace;
  readonly #fit: ReturnType<typeof fit>;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #warm: { idle: number } = { idle: 0 };
  #plan: Plan;
  #flights: Flight[] = [];
  #now = 0;
  #invocations = 0;
  #throttles = 0;
  /** What the chunks would have taken, one after the other, in one invocation. */
  #idealMs = 0;
  #partBytes = 0;

  constructor(conditions: Conditions) {
    const { workers, bytes, rowBytes, chunks } = conditions;
    this.#conditions = conditions;
    this.#fit = fit(chunks);
    this.#terms = { splitRows: 10_000, parallel: workers, chunkSeconds: 20, timeoutSeconds: 300, mostParts: 1_000 };
    this.#pace = new Pace({ ceiling: workers });
    const table = { bytes, etag: '"e"', rowBytes, addedBytes: ADDED_BYTES, packed: false, splittable: true };
    this.#plan = planOf(draft(table, this.#terms), 'upload');
  }

  run(): Simulated {
    const { workers } = this.#conditions;
    for (;;) {
      const running = new Set(this.#flights.map(({ chunk }) => chunkName(chunk)));
      const [plan, terms, outcomes, now] = [this.#plan, this.#terms, this.#outcomes, this.#now];
      const decision = decide({ plan, terms, outcomes, running, now });
      if (decision.is === 'failed') throw new Error(decision.failure.message);
      if (decision.is === 'done') break;
      this.#plan = decision.plan;
      const room = this.#pace.ask(JOB, decision.run.length, workers, now);
      for (const chunk of decision.run.slice(0, room)) this.#begin(chunk);
      this.#wait();
    }
    return {
      efficiency: (this.#fit.overheadMs + this.#idealMs) / (workers * this.#now),
      seconds: this.#now / 1000,
      invocations: this.#invocations,
      throttles: this.#throttles,
      partBytes: this.#partBytes,
    };
  }

  #begin(chunk: Chunk): void {
    const { workers, shortage } = this.#conditions;
    const isShort = this.#now >= shortage.at && this.#now < shortage.at + shortage.ms;
    const capacity = isShort ? Math.max(1, Math.floor(workers * shortage.share)) : workers;
    const token = this.#pace.began(JOB);
    this.#invocations += 1;
    if (this.#flights.filter(({ ms }) => ms !== undefined).length >= capacity) {
      this.#throttles += 1;
      this.#flights.push({ chunk, token, ends: this.#now + THROTTLE_MS, ms: undefined });
      return;
    }
    const cold = this.#warm.idle > 0 ? 0 : this.#conditions.coldMs;
    this.#warm.idle = Math.max(0, this.#warm.idle - 1);
    const ms = this.#lasts(chunk.end - chunk.start);
    this.#flights.push({ chunk, token, ends: this.#now + cold + ms, ms });
  }

  /** As one of the recorded chunks, drawn by lot, stretched to these bytes. */
  #lasts(bytes: number): number {
    const { chunks, random, slowShare, slowTimes } = this.#conditions;
    const { overheadMs, msPerByte } = this.#fit;
    const drawn = chunks[Math.floor(random() * chunks.length)]!;
    const luck = drawn.ms / (overheadMs + msPerByte * drawn.bytes);
    this.#idealMs += msPerByte * bytes * luck;
    return (overheadMs + msPerByte * bytes) * luck * (random() < slowShare ? slowTimes : 1);
  }

  /** To the operator's next look after something ended, or after a pause of the pace. */
  #wait(): void {
    const paused = this.#pace.pausedUntil(this.#now);
    const next = Math.min(...this.#flights.map(({ ends }) => ends), paused ?? Infinity);
    if (next === Infinity) throw new Error('nothing runs and nothing is to come');
    this.#now = (Math.floor(next / REACTION_MS) + 1) * REACTION_MS;
    const ended = this.#flights.filter(({ ends }) => ends <= this.#now);
    this.#flights = this.#flights.filter(({ ends }) => ends > this.#now);
    for (const flight of ended) this.#end(flight);
  }

  #end({ chunk, token, ms }: Flight): void {
    const name = chunkName(chunk);
    this.#pace.ended(JOB, token, ms === undefined ? 'throttled' : 'answered', this.#now);
    if (ms !== undefined) this.#warm.idle += 1;
    const invoked =
      ms === undefined
        ? ({ is: 'throttled', message: 'Rate exceeded.', billed: BILLED } as const)
        : ({ is: 'done', answer: this.#answer(chunk, ms), billed: BILLED } as const);
    this.#outcomes.set(name, outcomeAfter(this.#outcomes.get(name), invoked, this.#now));
  }

  /** As if every chunk began with a record. */
  #answer({ start, end, firstPart, partBytes: own }: Chunk, ms: number): PredictionDone {
    const rows = Math.floor((end - start) / this.#conditions.rowBytes);
    const bytes = end - start + ADDED_BYTES * rows;
    const partBytes = own ?? this.#plan.upload!.partBytes;
    const count = Math.max(1, Math.floor(bytes / partBytes));
    const part = (i: number) => ({
      number: firstPart + i,
      etag: `"${start}-${i}"`,
      bytes: i < count - 1 ? partBytes : bytes - (count - 1) * partBytes,
    });
    this.#partBytes = Math.max(this.#partBytes, part(count - 1).bytes);
    return {
      success: true,
      predictions_s3_uri: '',
      num_predictions: rows,
      execution_time_ms: ms,
      bytes,
      counts: {},
      summary: {},
      parts: [part(0), ...Array.from({ length: count - 1 }, (_, i) => part(i + 1))],
      range: { start, end },
      quotes: { start: 'outside', end: 'outside' },
    };
  }
}
