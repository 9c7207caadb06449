// A TrainingJob that went before it was let go: whoever may change it can take its finalizer away. What it left running is ended, and what that
// cost is in the ledger all the same; a launch whose answer was still to come is the collector's (operator/collection).
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { failed } from '../runtime/kubernetes.ts';
import type { Actor } from './act.ts';
import { openAttempts } from './job.ts';
import { end } from './losses.ts';
import { isOwing } from './owing.ts';

const MESSAGE = 'The job was deleted without its finalizer.';

/** `job`: as it was last. A deletion that went its way leaves nothing. */
export const leftSomething = ({ status }: TrainingJob): boolean =>
  openAttempts(status).length > 0 || isOwing(status ?? {});

/** `goneAt`: milliseconds. Idempotent. Rejects when the ledger or EC2 does not answer. */
export async function settle(actor: Pick<Actor, 'act'>, job: TrainingJob, goneAt: number): Promise<void> {
  for (const attempt of openAttempts(job.status)) {
    const { outcome } = await actor.act(job, { ...end(attempt, 'Deleted', 'deletion', MESSAGE), downSince: goneAt });
    if (outcome?.of === 'ended' && outcome.unbilled) throw new Error('the ledger is away');
  }
  for (const attempt of job.status?.attempts ?? [])
    if (attempt.unbilled) await actor.act(job, { do: 'deliver', attempt });
  try {
    await actor.act(job, { do: 'removeFinalizer' });
  } catch (error) {
    // Another has its name by now.
    if (!failed(error, 'Conflict')) throw error;
  }
}
