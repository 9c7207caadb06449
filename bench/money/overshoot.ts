// Does a month's limit hold? A thousand jobs are created at once in an account that has room for a few; a witness (witness.ts) adds up from
// outside what they may come to. With one operator, with two that act at once, and with one that is overtaken between its check and its
// write by another that lets in all there is room for.
import { readJson } from '../../cloud/bucket.ts';
import type { LedgerEntry } from '../../cloud/ledger/entries.ts';
import type { PredictionJobStatus, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { Kubernetes, KubeObject, Query, Resource, WatchEvent } from '../../operator/runtime/kubernetes.ts';
import { ACCOUNTS, PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { alone, type Measurement } from '../measurement.ts';
import { most } from '../target.ts';
import { until } from '../training/clock.ts';
import { inParallel } from '../training/workers.ts';
import { Witness } from './witness.ts';
import { MoneyWorld, TRAINING_USD } from './world.ts';

const JOBS = new Set([TRAINING_JOBS.plural, PREDICTION_JOBS.plural]);
const LIMIT_USD = 10;
const SPENT_BEFORE_USD = 4;
const SETTLED_MS = 180_000;
/** In a status of an account: money is held back for a job. */
const HOLDS = /"reserv(?:ations":\{"|edUsd":[^0n])/;
/** Nothing new for so long: it is over. */
const QUIET_MS = 2_000;

export interface Scenario {
  readonly name: string;
  readonly trainings: number;
  readonly predictions: number;
  readonly operators: 'one' | 'two at once' | 'overtaken';
}

export const scenarios = (jobs: number): Scenario[] => [
  { name: `${jobs} trainings`, trainings: jobs, predictions: 0, operators: 'one' },
  { name: `${jobs} predictions`, trainings: 0, predictions: jobs, operators: 'one' },
  { name: `${jobs / 2} of each`, trainings: jobs / 2, predictions: jobs / 2, operators: 'one' },
  { name: `${jobs} predictions, two operators at once`, trainings: 0, predictions: jobs, operators: 'two at once' },
  {
    name: `${jobs / 2} of each, two operators at once`,
    trainings: jobs / 2,
    predictions: jobs / 2,
    operators: 'two at once',
  },
  {
    name: `${jobs} trainings, another leader between check and write`,
    trainings: jobs,
    predictions: 0,
    operators: 'overtaken',
  },
];

export interface Outcome {
  readonly scenario: Scenario;
  readonly admitted: number;
  readonly heldUsd: number;
  readonly spentUsd: number;
  readonly overshootUsd: number;
  /** Jobs that cost something without a reservation. */
  readonly uncovered: number;
  /** Jobs that were never told how they stand. */
  readonly untold: number;
  readonly seconds: number;
}

export async function play(scenario: Scenario): Promise<Outcome> {
  const world = await MoneyWorld.start();
  const stage = new Stage(world, new Witness(LIMIT_USD, SPENT_BEFORE_USD), scenario);
  try {
    await stage.prepare();
    await stage.run();
    return stage.outcome();
  } finally {
    await world.close();
  }
}

class Stage {
  readonly #world: MoneyWorld;
  readonly #witness: Witness;
  readonly #scenario: Scenario;
  readonly #deaf: () => void;
  #quiet = { news: -1, since: 0 };
  #began = 0;
  #overtaking: 'due' | 'begun' | undefined;

  constructor(world: MoneyWorld, witness: Witness, scenario: Scenario) {
    this.#world = world;
    this.#witness = witness;
    this.#scenario = scenario;
    this.#deaf = world.server.api.subscribe(({ resource, object }) => {
      if (!JOBS.has(resource.plural)) return;
      witness.sees(object.metadata.uid, object.status as TrainingJobStatus | PredictionJobStatus | undefined);
    });
  }

  async prepare(): Promise<void> {
    const { operators } = this.#scenario;
    const alone = operators === 'one';
    await this.#world.operate((it) => (alone ? it : seeing('even', this.#overtaken(it))));
    await this.#world.account(LIMIT_USD, SPENT_BEFORE_USD);
    if (operators === 'two at once') await this.#world.operate((it) => seeing('odd', it));
    this.#world.bucket.onPut = (key) => {
      if (key.startsWith('ledger/')) void this.#charged(key);
    };
    if (operators === 'overtaken') this.#overtaking = 'due';
  }

  async run(): Promise<void> {
    const { trainings, predictions } = this.#scenario;
    this.#began = Date.now();
    const jobs = Array.from({ length: trainings + predictions }, (_, at) => at);
    await inParallel(jobs, (at) => (at < trainings ? this.#world.train(at) : this.#world.predict(at)));
    const settled = (): boolean => this.#isQuiet(QUIET_MS) && this.#untold === 0 && this.#overtaking === undefined;
    await until(settled, SETTLED_MS, 50);
    this.#deaf();
  }

  outcome(): Outcome {
    const { admitted, heldUsd, spentUsd, overshootUsd, uncovered } = this.#witness;
    const seconds = (Date.now() - this.#began) / 1000;
    const figures = { admitted, heldUsd, spentUsd, overshootUsd, uncovered: uncovered.size };
    return { scenario: this.#scenario, ...figures, untold: this.#untold, seconds };
  }

  get #untold(): number {
    return this.#scenario.trainings + this.#scenario.predictions - this.#witness.told;
  }

  #isQuiet(ms: number): boolean {
    const { news } = this.#witness;
    if (news !== this.#quiet.news) this.#quiet = { news, since: Date.now() };
    return Date.now() - this.#quiet.since > ms;
  }

  async #charged(key: string): Promise<void> {
    const entry = await readJson<Partial<LedgerEntry>>(this.#world.bucket, key);
    if (entry?.job) this.#witness.charges(entry.job.uid, entry.usd ?? 0);
  }

  /** The first write of a reservation waits until another operator has come and has let in all it can. */
  #overtaken(kubernetes: Kubernetes): Kubernetes {
    const mergePatch: Kubernetes['mergePatch'] = async (resource, name, patch, options) => {
      const due = this.#overtaking === 'due' && resource.plural === ACCOUNTS.plural;
      if (due && HOLDS.test(JSON.stringify(patch))) await this.#other();
      return kubernetes.mergePatch(resource, name, patch, options);
    };
    return { ...kubernetes, mergePatch };
  }

  async #other(): Promise<void> {
    this.#overtaking = 'begun';
    await this.#world.operate((it) => seeing('odd', it));
    await until(() => this.#witness.exposureUsd > LIMIT_USD - TRAINING_USD, SETTLED_MS, 1);
    // Now the first goes on.
    this.#overtaking = undefined;
    this.#quiet = { news: -1, since: Date.now() };
  }
}

type Share = 'even' | 'odd';

/**
 * An operator whose watch has not brought it the other half of the jobs yet: else both would want the same jobs, and the lock of each job
 * alone would keep them apart.
 */
function seeing(share: Share, kubernetes: Kubernetes): Kubernetes {
  const fits = (resource: Resource, { metadata }: KubeObject): boolean =>
    !JOBS.has(resource.plural) || Number(/\d+$/.exec(metadata?.name ?? '')?.[0]) % 2 === (share === 'even' ? 0 : 1);
  return {
    ...kubernetes,
    list: async <T>(resource: Resource, ...asked: [Query?, string?]) => {
      const page = await kubernetes.list<T>(resource, ...asked);
      return { ...page, items: page.items.filter((item) => fits(resource, item as KubeObject)) };
    },
    watch: <T>(resource: Resource, query: Query, onEvent: (event: WatchEvent<T>) => void, options: WatchOptions) =>
      kubernetes.watch<T>(
        resource,
        query,
        (event) => {
          const job = event.type !== 'BOOKMARK' && event.type !== 'ERROR';
          if (!job || fits(resource, event.object as KubeObject)) onEvent(event);
        },
        options,
      ),
  };
}

type WatchOptions = Parameters<Kubernetes['watch']>[3];

export async function overshoot(jobs: number, say: (text: string) => void): Promise<Measurement[]> {
  const outcomes: Outcome[] = [];
  for (const scenario of scenarios(jobs)) {
    const outcome = await play(scenario);
    say(`${scenario.name}: settled in ${outcome.seconds.toFixed(1)} s`);
    outcomes.push(outcome);
  }
  say(matrix(outcomes));
  return outcomes.flatMap(rowsOf);
}

export const rowsOf = ({ scenario: { name }, ...outcome }: Outcome): Measurement[] => [
  alone(`${name}: admitted`, outcome.admitted, 'jobs'),
  most(`${name}: spent and held back beyond ${LIMIT_USD} USD, at the worst moment`, outcome.overshootUsd, 'USD', 0),
  most(`${name}: jobs that cost something and held nothing back`, outcome.uncovered, 'jobs', 0),
  most(`${name}: jobs that were told nothing`, outcome.untold, 'jobs', 0),
];

/** For people: one row a scenario. */
export function matrix(outcomes: readonly Outcome[]): string {
  const usd = (value: number): string => value.toFixed(4);
  const lines = outcomes.map(({ scenario, admitted, heldUsd, spentUsd, overshootUsd }) => [
    scenario.name,
    ...[String(admitted), usd(heldUsd), usd(spentUsd), usd(LIMIT_USD), usd(overshootUsd)],
  ]);
  const head = ['scenario', 'admitted', 'held USD', 'spent USD', 'limit', 'overshoot'];
  const widths = head.map((title, at) => Math.max(title.length, ...lines.map((line) => line[at]?.length ?? 0)));
  const pad = (cell: string, at: number): string =>
    at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return [head, ...lines].map((line) => line.map(pad).join('  ')).join('\n');
}
