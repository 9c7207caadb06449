// How a run begins: with what admission has just found, or from what an earlier leader left in the bucket. The plan is stored before
// anything of it is run, unless the table is one chunk that is put as a whole: that plan follows from the table. Next: run.ts.
import { readableKey } from '../../cloud/access.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import type { Invoker } from './invoker.ts';
import { folderOf, userIdOf } from './job.ts';
import { lookAt, tableOf } from './look.ts';
import { findModel, type Model } from './model.ts';
import type { PredictionOptions } from './options.ts';
import { draft, type Plan, planOf, type Table, type Terms } from './plan.ts';
import { type ChunkRecord, readPlan, readRecords, storePlan } from './records.ts';
import { Refused } from './refusals.ts';

/** What admission found. */
export interface Found {
  readonly model: Model;
  readonly table: Table;
}

export interface Begun {
  readonly plan: Plan;
  /** Of the stored plan; absent: it is not stored. */
  readonly etag?: string;
  readonly model: Model;
  readonly records: ReadonlyMap<string, ChunkRecord>;
  /** Others may have invoked before. */
  readonly resumed: boolean;
}

/** What spec and place say about cutting; the spec may change while the job runs. */
export function termsOf(job: PredictionJob, invoker: Invoker, splitRows: number): Terms {
  const { maxParallel: parallel, chunkBytes, chunkRows } = job.spec;
  const { chunkSeconds, timeoutSeconds } = invoker;
  return {
    ...{ splitRows, parallel, chunkSeconds, timeoutSeconds },
    mostParts: invoker.mostParts(job),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
    ...(chunkRows === undefined ? {} : { chunkRows }),
  };
}

type Options = Pick<PredictionOptions, 'bucket' | 'places'>;

/** Throws Refused when model or table are gone or changed. */
export async function begin(
  job: PredictionJob,
  terms: Terms,
  found: Found | undefined,
  options: Options,
): Promise<Begun> {
  if (found)
    return {
      ...(await planned(job, terms, found.table, options)),
      model: found.model,
      records: new Map(),
      resumed: false,
    };
  const folder = folderOf(options.places, job);
  const [model, stored, records] = await Promise.all([
    pinnedModel(job, options),
    readPlan(options.bucket, folder),
    readRecords(options.bucket, folder),
  ]);
  const { plan, etag } = stored ?? (await planned(job, terms, await pinnedTable(job, model, options), options));
  return { plan, ...(etag === undefined ? {} : { etag }), model, records, resumed: true };
}

async function planned(
  job: PredictionJob,
  terms: Terms,
  table: Table,
  { bucket, places }: Options,
): Promise<Pick<Begun, 'plan' | 'etag'>> {
  const folder = folderOf(places, job);
  const first = draft(table, terms);
  if (first.partBytes === undefined) return { plan: planOf(first, undefined) };
  const contentType = job.spec.outputFormat === 'Parquet' ? 'application/vnd.apache.parquet' : 'text/csv';
  // One that was begun and not written down is aborted with the others of its key when the job ends.
  const plan = planOf(first, await bucket.createUpload(folder.output, { contentType }));
  return { plan, etag: await storePlan(bucket, folder, plan, undefined) };
}

/** The model that the status names. */
async function pinnedModel({ spec, status, metadata }: PredictionJob, { bucket, places }: Options): Promise<Model> {
  const id = status?.model?.id ?? spec.modelRef;
  const found = await findModel(bucket, places, userIdOf({ spec, metadata }), id, undefined);
  if (found.is === 'found') return found.model;
  throw new Refused({ reason: 'ModelMissing', message: `The model ${id} is no longer there.` });
}

async function pinnedTable(job: PredictionJob, { manifest }: Model, { bucket, places }: Options): Promise<Table> {
  const { bytes = 0, etag = '' } = job.status?.data ?? {};
  const key = readableKey(places, userIdOf(job), 'dataset', job.spec.data.uri);
  try {
    return tableOf(job, manifest, { bytes, etag }, await lookAt(bucket, key, { bytes, etag }));
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'precondition')
      throw new Refused({
        reason: 'DatasetChanged',
        message: `${job.spec.data.uri} changed since the job was accepted.`,
      });
    throw error;
  }
}
