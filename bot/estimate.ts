// What a training will take, said before it is started: the instance the plan's matrix asks for, seconds and US dollars. Pure and
// rough, from the size of the table and a stated speed per cell; the operator's own estimate in `status.cost` replaces it.
import { INSTANCE_TYPES, instanceCost, instanceType, type InstanceType } from '../cloud/prices.ts';
import type { ModelType, Place } from './conversation/state.ts';

const MB = 1e6;
const GB = 1e9;
/** Launch, boot and imports. */
const BOOT_SECONDS = 90;
/** Seconds per cell on two vCPUs, measured on tables of 1,000 to 1 M rows, rounded up. */
const SECONDS_PER_CELL: Record<ModelType, number> = {
  linear: 5e-7,
  ridge: 5e-7,
  logistic: 4e-6,
  random_forest: 2e-5,
  gradient_boosting: 2e-5,
  auto: 1.2e-4,
};
/** Slowest to quickest, against the middle. */
const SPREAD = { low: 0.6, high: 2 } as const;
/** Cost of one invocation's gigabyte-second is small; a second for 2 MB is the function's measured pace. */
const PREDICTION_BYTES_PER_SECOND = 2 * MB;
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
  model: ModelType,
  table: { readonly bytes: number; readonly rows: number },
  features: number,
): TrainingEstimate {
  const seconds = BOOT_SECONDS + table.rows * (features + 1) * SECONDS_PER_CELL[model];
  if (place === 'Cluster') return { types: [], seconds, usd: { low: 0, high: 0 }, onDemandUsd: 0 };
  const floor = instanceType(floorOf(model, table.bytes));
  const types = INSTANCE_TYPES.filter(
    (type) =>
      type.arch === 'x86_64' &&
      type.gpu === 0 &&
      // As the operator selects: burstable types serve t3.medium's class of work only.
      (!type.burstable || (floor?.name === 't3.medium' && type.memoryGiB <= floor.memoryGiB)) &&
      type.vcpu >= (floor?.vcpu ?? 2) &&
      type.memoryGiB >= Math.max(floor?.memoryGiB ?? 4, 1 + (6 * table.bytes) / 2 ** 30),
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

/** The plan's matrix (row 3.1). */
function floorOf(model: ModelType, bytes: number): string {
  const linear = model === 'linear' || model === 'ridge' || model === 'logistic';
  if (linear) return bytes < 100 * MB ? 't3.medium' : 'm5.large';
  return bytes < GB ? 'm5.large' : 'm5.xlarge';
}

export const predictionSeconds = (bytes: number): number =>
  PREDICTION_START_SECONDS + bytes / PREDICTION_BYTES_PER_SECOND;
