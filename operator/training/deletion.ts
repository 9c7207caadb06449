// Deletion of a TrainingJob at any moment: end what runs, wait until EC2 says so, drop the finalizer. Nothing is checkpointed. Pure.
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import type { Decision } from './actions.ts';
import { currentAttempt } from './job.ts';
import { isDown, type Seen } from './seen.ts';

/** A fleet call whose answer was lost shows its instances within this time. */
export const APPEARS_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 2_000;

export function decideDeletion(
  job: TrainingJob,
  status: TrainingJobStatus,
  { now, seen }: { now: number; seen: Seen },
): Decision {
  if (!job.metadata?.finalizers?.includes(FINALIZER)) return { status };
  const alive = seen.instances.filter((instance) => !isDown(instance)).map(({ id }) => id);
  if (alive.length > 0) return { status, action: { do: 'terminate', ids: alive, reason: 'Deleted' } };
  const attempt = currentAttempt(status);
  if (attempt && !attempt.instanceId) {
    // Asked for, answer unknown: nothing may be concluded before a whole look that is late enough.
    const due = Date.parse(attempt.requestedAt) + APPEARS_WITHIN_MS;
    if (seen.at < due) return { status, requeueAfterMs: Math.max(LOOK_AGAIN_MS, due - now) };
  }
  if (attempt?.instanceId)
    return {
      status,
      action: { do: 'end', attempt, reason: 'Deleted', cause: 'deletion', message: 'The job was deleted.' },
    };
  const unended = seen.instances.some(({ state }) => state !== 'terminated');
  const lastEnd = Math.max(0, ...(status.attempts ?? []).map(({ endedAt }) => Date.parse(endedAt ?? '') || 0));
  if (unended || seen.at < lastEnd) return { status, requeueAfterMs: LOOK_AGAIN_MS };
  return { status, action: { do: 'removeFinalizer' } };
}
