// The data set as it lies in the bucket: read at admission (address, size, header), and looked at again before every later attempt,
// because a model half learned from one table must not go on with another.
import type { Bucket } from '../../cloud/bucket.ts';
import { readableKey } from '../../cloud/access.ts';
import { AccessError, DataError } from '../../cloud/errors.ts';
import { readPackedHead, type PackedHead } from '../../cloud/packed.ts';
import { HEAD_BYTES, type TableHead } from '../../cloud/table.ts';
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';
import type { Places } from './job.ts';
import { refuse, type Refusal } from './verdict.ts';

export interface Data extends PackedHead {
  readonly bytes: number;
  readonly etag: string;
}

export interface DatasetOptions {
  bucket: Pick<Bucket, 'head' | 'get'>;
  places: Places;
}

/** The data set with its header, or why it can't be used. Throws when S3 does not answer. */
export async function lookAtData(job: TrainingJob, { bucket, places }: DatasetOptions): Promise<Data | Refusal> {
  try {
    const key = datasetKeyOf(job, places);
    const facts = await bucket.head(key);
    const changed = changeOf(job, facts);
    if (changed) return changed;
    if (!facts)
      return refuse('DatasetMissing', `There is no object ${job.spec.dataset.uri}. Upload the data set first.`);
    const start = await bucket.get(key, { bytes: HEAD_BYTES, etag: facts.etag });
    const packed = await readPackedHead(start?.body ?? new Uint8Array(), facts.bytes, key);
    // Where the columns can't be seen from here, the worker looks for the target.
    const problem = packed.head && columnProblem(job, packed.head);
    return problem ? refuse('InvalidData', problem) : { bytes: facts.bytes, etag: facts.etag, ...packed };
  } catch (error) {
    if (error instanceof AccessError) return refuse('AccessRefused', error.message);
    if (error instanceof DataError) return refuse('InvalidData', error.message);
    throw error;
  }
}

/** Before another attempt of an accepted job: why its data set can't be used any more, or undefined. One HEAD; throws when S3 does not answer. */
export async function datasetChange(
  job: TrainingJob,
  { bucket, places }: { bucket: Pick<Bucket, 'head'>; places: Places },
): Promise<Refusal | undefined> {
  return changeOf(job, await bucket.head(datasetKeyOf(job, places)));
}

const datasetKeyOf = (job: TrainingJob, places: Places): string =>
  readableKey(places, userOf(job.metadata?.namespace ?? '') ?? '', 'dataset', job.spec.dataset.uri);

/** Bytes of the table as CSV, by which time and memory are reckoned; 0 before it was looked at. */
export const tableBytesOf = (status: TrainingJobStatus | undefined): number =>
  status?.dataset?.tableBytes ?? status?.dataset?.bytes ?? 0;

/** What differs between the object and the one that was accepted; undefined before anything was. */
export function changeOf(
  { spec, status }: Pick<TrainingJob, 'spec' | 'status'>,
  found: { bytes: number; etag: string } | undefined,
): Refusal | undefined {
  const accepted: NonNullable<TrainingJobStatus['dataset']> = status?.dataset ?? {};
  if (accepted.etag === undefined) return undefined;
  const { uri } = spec.dataset;
  if (!found)
    return refuse(
      'DatasetMissing',
      `${uri} is gone; it had ${accepted.bytes} bytes when the job was accepted. Create another TrainingJob once it is uploaded again.`,
    );
  if (found.etag === accepted.etag && found.bytes === (accepted.bytes ?? found.bytes)) return undefined;
  const size = `from ${accepted.bytes} to ${found.bytes} bytes`;
  const what =
    accepted.bytes === undefined || found.bytes === accepted.bytes
      ? 'its content changed'
      : `it ${found.bytes < accepted.bytes ? 'shrank' : 'grew'} ${size}`;
  return refuse(
    'DatasetChanged',
    `${uri} is not what it was when the job was accepted: ${what} (ETag ${accepted.etag} then, ${found.etag} now). Create another TrainingJob for the new data.`,
  );
}

/** What is wrong between the spec's columns and the table's, or undefined. */
export function columnProblem(
  { spec }: Pick<TrainingJob, 'spec'>,
  { columns }: Pick<TableHead, 'columns'>,
): string | undefined {
  const there = `The table has ${columns.length} columns: ${listed(columns)}.`;
  if (!columns.includes(spec.target))
    return `The table has no column ${quoted(spec.target)} to predict.${near(spec.target, columns)} ${there}`;
  const missing = (spec.features ?? []).filter((name) => !columns.includes(name));
  if (missing.length > 0) return `The table has no column ${listed(missing)} among the features. ${there}`;
  const by = /^(?:time|group):(.*)$/s.exec(spec.split)?.[1];
  if (by !== undefined && !columns.includes(by)) return `The table has no column ${quoted(by)} to split by. ${there}`;
  return undefined;
}

const quoted = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
const listed = (names: readonly string[]): string =>
  names.slice(0, 20).map(quoted).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');

function near(name: string, columns: readonly string[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const found = columns.find((column) => plain(column) === plain(name));
  return found === undefined ? '' : ` Did you mean ${quoted(found)}?`;
}
