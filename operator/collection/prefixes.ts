// Folders in the bucket whose owner is gone: what an ended instance left behind, checkpoints of deleted jobs, fleet calls of long ago.
// Whole folders, the oldest first, at most a thousand keys a pass.
import type { Bucket, ListedObject } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Instance } from '../../cloud/compute.ts';
import {
  batchKey,
  BATCHES,
  CHECKPOINTS,
  checkpointsOf,
  instanceFolder,
  instanceOf,
  INSTANCES,
} from '../../cloud/keys.ts';
import type { Logger } from '../runtime/logging.ts';
import type { KeyOwners } from './owners.ts';

/** Nothing in the folder was written for so long. */
export const FOLDER_ORPHAN_AFTER_MS = 24 * 3_600_000;
export const MOST_KEYS = 1_000;
export const COLLECTED_PREFIXES = [INSTANCES, CHECKPOINTS, BATCHES] as const;
export type CollectedPrefix = (typeof COLLECTED_PREFIXES)[number];

export interface Alive {
  readonly owners: KeyOwners;
  /** Instances that are not down. */
  readonly running: readonly Pick<Instance, 'id' | 'batch'>[];
}

interface Place {
  readonly folder: string;
  readonly owned: boolean;
}

/** The folder a key belongs to and whether it has an owner, by prefix; undefined: not named as we name. */
type Judge = (
  key: string,
  alive: Alive & { runningIds: ReadonlySet<string>; runningBatches: ReadonlySet<string> },
  roleId: string,
) => Place | undefined;

const JUDGES: Readonly<Record<CollectedPrefix, Judge>> = {
  [INSTANCES]: (key, { owners, runningIds }, roleId) => {
    const id = instanceOf(key, roleId)?.instanceId;
    return id === undefined
      ? undefined
      : { folder: instanceFolder(roleId, id), owned: runningIds.has(id) || owners.instances.has(id) };
  },
  [CHECKPOINTS]: (key, { owners }) => {
    const uid = /^([^/]+)\//.exec(key.slice(CHECKPOINTS.length))?.[1];
    return uid === undefined ? undefined : { folder: checkpointsOf(uid), owned: owners.existing.has(uid) };
  },
  [BATCHES]: (key, { owners, runningBatches }) => {
    const id = /^([^/]+)\.json$/.exec(key.slice(BATCHES.length))?.[1];
    return id === undefined
      ? undefined
      : { folder: batchKey(id), owned: owners.batches.has(id) || runningBatches.has(id) };
  },
};

/** Keys to delete now: of folders without an owner in which nothing was written for a day. Pure. */
export function orphanedKeys(
  prefix: CollectedPrefix,
  objects: readonly ListedObject[],
  alive: Alive,
  roleId: string,
  now: number,
): string[] {
  const judge = JUDGES[prefix];
  const facts = {
    ...alive,
    runningIds: new Set(alive.running.map(({ id }) => id)),
    runningBatches: new Set(alive.running.flatMap(({ batch }) => batch ?? [])),
  };
  const folders = new Map<string, { keys: string[]; newest: number }>();
  for (const { key, modifiedAt } of objects) {
    const place = judge(key, facts, roleId);
    if (!place || place.owned) continue;
    const folder = folders.get(place.folder) ?? { keys: [], newest: 0 };
    folders.set(place.folder, folder);
    folder.keys.push(key);
    folder.newest = Math.max(folder.newest, modifiedAt);
  }
  return [...folders.values()]
    .filter(({ newest }) => now - newest >= FOLDER_ORPHAN_AFTER_MS)
    .sort((one, other) => one.newest - other.newest)
    .flatMap(({ keys }) => keys)
    .slice(0, MOST_KEYS);
}

export interface PrefixCollectionOptions {
  bucket: Pick<Bucket, 'list' | 'deleteMany'>;
  workerRoleId: string;
  /** Read after the bucket was listed. */
  alive: () => Alive;
  clock: Clock;
  logger: Logger;
  onCollected: (count: number) => void;
}

/** One pass over one prefix. Keys that were deleted. */
export async function collectPrefix(prefix: CollectedPrefix, options: PrefixCollectionOptions): Promise<string[]> {
  const { bucket, workerRoleId, alive, clock, logger, onCollected } = options;
  const objects = await bucket.list(prefix);
  if (objects.length === 0) return [];
  const keys = orphanedKeys(prefix, objects, alive(), workerRoleId, clock.now());
  if (keys.length === 0) return [];
  await bucket.deleteMany(keys);
  logger.info({ prefix, keys: keys.length }, 'orphaned keys deleted');
  onCollected(keys.length);
  return keys;
}
