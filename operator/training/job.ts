// Names and small facts of a TrainingJob that every concern here needs. The types of spec and status are generated from the CRD.
import { instanceFolder, modelFolder, s3Uri, type Prefixes } from '../../cloud/keys.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { identityOf, userOf } from '../../crds/objects.ts';

export type Phase = NonNullable<TrainingJobStatus['phase']>;

export const FINAL_PHASES: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);
/** The last attempts kept in the status. */
export const ATTEMPTS_KEPT = 20;

export const isFinal = (job: TrainingJob): boolean => FINAL_PHASES.has(job.status?.phase ?? '');
export const uidOf = (job: TrainingJob): string => identityOf(job);
export const jobKey = (job: TrainingJob): string => `${job.metadata?.namespace}/${job.metadata?.name}`;

/** The attempt that serves the job or is to: not over, and not being replaced. */
export const currentAttempt = (status: TrainingJobStatus | undefined): Attempt | undefined =>
  status?.attempts?.findLast(({ endedAt, leavingAt }) => endedAt === undefined && leavingAt === undefined);

/** The attempt that is being replaced while it still runs (a notice from EC2, a move for the deadline). */
export const leavingAttempt = (status: TrainingJobStatus | undefined): Attempt | undefined =>
  status?.attempts?.findLast(({ endedAt, leavingAt }) => endedAt === undefined && leavingAt !== undefined);

/** All attempts that are not over: one, or two while one is being replaced. */
export const openAttempts = (status: TrainingJobStatus | undefined): Attempt[] =>
  status?.attempts?.filter(({ endedAt }) => endedAt === undefined) ?? [];

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
