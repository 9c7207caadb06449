// summary.json: what an analyst wants to know of a finished prediction before trusting it: how many rows, what was predicted, how sure the
// model was, which features are no longer what they were in training. Made from the answers of all chunks (totals.ts) and the model's
// manifest; says nothing of training that the manifest does not hold. Pure. Next: warnings.ts puts it into sentences, picture.ts draws it.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { bucketEdges } from '../../cloud/contract/statistics.ts';
import { driftOf, type DriftLevel, isNoChance } from './drift.ts';
import { grouped } from './groups.ts';
import type { CellTotals, Totals } from './totals.ts';
import { warningsOf } from './warnings.ts';

export interface Summary {
  readonly version: 1;
  readonly job: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly model: SummarisedModel;
  readonly data: { readonly uri: string; readonly bytes: number };
  readonly outputUri: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly chunks: number;
  readonly cost: { readonly usd: number; readonly billedSeconds: number; readonly invocations: number };
  /** Rows of the result, those without a prediction among them. */
  readonly rows: number;
  readonly badRows: number;
  readonly firstBadRow?: Totals['firstBadRow'];
  readonly predictions: Predictions;
  /** Rows that confidence, quantiles and drift were measured on, evenly spread over the table. */
  readonly sampledRows: number;
  readonly features: readonly FeatureSummary[];
  /** Plain sentences, the most severe first, at most 20 of at most 500 characters. */
  readonly warnings: readonly string[];
}

export interface SummarisedModel {
  readonly id: string;
  readonly uri: string;
  readonly type: string;
  readonly task: Manifest['task'];
  readonly target: string;
}

export type Predictions =
  | {
      readonly is: 'classes';
      /** In the model's order; share of the rows with a prediction. */
      readonly classes: readonly { readonly class: string; readonly rows: number; readonly share: number }[];
      /** Rows sampled by the probability of their label: up to 0.05, up to 0.1 … up to 1. */
      readonly confidence: readonly number[];
    }
  | {
      readonly is: 'values';
      /** Absent where no row has a finite prediction; quantiles to 0.2 %. */
      readonly min?: number;
      readonly max?: number;
      readonly mean?: number;
      readonly quantiles?: Readonly<Record<'p05' | 'p25' | 'p50' | 'p75' | 'p95', number>>;
      /** Rows sampled between `from` and `to`, ascending. */
      readonly buckets: readonly { readonly from: number; readonly to: number; readonly rows: number }[];
    };

export interface FeatureSummary {
  readonly name: string;
  readonly type: Manifest['features'][number]['type'];
  /** Of all rows. */
  readonly cells: CellTotals;
  /** Share of the rows missing or unreadable, now and in training; the latter absent in models without statistics. */
  readonly missing: { readonly now: number; readonly trained?: number; readonly changed: boolean };
  /** Absent where it was not measured. */
  readonly drift?: {
    /** Population stability index, what chance makes of it taken off. */
    readonly psi: number;
    readonly level: DriftLevel;
    /** Where now and training differ most. */
    readonly difference: string;
    readonly groups: readonly { readonly what: string; readonly now: number; readonly trained: number }[];
  };
}

export interface Told
  extends Pick<Summary, 'job' | 'data' | 'outputUri' | 'startedAt' | 'endedAt' | 'chunks' | 'cost'> {
  readonly model: Pick<SummarisedModel, 'id' | 'uri'>;
  readonly manifest: Manifest;
  readonly totals: Totals;
}

/** A share of cells missing that rose or fell by so much matters. */
const MISSING_CHANGE = 0.1;
const NO_CELLS: CellTotals = { missing: 0, invalid: 0, unknown: 0 };
const QUANTILES = { p05: 0.05, p25: 0.25, p50: 0.5, p75: 0.75, p95: 0.95 } as const;

