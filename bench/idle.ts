// `npm run bench -- idle`: brings the stack up as `npm start -- --idle` does, lets it settle, and adds up the memory of every process
// of it: the starter, the programs, the shells of their leashes (npm itself is not counted). Medians over the rounds. Resident
// memory (RSS) counts pages that processes share, such as Node's own text, once for each; PSS (Linux only) divides them.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alone, type Benchmark, compared, type Measurement, median } from './measurement.ts';

const root = join(import.meta.dirname, '..');
const LIMIT = 'the limit';
const LIMIT_MB = 500;
const SETTLE_MS = 10_000;
const READY_MS = 120_000;
const READY_LINE = 'Everything stays up';

export const benchmark: Benchmark = {
  description: 'memory of the idle stack by process, and its time to ready',
  async run({ rounds, say }) {
    const state = await mkdtemp(join(tmpdir(), 'bench-idle-'));
    try {
      say('first start: bundles and the Lambda zip are built');
      const first = await start(state);
      await stop(first.starter);
      const seen: Round[] = [];
      for (let round = 1; round <= rounds; round++) {
        say(`round ${round} of ${rounds}`);
        const { starter, readyMs } = await start(state);
        try {
          await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
          seen.push({ readyMs, processes: await memory(starter.pid ?? 0) });
        } finally {
          await stop(starter);
        }
      }
      return measurements(first.readyMs, seen);
    } finally {
      await rm(state, { recursive: true, force: true });
    }
  },
};

/** One process of the stack. */
export interface ProcessMemory {
  readonly name: string;
  readonly rssMb: number;
  /** Undefined where the system does not tell. */
  readonly pssMb: number | undefined;
}

interface Round {
  readonly readyMs: number;
  readonly processes: readonly ProcessMemory[];
}

export function measurements(firstReadyMs: number, rounds: readonly Round[]): Measurement[] {
  const names = [...new Set(rounds.flatMap(({ processes }) => processes.map(({ name }) => name)))];
  const typical = (read: (one: ProcessMemory) => number | undefined, name?: string): number | undefined => {
    const sums = rounds.map(({ processes }) =>
      processes.filter((one) => name === undefined || one.name === name).map(read),
    );
    if (sums.some((values) => values.includes(undefined))) return undefined;
    return median(sums.map((values) => values.reduce((sum: number, value) => sum + (value ?? 0), 0)));
  };
  const rows = (label: string, name?: string): Measurement[] => {
    const rss = typical(({ rssMb }) => rssMb, name) ?? 0;
    const pss = typical(({ pssMb }) => pssMb, name);
    const limited = name === undefined;
    return [
      limited ? compared(`${label}: RSS`, rss, 'MB', LIMIT, LIMIT_MB, 'less') : alone(`${label}: RSS`, rss, 'MB'),
      ...(pss === undefined ? [] : [alone(`${label}: PSS`, pss, 'MB')]),
    ];
  };
  return [
    ...names.flatMap((name) => rows(name, name)),
    ...rows('all'),
    alone('ready, first start', firstReadyMs / 1000, 's'),
    alone('ready, later starts', median(rounds.map(({ readyMs }) => readyMs)) / 1000, 's'),
  ];
}

/** Runs what `npm start -- --idle` runs, without npm: the words of the script in package.json. */
async function start(state: string): Promise<{ starter: ChildProcess; readyMs: number }> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const words = scripts.start.split(' ');
  const program = words.indexOf('node');
  const settings = Object.fromEntries(words.slice(0, program).map((word) => word.split('=', 2) as [string, string]));
  const began = performance.now();
  const starter = spawn(process.execPath, [...words.slice(program + 1), '--idle', '--state', state], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => starter.kill(), READY_MS);
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (!said.includes(READY_LINE)) return;
      clearTimeout(timer);
      resolve();
    };
    starter.stdout.on('data', hear);
    starter.stderr.on('data', hear);
    starter.once('exit', () => (clearTimeout(timer), reject(new Error(`the stack did not come up:\n${said}`))));
  });
  return { starter, readyMs: performance.now() - began };
}

async function stop(starter: ChildProcess): Promise<void> {
  if (starter.exitCode !== null || starter.signalCode !== null) return;
  const ended = once(starter, 'exit');
  starter.kill('SIGTERM');
  await ended;
}

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly rssMb: number;
  readonly command: string;
}

/** Memory of `starter`, its descendants and their process groups (a leash's watcher is no child of anybody's). */
async function memory(starter: number): Promise<ProcessMemory[]> {
  const all = process.platform === 'linux' ? await listOfLinux() : await listOfPs();
  const ours = new Set([starter]);
  for (let before = 0; before < ours.size; ) {
    before = ours.size;
    for (const one of all) if (ours.has(one.parent) || (one.group !== 0 && ours.has(one.group))) ours.add(one.pid);
  }
  return Promise.all(
    all
      .filter(({ pid }) => ours.has(pid))
      .map(async ({ pid, rssMb, command }) => ({
        name: pid === starter ? 'starter' : nameOf(command),
        rssMb,
        pssMb: await pssMb(pid),
      })),
  );
}

/** By which file or folder runs: `aws` of local/aws/main.ts, `operator` of …/operator-1a2b/main.mjs. */
export function nameOf(command: string): string {
  if (/leash\.sh/.test(command)) return 'leashes';
  return /([a-z]+)(?:-\w+)?\/main\.\w+/.exec(command)?.[1] ?? command.slice(0, 40);
}

async function listOfLinux(): Promise<Listed[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = async (pid: string): Promise<Listed | undefined> => {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
      const [, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const rssMb = kilobytes(await readFile(`/proc/${pid}/smaps_rollup`, 'latin1'), 'Rss');
      return { pid: Number(pid), parent: Number(parent), group: Number(group), rssMb, command };
    } catch {
      return undefined; // It ended meanwhile, or it is the kernel's or somebody else's.
    }
  };
  return (await Promise.all(pids.map(read))).filter((one) => one !== undefined);
}

async function pssMb(pid: number): Promise<number | undefined> {
  try {
    return kilobytes(await readFile(`/proc/${pid}/smaps_rollup`, 'latin1'), 'Pss');
  } catch {
    return undefined;
  }
}

function kilobytes(rollup: string, field: string): number {
  return (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) * 1024) / 1e6;
}

async function listOfPs(): Promise<Listed[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,pgid=,rss=,command=']);
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, group, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (command === undefined) return [];
    const rssMb = (Number(rss) * 1024) / 1e6;
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), rssMb, command }];
  });
}
