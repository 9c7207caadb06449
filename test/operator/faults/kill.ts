// The kill matrix: an operator meets its doom at every call that changes the world, in every scenario, and another goes on. What was
// left behind is held against the invariants, and the outcome against the same story without a doom.
import { Doom, type Side } from '../doom.ts';
import { violations } from '../simulation/invariants.ts';
import { Simulation } from '../simulation/simulation.ts';
import type { Scenario } from './scenarios.ts';

const LIMIT_SECONDS = 1_800;
/** For the collector, and for what a held call may still do. */
const AFTERMATH_SECONDS = 240;
/** How long the new leader works before the old one's call takes effect. */
const LATE_SECONDS = [2, 15, 60];

export interface Outcome {
  /** Calls of the first operator that changed the world. */
  readonly calls: readonly string[];
  readonly machines: number;
  /** Ended attempts by cause, of every job. */
  readonly counts: string;
  readonly violations: readonly string[];
  readonly seconds: number;
}

/** The story without a doom: its calls are the matrix's rows. */
export const undoomed = (scenario: Scenario): Promise<Outcome> => played(scenario, new Doom());

/** The story with the doom at a call (1 for the first); violations name what went wrong, also against `right`. */
export async function doomed(scenario: Scenario, at: number, side: Side, right: Outcome): Promise<Outcome> {
  const outcome = await played(scenario, new Doom(at, side));
  const found =
    outcome.calls.length < at ? ['the call was not reached', ...outcome.violations] : [...outcome.violations];
  if (outcome.machines > right.machines + (scenario.spare ?? 0))
    found.push(`${outcome.machines} machines were launched instead of ${right.machines}`);
  if (outcome.counts !== right.counts && !scenario.eitherCount)
    found.push(`counted ${outcome.counts} instead of ${right.counts}`);
  return { ...outcome, violations: found };
}

async function played(scenario: Scenario, doom: Doom): Promise<Outcome> {
  const sim = new Simulation({ seed: 11 });
  try {
    await sim.account();
    await succession(sim, doom);
    scenario.plot?.(sim);
    for (const [name, spec] of Object.entries(scenario.jobs)) await sim.train(name, spec);
    const stuck = await sim
      .until(() => sim.allEnded, LIMIT_SECONDS, 'the end of every job')
      .then(
        () => [],
        (error: unknown) => [(error as Error).message],
      );
    await sim.pass(AFTERMATH_SECONDS);
    // Of a deleted job it depends on the moment what it still learned.
    const kept = [...sim.stories.values()].filter(({ gone }) => !gone);
    const counts = kept.map(({ job }) => ({ ...job.status?.counts, capacity: undefined }));
    return {
      calls: doom.calls,
      machines: sim.compute.truth.size,
      counts: JSON.stringify(counts),
      violations: [...stuck, ...violations(sim, scenario.expected)],
      seconds: sim.seconds,
    };
  } finally {
    await sim.close();
  }
}

/** Starts the operator that is doomed, and sees to it that another follows. */
export async function succession(sim: Simulation, doom: Doom): Promise<void> {
  if (doom.side === 'before' || doom.side === 'after') {
    await sim.operate({ doom });
    sim.when(
      () => doom.isStruck,
      () => void sim.begin(),
    );
    return;
  }
  const first = await sim.operate({ doom, leaderElection: true });
  await sim.drive(first.leading);
  const standby = await sim.operate({ leaderElection: true });
  let ledSince = Infinity;
  void standby.leading.then(() => (ledSince = sim.seconds));
  const late = LATE_SECONDS[doom.at % LATE_SECONDS.length] ?? 0;
  sim.when(
    () => sim.seconds >= ledSince + late,
    () => doom.release(),
  );
}
