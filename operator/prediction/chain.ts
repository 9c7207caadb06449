// What to do next about a table, pure: decide(state) from the plan and what came of its chunks. The reconciler stores the plan if it is
// another than before, runs what `run` says (as many as pace.ts allows, in order), and asks again after each outcome.
//
// Chunks are believed front to back: an answer holds if it read its first byte (outside or inside quotes) as the chunk before says it
// is. Until then it counts for nothing, neither a result nor a bad row. A chunk that read it wrongly is run again and told so. Mending of a
// single chunk (halved, more room, joined) is in mending.ts; the end, and whether it adds up, in merged.ts.
//
// The same state gives the same decision, so a new leader with the stored plan and the answers in the bucket goes on where the last one was;
// what it doesn't know (failures so far, what is in flight) only costs an invocation more.
import { type Measured, cutMore } from './cut.ts';
import type { Invoked } from './invoker.ts';
import { Inconsistency, merged, type Merged } from './merged.ts';
import { chunkName, type Chunk, type Plan, type Terms } from './plan.ts';
import { isRetryable, Refusal, Walk } from './walk.ts';

/** What came of a chunk's latest invocation. Make it with `outcomeAfter`. */
export interface Outcome {
  readonly invoked: Invoked;
  /** Invocations so far that were lost or failed in a way that trying again may mend. */
  readonly failures: number;
  /** When it was known, in ms. */
  readonly at: number;
}

export interface State {
  readonly plan: Plan;
  readonly terms: Terms;
  /** By chunkName; those of names that the plan no longer has are not looked at. Answers in the bucket and what came since. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** chunkNames in flight. */
  readonly running: ReadonlySet<string>;
  /** chunkNames whose parts in S3 are no longer those of their answer (`overwritten` in merged.ts). */
  readonly overwritten?: ReadonlySet<string>;
  readonly now: number;
}

export interface Failure {
  readonly why: 'BadRow' | 'Refused' | 'Exhausted' | 'OutOfParts' | 'GaveUp' | 'Inconsistent';
  /** For the analyst: what is wrong and what to do. */
  readonly message: string;
  /** chunkName. */
  readonly chunk: string;
  /** BadRow: counted over the whole table. */
  readonly row?: number;
  /** What came of it, where something did: for its reason and its cost. */
  readonly invoked?: Invoked;
}

export type Decision =
  /**
   * Store `plan` if it is not the same object as the state's, before anything of it is run. Begin `run`, in order, as many of them as
   * there is room for; forget what is in flight under names that the plan no longer has. `again`: when, in ms, a chunk that rests may be run.
   */
  | { readonly is: 'going'; readonly plan: Plan; readonly run: readonly Chunk[]; readonly again?: number }
  /** All is there and adds up: compare with the parts in S3 (`overwritten`), then complete the upload. The plan is as stored. */
  | { readonly is: 'done'; readonly merged: Merged }
  | { readonly is: 'failed'; readonly failure: Failure };

/** More replacements than a sound handler can cause: rather fail than pay for ever. */
const MOST_EDITIONS_PER_CHUNK = 8;
const MOST_EDITIONS = 200;

export function decide(state: State): Decision {
  try {
    return decided(state);
  } catch (error) {
    if (error instanceof Refusal) return { is: 'failed', failure: error.failure };
    if (!(error instanceof Inconsistency)) throw error;
    const message = `The pieces of the result do not fit together (${error.message}). This is a fault of the program, not of the data: nothing was stored. Create the job again, and report it.`;
    return { is: 'failed', failure: { why: 'Inconsistent', message, chunk: error.chunk } };
  }
}

/** Mends and cuts the plan until nothing is left to change, then says what to run. */
function decided(state: State): Decision {
  let { plan } = state;
  for (;;) {
    const measured = measure(state, plan);
    const walk = new Walk({ ...state, plan }, measured);
    const next = walk.mended ?? more(walk, state.terms, plan, measured);
    if (!next) return settled(walk, state, plan);
    if (next.edition > MOST_EDITIONS + MOST_EDITIONS_PER_CHUNK * next.chunks.length)
      throw new Inconsistency(next.chunks[0]!, `${next.edition} replacements did not help`);
    plan = next;
  }
}

function settled(walk: Walk, { terms }: State, plan: Plan): Decision {
  if (walk.answers.length === plan.chunks.length) return { is: 'done', merged: merged(plan, walk.answers) };
  const run = walk.runnable.slice(0, Math.max(0, terms.parallel - walk.running));
  return { is: 'going', plan, run, ...(walk.again === undefined ? {} : { again: walk.again }) };
}

/** The next wave, when the speed is known and there is a place that nothing waits for. */
function more(walk: Walk, terms: Terms, plan: Plan, measured: Measured | undefined): Plan | undefined {
  const free = terms.parallel - walk.running - walk.runnable.length;
  if (!measured || walk.held || free <= 0) return undefined;
  const longer = cutMore(plan, terms, measured);
  return longer === plan ? undefined : longer;
}

/** From the answers of the chunks in the plan; undefined while there are none. */
export function measure({ outcomes }: Pick<State, 'outcomes'>, plan: Plan): Measured | undefined {
  let [read, put, ms] = [0, 0, 0];
  for (const chunk of plan.chunks) {
    const invoked = outcomes.get(chunkName(chunk))?.invoked;
    if (invoked?.is !== 'done') continue;
    read += chunk.end - chunk.start;
    put += invoked.answer.bytes;
    ms += Math.max(1, invoked.answer.execution_time_ms);
  }
  return read === 0 ? undefined : { bytesPerSecond: (read * 1000) / ms, growth: put / read };
}

/** What is kept of a chunk when an invocation of it ends: an answer that holds is not undone by a later one. */
export function outcomeAfter(before: Outcome | undefined, invoked: Invoked, at: number): Outcome {
  if (before?.invoked.is === 'done') return before;
  const again = invoked.is === 'lost' || (invoked.is === 'failed' && isRetryable(invoked.answer));
  return { invoked, failures: (before?.failures ?? 0) + (again ? 1 : 0), at };
}
