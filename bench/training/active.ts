// Ten thousand running jobs on one replica: the operator is started on them, as a new leader is, and must take up every one and touch none.
// Memory of the operator's process: what it has with all of them more than with a tenth of them, so that what it has anyhow falls out.
import { alone, type Measurement } from '../measurement.ts';
import { ROLE_ID } from '../stack/cloud.ts';
import { most } from '../target.ts';
import { shown } from './burst.ts';
import { pause, until } from './clock.ts';
import { THROTTLED } from './ec2.ts';
import type { OperatorProcess } from './operator-process.ts';
import type { Scale } from './scale.ts';
import { runOne, seedRunning } from './seed.ts';
import { Stack } from './stack.ts';
import { inParallel, Workers } from './workers.ts';

const TAKEN_UP_MS = 300_000;
const ALL_ENDED_MS = 300_000;
const MB_PER_10_000 = 60;
const TERMINATE_CALLS = 2;

export async function active(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const { active: count, watchMs, settleMs } = scale;
  const few = Math.ceil(count / 10);
  const stack = await Stack.start(scale);
  const workers = new Workers(stack.bucket, ROLE_ID);
  try {
    await stack.operate();
    await stack.accounts(count + 1);
    const example = await runOne(stack, stack.job('example-', count));
    await stack.rest();
    const ids = await seedRunning(stack, workers, example, 0, few);
    const before = await (await takenUp(stack, few, settleMs, say)).operator.memory();
    await stack.rest();
    ids.push(...(await seedRunning(stack, workers, example, few, count)));
    const since = Date.now();
    const { operator, tookMs, left } = await takenUp(stack, count, settleMs, say);
    const busy = await operator.processorMs();
    await pause(watchMs);
    const busyMs = (await operator.processorMs()) - busy;
    const after = await operator.memory();
    const touched = stack.book.count('CreateFleet', since) + stack.book.count('TerminateInstances', since);
    const growth = (less: number, more: number) => ((more - less) * 10_000) / (count - few);
    say(`EC2 calls: ${shown(stack.book.byAction(since))}`);
    const name = `${count} running jobs`;
    return [
      most(`${name}: not taken up by a new leader in 5 min`, left, 'jobs', 0),
      alone(`${name}: taken up by a new leader`, tookMs / 1000, 's'),
      most(`${name}: not running any more`, count - Math.min(count, stack.board.count('Running', 'seed-')), 'jobs', 0),
      most(`${name}: fleet and terminate calls`, touched, 'calls', 0),
      most('resident memory per 10,000 running jobs', growth(before.rssMb, after.rssMb), 'MB', MB_PER_10_000),
      alone('heap per 10,000 running jobs', growth(before.heapMb, after.heapMb), 'MB'),
      alone(`${name}: resident memory of the operator in all`, after.rssMb, 'MB'),
      alone(`${name}: the same before garbage was collected`, after.asIsMb, 'MB'),
      alone(`${name}: processor of the operator`, (busyMs / watchMs) * 100, '%'),
      ...(await endAll(stack, workers, ids.slice(0, scale.jobs), say)),
    ];
  } finally {
    await stack.close();
  }
}

/** Starts an operator and waits, five minutes at most, until it has written down a heartbeat of each of the `count` seeded jobs, and for quiet. */
async function takenUp(
  stack: Stack,
  count: number,
  settleMs: number,
  say: (text: string) => void,
): Promise<{ operator: OperatorProcess; tookMs: number; left: number }> {
  // Times in a status are whole seconds.
  const since = Math.ceil(Date.now() / 1000) * 1000;
  await pause(since - Date.now());
  say(`an operator starts on ${count} running jobs`);
  const operator = await stack.operate();
  const left = () => count - Math.min(count, stack.board.heardSince(since, 'seed-'));
  await until(() => left() === 0, TAKEN_UP_MS, 100);
  const tookMs = Date.now() - since;
  await pause(settleMs);
  return { operator, tookMs, left: left() };
}

async function endAll(
  stack: Stack,
  workers: Workers,
  ids: readonly string[],
  say: (text: string) => void,
): Promise<Measurement[]> {
  await inParallel(ids, (id) => workers.prepare(id));
  const began = Date.now();
  await inParallel(ids, (id) => workers.succeed(id));
  say(`${ids.length} jobs succeed within ${((Date.now() - began) / 1000).toFixed(1)} s`);
  await until(() => stack.board.count('Succeeded') >= ids.length, ALL_ENDED_MS, 100);
  const name = `${ids.length} of them succeed at once`;
  return [
    most(`${name}: terminate calls`, stack.book.count('TerminateInstances', began), 'calls', TERMINATE_CALLS),
    alone(`${name}: ${THROTTLED} answers of EC2`, stack.book.refusals(THROTTLED, began), 'answers'),
    most(`${name}: not Succeeded after 5 min`, ids.length - stack.board.count('Succeeded'), 'jobs', 0),
    alone(`${name}: until the last is Succeeded`, (Date.now() - began) / 1000, 's'),
  ];
}