export function summarised({ manifest, totals, model, ...told }: Told): Summary {
  const { job, data, outputUri, startedAt, endedAt, chunks, cost } = told;
  const summary = {
    version: 1 as const,
    job,
    model: { ...model, type: manifest.model.type, task: manifest.task, target: manifest.target.name },
    data,
    outputUri,
    startedAt,
    endedAt,
    chunks,
    cost,
    rows: totals.rows,
    badRows: totals.badRows,
    ...(totals.firstBadRow && { firstBadRow: totals.firstBadRow }),
    predictions: manifest.target.classes ? classesOf(manifest.target.classes, totals) : valuesOf(totals),
    sampledRows: totals.sampled,
    features: manifest.features.map((feature) => featureOf(manifest, feature, totals)),
  };
  return { ...summary, warnings: warningsOf(summary) };
}

function classesOf(classes: readonly string[], { rows, badRows, classes: found, confidence }: Totals): Predictions {
  const predicted = Math.max(1, rows - badRows);
  return {
    is: 'classes',
    classes: classes.map((name) => {
      const own = found.get(name) ?? 0;
      return { class: name, rows: own, share: own / predicted };
    }),
    confidence,
  };
}

function valuesOf({ values, buckets }: Totals): Predictions {
  const sorted = [...buckets]
    .map(([bucket, rows]) => {
      const [from, to] = bucketEdges(bucket);
      return { from, to, rows };
    })
    .sort((a, b) => a.from - b.from);
  if (!values) return { is: 'values', buckets: sorted };
  const { min, max, sum, rows } = values;
  const within = (value: number): number => Math.min(max, Math.max(min, value));
  return {
    is: 'values',
    min,
    max,
    mean: within(sum / rows),
    ...(sorted.length > 0 && { quantiles: quantilesOf(sorted, within) }),
    buckets: sorted,
  };
}

function quantilesOf(
  buckets: readonly { from: number; to: number; rows: number }[],
  within: (value: number) => number,
): Record<keyof typeof QUANTILES, number> {
  const all = buckets.reduce((sum, { rows }) => sum + rows, 0);
  const at = (share: number): number => {
    let rest = share * all;
    const found = buckets.find(({ rows }) => (rest -= rows) <= 0) ?? buckets.at(-1)!;
    return within(found.from / 2 + found.to / 2);
  };
  const entries = Object.entries(QUANTILES).map(([name, share]) => [name, at(share)] as const);
  return Object.fromEntries(entries) as Record<keyof typeof QUANTILES, number>;
}

type Feature = Manifest['features'][number];

function featureOf(manifest: Manifest, feature: Feature, totals: Totals): FeatureSummary {
  const { name, type, statistics } = feature;
  const cells = totals.cells.get(name) ?? NO_CELLS;
  const predicted = totals.rows - totals.badRows;
  const trainedRows = manifest.split.trainRows;
  // Each feature is asked twice: for its values and for its gaps.
  const tests = 2 * manifest.features.length;
  const absent = cells.missing + cells.invalid;
  const now = absent / Math.max(1, predicted);
  const trained = statistics?.missing;
  const changed =
    trained !== undefined &&
    Math.abs(now - trained) >= MISSING_CHANGE &&
    isNoChance(
      [
        { what: 'missing', now: absent, trained },
        { what: 'present', now: predicted - absent, trained: 1 - trained },
      ],
      predicted,
      trainedRows,
      tests,
    );
  const drift = driftOfFeature(manifest, feature, totals, tests);
  return {
    name,
    type,
    cells,
    missing: { now, ...(trained !== undefined && { trained }), changed },
    ...(drift && { drift }),
  };
}

function driftOfFeature(manifest: Manifest, feature: Feature, totals: Totals, tests: number): FeatureSummary['drift'] {
  const sampled = totals.features.get(feature.name);
  const told = sampled && grouped(manifest, feature, sampled);
  if (!told) return undefined;
  const rows = told.groups.reduce((sum, { now }) => sum + now, 0);
  if (rows === 0) return undefined;
  const trainedRows = Math.round(manifest.split.trainRows * (1 - (feature.statistics?.missing ?? 0)));
  return {
    ...driftOf({ groups: told.groups, trainedRows, tests }),
    difference: told.difference,
    groups: told.groups.map(({ what, now, trained }) => ({ what, now: now / rows, trained })),
  };
}
