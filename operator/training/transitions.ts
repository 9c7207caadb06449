// Every change of a TrainingJob's status as a pure function: phase, message and conditions move together, so that a reader never
// sees a phase without its reason. decide.ts and confirm.ts choose among these; nothing else writes phases.
import { isTrue, setCondition, timestamp, type NewCondition } from '../../crds/conditions.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import type { LaunchedInstance } from '../../cloud/compute.ts';
import { showUsd } from '../../cloud/prices.ts';
import type { TrainingReason } from '../../crds/reasons.ts';
import type { LaunchPlan } from './context.ts';
import type { PriceSource } from './costs.ts';
import { ATTEMPTS_KEPT, leavingAttempt, logStreamOf, type Phase } from './job.ts';

export interface At {
  readonly job: TrainingJob;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly prices?: PriceSource;
}

export type NewEntry = readonly [
  type: string,
  status: NewCondition['status'],
  reason: TrainingReason,
  message?: string,
];

interface Change extends Omit<TrainingJobStatus, 'conditions'> {
  phase: Phase;
  message: string;
  conditions: readonly NewEntry[];
}

/** The status with the change applied; conditions that are not named stay. */
export function change(at: At, status: TrainingJobStatus, { conditions, ...fields }: Change): TrainingJobStatus {
  const generation = at.job.metadata?.generation;
  let list = status.conditions;
  for (const [type, value, reason, message] of conditions)
    list = setCondition(list, { type, status: value, reason, message: message ?? fields.message }, generation, at.now);
  return { ...status, ...fields, observedGeneration: generation, conditions: list };
}

export interface Admission {
  readonly dataset: NonNullable<TrainingJobStatus['dataset']>;
  readonly quote?: TrainingJobStatus['quote'];
  readonly estimatedUsd: number;
  readonly reservedUsd: number;
  readonly message: string;
}

export const admitted = (at: At, status: TrainingJobStatus, admission: Admission): TrainingJobStatus =>
  change(at, status, {
    phase: 'Launching',
    message: admission.message,
    startTime: timestamp(at.now),
    dataset: admission.dataset,
    ...(admission.quote ? { quote: admission.quote } : {}),
    cost: {
      actualUsd: 0,
      onDemandUsd: 0,
      ...status.cost,
      estimatedUsd: admission.estimatedUsd,
      reservedUsd: admission.reservedUsd,
    },
    conditions: [
      ['Accepted', 'True', 'Admitted'],
      ...(isTrue(status.conditions, 'Suspended') ? ([['Suspended', 'False', 'Resumed']] as const) : []),
      ...(isTrue(status.conditions, 'BudgetExhausted')
        ? ([['BudgetExhausted', 'False', 'BudgetRaised']] as const)
        : []),
    ],
  });

/** Waits for money, an account or a permission; `reason` says for what. */
export const waiting = (
  at: At,
  status: TrainingJobStatus,
  reason: TrainingReason,
  message: string,
): TrainingJobStatus => change(at, status, { phase: 'Queued', message, conditions: [['Accepted', 'False', reason]] });

export const refused = (
  at: At,
  status: TrainingJobStatus,
  reason: TrainingReason,
  message: string,
): TrainingJobStatus =>
  change(at, status, {
    phase: 'Failed',
    message,
    completionTime: timestamp(at.now),
    instanceId: undefined,
    cost: { ...status.cost, reservedUsd: 0 },
    conditions: [
      ['Accepted', 'False', reason],
      ['Failed', 'True', reason],
      // After a first attempt (the data set changed) there is more to take back.
      ...(status.attemptCount === undefined
        ? []
        : ([
            ['Running', 'False', 'Finished'],
            ['Provisioned', 'False', 'Released'],
          ] as const)),
    ],
  });

/** The condition keeps the time since when it waits; the message says it, too. */
export function withoutCapacity(at: At, status: TrainingJobStatus, message: string): TrainingJobStatus {
  const waiting = status.conditions?.find(({ type }) => type === 'Provisioned');
  const since = waiting?.reason === 'NoCapacity' ? waiting.lastTransitionTime : timestamp(at.now);
  const text = `${message.replace(/\.?$/, '.')} Waiting since ${since}.`;
  return change(at, status, {
    phase: 'Queued',
    message: text,
    conditions: [['Provisioned', 'False', 'NoCapacity']],
  });
}

const MARKETS = { spot: 'a Spot instance', 'on-demand': 'an on-demand instance', cluster: 'a pod on the cluster' };

