// Finds every change of phase a TrainingJob can make by trying them: from each status reached, the operator's own decide and
// confirm are asked under every combination of what may be seen. generate.ts draws the result in life-of-a-job.md.
import type { Instance } from '../cloud/compute.ts';
import type { Result } from '../cloud/contract/contract.generated.ts';
import { timestamp } from '../crds/conditions.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../crds/crds.generated.ts';
import { FINALIZER } from '../crds/objects.ts';
import type { Action } from '../operator/training/actions.ts';
import { confirm, type Outcome } from '../operator/training/confirm.ts';
import type { Context } from '../operator/training/context.ts';
import { decide } from '../operator/training/decide.ts';
import { currentAttempt, leavingAttempt, openAttempts } from '../operator/training/job.ts';
import { LOST_QUIET_MS } from '../operator/training/observation.ts';
import type { Seen } from '../operator/training/seen.ts';

const START = Date.UTC(2026, 0, 1);
const DEADLINE_S = 600;

/** One thing at a time is other than usual. */
interface Circumstance {
  readonly suspend?: true;
  readonly minutes?: number;
  readonly budgetUsd?: number;
  readonly droughts?: true;
}
const CIRCUMSTANCES: readonly Circumstance[] = [
  {},
  { suspend: true },
  { minutes: 6 },
  { minutes: 12 },
  { budgetUsd: 0 },
  { droughts: true },
];

export interface Transition {
  readonly from: string;
  readonly to: string;
}

/** All changes of phase, in the order they were found; deterministic. */
export function transitions(): Transition[] {
  const found = new Map<string, Transition>();
  const known = new Set<string>();
  const waiting: (TrainingJobStatus | undefined)[] = [undefined];
  for (
    let status = waiting.shift(), first = true;
    status !== undefined || first;
    status = waiting.shift(), first = false
  ) {
    for (const { before, next } of successors(status)) {
      const from = before?.phase ?? 'new';
      const to = next.phase ?? 'new';
      if (from !== to) found.set(`${from} ${to}`, { from, to });
      const key = essence(next);
      if (known.has(key)) continue;
      known.add(key);
      waiting.push(next);
    }
  }
  return [...found.values()];
}

/** Conditions that decisions depend on, beside those that tell of a stop under way (Unknown). */
const DECISIVE = new Set(['Accepted', 'BudgetExhausted']);

/** What two statuses must share to have the same future, counters cut at what the spec below allows. */
function essence(status: TrainingJobStatus): string {
  const conditions = (status.conditions ?? [])
    .filter(({ type, status: value }) => DECISIVE.has(type) || value === 'Unknown')
    .map(({ type, status: value }) => `${type}${value}`)
    .sort();
  const { interruptions = 0, platform = 0, user = 0 } = status.counts ?? {};
  return JSON.stringify([
    status.phase,
    conditions,
    openAttempts(status).map(({ instanceId, startedAt, leavingReason }) => [
      instanceId !== undefined,
      startedAt !== undefined,
      leavingReason,
    ]),
    (status.attempts?.length ?? 0) > 0,
    [Math.min(2, interruptions), Math.min(6, platform), Math.min(2, user)],
    status.model !== undefined,
  ]);
}

interface Step {
  readonly before: TrainingJobStatus | undefined;
  readonly next: TrainingJobStatus;
}

function* successors(status: TrainingJobStatus | undefined): Generator<Step> {
  for (const circumstance of CIRCUMSTANCES)
    for (const seen of looks(status, circumstance.minutes ?? 2)) yield* step(status, circumstance, seen);
}

function* step(status: TrainingJobStatus | undefined, circumstance: Circumstance, seen: Seen): Generator<Step> {
  const { suspend = false, minutes = 2, budgetUsd = 10, droughts = false } = circumstance;
  const now = START + minutes * 60_000;
  const job = jobWith(status, suspend);
  const { status: next, action } = decide(job, contextOf(now, budgetUsd, seen, !droughts));
  yield { before: status, next };
  if (action)
    for (const outcome of outcomes(action, now)) yield { before: next, next: confirm({ job, now }, next, outcome) };
}

function jobWith(status: TrainingJobStatus | undefined, suspend: boolean): TrainingJob {
  return {
    metadata: { namespace: 'ml-user-1', name: 'job', uid: 'uid', generation: 1, finalizers: [FINALIZER] },
    spec: {
      dataset: { uri: 's3://bucket/datasets/user_1/a.csv' },
      target: 'y',
      task: 'auto',
      model: { type: 'auto' },
      split: 'random',
      seed: 0,
      placement: 'Spot',
      onRebalance: 'Migrate',
      suspend,
      activeDeadlineSeconds: DEADLINE_S,
      backoffLimit: 1,
      maxInterruptions: 1,
    },
    status,
  };
}

