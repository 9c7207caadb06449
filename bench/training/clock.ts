// A clock that runs faster than the machine's, the same in every process that is told the same start: ten minutes pass in one.
import type { Clock } from '../../cloud/clock.ts';

export interface Pace {
  readonly speed: number;
  /** Real milliseconds since the epoch at which both clocks agreed. */
  readonly epoch: number;
}

export const REAL_TIME: Pace = { speed: 1, epoch: 0 };

export function fastClock({ speed, epoch }: Pace): Clock {
  return {
    now: () => (speed === 1 ? Date.now() : Math.round(epoch + (Date.now() - epoch) * speed)),
    after(delayMs, run) {
      const timer = setTimeout(run, Math.max(0, delayMs / speed));
      return () => clearTimeout(timer);
    },
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Asks every `everyMs` until the answer is true or the time is up; tells which it was. */
export async function until(ask: () => boolean | Promise<boolean>, timeoutMs: number, everyMs = 10): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (await ask()) return true;
    await pause(everyMs);
  }
  return await ask();
}

/** Of this process, since `before`: what a busy machine does not blur. */
export function processorSeconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