/** Writes an attempt down before its instance is asked for (write, call, confirm). */
export function attemptBegun(at: At, status: TrainingJobStatus, plan: LaunchPlan, batch: string): TrainingJobStatus {
  const { market, selection, marketReason, extraPerHour } = plan;
  const number = (status.attemptCount ?? 0) + 1;
  const attempt: Attempt = {
    ...{ number, batch, market, requestedAt: timestamp(at.now) },
    ...(status.progress?.lastCheckpointStep ? { resumedFromStep: status.progress.lastCheckpointStep } : {}),
    ...(marketReason === undefined ? {} : { marketReason }),
    ...(extraPerHour === undefined ? {} : { extraPerHour }),
  };
  const replaces = leavingAttempt(status) !== undefined;
  const again = (status.attempts?.some((one) => one.instanceId) ?? false) && status.phase !== 'Launching';
  const why = marketReason === undefined ? '' : ` (${marketReason})`;
  return change(at, status, {
    phase: again ? 'Recovering' : 'Launching',
    message: `Attempt ${number} asks for ${MARKETS[market]}${why}: ${selection.reason.replace(/\.?$/, '.')}`,
    attemptCount: number,
    attempts: kept([...(status.attempts ?? []), attempt]),
    conditions: [
      ['Provisioned', 'False', marketReason === undefined ? 'Launching' : 'FallingBack'],
      ...(replaces ? [] : ([['Running', 'False', again ? 'Recovering' : 'Launching']] as const)),
    ],
  });
}

/** The last ones; one that still runs, or is not in the ledger yet, is never dropped. */
function kept(attempts: readonly Attempt[]): Attempt[] {
  const owes = ({ endedAt, unbilled }: Attempt): boolean => endedAt === undefined || unbilled === true;
  const open = attempts.filter(owes).length;
  const ended = attempts.filter((one) => !owes(one)).slice(-Math.max(1, ATTEMPTS_KEPT - open));
  return attempts.filter((one) => owes(one) || ended.includes(one));
}

/** The attempt came to no instance: it is taken off the list (its number stays used), only the count remains. */
export function attemptWithdrawn(
  status: TrainingJobStatus,
  attempt: Attempt,
  cause: 'capacity' | 'platform' | 'none',
): TrainingJobStatus {
  const counts = cause === 'none' ? status.counts : { ...status.counts, [cause]: (status.counts?.[cause] ?? 0) + 1 };
  return { ...status, attempts: status.attempts?.filter(({ number }) => number !== attempt.number), counts };
}

export function instanceObtained(
  at: At,
  status: TrainingJobStatus,
  attempt: Attempt,
  instance: LaunchedInstance,
  price: number,
  launchedAt: number,
  logGroup: string,
  addressPerHour?: number,
): TrainingJobStatus {
  const message =
    attempt.market === 'cluster'
      ? `The pod of Job ${instance.id} is starting; it costs nothing extra.`
      : `Instance ${instance.id} (${instance.instanceType}, ${instance.zone}, ${attempt.market}, $${price} per hour) is starting.`;
  return change(at, status, {
    phase: status.phase ?? 'Launching',
    message,
    instanceId: instance.id,
    logStream: `${logGroup}:${logStreamOf(instance.id)}`,
    attempts: status.attempts?.map((one) =>
      one.number === attempt.number
        ? {
            ...one,
            instanceId: instance.id,
            instanceType: instance.instanceType,
            zone: instance.zone,
            pricePerHour: price,
            ...(addressPerHour ? { addressPerHour } : {}),
            launchedAt: timestamp(launchedAt),
          }
        : one,
    ),
    conditions: [['Provisioned', 'True', 'InstanceLaunched']],
  });
}

export const withAttempt = (
  status: TrainingJobStatus,
  { number }: Attempt,
  more: Partial<Attempt>,
): TrainingJobStatus => ({
  ...status,
  attempts: status.attempts?.map((one) => (one.number === number ? { ...one, ...more } : one)),
});

/** The ticket knows what is resumed; a last checkpoint may have come too late for any heartbeat. */
export const ticketPut = (
  at: At,
  status: TrainingJobStatus,
  attempt: Attempt,
  resumedFromStep: number | undefined,
): TrainingJobStatus =>
  change(
    at,
    withAttempt(status, attempt, {
      ticketAt: timestamp(at.now),
      ...(resumedFromStep === undefined ? {} : { resumedFromStep }),
    }),
    {
      phase: 'Booting',
      message: `${attempt.market === 'cluster' ? 'The pod of Job' : 'Instance'} ${status.instanceId} boots and prepares the worker.`,
      conditions: [['Running', 'False', 'Booting']],
    },
  );

/** A checkpoint is known; an older one changes nothing. */
export const keptCheckpoint = (
  status: TrainingJobStatus,
  { step, at }: { readonly step: number; readonly at: string },
): TrainingJobStatus =>
  step <= (status.progress?.lastCheckpointStep ?? 0)
    ? status
    : {
        ...status,
        progress: { ...status.progress, lastCheckpointStep: step, lastCheckpointTime: timestamp(Date.parse(at)) },
      };

export const ticketSigned = (at: At, status: TrainingJobStatus, attempt: Attempt): TrainingJobStatus =>
  withAttempt(status, attempt, { ticketAt: timestamp(at.now) });

export type StopCause = 'Suspended' | 'DeadlineExceeded' | 'BudgetExhausted' | 'MonthExhausted';

