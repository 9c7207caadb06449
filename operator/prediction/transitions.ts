// Every change of a PredictionJob's status as a pure function: phase, message and conditions move together.
import { setCondition, timestamp, type NewCondition } from '../../crds/conditions.ts';
import type { PredictionJob, PredictionJobStatus } from '../../crds/crds.generated.ts';
import type { PredictionReason } from '../../crds/reasons.ts';
import { count } from '../../cloud/figures.ts';
import { showUsd } from '../../cloud/prices.ts';
import type { Progress } from './progress.ts';
import type { Spent } from './records.ts';
import type { Refusal } from './refusals.ts';

export type Phase = NonNullable<PredictionJobStatus['phase']>;
export const FINAL_PHASES: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Cancelled']);
/** Of a message that others made. */
const MOST_CHARACTERS = 3_900;
const MOST_WARNINGS = 20;
const MOST_WARNING_CHARACTERS = 500;

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
  readonly quote?: PredictionJobStatus['quote'];
  readonly estimatedUsd: number;
  readonly reservedUsd: number;
  /** What else there is to say of the table. */
  readonly note: string | undefined;
  /** By the head of the table. */
  readonly warnings: readonly string[];
}

/** Model and table are pinned; written before the first invocation. */
export const accepted = (
  at: At,
  status: PredictionJobStatus,
  { model, data, quote, estimatedUsd, reservedUsd, note, warnings }: Accepted,
) =>
  change(at, status, {
    phase: 'Running',
    message: `The table is being predicted.${note === undefined ? '' : ` ${note}`}`,
    ...warned(warnings),
    startTime: status.startTime ?? timestamp(at.now),
    model,
    data,
    progress: { percent: 0 },
    ...(quote ? { quote } : {}),
    cost: { actualUsd: 0, ...status.cost, estimatedUsd: round(estimatedUsd), reservedUsd: round(reservedUsd) },
    conditions: [
      ['Accepted', 'True', 'Admitted'],
      ['Running', 'True', 'Invoking'],
    ],
  });

/** What a run has come to, as far as the status tells it. */
export interface Reached {
  /** Absent: it has not begun. */
  readonly progress: Progress | undefined;
  readonly spent: Spent;
  /** What last went wrong with a chunk that is still to be done; absent when another was done since. */
  readonly trouble?: string | undefined;
}

export function running(at: At, status: PredictionJobStatus, reached: Reached): PredictionJobStatus {
  const { progress, trouble } = reached;
  const far = progress ? farOf(progress) : 'The table is being predicted.';
  return change(at, counted(status, reached), {
    phase: 'Running',
    message: (trouble === undefined ? far : `${far} One is tried again: ${trouble}`).slice(0, MOST_CHARACTERS),
    conditions: [['Running', 'True', trouble === undefined ? 'Invoking' : 'Retrying']],
  });
}

/** Nothing more is begun until the account may go on. */
export const held = (at: At, status: PredictionJobStatus, reached: Reached, { reason, message }: Refusal) =>
  change(at, counted(status, reached), { phase: 'Running', message, conditions: [['Running', 'False', reason]] });

function farOf({ chunks: { done, total }, percent }: Progress): string {
  if (total === 1) return 'The table is being predicted.';
  return `${count(done)} of ${count(total)} chunks ${done === 1 ? 'is' : 'are'} done, ${percent} % of the table.`;
}

/** All chunks are done; written before their parts are made one object. */
export const merging = (at: At, status: PredictionJobStatus, reached: Reached): PredictionJobStatus =>
  change(at, counted(status, reached), {
    phase: 'Merging',
    message: 'All chunks are done; their parts are checked and made one object.',
    conditions: [['Running', 'True', 'Merging']],
  });

/** As many and as long as the schema of the status allows, each once. */
const warned = (warnings: readonly string[]): Pick<PredictionJobStatus, 'warnings'> =>
  warnings.length === 0
    ? {}
    : {
        warnings: [...new Set(warnings.map((text) => text.slice(0, MOST_WARNING_CHARACTERS)))].slice(0, MOST_WARNINGS),
      };

