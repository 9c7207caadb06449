// Reconciles that find nothing to do: running jobs of which the watch tells again and again, changed where the operator does not care. Each
// must cost little and call nobody. Looks at the world are an hour apart, so that every call counted is a reconcile's.
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import type { Operator } from '../../operator/start.ts';
import { alone, type Measurement } from '../measurement.ts';
import { least, most } from '../target.ts';
import { pause, processorSeconds, until } from './clock.ts';
import { MemoryWorld } from './memory-world.ts';
import { readMetrics, reconcilesOf } from './metrics.ts';
import type { Scale } from './scale.ts';

const OBSERVE_SECONDS = 0.1;
const HOUR_SECONDS = 3600;
const ALL_RUN_MS = 120_000;
const ROUND_MS = 60_000;
const QUIET_MS = 1_000;
/** What a new leader does on the side, such as tagging, is paced. */
const SETTLED_MS = 300_000;

export async function noop(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const { jobs, noops } = scale;
  const world = new MemoryWorld((id, workers) => workers.beat(id));
  try {
    await world.operate(OBSERVE_SECONDS);
    await world.accounts(jobs);
    for (let at = 0; at < jobs; at += 1) await world.train(at);
    const running = async () => ((await world.phases()).get('Running') ?? 0) >= jobs;
    if (!(await until(running, ALL_RUN_MS, 100))) throw new Error('the jobs do not run');
    const operator = await world.operate(HOUR_SECONDS);
    await settled(world);
    const before = { calls: world.calls, reconciles: await reconciles(operator) };
    const [began, busy] = [performance.now(), process.cpuUsage()];
    for (let round = 1; round * jobs <= noops; round += 1) {
      world.kubernetes.touch(TRAINING_JOBS);
      const wanted = before.reconciles + round * jobs;
      if (!(await until(async () => (await reconciles(operator)) >= wanted, ROUND_MS, 1)))
        throw new Error('the reconciles of a round do not end');
    }
    const seconds = (performance.now() - began) / 1000;
    const busySeconds = processorSeconds(busy);
    const done = (await reconciles(operator)) - before.reconciles;
    await pause(QUIET_MS);
    const after = world.calls;
    say(`${done} reconciles in ${seconds.toFixed(1)} s`);
    return [
      least('no-op reconciles a second', done / seconds, 'reconciles/s', 2000),
      alone('no-op reconciles a second of processor time', done / busySeconds, 'reconciles/s'),
      most('no-op reconciles: requests to the API server', after.kubernetes - before.calls.kubernetes, 'calls', 0),
      most('no-op reconciles: S3 calls', after.s3 - before.calls.s3, 'calls', 0),
      most('no-op reconciles: EC2 calls', after.ec2 - before.calls.ec2, 'calls', 0),
    ];
  } finally {
    await world.close();
  }
}

const reconciles = async (operator: Operator): Promise<number> => reconcilesOf(await readMetrics(operator.url));

/** What a new leader has to do is done when nobody was called for a while. */
async function settled(world: MemoryWorld): Promise<void> {
  const sum = () => world.calls.kubernetes + world.calls.s3 + world.calls.ec2;
  let last = -1;
  await until(async () => last === (last = sum()), SETTLED_MS, QUIET_MS);
}
