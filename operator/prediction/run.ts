// The chunks of one job at work, beside the reconcilers: asks chain.ts what to do after everything that happens, stores the plan, begins
// invocations within what pace and budget allow, records what came of them. The reconciler reads `picture` for the status, and `ended`.
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { type Begun, begin, type Found, termsOf } from './beginning.ts';
import { affordable, spentUp } from './budget.ts';
import { decide, type Outcome, outcomeAfter } from './chain.ts';
import { eventOf } from './event.ts';
import type { Invoked, Invoker } from './invoker.ts';
import { type Folder, folderOf, jobKey } from './job.ts';
import type { Merged } from './merged.ts';
import type { Model } from './model.ts';
import { chunkName, type Chunk, type Plan, type Terms } from './plan.ts';
import type { PredictionOptions } from './options.ts';
import type { Pace } from './pace.ts';
import { type Progress, progressOf } from './progress.ts';
import {
  type ChunkRecord,
  NOTHING,
  patiently,
  spentMore,
  type Spent,
  spentTogether,
  storePlan,
  writeRecord,
} from './records.ts';
import { reasonOf, type Refusal, Refused } from './refusals.ts';
import { Alarm, Telling } from './telling.ts';
import { howOf, troubleOf } from './trouble.ts';

export type Ended =
  | { readonly is: 'done'; readonly plan: Plan; readonly model: Model; readonly merged: Merged }
  | ({ readonly is: 'failed' } & Refusal);

interface Flight {
  readonly abort: AbortController;
  readonly token: number;
  readonly since: number;
}

export interface RunOptions {
  readonly job: PredictionJob;
  readonly invoker: Invoker;
  readonly pace: Pace;
  /** US dollars the job may spend. */
  readonly limitUsd: number;
  readonly options: PredictionOptions;
  /** What admission has just found; absent: an earlier leader may have begun. */
  readonly found: Found | undefined;
  /** Other runs may have room now. */
  readonly onRoom: () => void;
}

export class Run {
  ended: Ended | undefined;
  /** Nobody's outcome: S3 away, a plan that another leader wrote … Dropped and begun again. */
  error: Error | undefined;
  readonly #given: RunOptions;
  readonly #key: string;
  readonly #folder: Folder;
  #job: PredictionJob;
  #begun: Begun | undefined;
  readonly #flights = new Map<string, Flight>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #spent = new Map<string, Spent>();
  #overwritten: ReadonlySet<string> = new Set();
  #gaveUp = false;
  #stepping = false;
  #again = false;
  #stopped = false;
  #held = false;
  readonly #alarm: Alarm;
  readonly #telling: Telling;

  constructor(given: RunOptions) {
    this.#given = given;
    this.#job = given.job;
    this.#key = jobKey(given.job);
    this.#folder = folderOf(given.options.places, given.job);
    const { clock, enqueue } = given.options;
    this.#alarm = new Alarm(clock, () => this.wake());
    this.#telling = new Telling(clock, () => enqueue(this.#key));
    this.wake();
  }

