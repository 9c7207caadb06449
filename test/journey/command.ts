// Runs `npm start`'s program as its own process, as a person would, in a state folder of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Start {
  readonly state: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  /** `prefix`: a command that runs the rest of its command line, by exec; `env`: in place of ours. */
  constructor(
    args: readonly string[],
    state = mkdtempSync(join(tmpdir(), 'spotlearn-journey-')),
    prefix: readonly string[] = [],
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.state = state;
    const line = [...prefix, process.execPath, 'local/main.ts', '--state', state, ...args];
    this.child = spawn(line[0] ?? '', line.slice(1), {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve({ code, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  /** Resolves once it has printed this; rejects when it ended before. */
  async printed(words: string, withinMs = 120_000): Promise<void> {
    const until = Date.now() + withinMs;
    while (!this.#stdout.includes(words)) {
      if (this.child.exitCode !== null || Date.now() > until)
        throw new Error(`Never printed ${words}: ${this.#stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Processes whose command line or environment names the state folder, without the starter. */
  left(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => mentions(`/proc/${name}/cmdline`, this.state) || mentions(`/proc/${name}/environ`, this.state))
      .map(Number);
  }

  /** Waits until nothing is left; what still is after the time. */
  async gone(withinMs = 15_000): Promise<number[]> {
    const until = Date.now() + withinMs;
    while (this.left().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
    return this.left();
  }

  forget(): void {
    this.child.kill('SIGKILL');
    rmSync(this.state, { recursive: true, force: true });
  }
}

function mentions(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(text);
  } catch {
    return false;
  }
}
