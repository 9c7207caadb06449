// Every child process of the local stack starts here: instances, Lambda workers, pods, the programs themselves.
// A leashed process leads its own process group, and leash.sh's watcher ends that group when our end of a pipe closes,
// so nothing is left behind even when this process dies of kill -9. (A child that calls setsid itself escapes; ours don't.)
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';

/** How long the group of a dead starter may still run after its SIGTERM. */
const ORPHAN_GRACE_SECONDS = 2;

const LEASH = fileURLToPath(new URL('leash.sh', import.meta.url));

/** `pipe`: read it yourself (`child.stdout`); `{ append }`: into this file; `inherit`: ours; `ignore` (default). */
export type LeashedOutput = 'pipe' | 'inherit' | 'ignore' | { readonly append: string };

export interface LeashOptions {
  /** The whole environment; default: ours. `PATH` is needed to find `sleep` (and the command, when it has no slash). */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdout?: LeashedOutput;
  readonly stderr?: LeashedOutput;
  /** Seconds between SIGTERM and SIGKILL when this process has died; default 2. */
  readonly orphanGraceSeconds?: number;
}

export interface Exit {
  /** Null when a signal ended it. 127: the command was not found; 126: it can't be executed. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LeashedProcess {
  /** Of the command itself, which leads its process group. */
  readonly pid: number;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Resolves, never rejects, once the command has ended and its group has been killed. */
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  /** Sends a signal to the command alone, or to all of its group; does nothing once it has ended. */
  signal(name: NodeJS.Signals, target?: 'command' | 'group'): void;
  /**
   * SIGTERM to the command (or its group), SIGKILL to the group after `graceMs`; resolves when it has ended. What the
   * command leaves running when it exits is killed at once, as in a container.
   */
  terminate(graceMs: number, target?: 'command' | 'group'): Promise<Exit>;
}

/** Throws when the shell can't be started; a command that isn't there is an exit with code 127. */
export function spawnLeashed(command: string, args: readonly string[], options: LeashOptions = {}): LeashedProcess {
  const opened: number[] = [];
  const descriptor = (output: LeashedOutput = 'ignore'): 'pipe' | 'inherit' | 'ignore' | number => {
    if (typeof output === 'string') return output;
    const file = openSync(output.append, 'a', 0o600);
    opened.push(file);
    return file;
  };
  const grace = String(options.orphanGraceSeconds ?? ORPHAN_GRACE_SECONDS);
  const child = spawn('/bin/sh', [LEASH, grace, command, ...args], {
    env: options.env ?? process.env,
    cwd: options.cwd,
    detached: true,
    stdio: ['pipe', descriptor(options.stdout), descriptor(options.stderr)],
  });
  for (const file of opened) closeSync(file);
  const { pid } = child;
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    const finish = (ended: Exit) => {
      if (exit !== undefined) return;
      exit = ended;
      child.stdin?.destroy();
      if (pid !== undefined) killGroup(pid, 'SIGKILL');
      resolve(ended);
    };
    child.once('exit', (code, signal) => finish({ code, signal }));
    child.once('error', () => finish({ code: 126, signal: null }));
  });
  // The watcher never reads what could be written; a closed pipe is no error of ours.
  child.stdin?.on('error', () => undefined);
  if (pid === undefined) throw new Error(`The shell could not be started to run ${command}`);

  const signal = (name: NodeJS.Signals, target: 'command' | 'group' = 'command') => {
    if (exit !== undefined) return;
    if (target === 'group') killGroup(pid, name);
    else killQuietly(pid, name);
  };
  return {
    pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    get exit() {
      return exit;
    },
    signal,
    async terminate(graceMs, target = 'command') {
      signal('SIGTERM', target);
      const timer = setTimeout(() => signal('SIGKILL', 'group'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  killQuietly(-pid, signal);
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it ended by itself meanwhile.
  }
}
