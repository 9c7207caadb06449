// Time as an argument. Every part that waits or stamps takes a Clock, so that tests run days in milliseconds.

/** Cancels what it was returned for; calling it again does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `run` once after `delayMs` (never before; at once when zero or less). */
  after(delayMs: number, run: () => void): Cancel;
}

/** The machine's own time. Pending timers do not keep the process alive when `unref` is asked for. */
export function systemClock(options: { unref?: boolean } = {}): Clock {
  return {
    now: () => Date.now(),
    after(delayMs, run) {
      const timer = setTimeout(run, Math.max(0, delayMs));
      if (options.unref) timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, or at once when the signal fires; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
