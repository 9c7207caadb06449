// What a thousand running jobs cost in EC2 calls when nothing happens. Operator, EC2 and its limits run on a clock that is faster than
// the machine's, so that looks which are minutes apart are counted in as many as they come.
import { alone, type Measurement } from '../measurement.ts';
import { ROLE_ID } from '../stack/cloud.ts';
import { most } from '../target.ts';
import { shown } from './burst.ts';
import { pause, until } from './clock.ts';
import type { Scale } from './scale.ts';
import { instanceOf, runOne, seedRunning } from './seed.ts';
import { Stack } from './stack.ts';
import { inParallel, Workers } from './workers.ts';

/** Each worker reports so often, in minutes of the fast clock: before it passes for silent. */
const BEAT_MINUTES = 4;
const SLICES = 20;
const SETTLE_MINUTES = 2;
const FIRST_LOOK_MS = 60_000;

export async function steady(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const { jobs, speed, steadyMinutes } = scale;
  const stack = await Stack.start(scale, { speed, epoch: Date.now() });
  const workers = new Workers(stack.bucket, ROLE_ID);
  const ended = new AbortController();
  let reporting: Promise<void> | undefined;
  try {
    await stack.operate();
    await stack.accounts(jobs + 1);
    const example = await runOne(stack, stack.job('example-', jobs));
    await stack.rest();
    const ids = [instanceOf(example), ...(await seedRunning(stack, workers, example, 1, jobs))];
    reporting = report(workers, ids, (BEAT_MINUTES * 60_000) / speed, ended.signal);
    const operator = await stack.operate();
    const since = Date.now();
    const understood = () => stack.book.count('DescribeInstances', since) > 0;
    if (!(await until(understood, FIRST_LOOK_MS))) throw new Error('the operator does not look at its instances');
    await pause((SETTLE_MINUTES * 60_000) / speed);
    say(`${jobs} running jobs watched for ${steadyMinutes} minutes, ${speed} times as fast`);
    const began = Date.now();
    const before = await operator.processorMs();
    await pause((steadyMinutes * 60_000) / speed);
    const counts = stack.book.byAction(began);
    const calls = [...counts.values()].reduce((sum, one) => sum + one, 0);
    say(`EC2 calls in ${steadyMinutes} minutes: ${shown(counts)}`);
    const after = await operator.processorMs();
    const name = `${jobs} running jobs`;
    return [
      most(`${name}: EC2 calls a minute`, calls / steadyMinutes, 'calls', 2),
      ...[...counts].map(([action, one]) => alone(`${name}: ${action} a minute`, one / steadyMinutes, 'calls')),
      most(
        `${name}: jobs no longer running afterwards`,
        jobs - Math.min(jobs, stack.board.count('Running')),
        'jobs',
        0,
      ),
      alone(`${name}: processor of the operator`, ((after - before) / steadyMinutes / 60_000) * 100, '%'),
    ];
  } finally {
    ended.abort();
    await reporting;
    await stack.close();
  }
}

/** Each worker reports once in `everyMs` (real), evenly. */
async function report(workers: Workers, ids: readonly string[], everyMs: number, ended: AbortSignal): Promise<void> {
  const slice = Math.max(1, Math.ceil(ids.length / SLICES));
  for (let at = 0; !ended.aborted; at = at + slice >= ids.length ? 0 : at + slice) {
    const next = Date.now() + (everyMs * slice) / ids.length;
    await inParallel(ids.slice(at, at + slice), (id) => workers.beat(id));
    await pause(next - Date.now());
  }
}
