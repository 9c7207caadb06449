// A thousand like jobs: created as fast as the API server takes them (`burst`) or evenly over a minute (`spread`), then, once they run,
// deleted at once. EC2 has its published request limits (Karpenter lives with the same), and the operator runs as it is shipped.
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { alone, type Measurement } from '../measurement.ts';
import { ROLE_ID } from '../stack/cloud.ts';
import { most } from '../target.ts';
import { pause, until } from './clock.ts';
import { THROTTLED } from './ec2.ts';
import type { Scale } from './scale.ts';
import { Stack } from './stack.ts';
import { inParallel, Workers } from './workers.ts';

const ALL_LAUNCHED_MS = 300_000;
const ALL_RUN_MS = 120_000;
const ALL_GONE_MS = 300_000;
const WORKERS_LOOK_MS = 250;
const FLEET_CALLS = 20;
const TERMINATE_CALLS = 2;

export async function burst(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  return launchAll('at once', scale, say, (stack, jobs) => inParallel(jobs, (job) => stack.create(job)));
}

export async function spread(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const launched = await launchAll('over a minute', scale, say, async (stack, jobs) => {
    const began = Date.now();
    const creating = [...jobs.entries()].map(async ([at, job]) => {
      await pause(began + (at * scale.spreadMs) / jobs.length - Date.now());
      await stack.create(job);
    });
    await Promise.all(creating);
  });
  return launched.filter(({ name }) => !name.includes('delete'));
}

async function launchAll(
  how: string,
  scale: Scale,
  say: (text: string) => void,
  create: (stack: Stack, jobs: readonly TrainingJob[]) => Promise<void>,
): Promise<Measurement[]> {
  const { jobs: count } = scale;
  const stack = await Stack.start(scale);
  const workers = new Workers(stack.bucket, ROLE_ID);
  try {
    const operator = await stack.operate();
    await stack.accounts(count);
    const jobs = Array.from({ length: count }, (_, at) => stack.job('burst-', at));
    const began = Date.now();
    const busyBefore = await operator.processorMs();
    await create(stack, jobs);
    const created = Date.now();
    say(`${count} jobs ${how}: created in ${((created - began) / 1000).toFixed(1)} s`);
    await until(() => stack.board.withInstance() >= count, ALL_LAUNCHED_MS);
    const name = `${count} jobs ${how}`;
    const measured = [
      most(`${name}: fleet calls`, stack.book.count('CreateFleet', began), 'calls', FLEET_CALLS),
      most(`${name}: jobs that failed or spoke of throttling`, stack.board.troubled.size, 'jobs', 0),
      alone(`${name}: ${THROTTLED} answers of EC2`, stack.book.refusals(THROTTLED, began), 'answers'),
      most(`${name}: jobs without an instance after 5 min`, count - stack.board.withInstance(), 'jobs', 0),
      alone(`${name}: first creation → last instance`, (stack.board.lastInstanceAt - began) / 1000, 's'),
      alone(`${name}: EC2 calls of any kind`, total(stack, began), 'calls'),
      alone(`${name}: processor time of the operator`, (await operator.processorMs()) - busyBefore, 'ms'),
    ];
    say(`EC2 calls: ${shown(stack.book.byAction(began))}`);
    if (how !== 'at once') return measured;
    workers.start(WORKERS_LOOK_MS);
    await until(() => stack.board.count('Running') >= count, ALL_RUN_MS, 50);
    return [...measured, ...(await deleteAll(stack, jobs, say))];
  } finally {
    await workers.stop();
    await stack.close();
  }
}

async function deleteAll(
  stack: Stack,
  jobs: readonly TrainingJob[],
  say: (text: string) => void,
): Promise<Measurement[]> {
  const began = Date.now();
  await inParallel(jobs, (job) => stack.delete(job));
  say(`${jobs.length} jobs deleted in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  await until(() => stack.board.jobs.size === 0, ALL_GONE_MS, 50);
  const name = `${jobs.length} running jobs deleted`;
  return [
    most(`${name}: terminate calls`, stack.book.count('TerminateInstances', began), 'calls', TERMINATE_CALLS),
    alone(`${name}: ${THROTTLED} answers of EC2`, stack.book.refusals(THROTTLED, began), 'answers'),
    most(`${name}: objects left after 5 min`, stack.board.jobs.size, 'jobs', 0),
    alone(`${name}: until the last object was gone`, (Date.now() - began) / 1000, 's'),
  ];
}

const total = (stack: Stack, since: number): number =>
  [...stack.book.byAction(since).values()].reduce((sum, calls) => sum + calls, 0);

export const shown = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([action, calls]) => `${action} ${calls}`)
    .join(', ') || 'none';
