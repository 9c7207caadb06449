// One job played over one trace under one policy, step by step. A changeover is paid for and computes nothing; a notice lets the worker
// save what it has, so no work is lost.
import { chooseMarket, type MarketChoice, type MarketInput } from '../../operator/training/deadline.ts';
import { STEP_SECONDS, type Trace } from './traces.ts';

export interface Scenario {
  readonly workSeconds: number;
  /** Time until the deadline. */
  readonly deadlineSeconds: number;
  /** Of an instance that was just asked for, until it computes. */
  readonly changeoverSeconds: number;
  /** USD per hour. */
  readonly onDemandPrice: number;
  readonly spotPrice: number;
  readonly budgetUsd?: number;
}

export interface Played {
  readonly costUsd: number;
  /** When the work was done. */
  readonly seconds: number;
  readonly missed: boolean;
  /** Instances begun. */
  readonly instances: number;
  readonly onDemandSeconds: number;
}

export type Policy = (input: MarketInput) => MarketChoice['choice'];

export const uniformProgress: Policy = (input) => chooseMarket(input).choice;

/** Spot while there is any, nothing while there is none, and on-demand when the deadline leaves no other way. */
export const greedySpot: Policy = ({ now, deadline, workSeconds, changeoverSeconds, market, spotAvailable }) => {
  if (market === 'spot') return 'Spot';
  if (market === 'on-demand' || (deadline - now) / 1000 <= workSeconds + 2 * changeoverSeconds) return 'OnDemand';
  return spotAvailable ? 'Spot' : 'Wait';
};

export const alwaysOnDemand: Policy = () => 'OnDemand';

const MARKETS = { Spot: 'spot', OnDemand: 'on-demand', Wait: undefined } as const;

/** Ends at the latest with the trace; what is not done by then counts as missed. */
export function play(policy: Policy, scenario: Scenario, { available }: Trace): Played {
  const { workSeconds: total, deadlineSeconds, onDemandPrice, spotPrice } = scenario;
  let market: MarketInput['market'];
  let starting = 0;
  let done = 0;
  let costUsd = 0;
  let instances = 0;
  let onDemandSeconds = 0;
  for (let step = 0; step < available.length; step += 1) {
    const at = step * STEP_SECONDS;
    const spotAvailable = available[step] === 1;
    if (market === 'spot' && !spotAvailable) market = undefined;
    const choice = policy({
      now: at * 1000,
      start: 0,
      deadline: deadlineSeconds * 1000,
      workSeconds: total - done,
      totalSeconds: total,
      doneSeconds: done,
      // As the operator does: it acts up to a step late.
      changeoverSeconds: scenario.changeoverSeconds + STEP_SECONDS,
      market,
      spotAvailable,
      onDemandPrice,
      spotPrice,
      budgetLeftUsd: (scenario.budgetUsd ?? Infinity) - costUsd,
    });
    const next = MARKETS[choice];
    if (next === 'spot' && !spotAvailable) throw new Error('a policy chose Spot where there is none');
    if (next !== market && next !== undefined) {
      instances += 1;
      starting = scenario.changeoverSeconds;
    }
    market = next;
    if (market === undefined) continue;
    const ran = Math.min(STEP_SECONDS, starting + total - done);
    const started = Math.min(starting, ran);
    starting -= started;
    done += ran - started;
    costUsd += ((market === 'spot' ? spotPrice : onDemandPrice) * ran) / 3600;
    if (market === 'on-demand') onDemandSeconds += ran;
    if (done >= total) {
      const seconds = at + ran;
      return { costUsd, seconds, missed: seconds > deadlineSeconds, instances, onDemandSeconds };
    }
  }
  return { costUsd, seconds: Infinity, missed: true, instances, onDemandSeconds };
}
