// Whole lives a second: created, admitted, launched, running, result collected, charged, Succeeded, with everything outside the operator in
// memory and workers that are done as soon as they have their ticket. EC2 throttles nothing here.
import { alone, type Measurement } from '../measurement.ts';
import { least, most } from '../target.ts';
import { processorSeconds, until } from './clock.ts';
import { MemoryWorld } from './memory-world.ts';
import type { Scale } from './scale.ts';

const OBSERVE_SECONDS = 0.25;
const ALL_ENDED_MS = 300_000;

export async function lifecycles(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const { lifecycles: count } = scale;
  const world = new MemoryWorld(async (id, workers) => {
    await workers.beat(id);
    await workers.prepare(id);
    await workers.succeed(id);
  });
  try {
    await world.operate(OBSERVE_SECONDS);
    await world.accounts(count);
    const before = world.calls;
    const [began, busy] = [performance.now(), process.cpuUsage()];
    for (let at = 0; at < count; at += 1) await world.train(at);
    let phases = new Map<string, number>();
    const all = async () => ((phases = await world.phases()), (phases.get('Succeeded') ?? 0) >= count);
    await until(all, ALL_ENDED_MS, 100);
    const seconds = (performance.now() - began) / 1000;
    const busySeconds = processorSeconds(busy);
    const ended = phases.get('Succeeded') ?? 0;
    const after = world.calls;
    say(`${ended} of ${count} jobs Succeeded in ${seconds.toFixed(1)} s`);
    return [
      least('whole lifecycles a second', ended / seconds, 'jobs/s', 100),
      alone('whole lifecycles a second of processor time', ended / busySeconds, 'jobs/s'),
      most('lifecycles: jobs that did not succeed', count - ended, 'jobs', 0),
      alone('lifecycles: requests to the API server a job', (after.kubernetes - before.kubernetes) / count, 'calls'),
      alone('lifecycles: S3 calls a job', (after.s3 - before.s3) / count, 'calls'),
      alone('lifecycles: EC2 calls a job', (after.ec2 - before.ec2) / count, 'calls'),
    ];
  } finally {
    await world.close();
  }
}
