// Names and small facts of a PredictionJob that every concern here needs: its key, its user, its folder in the bucket and what lies there.
import { predictionFolder } from '../../cloud/keys.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { identityOf, userOf } from '../../crds/objects.ts';
import type { Places } from '../training/job.ts';

export const uidOf = (job: PredictionJob): string => identityOf(job);
export const jobKey = (job: PredictionJob): string => `${job.metadata?.namespace}/${job.metadata?.name}`;
export const userIdOf = (job: PredictionJob): string => userOf(job.metadata?.namespace ?? '') ?? '';

/** Keys of one job's folder. What is under `work` exists only while the job lives. */
export interface Folder {
  readonly output: string;
  readonly summary: string;
  readonly picture: string;
  readonly work: string;
  readonly plan: string;
  /** Put by the handler. */
  answer(chunkName: string): string;
  /** Put by the operator: what came of all tries of a chunk, and what they cost. */
  record(chunkName: string): string;
}

const ANSWER = '.answer.json';
const RECORD = '.record.json';

export function folderOf(places: Places, job: PredictionJob): Folder {
  const folder = predictionFolder(places, userIdOf(job), uidOf(job));
  const work = `${folder}.job/`;
  return {
    output: `${folder}predictions.${job.spec.outputFormat === 'Parquet' ? 'parquet' : 'csv'}`,
    summary: `${folder}summary.json`,
    picture: `${folder}summary.png`,
    work,
    plan: `${work}plan.json`,
    answer: (name) => work + name + ANSWER,
    record: (name) => work + name + RECORD,
  };
}

/** The chunk that a key under `work` is about. */
export function chunkNameOf(folder: Folder, key: string, what: 'answer' | 'record'): string | undefined {
  const ending = what === 'answer' ? ANSWER : RECORD;
  return key.startsWith(folder.work) && key.endsWith(ending)
    ? key.slice(folder.work.length, -ending.length)
    : undefined;
}
