// What jobs own, read from their statuses: the other half of every question asked here. A job that is final or gone owns nothing that
// costs. The four collections beside this file compare it with what the cloud lists. Pure.
import { modelFolder, type Prefixes } from '../../cloud/keys.ts';
import type { Attempt, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { identityOf, userOf } from '../../crds/objects.ts';
import { FINAL_PHASES as FINAL_PREDICTIONS } from '../prediction/transitions.ts';
import { isFinal, modelId, uidOf } from '../training/job.ts';

/** What instances are asked about. */
export interface InstanceOwners {
  /** Instances of un-ended attempts; a job being moved has two. */
  readonly instances: ReadonlySet<string>;
  /** Fleet calls whose answer some attempt still waits for. */
  readonly awaited: ReadonlySet<string>;
}

/** What keys are asked about. */
export interface KeyOwners {
  /** Uids of all jobs there are, of both kinds. */
  readonly existing: ReadonlySet<string>;
  /** Uids of those that are not final. */
  readonly live: ReadonlySet<string>;
  /** Instances that any kept attempt of a live job names: a checkpoint or a result may still be read there. */
  readonly instances: ReadonlySet<string>;
  /** Fleet calls of un-ended attempts. */
  readonly batches: ReadonlySet<string>;
  /** Folders that live jobs publish to. */
  readonly modelFolders: ReadonlySet<string>;
}

const unended = (job: TrainingJob): Attempt[] =>
  (job.status?.attempts ?? []).filter(({ endedAt }) => endedAt === undefined);

export function instanceOwners(jobs: Iterable<TrainingJob>): InstanceOwners {
  const instances = new Set<string>();
  const awaited = new Set<string>();
  for (const job of jobs) {
    if (isFinal(job)) continue;
    for (const { instanceId, batch } of unended(job))
      if (instanceId !== undefined) instances.add(instanceId);
      else awaited.add(batch);
  }
  return { instances, awaited };
}

export function keyOwners(
  trainings: Iterable<TrainingJob>,
  predictions: Iterable<PredictionJob>,
  prefixes: Prefixes,
): KeyOwners {
  const existing = new Set<string>();
  const live = new Set<string>();
  const instances = new Set<string>();
  const batches = new Set<string>();
  const modelFolders = new Set<string>();
  for (const job of trainings) {
    existing.add(uidOf(job));
    if (isFinal(job)) continue;
    live.add(uidOf(job));
    modelFolders.add(modelFolder(prefixes, userOf(job.metadata?.namespace ?? '') ?? '', modelId(job)));
    for (const { instanceId } of job.status?.attempts ?? []) if (instanceId !== undefined) instances.add(instanceId);
    for (const { batch } of unended(job)) batches.add(batch);
  }
  for (const job of predictions) {
    existing.add(identityOf(job));
    if (!FINAL_PREDICTIONS.has(job.status?.phase ?? '')) live.add(identityOf(job));
  }
  return { existing, live, instances, batches, modelFolders };
}
