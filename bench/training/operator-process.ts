// The parent's side of operator.ts: starts the process, reads its metrics, asks for its memory, ends it.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Pace } from './clock.ts';
import { readMetrics, type Samples } from './metrics.ts';

export type Question = 'memory' | 'processor' | 'close';
export interface Memory {
  /** Resident, before anything is collected for this question. */
  readonly asIsMb: number;
  /** Resident, after garbage was collected. */
  readonly rssMb: number;
  readonly heapMb: number;
}
export type Said = { url: string } | { memory: Memory } | { processorMs: number };

/** As `npm start` runs it (local/stack/programs.ts). */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=384', '--optimize-for-size'];

const READY_MS = 120_000;
const ANSWER_MS = 60_000;
const CLOSE_MS = 30_000;

export class OperatorProcess {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** Resolves when it leads. SPOTLEARN_BENCH_PROFILE: a folder for a profile of its processor time. */
  static async start(environment: Readonly<Record<string, string>>, pace: Pace): Promise<OperatorProcess> {
    const folder = process.env.SPOTLEARN_BENCH_PROFILE;
    const profile = folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];
    const child = fork(join(import.meta.dirname, 'operator.ts'), {
      execArgv: ['--expose-gc', ...NODE_FLAGS, ...profile],
      env: { ...process.env, ...environment, SPOTLEARN_BENCH_PACE: JSON.stringify(pace) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const said = await answer(child, READY_MS);
    if (!('url' in said)) throw new Error('the operator said something else than that it is ready');
    return new OperatorProcess(child, said.url);
  }

  memory(): Promise<Memory> {
    return this.#ask('memory', (said) => ('memory' in said ? said.memory : undefined));
  }

  /** Milliseconds of processor time since the process began. */
  processorMs(): Promise<number> {
    return this.#ask('processor', (said) => ('processorMs' in said ? said.processorMs : undefined));
  }

  metrics(): Promise<Samples> {
    return readMetrics(this.#url);
  }

  async #ask<T>(question: Question, read: (said: Said) => T | undefined): Promise<T> {
    this.#child.send(question);
    const said = read(await answer(this.#child, ANSWER_MS));
    if (said === undefined) throw new Error(`the operator did not answer about its ${question}`);
    return said;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS);
    this.#child.send('close' satisfies Question);
    await ended;
    clearTimeout(late);
  }
}

async function answer(child: ChildProcess, timeoutMs: number): Promise<Said> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([said]) => said as Said),
      once(child, 'exit', { signal }).then(([code]): never => {
        throw new Error(`the operator ended with ${code}; SPOTLEARN_BENCH_LOG=info shows its log`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
