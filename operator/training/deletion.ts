// Deletion of a TrainingJob at any moment: end what runs, wait until EC2 says so, drop the finalizer. Nothing is checkpointed. Pure.
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import { LEDGER_RETRY_MS } from '../accounts/ledger.ts';
import type { Decision } from './actions.ts';
import type { Context } from './context.ts';
import { openAttempts } from './job.ts';
import { end } from './losses.ts';
import { isOwing, owing } from './owing.ts';
import { isDown } from './seen.ts';

const LOOK_AGAIN_MS = 2_000;

export function decideDeletion(
  job: TrainingJob,
  status: TrainingJobStatus,
  context: Pick<Context, 'seen' | 'now' | 'ledgerAway'>,
): Decision {
  const { seen } = context;
  if (!job.metadata?.finalizers?.includes(FINALIZER)) return { status };
  const alive = seen.instances.filter((instance) => !isDown(instance)).map(({ id }) => id);
  if (alive.length > 0) return { status, action: { do: 'terminate', ids: alive, reason: 'Deleted' } };
  const [attempt] = openAttempts(status);
  // Asked for, answer unknown: its batch tells whether there is an instance.
  if (attempt && !attempt.instanceId) return { status, action: { do: 'withdraw', attempt } };
  if (attempt) return { status, action: end(attempt, 'Deleted', 'deletion', 'The job was deleted.') };
  const unended = seen.instances.some(({ state }) => state !== 'terminated');
  const lastEnd = Math.max(0, ...(status.attempts ?? []).map(({ endedAt }) => Date.parse(endedAt ?? '') || 0));
  if (unended || seen.at < lastEnd) return { status, requeueAfterMs: LOOK_AGAIN_MS };
  const owed = owing(status, context);
  if (owed) return { status, action: owed };
  if (isOwing(status)) return { status, requeueAfterMs: LEDGER_RETRY_MS };
  return { status, action: { do: 'removeFinalizer' } };
}
