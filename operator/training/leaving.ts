// Changes of status around a replacement while the old instance still runs (docs/decisions/0006): leaving it, staying after all, being at
// risk. Pure; transitions.ts has the others.
import { isTrue, timestamp } from '../../crds/conditions.ts';
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { LeavingReason } from './actions.ts';
import { change, withAttempt, type At, type NewEntry } from './transitions.ts';

const LEAVING = {
  Interruption: [
    ['Interrupted', 'True', 'SpotInterruption'],
    'EC2 takes it back; the worker checkpoints and a replacement is launched',
  ],
  Lost: [['Interrupted', 'True', 'InstanceLost'], 'it was ended, nobody knows by whom; a replacement is launched'],
  Rebalance: [['Interrupted', 'True', 'Rebalancing'], 'EC2 says it is at risk; the job moves to another pool'],
  Impaired: [
    ['Interrupted', 'True', 'InstanceImpaired'],
    'EC2 says it is in trouble; the job moves to another instance',
  ],
  SpotAgain: [['Provisioned', 'False', 'SpotAgain'], 'the job is ahead of its deadline; it moves back to Spot'],
} as const satisfies Record<LeavingReason, readonly [NewEntry, string]>;

/** The attempt is to be replaced while it still runs. */
export function leave(at: At, status: TrainingJobStatus, attempt: Attempt, why: LeavingReason): TrainingJobStatus {
  const [condition, words] = LEAVING[why];
  return change(at, withAttempt(status, attempt, { leavingAt: timestamp(at.now), leavingReason: why }), {
    phase: 'Recovering',
    message: `${attempt.instanceId}: ${words}.`,
    conditions: [condition],
  });
}

/** The status with the attempt no longer being replaced. */
export const stayed = (status: TrainingJobStatus, { number }: Attempt): TrainingJobStatus => ({
  ...status,
  attempts: status.attempts?.map((one) => {
    if (one.number !== number) return one;
    const { leavingAt: _, leavingReason: __, ...rest } = one;
    return rest;
  }),
});

/** The replacement is given up: the attempt goes on where it is. */
export const stays = (at: At, status: TrainingJobStatus, attempt: Attempt): TrainingJobStatus =>
  change(at, stayed(status, attempt), {
    phase: attempt.startedAt === undefined ? 'Booting' : 'Running',
    message: `The job stays on ${attempt.instanceId}.`,
    instanceId: attempt.instanceId,
    conditions: [
      ['Provisioned', 'True', 'Stayed'],
      ...(isTrue(status.conditions, 'Interrupted') ? ([['Interrupted', 'False', 'Stayed']] as const) : []),
    ],
  });

/** EC2 recommends to leave the instance, and the job stays: told once. */
export const atRisk = (at: At, status: TrainingJobStatus, attempt: Attempt): TrainingJobStatus =>
  status.conditions?.some(({ type, reason }) => type === 'Interrupted' && reason === 'RebalanceRecommended')
    ? status
    : change(at, status, {
        phase: status.phase ?? 'Running',
        message: status.message ?? '',
        conditions: [
          [
            'Interrupted',
            'False',
            'RebalanceRecommended',
            `EC2 says that ${attempt.instanceId} is at higher risk; the worker checkpoints and stays.`,
          ],
        ],
      });
