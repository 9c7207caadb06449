// How long a job pauses before its next attempt. Pure.
import type { TrainingJobStatus } from '../../crds/crds.generated.ts';

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 360_000;
/** Ends after which the next attempt may begin at once. */
const WITHOUT_PAUSE = new Set(['Interrupted', 'Rebalanced', 'Impaired', 'Moved', 'InstanceLost', 'HeartbeatLost']);

/** batch/v1's back-off: 10 s, 20 s, 40 s … 6 min after errors of user or platform; none after a lost instance. Milliseconds. */
export function pauseUntil(status: TrainingJobStatus): number {
  const last = status.attempts?.findLast(({ endedAt }) => endedAt !== undefined);
  if (!last?.endedAt || WITHOUT_PAUSE.has(last.endReason ?? '')) return 0;
  const errors = (status.counts?.user ?? 0) + (status.counts?.platform ?? 0);
  if (errors === 0) return 0;
  return Date.parse(last.endedAt) + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, errors - 1));
}
