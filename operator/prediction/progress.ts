// How far a job is, for its status: from the plan and what came of its chunks.
import { measure, type State } from './chain.ts';
import { chunkName } from './plan.ts';

export interface Progress {
  /** Chunks as far as the table is cut; `redone`: run again after a failure or replaced. */
  readonly chunks: { readonly total: number; readonly running: number; readonly done: number; readonly redone: number };
  readonly rows: number;
  readonly badRows: number;
  /** Share of the table's bytes that is done. */
  readonly percent: number;
  /** At the speed so far; absent before the first answer. */
  readonly etaSeconds?: number;
}

export function progressOf(state: Pick<State, 'plan' | 'terms' | 'outcomes' | 'running'>): Progress {
  const { plan, terms, outcomes, running } = state;
  let [done, bytes, rows, badRows, flying, failures] = [0, 0, 0, 0, 0, 0];
  for (const chunk of plan.chunks) {
    const name = chunkName(chunk);
    const outcome = outcomes.get(name);
    failures += outcome?.failures ?? 0;
    if (running.has(name)) flying += 1;
    else if (outcome?.invoked.is === 'done') {
      done += 1;
      bytes += chunk.end - chunk.start;
      rows += outcome.invoked.answer.num_predictions;
      badRows += outcome.invoked.answer.bad_rows ?? 0;
    }
  }
  const measured = measure(state, plan);
  const speed = (measured?.bytesPerSecond ?? 0) * Math.max(1, Math.min(terms.parallel, flying));
  return {
    chunks: { total: plan.chunks.length, running: flying, done, redone: plan.edition + failures },
    rows,
    badRows,
    percent: plan.bytes === 0 ? 100 : Math.floor((1000 * bytes) / plan.bytes) / 10,
    ...(measured ? { etaSeconds: Math.ceil((plan.bytes - bytes) / speed) } : {}),
  };
}
