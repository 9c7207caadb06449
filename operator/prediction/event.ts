// What a chunk's handler is told (handler.schema.json): presigned URLs of everything it may touch, and nothing else. Next: function.ts or
// cluster.ts gets it there.
import { readableKey } from '../../cloud/access.ts';
import type { PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import { s3Uri } from '../../cloud/keys.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import type { Places } from '../training/job.ts';
import { folderOf, uidOf, userIdOf } from './job.ts';
import type { Model } from './model.ts';
import { chunkName, type Chunk, type Plan } from './plan.ts';

export interface Presigning {
  readonly presignGet: (key: string, seconds: number) => Promise<string>;
  readonly presignPut: (key: string, seconds: number) => Promise<string>;
  readonly presignPart: (
    key: string,
    part: { readonly uploadId: string; readonly number: number },
    seconds: number,
  ) => Promise<string>;
}

export interface EventFacts extends Presigning {
  readonly places: Places;
  readonly job: PredictionJob;
  readonly model: Model;
  readonly plan: Plan;
  readonly chunk: Chunk;
  /** Life of the URLs. */
  readonly seconds: number;
}

export async function eventOf(facts: EventFacts): Promise<PredictionEvent> {
  const { places, job, model, plan, chunk, seconds, presignGet, presignPut } = facts;
  const { namespace = '', name = '' } = job.metadata ?? {};
  const { spec } = job;
  const folder = folderOf(places, job);
  const dataKey = readableKey(places, userIdOf(job), 'dataset', spec.data.uri);
  const whole = chunk.start === 0 && chunk.end === plan.bytes;
  return {
    version: 1,
    job: { namespace, name, uid: uidOf(job), chunk: plan.chunks.findIndex(({ start }) => start === chunk.start) },
    model: {
      uri: model.uri,
      url: await presignGet(`${model.folder}model.onnx`, seconds),
      sha256: model.onnxSha256,
      manifestUrl: await presignGet(`${model.folder}manifest.json`, seconds),
      manifestSha256: model.manifestSha256,
    },
    data: {
      uri: spec.data.uri,
      url: await presignGet(dataKey, seconds),
      bytes: plan.bytes,
      etag: plan.etag,
      ...(whole ? {} : { range: { start: chunk.start, end: chunk.end } }),
      ...(chunk.quotes && !whole ? { quotes: chunk.quotes } : {}),
    },
    output: { uri: s3Uri(places.bucket, folder.output), ...(await outputOf(facts, folder.output)) },
    prediction_column_name: spec.predictionColumn,
    ...(spec.features && spec.features.length > 0 ? { feature_columns: spec.features } : {}),
    ...(spec.probabilities ? { probabilities: true } : {}),
    ...(spec.onBadRow === 'Empty' ? { on_bad_row: 'empty' } : {}),
    answer: { url: await presignPut(folder.answer(chunkName(chunk)), seconds) },
  };
}

/** One whole object, or the chunk's own parts of the upload. */
async function outputOf(
  { job, plan, chunk, seconds, presignPut, presignPart }: EventFacts,
  key: string,
): Promise<Omit<PredictionEvent['output'], 'uri'>> {
  const format = job.spec.outputFormat === 'Parquet' ? { format: 'parquet' as const } : {};
  const { upload } = plan;
  if (!upload) return { ...format, url: await presignPut(key, seconds) };
  const numbers = Array.from({ length: chunk.lastPart - chunk.firstPart + 1 }, (_, at) => chunk.firstPart + at);
  const parts = await Promise.all(
    numbers.map(async (number) => ({
      number,
      url: await presignPart(key, { uploadId: upload.id, number }, seconds),
    })),
  );
  return {
    ...format,
    parts,
    partBytes: chunk.partBytes ?? upload.partBytes,
    ...(chunk.start === 0 ? {} : { header: false }),
  };
}
