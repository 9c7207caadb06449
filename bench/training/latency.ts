// How long a person waits for EC2 to be asked: from the CR's creation, and from a notice of interruption, to the fleet call. One job at a
// time on an idle operator, over HTTP: API server, S3, EC2 and SQS, the operator in a process of its own.
import { alone, type Measurement } from '../measurement.ts';
import { ROLE_ID } from '../stack/cloud.ts';
import { most } from '../target.ts';
import { pause, until } from './clock.ts';
import { percentile } from './percentile.ts';
import type { Scale } from './scale.ts';
import { Stack } from './stack.ts';
import { Workers } from './workers.ts';

/** Longer than this is counted as this long, and after three of them no more are tried. */
const NOTICE_MS = 20_000;
const MOST_LATE = 3;
const LAUNCH_MS = 30_000;
const RUNS_MS = 60_000;
/** How soon a worker that was told of its end has written its checkpoint. */
const CHECKPOINT_MS = 1_000;

export async function latency(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const { samples, idleMs } = scale;
  const stack = await Stack.start(scale);
  const workers = new Workers(stack.bucket, ROLE_ID);
  try {
    await stack.operate();
    await stack.accounts(samples + 1);
    // The first job pays for connections and code that is loaded late.
    await launched(stack, samples, idleMs);
    const launches: number[] = [];
    for (let at = 0; at < samples; at += 1) launches.push(await launched(stack, at, idleMs));
    workers.start(100);
    if (!(await until(() => stack.board.count('Running') > samples, RUNS_MS))) throw new Error('the jobs do not run');
    say(`${samples} notices, one at a time`);
    const notices = await noticed(stack, workers, idleMs);
    return [
      alone('created → fleet call, p50', percentile(launches, 50), 'ms'),
      most('created → fleet call, p95', percentile(launches, 95), 'ms', 150),
      alone('notice → fleet call of the replacement, p50', percentile(notices, 50), 'ms'),
      most('notice → fleet call of the replacement, p95', percentile(notices, 95), 'ms', 1000),
    ];
  } finally {
    await workers.stop();
    await stack.close();
  }
}

const now = () => performance.timeOrigin + performance.now();

/** Milliseconds from the request that creates the job to the fleet call. */
async function launched(stack: Stack, at: number, idleMs: number): Promise<number> {
  const began = now();
  await stack.create(stack.job('one-', at));
  const called = () => stack.book.firstAfter('CreateFleet', began);
  if (!(await until(() => called() !== undefined, LAUNCH_MS, 2))) throw new Error('no fleet call for a job');
  // What follows a launch is over before the next begins.
  await until(() => stack.board.jobs.get(keyOf(stack, at))?.instanceId !== undefined, LAUNCH_MS);
  await pause(idleMs);
  return (called() ?? 0) - began;
}

const keyOf = (stack: Stack, at: number): string => {
  const { namespace, name } = stack.job('one-', at).metadata ?? {};
  return `${namespace}/${name}`;
};

async function noticed(stack: Stack, workers: Workers, idleMs: number): Promise<number[]> {
  const took: number[] = [];
  const running = [...stack.board.jobs.values()].flatMap(({ instanceId }) => instanceId ?? []).slice(1);
  for (const id of running) {
    const began = now();
    stack.ec2.admin.interrupt(id, 120);
    const left = pause(CHECKPOINT_MS).then(() => workers.leave(id));
    const called = () => stack.book.firstAfter('CreateFleet', began);
    const came = await until(() => called() !== undefined, NOTICE_MS, 2);
    took.push(came ? (called() ?? 0) - began : NOTICE_MS);
    await left;
    await pause(idleMs);
    if (took.filter((ms) => ms >= NOTICE_MS).length >= MOST_LATE) break;
  }
  return took;
}
