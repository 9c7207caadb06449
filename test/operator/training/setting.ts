// A job, its attempts and what is seen of them, for table tests of the state machine.
import type { Instance } from '../../../cloud/compute.ts';
import { timestamp } from '../../../crds/conditions.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { FINALIZER } from '../../../crds/objects.ts';
import type { Context } from '../../../operator/training/context.ts';
import type { Seen } from '../../../operator/training/seen.ts';

export const NOW = Date.parse('2026-11-24T10:00:00Z');
export const ago = (seconds: number): string => timestamp(NOW - seconds * 1000);

export function jobOf(status: TrainingJobStatus | undefined, spec: object = {}, metadata: object = {}): TrainingJob {
  return {
    metadata: {
      namespace: 'ml-user-1',
      name: 'job',
      uid: 'uid-1',
      generation: 1,
      finalizers: [FINALIZER],
      ...metadata,
    },
    spec: {
      dataset: { uri: 's3://bucket/datasets/user_1/a.csv' },
      target: 'class',
      task: 'auto',
      model: { type: 'random_forest' },
      split: 'random',
      seed: 0,
      placement: 'Spot',
      onRebalance: 'Checkpoint',
      suspend: false,
      backoffLimit: 2,
      maxInterruptions: 2,
      ...spec,
    },
    status,
  };
}

export const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  number: 1,
  batch: 'b1',
  market: 'spot',
  requestedAt: ago(120),
  instanceId: 'i-1',
  instanceType: 'm5.large',
  zone: 'a',
  pricePerHour: 0.036,
  launchedAt: ago(100),
  ...more,
});
export const asked: Partial<Attempt> = { instanceId: undefined, launchedAt: undefined, instanceType: undefined };
export const machine = (more: Partial<Instance> = {}): Instance => ({
  id: 'i-1',
  instanceType: 'm5.large',
  zone: 'a',
  market: 'spot',
  state: 'running',
  launchedAt: NOW - 100_000,
  stateReason: undefined,
  batch: 'b1',
  jobUid: 'uid-1',
  tags: {},
  ...more,
});
export const accepted = [
  { type: 'Accepted', status: 'True' as const, reason: 'Admitted', message: '', lastTransitionTime: ago(200) },
];
export const status = (
  phase: TrainingJobStatus['phase'],
  attempts: Attempt[] = [],
  more: TrainingJobStatus = {},
): TrainingJobStatus => ({
  phase,
  attempts,
  attemptCount: attempts.length,
  startTime: ago(200),
  conditions: accepted,
  ...more,
});

export function context(seen: Partial<Seen> = {}, more: Partial<Context> = {}): Context {
  return {
    now: NOW,
    seen: { at: NOW - 1000, instances: [], ...seen },
    plan: () => ({
      market: 'spot',
      selection: { offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }], reason: 'cheapest' },
    }),
    batchFor: () => 'b9',
    priceOf: () => 0.036,
    budgetUsd: 10,
    accountSuspended: false,
    ledgerAway: false,
    checkpointSeconds: 60,
    logGroup: '/g',
    ...more,
  };
}

export const noPlan = (retryAt?: number): Partial<Context> => ({
  plan: () => ({ market: 'spot', selection: { offers: [], reason: 'No spot capacity.', retryAt } }),
});
export const result = (outcome: 'Succeeded' | 'Failed' | 'Interrupted' | 'Stopped', exitCode: number) => ({
  version: 1 as const,
  outcome,
  exitCode,
  error: exitCode === 0 ? null : { code: 'X', message: 'It broke.', hint: '' },
  files: [],
  metrics: {},
  seconds: 1,
});
