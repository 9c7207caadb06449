// How many whole lives of jobs an operator brings about in a real second, when nothing but its own work takes time: no limiter, no
// network, trainings of a few virtual seconds. For the benchmark; what the simulation itself costs is counted in.
import { figuresOf, violations } from './invariants.ts';
import { Simulation } from './simulation.ts';

export interface Throughput {
  readonly jobs: number;
  /** From the first job made to the last one ended, real. */
  readonly seconds: number;
  readonly lifecyclesPerSecond: number;
  /** The same by processor time: what does not depend on what else the machine does. */
  readonly lifecyclesPerCpuSecond: number;
  readonly virtualSeconds: number;
  readonly fleetCalls: number;
  readonly terminateCalls: number;
  readonly kubernetesCalls: number;
  readonly s3Calls: number;
  readonly machines: number;
  readonly violations: readonly string[];
}

const JOBS_A_USER = 100;
const LIMIT_SECONDS = 3_600;

export async function throughput(jobs: number, seed = 1): Promise<Throughput> {
  const sim = new Simulation({ seed, bootSeconds: [1, 2] });
  try {
    const users = Array.from({ length: Math.ceil(jobs / JOBS_A_USER) }, (_, at) => String(100 + at));
    for (const user of users) await sim.account(user);
    await sim.operate();
    const began = performance.now();
    const used = process.cpuUsage();
    const model = { type: 'random_forest', hyperparameters: { n_estimators: 3, max_depth: 2 } };
    for (let number = 0; number < jobs; number += 1)
      await sim.train(`job-${number}`, { model }, users[Math.floor(number / JOBS_A_USER)]);
    await sim.until(() => sim.allEnded, LIMIT_SECONDS, 'the end of every job');
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(used);
    const lifecyclesPerCpuSecond = (jobs * 1e6) / (user + system);
    const virtualSeconds = sim.seconds;
    const calls = {
      fleetCalls: sim.weather.count('ec2', 'createFleet'),
      terminateCalls: sim.weather.count('ec2', 'terminate'),
      kubernetesCalls: sim.weather.count('kubernetes'),
      s3Calls: sim.weather.count('s3'),
    };
    await sim.pass(240);
    const { machines } = figuresOf(sim);
    return {
      ...{ jobs, seconds, lifecyclesPerSecond: jobs / seconds, lifecyclesPerCpuSecond, virtualSeconds, machines },
      ...calls,
      violations: violations(sim),
    };
  } finally {
    await sim.close();
  }
}
