// An interruption storm: jobs of all sizes, machines taken back at random with two minutes' notice or none (and sometimes without a
// word in the queue), a capacity drought now and then. Every job has to end with the model of an uninterrupted training.
import { INSTANCE_TYPES } from '../../../cloud/prices.ts';
import { ZONES } from '../simulation/compute.ts';
import { figuresOf, type Figures, violations } from '../simulation/invariants.ts';
import { Random } from '../simulation/random.ts';
import { Simulation } from '../simulation/simulation.ts';
import { course } from './scenarios.ts';

export interface StormOptions {
  readonly jobs: number;
  readonly seed: number;
  /** Mean virtual seconds between two interruptions of one machine. */
  readonly everySeconds?: number;
}

export interface Storm extends Figures {
  readonly violations: readonly string[];
  readonly seconds: number;
  readonly realMs: number;
  readonly fleetCalls: number;
  readonly summary: string;
}

const LEADS_MS = [120_000, 0];
const CREATED_WITHIN_SECONDS = 60;
const DROUGHT = { everySeconds: 240, lastsSeconds: 90 };
const LIMIT_SECONDS = 4 * 3600;

export async function storm({ jobs, seed, everySeconds = 240 }: StormOptions): Promise<Storm> {
  const began = performance.now();
  const sim = new Simulation({ seed });
  const chance = new Random(seed + 100);
  try {
    await sim.account();
    await sim.operate();
    weatherOf(sim, chance, everySeconds);
    for (let number = 0; number < jobs; number += 1) {
      await sim.train(`job-${number}`, {
        ...course(chance.whole(20, 60), chance.whole(3, 10)),
        seed: number,
        maxInterruptions: 1000,
      });
      await sim.pass(CREATED_WITHIN_SECONDS / jobs);
    }
    const stuck = await sim
      .until(() => sim.allEnded, LIMIT_SECONDS, 'the end of every job')
      .then(
        () => [],
        (error: unknown) => [(error as Error).message],
      );
    await sim.pass(240);
    const figures = figuresOf(sim);
    const { seconds } = sim;
    const fleetCalls = sim.weather.count('ec2', 'createFleet');
    const realMs = performance.now() - began;
    return {
      ...figures,
      violations: [...stuck, ...violations(sim)],
      seconds,
      realMs,
      fleetCalls,
      summary: summaryOf(figures, seconds, realMs, fleetCalls, seed),
    };
  } finally {
    await sim.close();
  }
}

function summaryOf(figures: Figures, seconds: number, realMs: number, fleetCalls: number, seed: number): string {
  const { jobs, interruptions, attempts, machines, lostMax, lostMean, ledgerUsd, trueUsd } = figures;
  return [
    `${jobs} jobs, ${interruptions} interruptions, ${attempts} attempts on ${machines} machines by ${fleetCalls} fleet calls`,
    `lost work ${lostMax} s at most, ${lostMean.toFixed(1)} s on average`,
    `ledger $${ledgerUsd.toFixed(4)}, true $${trueUsd.toFixed(4)}`,
    `${seconds} virtual seconds in ${(realMs / 1000).toFixed(1)} real ones, seed ${seed}`,
  ].join('; ');
}

/** Each second every machine may be taken back; each drought empties most pools for a while. */
function weatherOf(sim: Simulation, chance: Random, everySeconds: number): void {
  let droughtUntil = 0;
  sim.each(() => {
    for (const { id } of sim.compute.running())
      if (chance.chance(1 / everySeconds)) sim.fleet.interrupt(id, chance.pick(LEADS_MS), chance.chance(0.9));
    if (sim.seconds < droughtUntil) return;
    sim.compute.empty.clear();
    if (!chance.chance(1 / DROUGHT.everySeconds)) return;
    droughtUntil = sim.seconds + DROUGHT.lastsSeconds;
    for (const { name } of INSTANCE_TYPES)
      for (const zone of ZONES) if (chance.chance(0.9)) sim.compute.empty.add(`spot/${name}/${zone}`);
  });
}
