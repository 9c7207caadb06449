// One side of a comparison: a warm process that answers one JSON line to each JSON line.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Answer {
  rows: number;
  ms: number;
  /** Of the process so far (VmHWM). */
  peakMiB: number;
  /** Nanoseconds a row, when they were asked for. */
  stages?: Record<string, number>;
}

export class Side {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;

  constructor(program: string, args: string[]) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  async ask(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error('a side of the benchmark ended early');
    return JSON.parse(line.value) as Answer;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}
