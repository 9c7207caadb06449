// As many processors as workers. Where S3 takes processor time as well, one worker alone would be helped by the processor beside it, and two
// would not. By taskset (Linux).
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Processors that this process may use, as far as they can be told apart; none where they can't. */
export async function cores(): Promise<number[]> {
  try {
    const { stdout } = await taskset('-c', '-p', String(process.pid));
    return listed(/: (\S+)\s*$/.exec(stdout)?.[1] ?? '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Has this process, and whatever it starts meanwhile, run on these. */
export async function onCores<T>(some: readonly number[], work: () => Promise<T>): Promise<T> {
  const all = await cores();
  await allow(some);
  try {
    return await work();
  } finally {
    await allow(all);
  }
}

/** `0-2,5` → 0, 1, 2, 5. */
export function listed(list: string): number[] {
  if (list === '') return [];
  return list.split(',').flatMap((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

const allow = (some: readonly number[]) => taskset('-a', '-c', '-p', some.join(','), String(process.pid));

const taskset = (...args: string[]) => promisify(execFile)('taskset', args);
