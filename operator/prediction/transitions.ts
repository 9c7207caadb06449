// Every change of a PredictionJob's status as a pure function: phase, message and conditions move together.
import { setCondition, timestamp, type NewCondition } from '../../crds/conditions.ts';
import type { PredictionJob, PredictionJobStatus } from '../../crds/crds.generated.ts';
import type { PredictionReason } from '../../crds/reasons.ts';
import { showUsd } from '../../cloud/prices.ts';
import type { Billed } from './invocation.ts';

export type Phase = NonNullable<PredictionJobStatus['phase']>;
export const FINAL_PHASES: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Cancelled']);
const REQUEST_IDS_KEPT = 20;

export interface At {
  readonly job: PredictionJob;
  readonly now: number;
}

interface Change extends Omit<PredictionJobStatus, 'conditions'> {
  phase: Phase;
  message: string;
  conditions: readonly (readonly [type: string, status: NewCondition['status'], reason: PredictionReason])[];
}

function change(at: At, status: PredictionJobStatus, { conditions, ...fields }: Change): PredictionJobStatus {
  const { generation } = at.job.metadata ?? {};
  let list = status.conditions;
  for (const [type, value, reason] of conditions)
    list = setCondition(list, { type, status: value, reason, message: fields.message }, generation, at.now);
  return { ...status, ...fields, observedGeneration: generation, conditions: list };
}

/** Waits for a model, money or an account. */
export const waiting = (
  at: At,
  status: PredictionJobStatus,
  phase: 'Waiting' | 'Queued',
  reason: PredictionReason,
  message: string,
) => change(at, status, { phase, message, conditions: [['Accepted', 'False', reason]] });

export interface Accepted {
  readonly model: NonNullable<PredictionJobStatus['model']>;
  readonly data: { bytes: number; etag: string };
  readonly estimatedUsd: number;
  readonly reservedUsd: number;
}

/** Model and table are pinned; written before the first invocation. */
export const accepted = (at: At, status: PredictionJobStatus, { model, data, estimatedUsd, reservedUsd }: Accepted) =>
  change(at, status, {
    phase: 'Running',
    message: 'The table is being predicted.',
    startTime: status.startTime ?? timestamp(at.now),
    model,
    data,
    chunks: { total: 1, running: 1, done: 0, redone: status.chunks?.redone ?? 0, failed: 0 },
    cost: { actualUsd: 0, ...status.cost, estimatedUsd, reservedUsd },
    conditions: [
      ['Accepted', 'True', 'Admitted'],
      ['Running', 'True', 'Invoking'],
    ],
  });

const round = (usd: number): number => Math.round(usd * 1e9) / 1e9;

/** Adds what an invocation cost. */
export function charged(status: PredictionJobStatus, { requestId, usd }: Billed): PredictionJobStatus {
  return {
    ...status,
    ...(requestId ? { requestIds: [...(status.requestIds ?? []), requestId].slice(-REQUEST_IDS_KEPT) } : {}),
    cost: { ...status.cost, actualUsd: round((status.cost?.actualUsd ?? 0) + usd) },
  };
}

export const retrying = (at: At, status: PredictionJobStatus, message: string) =>
  change(at, status, {
    phase: 'Running',
    message,
    chunks: { ...status.chunks, redone: (status.chunks?.redone ?? 0) + 1 },
    conditions: [['Running', 'True', 'Retrying']],
  });

const ending = (at: At, status: PredictionJobStatus) => ({
  completionTime: timestamp(at.now),
  durationSeconds: status.startTime ? Math.max(0, Math.round((at.now - Date.parse(status.startTime)) / 1000)) : 0,
  cost: { ...status.cost, reservedUsd: 0 },
});

export const failed = (at: At, status: PredictionJobStatus, reason: PredictionReason, message: string) =>
  change(at, status, {
    ...ending(at, status),
    phase: 'Failed',
    message,
    ...(status.chunks ? { chunks: { ...status.chunks, running: 0, failed: 1 } } : {}),
    conditions: [
      ...(status.startTime ? [] : ([['Accepted', 'False', reason]] as const)),
      ['Running', 'False', 'Finished'],
      ['Failed', 'True', reason],
    ],
  });

export function succeeded(
  at: At,
  status: PredictionJobStatus,
  result: { rows: number; summary: Record<string, number>; uri: string },
) {
  const end = ending(at, status);
  return change(at, status, {
    ...end,
    phase: 'Succeeded',
    message: `${result.rows} rows predicted in ${end.durationSeconds} s for ${showUsd(status.cost?.actualUsd ?? 0)}.`,
    chunks: { ...status.chunks, total: 1, running: 0, done: 1, failed: 0 },
    rows: result.rows,
    summary: result.summary,
    outputUri: result.uri,
    conditions: [
      ['Running', 'False', 'Finished'],
      ['Complete', 'True', 'PredictionSucceeded'],
    ],
  });
}
