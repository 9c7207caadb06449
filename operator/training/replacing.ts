// A job whose instance is being replaced while it still runs: the old one checkpoints and ends, then its successor gets the ticket. Pure.
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { Action, Decision, EndCause, EndReason } from './actions.ts';
import type { Context } from './context.ts';
import { currentAttempt } from './job.ts';
import { stays } from './leaving.ts';
import { end } from './losses.ts';
import { isGone } from './seen.ts';
import { STOP_TIMEOUT_MS } from './stopping.ts';
import type { At } from './transitions.ts';

/** EC2 takes an instance back two minutes after its notice. */
export const NOTICE_MS = 120_000;
const GRACE_MS = 30_000;

const ENDS: Readonly<Record<string, readonly [EndReason, EndCause]>> = {
  Interruption: ['Interrupted', 'interruption'],
  Lost: ['InstanceLost', 'interruption'],
  Rebalance: ['Rebalanced', 'interruption'],
  Impaired: ['Impaired', 'interruption'],
  SpotAgain: ['Moved', 'move'],
};
/** Ways of ending that a replacement is there for; after any other the old attempt's result counts and the replacement is not needed. */
const EXPECTED_EXITS: ReadonlySet<number> = new Set([30, 31]);

/** The next step of the replacement; undefined: go on with the successor as with any attempt. */
export function replacing(at: At, status: TrainingJobStatus, leaving: Attempt, context: Context): Decision | undefined {
  const { seen } = context;
  const report = seen.leaving ?? {};
  const successor = currentAttempt(status);
  if (report.result && !EXPECTED_EXITS.has(report.result.exitCode)) return keep(at, status, leaving, successor);
  const instance = seen.instances.find(({ id }) => id === leaving.instanceId);
  const proven = !report.unread && ((instance && isGone(instance)) || at.now >= overdueAt(leaving, successor));
  if (report.result || proven) return { status, action: ended(leaving, report.result !== undefined) };
  const taken = isTaken(leaving);
  if (!taken && successor?.instanceId && !report.controlled)
    return { status, action: control(leaving), requeueAfterMs: STOP_TIMEOUT_MS };
  if (successor) return undefined;
  if (isLast(at, status, leaving)) return { status, requeueAfterMs: overdueAt(leaving, undefined) - at.now };
  // Its own wish, and no place to go: it stays where it is.
  if (!taken && context.plan().selection.offers.length === 0) return { status: stays(at, status, leaving) };
  return undefined;
}

/** The old attempt came to an end of its own: its result counts, and the replacement goes. */
function keep(at: At, status: TrainingJobStatus, leaving: Attempt, successor: Attempt | undefined): Decision {
  if (!successor) return { status: stays(at, status, leaving) };
  if (successor.instanceId === undefined) return { status, action: { do: 'withdraw', attempt: successor } };
  return { status, action: end(successor, 'Superseded', 'spare', 'The replacement is not needed any more.') };
}

const ended = (leaving: Attempt, saved: boolean): Action => {
  const [reason, cause] = ENDS[leaving.leavingReason ?? ''] ?? (['Interrupted', 'interruption'] as const);
  const why =
    {
      Interrupted: `EC2 takes ${leaving.instanceId} back.`,
      InstanceLost: `${leaving.instanceId} was ended.`,
    }[reason as string] ?? `The job moves on from ${leaving.instanceId}.`;
  return { ...end(leaving, reason, cause, why), saved };
};

/** It goes whether we want or not; all else is our own wish. */
const isTaken = ({ leavingReason }: Attempt): boolean => leavingReason === 'Interruption' || leavingReason === 'Lost';

const control = ({ instanceId = '', leavingReason = '' }: Attempt): Action => ({
  ...{ do: 'control', instanceId, reason: leavingReason },
});

/** When an instance that leaves is over in any case. Without a notice it is asked to stop when its successor is there. */
function overdueAt(leaving: Attempt, successor: Attempt | undefined): number {
  const began = Date.parse(leaving.leavingAt ?? '');
  if (isTaken(leaving)) return began + NOTICE_MS + GRACE_MS;
  const there = Date.parse(successor?.launchedAt ?? '');
  return Number.isFinite(there) ? Math.max(began, there) + STOP_TIMEOUT_MS + GRACE_MS : Infinity;
}

/** Whether the job may not be interrupted any more: then no replacement is launched, and the end of this attempt is the job's. */
function isLast({ job }: At, { counts }: TrainingJobStatus, { leavingReason }: Attempt): boolean {
  const [, cause] = ENDS[leavingReason ?? ''] ?? [];
  return cause === 'interruption' && (counts?.interruptions ?? 0) + 1 > job.spec.maxInterruptions;
}
