// Names and small facts of a TrainingJob that every concern here needs. The types of spec and status are generated from the CRD.
import { createHash } from 'node:crypto';
import { instanceFolder, modelFolder, s3Uri, type Prefixes } from '../../cloud/keys.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';

export type Phase = NonNullable<TrainingJobStatus['phase']>;

export const FINAL_PHASES: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);
/** The last attempts kept in the status. */
export const ATTEMPTS_KEPT = 20;

export const isFinal = (job: TrainingJob): boolean => FINAL_PHASES.has(job.status?.phase ?? '');
export const uidOf = (job: TrainingJob): string => job.metadata?.uid ?? '';
export const jobKey = (job: TrainingJob): string => `${job.metadata?.namespace}/${job.metadata?.name}`;

/** The attempt that is not over, if any. */
export function currentAttempt(status: TrainingJobStatus | undefined): Attempt | undefined {
  const last = status?.attempts?.at(-1);
  return last && last.endedAt === undefined ? last : undefined;
}

/** Id of the fleet call of one attempt: the same for the same attempt, so that a repeated call is the same call. */
export const batchId = (uid: string, attempt: number): string =>
  createHash('sha256').update(`${uid}/${attempt}`).digest('hex').slice(0, 32);

/** The id of the model a job makes: asked for, or the job's name and the start of its uid. */
export function modelId(job: TrainingJob): string {
  if (job.spec.model.id) return job.spec.model.id;
  const name = (job.metadata?.name ?? '').replace(/[^a-z0-9-]+/g, '-').slice(0, 71);
  return `${name}-${uidOf(job).slice(0, 8)}`;
}

export interface Places {
  readonly bucket: string;
  readonly datasetPrefix: string;
  readonly modelPrefix: string;
  readonly predictionPrefix: string;
  readonly workerRoleId: string;
}

export function modelPlace(places: Places & Prefixes, job: TrainingJob): { folder: string; uri: string } {
  const folder = modelFolder(places, userOf(job.metadata?.namespace ?? '') ?? '', modelId(job));
  return { folder, uri: s3Uri(places.bucket, folder) };
}

export const placeOf = (places: Places, instanceId: string): string => instanceFolder(places.workerRoleId, instanceId);
export const logStreamOf = (instanceId: string): string => `instance-${instanceId}`;
