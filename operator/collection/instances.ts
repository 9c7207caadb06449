// Instances that no live job owns are ended (row 3.6). The cloud is listed before the jobs, so that a job made in between can only save
// an instance, never lose one; and before anything is ended the jobs are read once more, from the API server itself.
import type { Clock } from '../../cloud/clock.ts';
import type { Compute, Instance } from '../../cloud/compute.ts';
import { TAG } from '../../cloud/tags.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { API_VERSION } from '../../crds/objects.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { KubeObject } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import { instanceOwners } from './owners.ts';

/** Younger ones may belong to a status that is just being written. */
export const ORPHAN_AFTER_MS = 60_000;
/** Ended in one pass; EC2 takes as many in two calls. */
const MOST_AT_ONCE = 1_000;
const IDS_TOLD = 5;

/**
 * Instances older than a minute, also stopped ones, that no live job owns: no un-ended attempt names them or waits for their fleet call
 * (an instance of a merged call has no job's tag at first). `claimed`: given to a job whose status is not written yet. What runs on the
 * cluster goes with its owner reference, not through EC2. Pure.
 */
export function orphanedInstances(
  instances: readonly Instance[],
  jobs: Iterable<TrainingJob>,
  now: number,
  claimed: (instanceId: string) => boolean = () => false,
): Instance[] {
  const owners = instanceOwners(jobs);
  return instances.filter(
    ({ id, market, state, launchedAt, batch }) =>
      market !== 'cluster' &&
      state !== 'shutting-down' &&
      state !== 'terminated' &&
      now - launchedAt >= ORPHAN_AFTER_MS &&
      !owners.instances.has(id) &&
      !(batch !== undefined && owners.awaited.has(batch)) &&
      !claimed(id),
  );
}

export interface InstanceCollectionOptions {
  observation: { instances(): Instance[]; noteEnding(ids: readonly string[]): void };
  compute: Pick<Compute, 'terminate'>;
  /** As the watch knows them. */
  jobs: () => Iterable<TrainingJob>;
  /** All of them, asked at the API server; default: `jobs`. */
  listJobs?: () => Promise<Iterable<TrainingJob>>;
  claimed?: (instanceId: string) => boolean;
  events: Pick<EventRecorder, 'record'>;
  /** Carries the Event of instances that no tag connects with a job. */
  self?: KubeObject;
  clock: Clock;
  logger: Logger;
  onCollected: (count: number) => void;
}

/** One pass. Ids of what was ended. */
export async function collectInstances(options: InstanceCollectionOptions): Promise<string[]> {
  const { observation, compute, jobs, listJobs, claimed, clock, logger, onCollected } = options;
  const unowned = (instances: readonly Instance[], by: Iterable<TrainingJob>) =>
    orphanedInstances(instances, by, clock.now(), claimed);
  const suspects = unowned(observation.instances(), jobs());
  if (suspects.length === 0) return [];
  const fresh = await listJobs?.();
  const found = unowned(fresh ? unowned(suspects, fresh) : suspects, jobs()).slice(0, MOST_AT_ONCE);
  if (found.length === 0) return [];
  const ids = found.map(({ id }) => id);
  await compute.terminate(ids);
  observation.noteEnding(ids);
  onCollected(ids.length);
  for (const { id, tags } of found) logger.warn({ instanceId: id, job: tags[TAG.job] }, 'orphan terminated');
  await tell(options, found);
  return ids;
}

async function tell({ events, self }: InstanceCollectionOptions, ended: readonly Instance[]): Promise<void> {
  const strays: string[] = [];
  for (const { id, jobUid, tags } of ended) {
    const [namespace, name] = (tags[TAG.job] ?? '').split('/');
    if (namespace && name) {
      const about = { apiVersion: API_VERSION, kind: 'TrainingJob', metadata: { namespace, name, uid: jobUid } };
      await events.record(about, warning(`Instance ${id} was owned by no live job and was ended.`));
    } else strays.push(id);
  }
  if (self && strays.length > 0) {
    const more = strays.length > IDS_TOLD ? ` and ${strays.length - IDS_TOLD} more` : '';
    const listed = strays.slice(0, IDS_TOLD).join(', ');
    await events.record(self, warning(`Owned by no live job and ended: ${listed}${more}.`));
  }
}

const warning = (message: string) => ({ type: 'Warning' as const, reason: 'OrphanTerminated', message });
