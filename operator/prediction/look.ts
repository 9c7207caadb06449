// The table as its first 64 KiB show it: what admission checks the model's columns against, and what cutting goes by (plan.ts).
import type { Bucket, ObjectFacts } from '../../cloud/bucket.ts';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { HEAD_BYTES, readHead } from '../../cloud/table.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { addedBytes, type Table } from './plan.ts';

export interface Look {
  readonly columns: readonly string[];
  readonly estimatedRows: number;
  /** Mean bytes of a row. */
  readonly rowBytes: number;
  readonly packed: boolean;
  readonly splittable: boolean;
}

/** Throws DataError for what is no table; CloudError of kind `precondition` when the object is another than `facts`. */
export async function lookAt(
  bucket: Pick<Bucket, 'get'>,
  key: string,
  { bytes, etag }: Pick<ObjectFacts, 'bytes' | 'etag'>,
): Promise<Look> {
  const start = await bucket.get(key, { bytes: HEAD_BYTES, etag });
  const { columns, estimatedRows } = readHead(start?.body ?? new Uint8Array(), bytes);
  return {
    columns,
    estimatedRows,
    rowBytes: bytes / Math.max(1, estimatedRows),
    packed: false,
    splittable: true,
  };
}

export function tableOf(
  { spec }: PredictionJob,
  { target }: Pick<Manifest, 'target'>,
  { bytes, etag }: Pick<ObjectFacts, 'bytes' | 'etag'>,
  { rowBytes, packed, splittable }: Look,
): Table {
  return {
    bytes,
    etag,
    rowBytes,
    addedBytes: addedBytes(target.classes, spec.probabilities),
    packed: packed || spec.outputFormat === 'Parquet',
    splittable: splittable && spec.outputFormat !== 'Parquet',
  };
}
