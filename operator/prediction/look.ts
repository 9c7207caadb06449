// The table as its first 64 KiB (of Parquet its last) show it: what admission holds against the model (schema.ts), and what cutting goes
// by (plan.ts). More of a table the operator never reads.
import type { Bucket, ObjectFacts } from '../../cloud/bucket.ts';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { lookAtUnscored, type Unscored } from '../../cloud/unscored.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { addedBytes, type Table } from './plan.ts';

type Facts = Pick<ObjectFacts, 'bytes' | 'etag'>;

/** Throws DataError for what is no table; CloudError of kind `precondition` when the object is another than `facts`. */
export function lookAt(bucket: Pick<Bucket, 'get'>, key: string, { bytes: size, etag }: Facts): Promise<Unscored> {
  const read = async (part: { bytes: number } | { last: number }): Promise<Uint8Array> =>
    (await bucket.get(key, { ...part, etag }))?.body ?? new Uint8Array();
  return lookAtUnscored({ first: (bytes) => read({ bytes }), last: (last) => read({ last }) }, size, key);
}

/** Parquet, as a table or as the result, is worked on by one invocation, and so is what gzip packed. */
export function tableOf(
  { spec }: PredictionJob,
  { target }: Pick<Manifest, 'target'>,
  { bytes, etag }: Facts,
  { format, splittable, bytesPerRow }: Unscored,
): Table {
  return {
    bytes,
    etag,
    rowBytes: bytesPerRow,
    addedBytes: addedBytes(target.classes, spec.probabilities),
    packed: format !== 'text',
    splittable: splittable === 'bytes' && spec.outputFormat !== 'Parquet',
  };
}

const FORMATS = { gzip: 'A gzip archive', parquet: 'A Parquet file' } as const;

/** Why one invocation does it all, for who expects more; undefined where the table can be split. */
export function unsplit({ spec }: PredictionJob, { format }: Unscored): string | undefined {
  if (format !== 'text') return `${FORMATS[format]} can't be split: one invocation reads it from front to end.`;
  if (spec.outputFormat === 'Parquet') return 'A result in Parquet is written by one invocation.';
  return undefined;
}