  /** The newest version of the job: maxParallel may change. Held: what is in flight ends, nothing more is begun. */
  update(job: PredictionJob, held = false): void {
    this.#job = job;
    if (held === this.#held) return;
    this.#held = held;
    if (!held) this.wake();
  }

  /** Undefined until it has begun. */
  get progress(): Progress | undefined {
    const { plan } = this.#begun ?? {};
    return plan && progressOf({ plan, terms: this.#terms(), outcomes: this.#outcomes, running: this.#running });
  }
  get spent(): Spent {
    return spentTogether(this.#spent.values());
  }
  get inFlight(): number {
    return this.#flights.size;
  }
  /** Something may still be running that nobody waits for. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }
  get trouble(): string | undefined {
    return this.#begun && troubleOf(this.#begun.plan, this.#outcomes);
  }
  get #running(): ReadonlySet<string> {
    return new Set(this.#flights.keys());
  }

  /** Nothing happens afterwards. What is in flight is left to whoever comes next, who may find its answers. */
  stop(): void {
    this.#stopped = true;
    this.#telling.stop();
    for (const [name, flight] of this.#flights) this.#abort(name, flight);
    this.#unclaim();
  }

  /** Nobody will ask for what is in flight: it is counted as paid for so far. */
  abandon(): void {
    this.#giveUpAll();
    this.stop();
  }

  /** Parts of these chunks were written over: they are to be run again. */
  redo(chunks: ReadonlySet<string>): void {
    this.#overwritten = chunks;
    this.ended = undefined;
    this.wake();
  }

  /** Something happened, here or elsewhere: decides anew. */
  wake(): void {
    this.#again = true;
    if (this.#stepping || this.#isOver) return;
    this.#stepping = true;
    void this.#steps();
  }

  get #isOver(): boolean {
    return this.#stopped || this.ended !== undefined || this.error !== undefined;
  }

  async #steps(): Promise<void> {
    try {
      while (this.#again && !this.#isOver) {
        this.#again = false;
        await this.#step();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#stepping = false;
      if (this.#isOver) this.#over();
      else this.#telling.soon();
    }
  }

  #failed(error: unknown): void {
    if (error instanceof Refused) this.#end(error);
    else this.error ??= error instanceof Error ? error : new Error(String(error));
    this.#over();
  }

  #over(): void {
    if (!this.#stopped) this.#telling.now();
  }

  async #step(): Promise<void> {
    const { clock } = this.#given.options;
    const { plan, model } = (this.#begun ??= await this.#begin());
    if (this.#stopped) return;
    const [outcomes, running, overwritten, now] = [this.#outcomes, this.#running, this.#overwritten, clock.now()];
    const decision = decide({ plan, terms: this.#terms(), outcomes, running, overwritten, now });
    switch (decision.is) {
      case 'done':
        this.ended = { is: 'done', plan, model, merged: decision.merged };
        return this.#unclaim();
      case 'failed':
        return this.#end({ reason: reasonOf(decision.failure), message: decision.failure.message });
      case 'going':
        await this.#adopt(decision.plan);
        this.#launch(decision.run);
        if (decision.again !== undefined) this.#alarm.at(decision.again);
    }
  }

  async #begin(): Promise<Begun> {
    const { options, found } = this.#given;
    const begun = await begin(this.#job, this.#terms(), found, options);
    for (const [name, { outcome, spent }] of begun.records) {
      this.#outcomes.set(name, outcome);
      this.#spent.set(name, spent);
    }
    // What an earlier leader gave up is in no record.
    const unrecorded = (this.#job.status?.cost?.actualUsd ?? 0) - this.spent.usd;
    if (unrecorded > 0) this.#spent.set('', { ...NOTHING, usd: unrecorded, estimated: true });
    return begun;
  }

  #terms(): Terms {
    return termsOf(this.#job, this.#given.invoker, this.#given.options.splitRows);
  }

  /** Stores another plan before anything of it is run; under a lock, for an earlier leader may still be alive. */
  async #adopt(plan: Plan): Promise<void> {
    const begun = this.#begun;
    if (!begun || plan === begun.plan) return;
    const { bucket, clock } = this.#given.options;
    const etag = await patiently(clock, () => storePlan(bucket, this.#folder, plan, begun.etag));
    this.#begun = { ...begun, plan, etag };
    this.#overwritten = new Set();
    const names = new Set(plan.chunks.map(chunkName));
    for (const name of this.#running) if (!names.has(name)) this.#giveUp(name);
  }

  #launch(chunks: readonly Chunk[]): void {
    if (this.#stopped || this.#held) return;
    const { pace, invoker, limitUsd, options } = this.#given;
    const now = options.clock.now();
    const money = { limitUsd, spentUsd: this.spent.usd, worstUsd: invoker.costUsd(invoker.timeoutSeconds) };
    const most = affordable(money);
    if (chunks.length > 0 && most === 0 && this.inFlight === 0)
      return this.#end(spentUp(money, this.progress?.percent ?? 0));
    const want = Math.max(0, Math.min(chunks.length, most - this.inFlight));
    const room = pace.ask(this.#key, want, this.#job.spec.maxParallel, now);
    for (const chunk of chunks.slice(0, room)) this.#fly(chunk);
    const paused = want > 0 ? pace.pausedUntil(now) : undefined;
    if (paused !== undefined) this.#alarm.at(paused);
  }

  #end({ reason, message }: Refusal): void {
    this.ended = { is: 'failed', reason, message };
    this.#giveUpAll();
    this.#unclaim();
  }

  /** Nothing more is to be begun: leaves its share to others. */
  #unclaim(): void {
    this.#alarm.stop();
    const { pace, options } = this.#given;
    pace.ask(this.#key, 0, 0, options.clock.now());
  }

  /** Begins an invocation. */
  #fly(chunk: Chunk): void {
    const { pace, options } = this.#given;
    const name = chunkName(chunk);
    const since = options.clock.now();
    const flight: Flight = { abort: new AbortController(), token: pace.began(this.#key), since };
    this.#flights.set(name, flight);
    this.#invoke(chunk, name, flight)
      .then((invoked) => this.#landed(name, flight, invoked))
      .catch((error: unknown) => {
        if (this.#flights.get(name) === flight) this.#failed(error);
      });
  }

  async #invoke(chunk: Chunk, name: string, { abort }: Flight): Promise<Invoked> {
    const { invoker, options } = this.#given;
    const { plan, model, resumed } = this.#begun as Begun;
    const job = this.#job;
    const event = await eventOf({ ...options, job, model, plan, chunk, seconds: invoker.urlSeconds });
    const again = resumed || this.#outcomes.has(name);
    return invoker.invoke({ job, event, name, answerKey: this.#folder.answer(name), again }, abort.signal);
  }

  /** Puts what came of it into the bucket, then acts on it. */
  async #landed(name: string, flight: Flight, invoked: Invoked): Promise<void> {
    if (this.#flights.get(name) !== flight) return;
    const { options, pace, onRoom } = this.#given;
    const now = options.clock.now();
    if (invoked.is === 'lost') this.#gaveUp = true;
    pace.ended(this.#key, flight.token, howOf(invoked), now);
    options.metrics.chunk(invoked.is, (now - flight.since) / 1000);
    const outcome = outcomeAfter(this.#outcomes.get(name), invoked, now);
    const spent = spentMore(this.#spent.get(name) ?? NOTHING, invoked.billed);
    const record: ChunkRecord = { version: 1, outcome, spent };
    const kept = invoked.is === 'throttled' ? record : await writeRecord(options.bucket, this.#folder, name, record);
    if (this.#flights.get(name) !== flight) return;
    this.#flights.delete(name);
    this.#outcomes.set(name, kept.outcome);
    this.#spent.set(name, spent);
    this.wake();
    onRoom();
  }

  #giveUpAll(): void {
    for (const name of this.#running) this.#giveUp(name);
  }

  /** What still runs can't be called back: it is paid for, by its time so far. */
  #giveUp(name: string): void {
    const flight = this.#flights.get(name);
    if (!flight) return;
    const { invoker, options } = this.#given;
    this.#abort(name, flight);
    const seconds = Math.min((options.clock.now() - flight.since) / 1000, invoker.timeoutSeconds);
    options.metrics.chunk('abandoned', seconds);
    const billed = { usd: invoker.costUsd(seconds), seconds, memoryMib: 0, estimated: true as const };
    this.#spent.set(name, spentMore(this.#spent.get(name) ?? NOTHING, billed));
  }

  #abort(name: string, { abort, token }: Flight): void {
    this.#flights.delete(name);
    this.#gaveUp = true;
    abort.abort();
    this.#given.pace.ended(this.#key, token, 'other', this.#given.options.clock.now());
  }
}
