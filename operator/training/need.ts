// What a training needs of an instance, from the data's size and shape, the model's family, the user's wishes and the time left till
// the deadline. Pure. The plan's matrix is the floor; next: selection.ts looks for the types that have it.
import { instanceType } from '../../cloud/prices.ts';
import type { TrainingJobSpec } from '../../crds/crds.generated.ts';

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
/** Families that use every core; the others train on one, so more vCPUs would only cost more. */
const PARALLEL = new Set(['random_forest', 'extra_trees', 'auto']);

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
}

/** The plan's matrix: linear models below 100 MB t3.medium, else m5.large; trees below 1 GB m5.large, else m5.xlarge; neural above 5 GB a GPU. */
export function floorType(model: string, bytes: number, fallback: string): string {
  switch (model) {
    case 'linear':
    case 'ridge':
    case 'logistic':
    case 'lasso':
    case 'elastic_net':
      return bytes < 100 * MB ? 't3.medium' : 'm5.large';
    case 'random_forest':
    case 'gradient_boosting':
    case 'extra_trees':
    case 'auto':
      return bytes < GB ? 'm5.large' : 'm5.xlarge';
    case 'neural_network':
    case 'mlp':
      return bytes > 5 * GB ? 'g4dn.xlarge' : 'm5.xlarge';
    default:
      return fallback;
  }
}

/** What the user names goes; the rest is the matrix's, or more where data or deadline ask for more. */
export function needOf({ spec, bytes, columns = 0, fallbackType, deadlineSeconds }: NeedInput): Need {
  const floor = instanceType(floorType(spec.model.type, bytes, fallbackType));
  const wished = spec.resources ?? {};
  const gpu = wished.gpu ?? floor?.gpu ?? 0;
  const vcpu = wished.vcpu ?? floor?.vcpu ?? 2;
  return {
    vcpu: gpu > 0 ? vcpu : Math.max(vcpu, vcpuForDeadline(spec.model.type, bytes, vcpu, deadlineSeconds)),
    memoryGiB: wished.memoryGiB ?? Math.max(floor?.memoryGiB ?? 4, memoryForData(bytes, columns)),
    gpu,
  };
}

/** GiB for the table and one batch of it as text. */
function memoryForData(bytes: number, columns: number): number {
  const batch = Math.min(columns * BATCH_BYTES_PER_COLUMN, bytes * MOST_BATCH_PER_BYTE);
  return BASE_MEMORY_GIB + (MEMORY_PER_BYTE * bytes + batch) / GIB;
}

/**
 * Doubles the vCPUs until boot and work fit into DEADLINE_SHARE of the time left, MOST_DEADLINE_VCPU at most. Only for families that
 * use every core.
 */
function vcpuForDeadline(model: string, bytes: number, vcpu: number, deadlineSeconds: number | undefined): number {
  if (deadlineSeconds === undefined || !PARALLEL.has(model)) return vcpu;
  let enough = vcpu;
  while (
    enough * 2 <= MOST_DEADLINE_VCPU &&
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
  const hurry = plain.vcpu < need.vcpu ? ` (${plain.vcpu} would be late for the deadline)` : '';
  const columns = wide ? ` of ${input.columns} columns` : '';
  return `at least ${need.vcpu} vCPU${hurry}, ${gib(need.memoryGiB)} GiB${need.gpu > 0 ? ` and ${need.gpu} GPU` : ''} for ${sizeInWords(input.bytes)}${columns} and ${input.spec.model.type}`;
}

export const gib = (value: number): number => Math.round(value * 10) / 10;

const sizeInWords = (bytes: number): string =>
  bytes >= GB
    ? `${(bytes / GB).toFixed(1)} GB`
    : bytes >= MB
      ? `${(bytes / MB).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1000)} kB`;
