// What trainings of this installation took so far, for quotes: throughput by family of model, interruptions by hours on Spot. Gathered from
// the jobs that still exist, at most once a minute.
import type { TrainingJob } from '../../crds/crds.generated.ts';

const AGE_MS = 60_000;
const MOST_SAMPLES = 200;

export interface Past {
  /** Bytes a second, by family of model as asked for. */
  readonly paces: ReadonlyMap<string, readonly number[]>;
  readonly seen: { readonly interruptions: number; readonly hours: number };
}

export class History {
  readonly #jobs: () => Iterable<TrainingJob>;
  readonly #now: () => number;
  #gathered: { readonly at: number; readonly past: Past } | undefined;

  constructor(jobs: () => Iterable<TrainingJob>, now: () => number) {
    this.#jobs = jobs;
    this.#now = now;
  }

  get past(): Past {
    const now = this.#now();
    const age = now - (this.#gathered?.at ?? -Infinity);
    if (!this.#gathered || !(age >= 0 && age < AGE_MS)) this.#gathered = { at: now, past: pastOf(this.#jobs()) };
    return this.#gathered.past;
  }
}

export function pastOf(jobs: Iterable<TrainingJob>): Past {
  const paces = new Map<string, number[]>();
  let interruptions = 0;
  let seconds = 0;
  for (const job of jobs) {
    for (const { market, launchedAt, endedAt, endReason } of job.status?.attempts ?? []) {
      if (market !== 'spot' || launchedAt === undefined || endedAt === undefined) continue;
      seconds += between(launchedAt, endedAt);
      if (endReason === 'Interrupted') interruptions += 1;
    }
    const pace = paceOf(job);
    if (pace === undefined) continue;
    const known = paces.get(job.spec.model.type) ?? [];
    if (known.length < MOST_SAMPLES) known.push(pace);
    paces.set(job.spec.model.type, known);
  }
  return { paces, seen: { interruptions, hours: seconds / 3600 } };
}

/** Bytes of its table a second of work; undefined for one that did not succeed, or not on an instance, or whose first attempts are forgotten. */
function paceOf({ spec, status }: TrainingJob): number | undefined {
  if (status?.phase !== 'Succeeded' || spec.placement === 'Cluster') return undefined;
  const { attempts = [], dataset, attemptCount } = status;
  if (attempts.length < (attemptCount ?? 0)) return undefined;
  const worked = attempts.reduce((sum, { startedAt, endedAt }) => sum + between(startedAt, endedAt), 0);
  const bytes = dataset?.tableBytes ?? dataset?.bytes;
  return worked > 0 && bytes !== undefined ? bytes / worked : undefined;
}

const between = (from: string | undefined, to: string | undefined): number =>
  from === undefined || to === undefined ? 0 : Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;
