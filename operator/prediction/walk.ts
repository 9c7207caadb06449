// One look over all chunks of a plan, front to back, knowing up to which chunk everything is believed: what came of each, what may run, and the
// first thing that must be mended. Used by chain.ts, which mends and looks again.
import type { PredictionDone, PredictionFailed, Quotes } from '../../cloud/contract/contract.generated.ts';
import type { Failure, Outcome, State } from './chain.ts';
import type { Measured } from './cut.ts';
import type { Invoked } from './invoker.ts';
import { halved, joined, reread, rerun, widened } from './mending.ts';
import { Inconsistency } from './merged.ts';
import { LEAST_PART_BYTES } from './numbers.ts';
import { chunkName, type Chunk, type Plan } from './plan.ts';

export const MOST_RETRIES = 5;
const FIRST_RETRY_MS = 1_000;

/** The job fails by it. */
export class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Trying the same again may help. Room for parts and rows are matters of their own. */
export const isRetryable = ({ retryable, error_type: type }: PredictionFailed): boolean =>
  retryable === true && type !== 'OutOfParts' && type !== 'InvalidData';

interface At {
  readonly chunk: Chunk;
  readonly index: number;
  readonly name: string;
}

export class Walk {
  /** Of the chunks from the front that are believed, in order. */
  readonly answers: PredictionDone[] = [];
  /** What may be run now, in order. */
  readonly runnable: Chunk[] = [];
  running = 0;
  /** When the first chunk that rests may be run, in ms. */
  again: number | undefined;
  /** A chunk failed in a way that is not believed yet: nothing behind it is begun. */
  held = false;
  /** The plan with the first thing mended that must be. */
  readonly mended: Plan | undefined;
  /** How the next chunk's first byte is to be read; undefined behind the first chunk that isn't believed. */
  #expected: Quotes | undefined = 'outside';
  #rows = 0;
  readonly #state: State;
  readonly #growth: number;
  /** The last chunk that put anything out. */
  readonly #last: number;

  /** Throws Refusal or Inconsistency when the job fails by what came of a chunk. */
  constructor(state: State, measured: Measured | undefined) {
    this.#state = state;
    const { plan } = state;
    this.#growth = Math.max(plan.growth, measured?.growth ?? 0);
    const steps = plan.chunks.map((chunk, index): At => ({ chunk, index, name: chunkName(chunk) }));
    this.#last = steps.findLastIndex(({ name }) => this.#answered(name));
    for (const at of steps) {
      this.mended = this.#step(at);
      if (this.mended) return;
    }
  }

