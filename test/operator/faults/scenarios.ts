// The stages of a job's life as stories for the kill matrix (kill.ts): what people and the cloud do in each, and how it has to end.
// What they do follows from the world's truth or from what the API server shows, never from a time at which some operator acts.
import { INSTANCE_TYPES } from '../../../cloud/prices.ts';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { ZONES } from '../simulation/compute.ts';
import type { Expected } from '../simulation/invariants.ts';
import type { Simulation } from '../simulation/simulation.ts';

export interface Scenario {
  readonly name: string;
  /** Specs by name; every scenario begins by creating them at once. */
  readonly jobs: Readonly<Record<string, object>>;
  readonly plot?: (sim: Simulation) => void;
  readonly expected?: Expected;
  /** What its attempts count as depends on who comes first. */
  readonly eitherCount?: boolean;
  /** Machines more than without a doom: launched for what is not wanted any more, and ended at once. */
  readonly spare?: number;
}

/** A training of so many steps; 90 s by default, so that it checkpoints once. What the names mean here: simulation/worker.ts. */
export const course = (steps = 15, stepSeconds = 6, more: object = {}): object => ({
  model: { type: 'random_forest', hyperparameters: { n_estimators: steps, max_depth: stepSeconds, ...more } },
});

const steps = (sim: Simulation): number => sim.fleet.deeds.at(-1)?.step ?? 0;
const machine = (sim: Simulation): string => sim.fleet.deeds.at(-1)?.machine ?? '';

/** Room for so many Spot machines in all. */
export function roomFor(sim: Simulation, count: number): void {
  for (const { name } of INSTANCE_TYPES) for (const zone of ZONES) sim.compute.room.set(`spot/${name}/${zone}`, 0);
  sim.compute.room.set('spot/m5.large/eu-central-1b', count);
}
export const roomForAll = (sim: Simulation): void => sim.compute.room.clear();

function noticeAt(sim: Simulation, step: number): void {
  sim.when(
    () => steps(sim) >= step,
    () => sim.fleet.interrupt(machine(sim), 120_000),
  );
}
/** Its replacement is asked for; the first may still be saving its work. */
const isReplaced = ({ status }: TrainingJob): boolean => (status?.attempts?.length ?? 0) > 1;

function suspendAt(sim: Simulation, step: number): void {
  sim.when(
    () => steps(sim) >= step,
    () => sim.change('job', { suspend: true }),
  );
}

const deleted = (phase: string, job: object = course(), plot: (sim: Simulation) => void = () => {}): Scenario => ({
  name: `deleted when ${phase}`,
  jobs: { job },
  plot: (sim) => {
    plot(sim);
    sim.whenPhase('job', phase, () => sim.remove('job'));
  },
  expected: { phases: { job: 'gone' } },
});

