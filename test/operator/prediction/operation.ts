// A job as the reconciler leads it, with everything that can go wrong drawn by lot: answers in any order, invocations throttled, lost before or after
// they did their work, told to be lost and yet writing later, doubled, exhausted; the operator killed, with only the stored plan and the answers
// in the bucket left.
import { decide, outcomeAfter, type Decision, type Outcome } from '../../../operator/prediction/chain.ts';
import type { Invoked } from '../../../operator/prediction/invoker.ts';
import { overwritten } from '../../../operator/prediction/merged.ts';
import { chunkName, draft, planOf, type Chunk, type Plan, type Terms } from '../../../operator/prediction/plan.ts';
import { ADDED_BYTES, handle, type MadeTable, recordsOf, type Upload } from './table.ts';

export interface Faults {
  /** Chances, 0 to 1. */
  readonly wrong: number;
  readonly lost: number;
  readonly ghost: number;
  readonly throttled: number;
  readonly killed: number;
  /** A chunk of more bytes is exhausted. */
  readonly capacity: number;
}

export interface Ended {
  readonly decision: Exclude<Decision, { is: 'going' }>;
  /** Records in the completed upload, in order. */
  readonly records?: number[];
  readonly plan: Plan;
  readonly invocations: number;
  /** Most chunks in flight at once. */
  readonly most: number;
}

const BILLED = { usd: 0, seconds: 0, memoryMib: 0 };
const MOST_STEPS = 50_000;
/** So that a chunk is not given up. */
const MOST_LOSSES = 4;

export class Operation {
  readonly #table: MadeTable;
  readonly #terms: Terms;
  readonly #faults: Faults;
  readonly #random: () => number;
  readonly #speed: number;
  readonly #upload: Upload = new Map();
  readonly #losses = new Map<string, number>();
  #plan: Plan;
  #outcomes = new Map<string, Outcome>();
  #flying: Chunk[] = [];
  /** Invocations that nobody waits for and that still write. */
  #ghosts: Chunk[] = [];
  #overwritten = new Set<string>();
  #now = 0;
  #invocations = 0;
  #most = 0;

  constructor(table: MadeTable, terms: Terms, faults: Faults, growth: number, random: () => number) {
    this.#table = table;
    this.#terms = terms;
    this.#faults = faults;
    this.#random = random;
    this.#speed = 10 ** (5.5 + 2 * random());
    const { bytes } = table;
    const rowBytes = Math.max(1, bytes / Math.max(1, table.records.length));
    const facts = { bytes, etag: '"e"', rowBytes, addedBytes: ADDED_BYTES * growth, packed: false, splittable: true };
    const plan = draft(facts, terms);
    this.#plan = planOf(plan, plan.partBytes === undefined ? undefined : 'upload');
  }

  get isSplit(): boolean {
    return this.#plan.upload !== undefined;
  }

  run(): Ended {
    for (let step = 0; step < MOST_STEPS; step++) {
      if (this.#chance(this.#faults.killed)) this.#killed();
      if (this.#ghosts.length > 0 && this.#chance(0.3)) this.#haunt();
      const decision = decide(this.#state());
      if (decision.is === 'failed') return this.#ended(decision);
      if (decision.is === 'done') {
        const { merged } = decision;
        this.#overwritten = overwritten(this.#plan, merged.answers, [...this.#upload.values()]);
        if (this.#overwritten.size === 0)
          return { ...this.#ended(decision), records: recordsOf(merged.parts ?? [], this.#upload) };
        continue;
      }
      this.#plan = decision.plan;
      const names = new Set(this.#plan.chunks.map(chunkName));
      this.#ghosts.push(...this.#flying.filter((chunk) => !names.has(chunkName(chunk))));
      this.#flying = this.#flying.filter((chunk) => names.has(chunkName(chunk)));
      const room = Math.ceil(this.#random() * decision.run.length);
      this.#flying.push(...decision.run.slice(0, room));
      this.#invocations += room;
      this.#most = Math.max(this.#most, this.#flying.length);
      this.#now += 100;
      if (this.#flying.length > 0) this.#finish();
      else if (decision.again !== undefined) this.#now = Math.max(this.#now, decision.again);
    }
    throw new Error('it never ends');
  }

  #state() {
    const running = new Set(this.#flying.map(chunkName));
    const [plan, terms, outcomes, now] = [this.#plan, this.#terms, this.#outcomes, this.#now];
    return { plan, terms, outcomes, running, overwritten: this.#overwritten, now };
  }

  #ended(decision: Ended['decision']): Ended {
    return { decision, plan: this.#plan, invocations: this.#invocations, most: this.#most };
  }

  #chance(chance: number): boolean {
    return this.#random() < chance;
  }

  #finish(): void {
    const [chunk] = this.#flying.splice(Math.floor(this.#random() * this.#flying.length), 1) as [Chunk];
    const name = chunkName(chunk);
    this.#outcomes.set(name, outcomeAfter(this.#outcomes.get(name), this.#invoked(chunk, name), this.#now));
  }

  #invoked(chunk: Chunk, name: string): Invoked {
    const { throttled, lost, ghost, capacity } = this.#faults;
    if (this.#chance(throttled)) return { is: 'throttled', message: 'Rate exceeded.', billed: BILLED };
    if (chunk.end - chunk.start > capacity && !chunk.joined)
      return { is: 'exhausted', what: 'time', message: 'It took too long.', billed: BILLED };
    const losses = this.#losses.get(name) ?? 0;
    if (losses < MOST_LOSSES && this.#chance(lost)) {
      this.#losses.set(name, losses + 1);
      if (this.#chance(0.5)) this.#ghosts.push(chunk);
      return { is: 'lost', message: 'No answer came.', billed: BILLED };
    }
    if (this.#chance(ghost)) this.#ghosts.push(chunk);
    const answer = this.#handled(chunk);
    return answer.success ? { is: 'done', answer, billed: BILLED } : { is: 'failed', answer, billed: BILLED };
  }

  #handled(chunk: Chunk) {
    const reading = {
      guess: this.#chance(this.#faults.wrong) ? ('wrong' as const) : ('right' as const),
      looks: this.#chance(0.5) ? ('bad' as const) : ('fine' as const),
      shift: Math.floor(this.#random() * 3),
    };
    return handle(this.#table, this.#plan, chunk, this.#upload, reading, this.#speed);
  }

  #haunt(): void {
    const [ghost] = this.#ghosts.splice(Math.floor(this.#random() * this.#ghosts.length), 1) as [Chunk];
    this.#handled(ghost);
  }

  /** What was in flight goes on unseen; failures are forgotten, answers and the stored plan are not. */
  #killed(): void {
    this.#ghosts.push(...this.#flying);
    this.#flying = [];
    this.#overwritten = new Set();
    this.#outcomes = new Map([...this.#outcomes].filter(([, { invoked }]) => invoked.is === 'done'));
  }
}
