// How much the benchmark of trainings does: the figures, or a fraction of them for a quick look and for its own test.

export const SECTIONS = ['latency', 'burst', 'spread', 'steady', 'active', 'lifecycles', 'noop'] as const;
export type Section = (typeof SECTIONS)[number];

export interface Scale {
  readonly sections: readonly Section[];
  /** Like jobs created at once, and running when calls are counted. */
  readonly jobs: number;
  /** Jobs running on one replica when its memory is read. */
  readonly active: number;
  /** Jobs, one at a time, whose way to the fleet call is timed; the same number of notices. */
  readonly samples: number;
  /** Whole lives with everything outside the operator simulated. */
  readonly lifecycles: number;
  /** Reconciles that have nothing to do. */
  readonly noops: number;
  /** In `spread`, jobs are created evenly over this long. */
  readonly spreadMs: number;
  /** How long calls of running jobs are counted: minutes of a clock that runs `speed` times as fast. */
  readonly steadyMinutes: number;
  readonly speed: number;
  /** How long the processor of an operator with `active` running jobs is watched. */
  readonly watchMs: number;
  /** Between the last event and the reading of memory: two looks at the bucket. */
  readonly settleMs: number;
  /** Between two timed jobs: an operator is idle when its own pacing of like fleet calls (one in four seconds) has come to rest. */
  readonly idleMs: number;
  /** Between two looks at the bucket; 5 is the operator's default. */
  readonly observeSeconds: number;
}

const FULL = {
  jobs: 1000,
  active: 10_000,
  lifecycles: 2000,
  noops: 20_000,
  spreadMs: 60_000,
  watchMs: 30_000,
  idleMs: 4500,
};

/**
 * `rounds` × 6 samples. SPOTLEARN_BENCH_JOBS: jobs in place of 1,000, and as much less of everything else;
 * SPOTLEARN_BENCH_SECTIONS: only these, separated by commas. Throws on a section that does not exist.
 */
export function scaleOf(rounds: number, environment: Readonly<Record<string, string | undefined>>): Scale {
  const jobs = Number(environment.SPOTLEARN_BENCH_JOBS || FULL.jobs);
  if (!Number.isSafeInteger(jobs) || jobs < 1) throw new Error('SPOTLEARN_BENCH_JOBS must be a whole number above 0');
  const part = (whole: number) => Math.max(1, Math.round((whole * jobs) / FULL.jobs));
  return {
    sections: sectionsOf(environment.SPOTLEARN_BENCH_SECTIONS),
    jobs,
    active: part(FULL.active),
    samples: rounds * 6,
    lifecycles: part(FULL.lifecycles),
    noops: part(FULL.noops),
    spreadMs: part(FULL.spreadMs),
    steadyMinutes: 10,
    // Few jobs leave the processors room for a faster clock.
    speed: jobs < 100 ? 30 : 10,
    watchMs: part(FULL.watchMs),
    settleMs: 10_000,
    idleMs: part(FULL.idleMs),
    observeSeconds: 5,
  };
}

function sectionsOf(text: string | undefined): readonly Section[] {
  if (!text) return SECTIONS;
  return text.split(',').map((name) => {
    const found = SECTIONS.find((one) => one === name.trim());
    if (!found) throw new Error(`there is no section “${name}”; there are ${SECTIONS.join(', ')}`);
    return found;
  });
}
