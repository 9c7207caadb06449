// When an attempt is over without a word of its worker. On positive evidence only (decision 5): EC2 says that the instance is down, or its
// silence was listened to for long enough and a whole look since then found it silent still. Pure.
import type { Instance } from '../../cloud/compute.ts';
import type { Attempt } from '../../crds/crds.generated.ts';
import type { Action, EndCause, EndReason } from './actions.ts';
import type { Context } from './context.ts';
import { BOOT_QUIET_MS, LOST_QUIET_MS } from './observation.ts';
import { isDown, isGone, type Seen } from './seen.ts';

/** A pod may wait for room and an image for longer than a machine boots. */
const POD_BOOT_QUIET_MS = 3 * BOOT_QUIET_MS;

export const end = (
  attempt: Attempt,
  reason: EndReason,
  cause: EndCause,
  message: string,
): Extract<Action, { do: 'end' }> => ({ do: 'end', attempt, reason, cause, message });

/** As the worker words it (trainer/errors.py). */
const BIGGER_INSTANCE =
  'Choose an instance with more memory, fewer columns, or a smaller model (fewer or shallower trees).';

/** Whether it was EC2 that ended the Spot instance. */
export const takenBack = ({ stateReason = '' }: Instance, { notice }: Seen): boolean =>
  notice?.kind === 'interruption' || /Spot/.test(stateReason);

/** The end of an attempt that was lost; undefined while nothing is proven. */
export function losses(attempt: Attempt, { seen }: Pick<Context, 'seen'>): Action | undefined {
  if (seen.unread) return undefined;
  const { instanceId = '', market } = attempt;
  const instance = seen.instances.find(({ id }) => id === instanceId);
  if (instance && (attempt.startedAt === undefined ? isDown(instance) : isGone(instance))) {
    const { stateReason = instance.state } = instance;
    // Nobody is left in the pod to write a result; on an instance boot.sh does (docs/life-of-a-job.md).
    if (stateReason === 'OOMKilled')
      return end(attempt, 'OutOfMemory', 'user', `${instanceId} ran out of memory. ${BIGGER_INSTANCE}`);
    return takenBack(instance, seen)
      ? end(attempt, 'Interrupted', 'interruption', `EC2 took ${instanceId} back.`)
      : end(attempt, 'InstanceLost', 'interruption', `${instanceId} was ended (${stateReason}).`);
  }
  const quiet = seen.quietMs ?? 0;
  const since = Date.parse(attempt.startedAt ?? attempt.launchedAt ?? attempt.requestedAt);
  // A look from before the attempt proves nothing of it.
  if (seen.at <= since) return undefined;
  if (attempt.startedAt === undefined) {
    // Without a ticket the worker has nothing to report; it ends itself when none comes.
    const heldOff = seen.at - Date.parse(attempt.ticketAt ?? '');
    const limit = market === 'cluster' ? POD_BOOT_QUIET_MS : BOOT_QUIET_MS;
    if (!(Math.min(quiet, heldOff) >= limit)) return undefined;
    return end(attempt, 'BootTimeout', 'platform', `${instanceId} did not report within ${limit / 60_000} minutes.`);
  }
  if (quiet < LOST_QUIET_MS) return undefined;
  return end(attempt, 'HeartbeatLost', 'interruption', `${instanceId} has been silent for 10 minutes.`);
}
