// What lies beside the result: summary.json and its picture. Put before the final status names them; a picture that can't be drawn costs the
// job nothing. Next: ending.ts.
import { readJson } from '../../cloud/bucket.ts';
import type { PredictionDone } from '../../cloud/contract/contract.generated.ts';
import { CloudError } from '../../cloud/errors.ts';
import { s3Uri } from '../../cloud/keys.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { folderOf, jobKey, uidOf } from './job.ts';
import type { Merged } from './merged.ts';
import type { Model } from './model.ts';
import type { PredictionOptions } from './options.ts';
import { type Chunk, chunkName, type Plan } from './plan.ts';
import { type ChunkRecord, READ_AT_ONCE, type Spent } from './records.ts';
import { type Summary, summarised } from './summary.ts';
import { added, NOTHING, type Totals, totalsOf } from './totals.ts';
import type { Published } from './transitions.ts';

export interface Result {
  readonly job: PredictionJob;
  readonly model: Model;
  readonly plan: Plan;
  readonly merged: Merged;
  readonly spent: Spent;
}

type Options = Pick<PredictionOptions, 'bucket' | 'places' | 'clock' | 'logger'>;

export async function publish(result: Result, options: Options): Promise<Published> {
  const { job, model, merged } = result;
  const { rows, badRows, firstBadRow } = merged;
  const totals = await totalsIn(result, options);
  const summary = summaryIn(result, totals, options);
  return {
    ...{ rows, badRows },
    ...(firstBadRow ? { firstBadRow } : {}),
    outputUri: s3Uri(options.places.bucket, folderOf(options.places, job).output),
    summary: figuresOf(totals, model.manifest.task),
    warnings: summary.warnings,
    ...(await put(summary, job, options)),
  };
}

/** Of a table in chunks the answers are read again, a few at once: what they counted is not kept in memory. */
async function totalsIn({ job, model, plan, merged }: Result, { bucket, places }: Options): Promise<Totals> {
  const classification = model.manifest.task === 'classification';
  const folder = folderOf(places, job);
  const read = async (chunk: Chunk) =>
    plan.upload ? readJson<ChunkRecord>(bucket, folder.record(chunkName(chunk))) : undefined;
  let totals = NOTHING;
  for (let from = 0; from < plan.chunks.length; from += READ_AT_ONCE) {
    const records = await Promise.all(plan.chunks.slice(from, from + READ_AT_ONCE).map(read));
    for (const [at, record] of records.entries()) {
      const answer = answerIn(record) ?? merged.answers[from + at];
      if (answer) totals = added(totals, totalsOf(answer, classification));
    }
  }
  return totals;
}

function answerIn(record: ChunkRecord | undefined): PredictionDone | undefined {
  const invoked = record?.outcome.invoked;
  return invoked?.is === 'done' ? invoked.answer : undefined;
}

/** For the status: rows by class, or least, largest and mean of the predictions. */
function figuresOf({ classes, values }: Totals, task: Model['manifest']['task']): Record<string, number> {
  if (task === 'classification') return Object.fromEntries(classes);
  if (!values || values.rows === 0) return {};
  const { min, max, sum, rows } = values;
  return { min: brief(min), max: brief(max), mean: brief(sum / rows) };
}

/** For people: all digits are in summary.json and in the rows. */
const brief = (value: number): number => Number(value.toPrecision(7));

function summaryIn({ job, model, plan, spent }: Result, totals: Totals, { places, clock }: Options): Summary {
  const { namespace = '', name = '' } = job.metadata ?? {};
  const { id, uri, manifest } = model;
  const now = new Date(clock.now()).toISOString();
  return summarised({
    job: { namespace, name, uid: uidOf(job) },
    model: { id, uri },
    manifest,
    totals,
    data: { uri: job.spec.data.uri, bytes: plan.bytes },
    outputUri: s3Uri(places.bucket, folderOf(places, job).output),
    startedAt: job.status?.startTime ?? now,
    endedAt: now,
    chunks: plan.chunks.length,
    cost: { usd: spent.usd, billedSeconds: spent.seconds, invocations: spent.invocations },
  });
}

async function put(
  summary: Summary,
  job: PredictionJob,
  { bucket, places, logger }: Options,
): Promise<Pick<Published, 'summaryUri' | 'pictureUri'>> {
  const folder = folderOf(places, job);
  const uriOf = (key: string): string => s3Uri(places.bucket, key);
  await bucket.put(folder.summary, JSON.stringify(summary));
  try {
    const [{ pictureOf }, { pngOf }] = await Promise.all([
      import('./picture.ts'),
      import('../../cloud/drawing/raster.ts'),
    ]);
    await bucket.put(folder.picture, await pngOf(pictureOf(summary)), { contentType: 'image/png' });
    return { summaryUri: uriOf(folder.summary), pictureUri: uriOf(folder.picture) };
  } catch (error) {
    if (error instanceof CloudError) throw error;
    logger.warn({ job: jobKey(job), err: error }, 'no picture could be drawn');
    return { summaryUri: uriOf(folder.summary) };
  }
}