export const SCENARIOS: readonly Scenario[] = [
  { name: 'a plain run', jobs: { job: course() } },
  { name: 'three jobs in one fleet', jobs: { one: course(), two: course(), three: course() } },
  {
    name: 'three jobs, room for two at first',
    jobs: { one: course(), two: course(), three: course() },
    plot: (sim) => {
      roomFor(sim, 2);
      sim.when(
        () => sim.seconds > 60,
        () => roomForAll(sim),
      );
    },
  },
  {
    name: 'no capacity at first',
    jobs: { job: course() },
    plot: (sim) => {
      roomFor(sim, 0);
      sim.when(
        () => sim.seconds > 60,
        () => roomForAll(sim),
      );
    },
  },
  {
    name: 'interrupted with two minutes’ notice',
    jobs: { job: course() },
    plot: (sim) => noticeAt(sim, 5),
  },
  {
    name: 'interrupted without notice',
    jobs: { job: course() },
    plot: (sim) =>
      sim.when(
        () => steps(sim) >= 12,
        () => sim.fleet.interrupt(machine(sim), 0),
      ),
  },
  {
    name: 'its replacement taken while it boots',
    jobs: { job: course() },
    plot: (sim) => {
      noticeAt(sim, 5);
      sim.when(
        () => sim.compute.truth.size === 2,
        () => sim.fleet.interrupt([...sim.compute.truth.keys()][1] ?? '', 0),
      );
    },
  },
  {
    name: 'suspended while it is being replaced, and resumed',
    jobs: { job: course() },
    eitherCount: true,
    spare: 1,
    plot: (sim) => {
      noticeAt(sim, 5);
      sim.whenJob('job', isReplaced, () => sim.change('job', { suspend: true }));
      sim.whenPhase('job', 'Suspended', () => sim.change('job', { suspend: false }));
    },
  },
  {
    name: 'migrates when EC2 recommends it',
    jobs: { job: { ...course(), onRebalance: 'Migrate' } },
    // A dead operator's long poll may take the message: it comes again half a minute later, when it may no longer be worth it.
    eitherCount: true,
    plot: (sim) =>
      sim.when(
        () => steps(sim) >= 5,
        () => sim.fleet.recommend(machine(sim)),
      ),
  },
  {
    name: 'its hardware fails',
    jobs: { job: course() },
    plot: (sim) =>
      sim.when(
        () => steps(sim) >= 12,
        () => sim.fleet.fault(machine(sim)),
      ),
  },
  {
    name: 'silent for ten minutes',
    jobs: { job: course() },
    plot: (sim) =>
      sim.when(
        () => steps(sim) >= 12,
        () => sim.fleet.mute(machine(sim)),
      ),
  },
  {
    name: 'suspended and resumed',
    jobs: { job: course() },
    plot: (sim) => {
      suspendAt(sim, 5);
      sim.whenPhase('job', 'Suspended', () => sim.change('job', { suspend: false }));
    },
  },
  { name: 'an error of the user, tried again', jobs: { job: course(8, 3, { min_samples_leaf: 2 }) } },
  {
    name: 'errors of the user beyond the limit',
    jobs: { job: { ...course(8, 3, { min_samples_leaf: 10 }), backoffLimit: 1 } },
    expected: { phases: { job: 'Failed' } },
  },
  {
    name: 'stopped by its budget, which is then raised',
    jobs: { job: { ...course(40, 6), budget: { maxCostUsd: 0.0018 } } },
    plot: (sim) => sim.whenPhase('job', 'Suspended', () => sim.change('job', { budget: { maxCostUsd: 1 } })),
  },
  {
    name: 'stopped by its deadline',
    jobs: { job: { ...course(40, 6), activeDeadlineSeconds: 90 } },
    expected: { phases: { job: 'Failed' } },
  },
  {
    name: 'its machine taken while Finishing',
    jobs: { job: course(5, 3) },
    plot: (sim) => sim.whenPhase('job', 'Finishing', () => sim.fleet.interrupt(machine(sim), 0)),
  },
  {
    name: 'deleted by its own ttl',
    jobs: { job: { ...course(5, 3), ttlSecondsAfterFinished: 0 } },
    expected: { phases: { job: 'gone' } },
  },
  {
    name: 'deleted before it is accepted',
    jobs: { job: course() },
    plot: (sim) =>
      sim.whenJob(
        'job',
        ({ metadata, status }) => metadata?.finalizers !== undefined && status?.phase === undefined,
        () => sim.remove('job'),
      ),
    expected: { phases: { job: 'gone' } },
  },
  deleted('Queued', course(), (sim) => roomFor(sim, 0)),
  deleted('Launching'),
  {
    name: 'deleted while its fleet call is in flight',
    jobs: { job: course() },
    plot: (sim) => sim.weather.once('ec2', 'createFleet', () => void sim.remove('job')),
    expected: { phases: { job: 'gone' } },
  },
  {
    name: 'suspended while its fleet call is in flight, and resumed',
    jobs: { job: course() },
    plot: (sim) => {
      sim.weather.once('ec2', 'createFleet', () => void sim.change('job', { suspend: true }));
      sim.whenPhase('job', 'Suspended', () => sim.change('job', { suspend: false }));
    },
  },
  deleted('Booting'),
  deleted('Running'),
  deleted('Recovering', course(), (sim) =>
    sim.when(
      () => steps(sim) >= 3,
      () => sim.fleet.interrupt(machine(sim), 0),
    ),
  ),
  {
    name: 'deleted while it is being replaced',
    jobs: { job: course() },
    plot: (sim) => {
      noticeAt(sim, 5);
      sim.whenJob('job', isReplaced, () => sim.remove('job'));
    },
    expected: { phases: { job: 'gone' } },
  },
  deleted('Stopping', course(), (sim) => suspendAt(sim, 3)),
  deleted('Suspended', course(), (sim) => suspendAt(sim, 3)),
  deleted('Finishing', course(5, 3)),
  deleted('Succeeded', course(5, 3)),
];
