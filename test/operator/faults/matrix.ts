// Draws the kill matrix: one row a scenario, one column a side; then every cell that failed, in words.
import { SIDES, type Side } from '../doom.ts';
import { table, verdict } from '../simulation/table.ts';

/** A kind of story: how it is played without a doom, and with one at a call (1 for the first). */
export interface Played<S, O> {
  readonly undoomed: (scenario: S) => Promise<O>;
  readonly doomed: (scenario: S, at: number, side: Side, right: O) => Promise<O>;
}

/** What every story tells. */
interface Told {
  /** Calls of the first operator that changed the world. */
  readonly calls: readonly string[];
  readonly violations: readonly string[];
}

export interface Matrix {
  readonly text: string;
  readonly runs: number;
  /** `scenario: killed before call 7 (put …): what went wrong`. */
  readonly failures: readonly string[];
}

const WORDS: Record<Side, string> = {
  before: 'killed before',
  after: 'killed after',
  moved: 'cut off in',
  paused: 'paused in',
};

/** `wanted` chooses among the calls of a scenario, numbered from 1. */
export async function matrixOf<S extends { readonly name: string }, O extends Told>(
  scenarios: readonly S[],
  { undoomed, doomed }: Played<S, O>,
  wanted: (scenario: number, side: number, call: number) => boolean,
  say: (line: string) => void = () => {},
): Promise<Matrix> {
  const rows: string[][] = [];
  const failures: string[] = [];
  let runs = 0;
  for (const [number, scenario] of scenarios.entries()) {
    const right = await undoomed(scenario);
    for (const what of right.violations) failures.push(`${scenario.name}: without a doom: ${what}`);
    const row = [scenario.name, String(right.calls.length)];
    for (const [column, side] of SIDES.entries()) {
      const calls = right.calls.map((_, at) => at + 1).filter((call) => wanted(number, column, call));
      let failed = 0;
      for (const call of calls) {
        const { violations } = await doomed(scenario, call, side, right);
        runs += 1;
        if (violations.length > 0) failed += 1;
        const where = `${scenario.name}: ${WORDS[side]} call ${call} (${right.calls[call - 1]})`;
        for (const what of violations) failures.push(`${where}: ${what}`);
      }
      row.push(verdict(failed, calls.length));
    }
    rows.push(row);
    say(row.join('  '));
  }
  const head = ['what happens to the job', 'calls', ...SIDES.map((side) => WORDS[side])];
  return { text: table(head, rows), runs, failures };
}