function contextOf(now: number, budgetUsd: number, seen: Seen, offers: boolean): Context {
  const offer = { instanceType: 'm5.large', zone: 'a', subnetId: 'subnet' };
  return {
    now,
    seen,
    plan: () => ({ market: 'spot', selection: { offers: offers ? [offer] : [], reason: 'r' } }),
    batchFor: () => 'b',
    priceOf: () => 0.03,
    budgetUsd,
    accountSuspended: false,
    ledgerAway: false,
    checkpointSeconds: 60,
    logGroup: 'g',
  };
}

const RESULTS: readonly Result[] = (
  [
    ['Succeeded', 0],
    ['Failed', 10],
    ['Failed', 11],
    ['Failed', 12],
    ['Failed', 20],
    ['Interrupted', 30],
    ['Stopped', 31],
  ] as const
).map(([outcome, exitCode]) => ({
  ...{ version: 1, outcome, exitCode, error: { code: 'C', message: 'm', hint: 'h' } },
  ...{ files: [], metrics: {}, seconds: 1 },
}));

/** What a look may show: no instance, one that runs, reports, is silent, ended, is to go, or left a result; the same of one being replaced. */
function* looks(status: TrainingJobStatus | undefined, minutes: number): Generator<Seen> {
  const at = START + minutes * 60_000;
  yield { at, instances: [] };
  const current = currentAttempt(status);
  const leaving = leavingAttempt(status);
  const running = { at, instances: openAttempts(status).map((attempt) => machine(attempt, 'running')) };
  if (running.instances.length === 0) return;
  yield running;
  if (leaving) {
    yield { at, instances: [machine(leaving, 'terminated', 'Server.SpotInstanceTermination')] };
    for (const result of RESULTS) yield { ...running, leaving: { result } };
  }
  if (!current) return;
  yield { ...running, heartbeat: HEARTBEAT, heardAt: at };
  yield { ...running, quietMs: LOST_QUIET_MS };
  for (const kind of ['interruption', 'rebalance', 'impaired'] as const) yield { ...running, notice: { kind, at } };
  for (const state of ['shutting-down', 'terminated'] as const)
    yield { at, instances: [machine(current, state, 'Server.SpotInstanceTermination')] };
  for (const result of RESULTS) yield { ...running, result };
}

const machine = (attempt: Attempt, state: Instance['state'], stateReason?: string): Instance => ({
  id: attempt.instanceId ?? `i-${attempt.number}`,
  instanceType: 'm5.large',
  zone: 'a',
  market: 'spot',
  state,
  launchedAt: START,
  stateReason,
  batch: attempt.batch,
  jobUid: 'uid',
  tags: {},
});

const HEARTBEAT = {
  version: 1,
  sequence: 1,
  at: timestamp(START),
  stage: 'Training',
  step: 1,
  steps: 2,
  percent: 50,
  etaSeconds: null,
  metric: null,
  message: 'm',
  checkpoint: null,
  memoryMiB: 1,
  cpuPercent: 1,
  controlGeneration: 0,
} as const;

/** What may come of an action. */
function outcomes(action: Action, now: number): Outcome[] {
  switch (action.do) {
    case 'admit':
      return [
        {
          of: 'admit',
          verdict: {
            is: 'admitted',
            admission: { dataset: { bytes: 1, etag: 'e', columns: 2 }, estimatedUsd: 1, reservedUsd: 1, message: 'm' },
          },
        },
        { of: 'admit', verdict: { is: 'waiting', reason: 'BudgetReserved', message: 'm' } },
        { of: 'admit', verdict: { is: 'refused', reason: 'InvalidData', message: 'm' } },
      ];
    case 'launch':
      return [
        {
          of: 'launch',
          attempt: action.attempt,
          instance: { id: `i-${action.attempt.number}`, instanceType: 'm5.large', zone: 'a' },
          price: 0.03,
          launchedAt: now,
          logGroup: 'g',
        },
        { of: 'noLaunch', attempt: action.attempt, cause: 'capacity' },
      ];
    case 'withdraw':
      return [{ of: 'noLaunch', attempt: action.attempt, cause: 'none' }];
    case 'putTicket':
      return [{ of: 'ticket', attempt: action.attempt, resumedFromStep: undefined }];
    case 'collect':
      return [{ of: 'collected', model: { id: 'm', manifestSha256: 's' }, metrics: {} }];
    case 'end': {
      const { attempt, reason, cause, message, code } = action;
      return [{ of: 'ended', attempt, reason, cause, message, code, endedAt: now, costUsd: 0.01 }];
    }
    case 'complete':
      return [{ of: 'complete' }];
    default:
      return [];
  }
}
