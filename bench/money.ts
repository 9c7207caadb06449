// `npm run bench -- money [bill|predictions|overshoot|admissions|ledger] [--rounds N]`: what the meter says beside an independent bill
// (money/bill.ts), whether a month's limit holds when a thousand jobs come at once, how fast admissions are judged, and the ledger. Each row
// that has a limit names it as its peer. N × 1,000 runs are replayed in each market; SPOTLEARN_BENCH_PRICES names a folder of recorded Spot
// prices, to replay them as well.
import type { Benchmark, BenchmarkOptions, Measurement } from './measurement.ts';
import { admissions } from './money/admissions.ts';
import { type Compared, groupsOf, largestOf, replay, rowsOf } from './money/comparison.ts';
import { generated, recorded } from './money/histories.ts';
import { lambda } from './money/lambda.ts';
import { appendP95, millionSummary } from './money/ledger.ts';
import { overshoot } from './money/overshoot.ts';
import { misses } from './target.ts';

const RUNS_A_ROUND = 1_000;
const SEED = 1;

/** Sizes of what is measured. */
export interface Scale {
  /** Replayed in each market. */
  readonly runs: number;
  readonly lines: number;
  readonly jobs: number;
  readonly decisions: number;
  readonly rounds: number;
  readonly appends: number;
  readonly entries: number;
  /** Folder of recorded prices. */
  readonly prices: string | undefined;
}

type Section = (scale: Scale, say: (text: string) => void) => Promise<Measurement[]>;

const SECTIONS: Readonly<Record<string, Section>> = {
  bill: async ({ runs, prices }, say) => {
    const rows: Measurement[] = [];
    const all: Compared[] = [];
    for (const group of groupsOf(generated(SEED), prices ? recorded(prices) : [])) {
      say(group.name);
      const compared = await replay(group, runs, SEED);
      rows.push(...rowsOf(group, compared));
      all.push(...compared);
    }
    return [...rows, largestOf(all)];
  },
  predictions: async ({ lines }) => lambda(lines, SEED),
  overshoot: ({ jobs }, say) => overshoot(jobs, say),
  admissions: ({ decisions, jobs, rounds }) => admissions({ rounds, decisions, creations: jobs }),
  ledger: async ({ appends, entries, rounds }, say) => [
    ...(await appendP95({ appends, packed: 50 * appends })),
    ...(await millionSummary({ entries, rounds, say })),
  ],
};

export const benchmark: Benchmark = {
  description: 'the meter beside an independent bill, a month’s limit under 1,000 creations, the ledger',
  run: (options) => measure(scaleOf(options), options.more ?? [], options.say),
};

const scaleOf = ({ rounds }: BenchmarkOptions): Scale => ({
  runs: rounds * RUNS_A_ROUND,
  lines: rounds * RUNS_A_ROUND,
  jobs: 1_000,
  decisions: 1_000,
  rounds,
  appends: 1_000,
  entries: 1_000_000,
  prices: process.env.SPOTLEARN_BENCH_PRICES,
});

export async function measure(
  scale: Scale,
  wanted: readonly string[],
  say: (text: string) => void,
): Promise<Measurement[]> {
  const unknown = wanted.find((name) => !(name in SECTIONS));
  if (unknown !== undefined)
    throw new Error(`there is no part “${unknown}”; there are ${Object.keys(SECTIONS).join(', ')}`);
  const measured: Measurement[] = [];
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    say(`— ${name}`);
    measured.push(...(await section(scale, say)));
  }
  const missed = misses(measured);
  say(missed.length === 0 ? 'every limit is kept' : `beyond a limit:\n  ${missed.join('\n  ')}`);
  return measured;
}
