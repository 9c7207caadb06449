// What a training needs of an instance, from the data's size and shape, the model's family, the user's wishes and the time left till
// the deadline. Pure. The plan's matrix is the floor; next: selection.ts looks for the types that have it.
import { floorType } from '../../cloud/matrix.ts';
import { instanceType } from '../../cloud/prices.ts';
import type { TrainingJobSpec } from '../../crds/crds.generated.ts';
import { GROWTH } from './outgrown.ts';

const MB = 1e6;
const GB = 1e9;
const GIB = 2 ** 30;
/** Operating system, Python and libraries. */
const BASE_MEMORY_GIB = 1;
/** Measured with the worker on tables of numbers: 3.4 (boosting) to 7.3 (forest) bytes of memory per byte of CSV. */
const MEMORY_PER_BYTE = 6;
/** The worker reads batches of 8,192 rows in which a cell is a text of about 80 bytes: a wide table's batch outweighs the table. */
const BATCH_BYTES_PER_COLUMN = 8192 * 80;
/** A batch is never more than the whole table: measured 20 bytes per byte with cells of three letters. */
const MOST_BATCH_PER_BYTE = 20;

/** Launch, boot and imports. */
const BOOT_SECONDS = 90;
/** Deliberately rough, as in the estimate of costs: 20 MB a minute on two vCPUs. */
const WORK_SECONDS_PER_BYTE = 60 / (20 * MB);
const WORK_VCPU = 2;
/** Share of the time left that the work may take by this estimate. */
const DEADLINE_SHARE = 0.8;
/** More cores than this are not taken for a deadline: pools get few, and the last trees gain nothing. */
const MOST_DEADLINE_VCPU = 32;
/**
 * vCPUs a family makes use of, where more than one: forests grow trees on every core; of the boosted ones XGBoost takes two threads
 * (trainer/families/xgboost_trees.py, so that its sums are the same everywhere), the others gain little above four. Stated, not measured.
 */
const MOST_VCPU: Readonly<Record<string, number>> = {
  ...{ random_forest: MOST_DEADLINE_VCPU, extra_trees: MOST_DEADLINE_VCPU, auto: MOST_DEADLINE_VCPU },
  ...{ hist_gradient_boosting: 4, xgboost: 2, lightgbm: 4 },
};
/** Bytes above the table's that a family takes at most: products, kernel cache, kept rows. The worker refuses larger problems. */
const FAMILY_BYTES: Readonly<Record<string, number>> = { polynomial: 0.8e9, svm: 0.4e9, k_nearest_neighbors: 0.1e9 };

export interface Need {
  readonly vcpu: number;
  readonly memoryGiB: number;
  readonly gpu: number;
}

export interface NeedInput {
  readonly spec: Pick<TrainingJobSpec, 'model' | 'resources'>;
  /** Size of the data set. */
  readonly bytes: number;
  /** Columns in its header, where known. */
  readonly columns?: number;
  /** Type of which a model without a row in the matrix needs as much. */
  readonly fallbackType: string;
  /** Seconds left till spec.deadline. */
  readonly deadlineSeconds?: number;
  /** GiB of the largest instance on which it ran out of memory. */
  readonly outgrownGiB?: number;
}

/** What the user names goes; the rest is the matrix's, or more where data or deadline ask for more. */
export function needOf({ spec, bytes, columns = 0, fallbackType, deadlineSeconds, outgrownGiB = 0 }: NeedInput): Need {
  const floor = instanceType(floorType(spec.model.type, bytes, fallbackType));
  const wished = spec.resources ?? {};
  const gpu = wished.gpu ?? floor?.gpu ?? 0;
  const vcpu = wished.vcpu ?? floor?.vcpu ?? 2;
  return {
    vcpu: gpu > 0 ? vcpu : Math.max(vcpu, vcpuForDeadline(spec.model.type, bytes, vcpu, deadlineSeconds)),
    memoryGiB:
      wished.memoryGiB ??
      Math.max(floor?.memoryGiB ?? 4, memoryForData(spec.model.type, bytes, columns), GROWTH * outgrownGiB),
    gpu,
  };
}

/** GiB for the table, one batch of it as text, and what the family makes of it. */
function memoryForData(model: string, bytes: number, columns: number): number {
  const batch = Math.min(columns * BATCH_BYTES_PER_COLUMN, bytes * MOST_BATCH_PER_BYTE);
  return BASE_MEMORY_GIB + (MEMORY_PER_BYTE * bytes + batch + (FAMILY_BYTES[model] ?? 0)) / GIB;
}

/**
 * Doubles the vCPUs until boot and work fit into DEADLINE_SHARE of the time left, as far as the family makes use of them.
 */
function vcpuForDeadline(model: string, bytes: number, vcpu: number, deadlineSeconds: number | undefined): number {
  const most = MOST_VCPU[model] ?? 0;
  if (deadlineSeconds === undefined) return vcpu;
  let enough = vcpu;
  while (
    enough * 2 <= most &&
    BOOT_SECONDS + (WORK_SECONDS_PER_BYTE * bytes * WORK_VCPU) / enough > deadlineSeconds * DEADLINE_SHARE
  )
    enough *= 2;
  return enough;
}

/** Work of t3.medium's class: burstable types, whose credits are soon used up, serve nothing above it. */
export const isSmall = ({ vcpu, memoryGiB, gpu }: Need): boolean => vcpu <= 2 && memoryGiB <= 4 && gpu === 0;

/** `at least 2 vCPU, 8 GiB for 1.0 MB and random_forest`. */
export function needInWords(need: Need, input: NeedInput): string {
  const plain = needOf({ ...input, deadlineSeconds: undefined });
  const wide = needOf({ ...input, columns: undefined }).memoryGiB < need.memoryGiB;
  const grown = needOf({ ...input, outgrownGiB: undefined }).memoryGiB < need.memoryGiB;
  const memory = grown ? ` (${gib(input.outgrownGiB ?? 0)} were too little)` : '';
  const hurry = plain.vcpu < need.vcpu ? ` (${plain.vcpu} would be late for the deadline)` : '';
  const columns = wide ? ` of ${input.columns} columns` : '';
  return `at least ${need.vcpu} vCPU${hurry}, ${gib(need.memoryGiB)} GiB${memory}${need.gpu > 0 ? ` and ${need.gpu} GPU` : ''} for ${sizeInWords(input.bytes)}${columns} and ${input.spec.model.type}`;
}

export const gib = (value: number): number => Math.round(value * 10) / 10;

const sizeInWords = (bytes: number): string =>
  bytes >= GB
    ? `${(bytes / GB).toFixed(1)} GB`
    : bytes >= MB
      ? `${(bytes / MB).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1000)} kB`;
