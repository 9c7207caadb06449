// The most memory a process had, in MiB (VmHWM of /proc, Linux). resourceUsage() is of no use here: for a process that was just
// started it counts what its parent had, too.
import { readFileSync } from 'node:fs';

export function peakMiB(pid: number | 'self' = 'self'): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

const LOOK_MS = 50;

/** Looks at processes that come and go. */
export class Peaks {
  readonly #pids: () => readonly number[];
  readonly #timer: NodeJS.Timeout;
  #highest = NaN;

  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** The highest of any of them; not a number when none was seen. */
  stop(): number {
    this.#look();
    clearInterval(this.#timer);
    return this.#highest;
  }

  #look(): void {
    for (const pid of this.#pids())
      try {
        const peak = peakMiB(pid);
        if (!(this.#highest >= peak)) this.#highest = peak;
      } catch {
        // It ended meanwhile.
      }
  }
}
