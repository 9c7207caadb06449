// Runs the programs of the stack as processes of their own, as their containers would: waits for the ready line, keeps the log in a
// file, starts one again (with back-off) when it dies, and lets none outlive us (process/leash.ts).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { spawnLeashed, type LeashedProcess } from '../process/leash.ts';
import { StartFailure } from './failure.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const READY_MS = 60_000;
const STOP_MS = 10_000;
const RESTART_FIRST_MS = 250;
const RESTART_MOST_MS = 10_000;

/** Small heaps: the programs are long-lived and mostly idle, and six of them share a laptop. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=384', '--optimize-for-size'];

/** glibc then gives freed buffers back to the system, also after a large one (18 MB of code) would have raised its thresholds. */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '262144', MALLOC_TRIM_THRESHOLD_: '262144', MALLOC_ARENA_MAX: '2' };

export interface ProgramSpec {
  readonly name: string;
  /** TypeScript file from the repository's root. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly log: string;
}

export interface Program {
  readonly name: string;
  /** Fields of the ready line. */
  readonly ready: Readonly<Record<string, string>>;
  pid(): number | undefined;
  stop(): Promise<void>;
}

/** Starts a program and resolves when it says it is ready; rejects with StartFailure and the end of its log when it does not. */
export async function startProgram(spec: ProgramSpec): Promise<Program> {
  let stopping = false;
  let restartMs = RESTART_FIRST_MS;
  let restart: NodeJS.Timeout | undefined;
  let child: LeashedProcess;
  const launch = async (): Promise<Record<string, string>> => {
    child = spawnLeashed(process.execPath, [...NODE_FLAGS, spec.script, ...spec.args], {
      cwd: root,
      env: { ...spec.env, ...MALLOC },
      stdout: 'pipe',
      stderr: { append: spec.log },
    });
    const ready = await readyLine(child, spec);
    void child.exited.then(() => {
      if (stopping) return;
      restart = setTimeout(() => void launch().catch(() => undefined), restartMs);
      restartMs = Math.min(RESTART_MOST_MS, restartMs * 2);
    });
    return ready;
  };
  const ready = await launch();
  return {
    name: spec.name,
    ready,
    pid: () => (child.exit === undefined ? child.pid : undefined),
    async stop() {
      stopping = true;
      clearTimeout(restart);
      await child.terminate(STOP_MS);
    },
  };
}

function readyLine(child: LeashedProcess, spec: ProgramSpec): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      reject(new StartFailure(`${spec.name} ${what}. The end of ${spec.log}:\n${lastLines(spec.log)}`));
    const timer = setTimeout(() => {
      fail(`was not ready within ${READY_MS / 1000} s`);
      void child.terminate(0);
    }, READY_MS);
    void child.exited.then(({ code, signal }) => {
      clearTimeout(timer);
      fail(`ended (${signal ?? `code ${code}`}) before it was ready`);
    });
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{"ready":true')) return;
      clearTimeout(timer);
      resolve(JSON.parse(line) as Record<string, string>);
    });
  });
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  } catch {
    return '(nothing was logged)';
  }
}