  #answered(name: string): boolean {
    const invoked = this.#state.outcomes.get(name)?.invoked;
    return invoked?.is === 'done' && invoked.answer.bytes > 0;
  }

  /** Takes one chunk into account; returns the plan with it mended, if it must be. */
  #step(at: At): Plan | undefined {
    const { plan, outcomes, running, overwritten, terms } = this.#state;
    if (running.has(at.name)) {
      this.running += 1;
      return this.#unbelieved();
    }
    const outcome = outcomes.get(at.name);
    switch (outcome?.invoked.is) {
      case undefined:
      case 'throttled':
        return this.#run(at.chunk);
      case 'lost':
        return this.#retry(at, outcome, outcome.invoked.message);
      case 'exhausted':
        return this.#exhausted(at, outcome.invoked);
      case 'failed': {
        const { answer } = outcome.invoked;
        if (isRetryable(answer)) return this.#retry(at, outcome, answer.error);
        if (answer.error_type === 'InvalidData') return this.#badData(at, outcome.invoked);
        if (answer.error_type !== 'OutOfParts') throw this.#refusal('Refused', at, answer.error, outcome.invoked);
        const room = widened(plan, at.index, terms.mostParts);
        if (room) return room;
        throw this.#refusal('OutOfParts', at, TOO_LARGE, outcome.invoked);
      }
      case 'done':
        return overwritten?.has(at.name) ? rerun(plan, at.index) : this.#done(at, outcome.invoked.answer);
    }
  }

  #run(chunk: Chunk): undefined {
    if (!this.held) this.runnable.push(chunk);
    return this.#unbelieved();
  }

  #unbelieved(): undefined {
    this.#expected = undefined;
  }

  /** Waits for what is before: nothing behind it is begun. */
  #hold(): undefined {
    this.held = true;
    return this.#unbelieved();
  }

  #retry(at: At, { failures, at: ended, invoked }: Outcome, message: string): undefined {
    if (failures > MOST_RETRIES)
      throw this.#refusal('GaveUp', at, `${message} It was tried ${failures} times.`, invoked);
    const rest = ended + FIRST_RETRY_MS * 2 ** (failures - 1);
    if (rest <= this.#state.now) return this.#run(at.chunk);
    this.again = Math.min(this.again ?? Infinity, rest);
    return this.#unbelieved();
  }

  #exhausted(at: At, invoked: Extract<Invoked, { is: 'exhausted' }>): Plan | undefined {
    const { plan, terms } = this.#state;
    const quotes = at.chunk.quotes ?? this.#expected;
    const halves = halved(plan, at.index, quotes, this.#growth, terms.mostParts);
    if (halves) return halves;
    // Read wrongly, a record has no end.
    if (at.chunk.quotes === undefined && plan.chunks.length > 1)
      return quotes ? reread(plan, at.index, quotes) : this.#hold();
    throw this.#refusal('Exhausted', at, `${invoked.message} ${plan.splittable ? SMALLEST : UNSPLITTABLE}`, invoked);
  }

  #badData(at: At, invoked: Extract<Invoked, { is: 'failed' }>): Plan | undefined {
    const { error, row, problem, quotes } = invoked.answer;
    if (row === undefined && quotes === undefined) throw this.#refusal('Refused', at, error, invoked);
    if (this.#expected === undefined) return this.#hold();
    if ((quotes?.start ?? this.#expected) !== this.#expected) return this.#reread(at);
    if (row === undefined) throw this.#refusal('Refused', at, error, invoked);
    const number = this.#rows + row;
    const message = problem === undefined ? error : `Row ${number} ${problem}.`;
    throw new Refusal({ ...this.#refusal('BadRow', at, message, invoked).failure, row: number });
  }

  #done(at: At, answer: PredictionDone): Plan | undefined {
    const { plan } = this.#state;
    if (this.#expected === undefined) return undefined;
    const alone = plan.chunks.length === 1 && at.chunk.end === plan.bytes;
    const { start, end } = answer.quotes ?? (alone ? OUTSIDE : {});
    if (start === undefined || end === undefined)
      throw new Inconsistency(at.chunk, 'an answer does not say how it read quotes');
    if (start !== this.#expected) return this.#reread(at);
    if (answer.bytes > 0 && answer.bytes < LEAST_PART_BYTES && at.index < this.#last) return this.#joined(at);
    this.#believe(answer, end);
    return undefined;
  }

  #believe(answer: PredictionDone, end: Quotes): void {
    this.answers.push(answer);
    this.#rows += answer.num_predictions;
    this.#expected = end;
  }

  #reread(at: At): Plan {
    const { chunk, index } = at;
    if (chunk.quotes !== undefined && chunk.quotes === this.#expected)
      throw new Inconsistency(chunk, `it was to read its first byte as ${chunk.quotes} and did not`);
    return reread(this.#state.plan, index, this.#expected ?? 'outside');
  }

  /** With what is before it, back to the nearest that put something out; the first chunk with the second. */
  #joined({ index }: At): Plan {
    const { plan, terms } = this.#state;
    const before = Math.max(
      0,
      this.answers.findLastIndex(({ bytes }) => bytes > 0),
    );
    const quotes = this.answers[before]?.quotes?.start ?? 'outside';
    return joined(plan, before, Math.max(index, 1), quotes, this.#growth, terms.mostParts);
  }

  #refusal(why: Failure['why'], { name }: At, message: string, invoked: Invoked): Refusal {
    return new Refusal({ why, message, chunk: name, invoked });
  }
}

const OUTSIDE = { start: 'outside', end: 'outside' } as const;
const TOO_LARGE = 'The result is larger than one upload to S3 takes. Split the table into several files.';
const SMALLEST =
  'Even the smallest piece of the table is too much for one invocation. Use a simpler model, or give the function more memory and time.';
const UNSPLITTABLE =
  'Such a table is read by one invocation from front to end. Upload it as a CSV that is not compressed: that can be split.';
