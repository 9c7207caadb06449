// `npm run bench -- deadline [--rounds N]`: what the deadline rule (operator/training/deadline.ts) saves, in a simulation: a job of 48 h
// as in the paper, over traces of Spot availability (bench/deadline/traces.ts says where they come from), 20 a round, regime and slack,
// beside always on-demand and greedy Spot. Prices: m5.xlarge of the dated catalogue. Same seeds, same figures on every machine.
import { instanceType } from '../cloud/prices.ts';
import {
  alwaysOnDemand,
  greedySpot,
  play,
  type Played,
  type Scenario,
  uniformProgress,
} from './deadline/simulation.ts';
import { GENERATED, recorded, type Regime } from './deadline/traces.ts';
import { alone, type Benchmark, compared, type Measurement } from './measurement.ts';

const HOUR = 3600;
const WORK_SECONDS = 48 * HOUR;
/** Time beyond the work, as a share of it. */
export const SLACKS = [0.1, 0.25, 0.5, 1] as const;
/** Boot, data, and a checkpoint's interval. */
const CHANGEOVER_SECONDS = 300;
const TRACES_A_ROUND = 20;
const TYPE = 'm5.xlarge';
const ON_DEMAND = 'always on-demand';
const GREEDY = 'greedy Spot';

export const benchmark: Benchmark = {
  description: 'what the deadline rule saves, against always on-demand and greedy Spot',
  async run({ rounds, say }) {
    const folder = process.env.SPOTLEARN_BENCH_TRACES;
    if (!folder)
      say('Generated traces only. Set SPOTLEARN_BENCH_TRACES to a folder of recorded ones to play them as well.');
    const regimes = [...GENERATED, ...(folder ? recorded(folder) : [])];
    const cells = regimes.flatMap((regime) => {
      say(regime.name);
      return SLACKS.map((slack) => cell(regime, slack, rounds * TRACES_A_ROUND));
    });
    return [...cells.flatMap(rowsOf), ...totals(cells)];
  },
};

export interface Cell {
  readonly name: string;
  readonly onDemand: readonly Played[];
  readonly greedy: readonly Played[];
  readonly ours: readonly Played[];
}

export function scenarioOf(slack: number): Scenario {
  const type = instanceType(TYPE);
  if (!type) throw new Error(`${TYPE} is not in the catalogue`);
  return {
    workSeconds: WORK_SECONDS,
    deadlineSeconds: WORK_SECONDS * (1 + slack),
    changeoverSeconds: CHANGEOVER_SECONDS,
    onDemandPrice: type.onDemand,
    spotPrice: type.spot,
  };
}

/** The three policies over the same traces. */
export function cell(regime: Regime, slack: number, traces: number): Cell {
  const scenario = scenarioOf(slack);
  const played = Array.from({ length: traces }, (_, seed) => {
    const trace = regime.trace(seed + 1, scenario.deadlineSeconds + HOUR);
    return [alwaysOnDemand, greedySpot, uniformProgress].map((policy) => play(policy, scenario, trace));
  });
  const by = (policy: number) => played.map((runs) => runs[policy] as Played);
  const name = `${regime.name}, slack ${Math.round(slack * 100)} %`;
  return { name, onDemand: by(0), greedy: by(1), ours: by(2) };
}

export const mean = (runs: readonly Played[], read: (run: Played) => number): number =>
  runs.reduce((sum, run) => sum + read(run), 0) / runs.length;
const cost = (runs: readonly Played[]): number => mean(runs, ({ costUsd }) => costUsd);

function rowsOf({ name, onDemand, greedy, ours }: Cell): Measurement[] {
  const [all, theirs, own] = [cost(onDemand), cost(greedy), cost(ours)];
  return [
    compared(`${name}: cost`, own, 'USD a job', ON_DEMAND, all, 'less'),
    compared(`${name}: saved`, saved(own, all), '% of on-demand', GREEDY, saved(theirs, all), 'more'),
    compared(
      `${name}: instances`,
      mean(ours, (run) => run.instances),
      'a job',
      GREEDY,
      mean(greedy, (run) => run.instances),
      'less',
    ),
  ];
}

function totals(cells: readonly Cell[]): Measurement[] {
  const all = (read: (one: Cell) => readonly Played[]): Played[] => cells.flatMap(read);
  const [onDemand, greedy, ours] = [all((one) => one.onDemand), all((one) => one.greedy), all((one) => one.ours)];
  const missed = (runs: readonly Played[]): number => runs.filter((run) => run.missed).length;
  return [
    compared('all: cost', cost(ours), 'USD a job', ON_DEMAND, cost(onDemand), 'less'),
    compared('all: cost beside greedy', cost(ours), 'USD a job', GREEDY, cost(greedy), 'less'),
    alone('all: deadlines missed', missed(ours), `of ${ours.length}`),
    alone('all: deadlines missed by greedy Spot', missed(greedy), `of ${greedy.length}`),
  ];
}

const saved = (usd: number, all: number): number => (1 - usd / all) * 100;