const round = (usd: number): number => Math.round(usd * 1e9) / 1e9;

function counted(status: PredictionJobStatus, { progress, spent }: Reached): PredictionJobStatus {
  const { usd, requestIds } = spent;
  const money = {
    cost: { ...status.cost, actualUsd: round(usd) },
    ...(requestIds.length > 0 ? { requestIds: [...requestIds] } : {}),
  };
  if (!progress) return { ...status, ...money };
  const { chunks, rows, badRows, percent, etaSeconds } = progress;
  return {
    ...status,
    ...money,
    chunks: { ...chunks, failed: 0 },
    progress: { percent, ...(etaSeconds === undefined ? {} : { etaSeconds }) },
    rows,
    ...(badRows > 0 ? { badRows } : {}),
  };
}

const ending = (at: At, status: PredictionJobStatus) => ({
  completionTime: timestamp(at.now),
  durationSeconds: status.startTime ? Math.max(0, Math.round((at.now - Date.parse(status.startTime)) / 1000)) : 0,
  cost: { ...status.cost, reservedUsd: 0 },
});

/** `reached` is absent for a job that was never accepted. */
export function failed(
  at: At,
  old: PredictionJobStatus,
  { reason, message }: Refusal,
  reached?: Reached,
): PredictionJobStatus {
  const { progress, ...status } = reached ? counted(old, reached) : old;
  return change(at, status, {
    ...ending(at, status),
    phase: 'Failed',
    message: message.slice(0, MOST_CHARACTERS),
    ...(status.chunks ? { chunks: { ...status.chunks, running: 0, failed: 1 } } : {}),
    ...(progress ? { progress: { percent: progress.percent } } : {}),
    conditions: [
      ...(status.startTime ? [] : ([['Accepted', 'False', reason]] as const)),
      ...(reason === 'BudgetExhausted' ? ([['BudgetExhausted', 'True', reason]] as const) : []),
      ['Running', 'False', 'Finished'],
      ['Failed', 'True', reason],
    ],
  });
}

const many = (rows: number): string => `${count(rows)} ${rows === 1 ? 'row' : 'rows'}`;

/** What was put into the bucket. */
export interface Published {
  readonly rows: number;
  readonly badRows: number;
  readonly firstBadRow?: { readonly row: number; readonly problem: string };
  readonly outputUri: string;
  readonly summaryUri?: string;
  readonly pictureUri?: string;
  readonly summary: Record<string, number>;
  readonly warnings: readonly string[];
}

export function succeeded(at: At, old: PredictionJobStatus, result: Published, reached: Reached): PredictionJobStatus {
  const status = counted(old, reached);
  const end = ending(at, status);
  const { rows, badRows, firstBadRow, outputUri, summaryUri, pictureUri, summary, warnings } = result;
  const bad =
    badRows === 0
      ? ''
      : ` ${many(badRows)} could not be read and ${badRows === 1 ? 'has' : 'have'} no prediction${firstBadRow ? `; ${badRows === 1 ? 'it' : 'the first'} is row ${count(firstBadRow.row)}, which ${firstBadRow.problem}` : ''}.`;
  return change(at, status, {
    ...end,
    phase: 'Succeeded',
    message:
      `${many(rows)} predicted in ${end.durationSeconds === 0 ? 'under 1 s' : `${count(end.durationSeconds)} s`} for ${showUsd(status.cost?.actualUsd ?? 0)}.${bad}`.slice(
        0,
        MOST_CHARACTERS,
      ),
    chunks: { ...status.chunks, running: 0, failed: 0 },
    progress: { percent: 100 },
    rows,
    ...(badRows > 0 ? { badRows } : {}),
    ...warned([...warnings, ...(old.warnings ?? [])]),
    summary,
    outputUri,
    ...(summaryUri === undefined ? {} : { summaryUri }),
    ...(pictureUri === undefined ? {} : { pictureUri }),
    conditions: [
      ['Running', 'False', 'Finished'],
      ['Complete', 'True', 'PredictionSucceeded'],
    ],
  });
}