/** Which stop is under way, written in the condition it will end in, with status Unknown; when it began. */
export function stopUnderWay(status: TrainingJobStatus): { cause: StopCause; since: number } | undefined {
  const found = status.conditions?.find(
    ({ type, status: value }) => value === 'Unknown' && ['Suspended', 'Failed', 'BudgetExhausted'].includes(type),
  );
  if (!found) return undefined;
  return { cause: causeOf(found), since: Date.parse(found.lastTransitionTime) };
}

function causeOf({ type, reason }: { type: string; reason: string }): StopCause {
  if (type === 'Failed') return 'DeadlineExceeded';
  if (type === 'Suspended') return 'Suspended';
  return reason === 'MonthExhausted' ? 'MonthExhausted' : 'BudgetExhausted';
}

const STOPS = {
  Suspended: ['Suspended', 'Suspending'],
  DeadlineExceeded: ['Failed', 'DeadlineExceeded'],
  BudgetExhausted: ['BudgetExhausted', 'BudgetReached'],
  MonthExhausted: ['BudgetExhausted', 'MonthExhausted'],
} as const;

export function stopping(at: At, status: TrainingJobStatus, cause: StopCause, message: string): TrainingJobStatus {
  const [type, reason] = STOPS[cause];
  return change(at, status, { phase: 'Stopping', message, conditions: [[type, 'Unknown', reason]] });
}

const STOPPED = {
  Suspended: () => 'Suspended; set spec.suspend to false to continue.',
  BudgetExhausted: (usd: number) =>
    `The budget is used up (${showUsd(usd)} spent); raise spec.budget.maxCostUsd to continue.`,
  MonthExhausted: () =>
    'The month’s limit of the account is used up; it continues with the next month (UTC) or after a top-up by an administrator.',
} as const;

/** Nothing runs any more because of `cause`. */
export function stopped(at: At, status: TrainingJobStatus, cause: StopCause): TrainingJobStatus {
  if (cause === 'DeadlineExceeded')
    return failed(
      at,
      status,
      'DeadlineExceeded',
      `Not finished within activeDeadlineSeconds (${at.job.spec.activeDeadlineSeconds} s).`,
    );
  const kept = status.progress?.lastCheckpointStep
    ? ` The checkpoint of step ${status.progress.lastCheckpointStep} is kept.`
    : '';
  const reason = STOPS[cause][1];
  return change(at, status, {
    phase: 'Suspended',
    message: STOPPED[cause](status.cost?.actualUsd ?? 0) + kept,
    instanceId: undefined,
    cost: { ...status.cost, reservedUsd: 0 },
    conditions: [
      ...(cause === 'Suspended' ? [] : ([['BudgetExhausted', 'True', reason]] as const)),
      ['Suspended', 'True', cause === 'Suspended' ? 'SuspendedByUser' : reason],
      ['Provisioned', 'False', 'Released'],
      ['Running', 'False', 'Released'],
    ],
  });
}

const LOSSES: ReadonlySet<TrainingReason> = new Set(['Interrupted', 'InstanceLost', 'HeartbeatLost']);

/** An attempt is over and another will follow, after a pause where the cause asks for one. */
export const recovering = (
  at: At,
  status: TrainingJobStatus,
  reason: TrainingReason,
  message: string,
): TrainingJobStatus =>
  change(at, status, {
    phase: 'Recovering',
    message,
    instanceId: undefined,
    conditions: [
      ['Provisioned', 'False', reason],
      ['Running', 'False', 'Recovering'],
      // A notice has said so before; a loss without one says it now.
      ...(LOSSES.has(reason) && !isTrue(status.conditions, 'Interrupted')
        ? ([['Interrupted', 'True', reason]] as const)
        : []),
    ],
  });

export const failed = (at: At, status: TrainingJobStatus, reason: TrainingReason, message: string): TrainingJobStatus =>
  change(at, status, {
    phase: 'Failed',
    message,
    completionTime: timestamp(at.now),
    instanceId: undefined,
    cost: { ...status.cost, reservedUsd: 0 },
    conditions: [
      ['Failed', 'True', reason],
      ['Running', 'False', 'Finished'],
      ['Provisioned', 'False', 'Released'],
    ],
  });

export const finishing = (at: At, status: TrainingJobStatus): TrainingJobStatus =>
  change(at, status, {
    phase: 'Finishing',
    message: 'The training is done; the results are being copied and checked.',
    progress: { ...status.progress, percent: 100, etaSeconds: 0 },
    conditions: [['Running', 'False', 'Finishing']],
  });

export const succeeded = (at: At, status: TrainingJobStatus): TrainingJobStatus =>
  change(at, status, {
    phase: 'Succeeded',
    message: `Model ${status.model?.id} is ready (${status.model?.type}, ${status.model?.task}); cost ${showUsd(status.cost?.actualUsd ?? 0)}.`,
    completionTime: timestamp(at.now),
    instanceId: undefined,
    cost: { ...status.cost, reservedUsd: 0 },
    conditions: [
      ['Complete', 'True', 'TrainingSucceeded'],
      ['Running', 'False', 'Finished'],
      ['Provisioned', 'False', 'Released'],
    ],
  });
