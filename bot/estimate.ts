// What a training will take, said before it is started: the instance the plan's matrix asks for, seconds and US dollars. Pure and
// rough, from the size of the table and a stated speed per cell; the operator's own estimate in `status.cost` replaces it.
import { floorType } from '../cloud/matrix.ts';
import { predictionBytesPerSecond } from '../cloud/prediction-pace.ts';
import { INSTANCE_TYPES, instanceCost, instanceType, type InstanceType } from '../cloud/prices.ts';
import type { Place, Table } from './conversation/state.ts';

/** Launch, boot and imports. */
const BOOT_SECONDS = 90;
/** For a family without a row of its own in the matrix. */
const DEFAULT_TYPE = 'm5.large';
/**
 * Seconds per cell on two vCPUs, cross-validation included. Measured on tables of 1,000 to 1 M rows and rounded up: linear, ridge,
 * logistic, random_forest, gradient_boosting, auto. Stated, not measured: the others, by their likeness to those.
 */
const SECONDS_PER_CELL: Readonly<Record<string, number>> = {
  // One solve of a system of equations.
  ...{ linear: 5e-7, ridge: 5e-7, naive_bayes: 5e-7 },
  // Passes over the rows until nothing changes.
  ...{ lasso: 2e-6, elastic_net: 2e-6, sgd: 2e-6, logistic: 4e-6 },
  decision_tree: 2e-6,
  // Products of columns: as many more cells as there are pairs.
  polynomial: 1e-5,
  // Rows in bins, every core.
  ...{ hist_gradient_boosting: 5e-6, lightgbm: 5e-6, xgboost: 8e-6 },
  // Exact splits of a hundred trees or rounds.
  ...{ random_forest: 2e-5, extra_trees: 1.5e-5, gradient_boosting: 2e-5 },
  neural_network: 4e-5,
  // Every row against every other: far worse than this on more than some ten thousand rows, which the worker refuses or cuts.
  ...{ k_nearest_neighbors: 2e-5, svm: 1e-4 },
  auto: 1.2e-4,
};
const OTHER_SECONDS_PER_CELL = 2e-5;
/** Of auto's search and what follows: its time is bounded by the ticket's searchSeconds. */
const LONGEST_AUTO_SECONDS = 1200;
/** Where the rows are not known: a cell is about so many bytes of CSV. */
const BYTES_PER_CELL = 6;
/** Slowest to quickest, against the middle. */
const SPREAD = { low: 0.6, high: 2 } as const;
/** As the operator cuts a table: so many at once by default, of at least so many bytes each. */
const PREDICTIONS_AT_ONCE = 10;
const LEAST_CHUNK_BYTES = 5 * 2 ** 20;
const PREDICTION_START_SECONDS = 2;

export interface TrainingEstimate {
  /** Types most likely, cheapest first; empty on the cluster. */
  readonly types: readonly InstanceType[];
  readonly seconds: number;
  readonly usd: { readonly low: number; readonly high: number };
  readonly onDemandUsd: number;
}

export function estimateTraining(
  place: Place,
  model: string,
  table: Pick<Table, 'bytes' | 'rows' | 'tableBytes'>,
  features: number,
): TrainingEstimate {
  const bytes = table.tableBytes ?? table.bytes;
  const cells = table.rows > 0 ? table.rows * (features + 1) : bytes / BYTES_PER_CELL;
  const seconds = BOOT_SECONDS + workSeconds(model, cells);
  if (place === 'Cluster') return { types: [], seconds, usd: { low: 0, high: 0 }, onDemandUsd: 0 };
  const floor = instanceType(floorType(model, bytes, DEFAULT_TYPE));
  const gpu = floor?.gpu ?? 0;
  const types = INSTANCE_TYPES.filter(
    (type) =>
      type.arch === 'x86_64' &&
      (gpu > 0 ? type.gpu >= gpu : type.gpu === 0) &&
      // As the operator selects: burstable types serve t3.medium's class of work only.
      (!type.burstable || (floor?.name === 't3.medium' && type.memoryGiB <= floor.memoryGiB)) &&
      type.vcpu >= (floor?.vcpu ?? 2) &&
      type.memoryGiB >= Math.max(floor?.memoryGiB ?? 4, 1 + (6 * bytes) / 2 ** 30),
  ).sort((a, b) => a.spot - b.spot);
  const first = types[0];
  if (!first) return { types: [], seconds, usd: { low: 0, high: 0 }, onDemandUsd: 0 };
  return {
    types: types.slice(0, 3),
    seconds,
    usd: {
      low: instanceCost(first.spot, seconds * SPREAD.low),
      high: instanceCost(first.spot, seconds * SPREAD.high),
    },
    onDemandUsd: instanceCost(first.onDemand, seconds),
  };
}

function workSeconds(model: string, cells: number): number {
  const seconds = cells * (SECONDS_PER_CELL[model] ?? OTHER_SECONDS_PER_CELL);
  return model === 'auto'
    ? Math.min(seconds, LONGEST_AUTO_SECONDS + cells * (SECONDS_PER_CELL.random_forest ?? 0))
    : seconds;
}

/** What is packed is read by one invocation from front to end; on the cluster it is unknown how many run at once. */
export function predictionSeconds(place: Place, { bytes, tableBytes }: Pick<Table, 'bytes' | 'tableBytes'>): number {
  const most = place === 'Cloud' && tableBytes === undefined ? PREDICTIONS_AT_ONCE : 1;
  const parallel = Math.min(most, Math.max(1, Math.floor(bytes / LEAST_CHUNK_BYTES)));
  return PREDICTION_START_SECONDS + (tableBytes ?? bytes) / predictionBytesPerSecond() / parallel;
}
