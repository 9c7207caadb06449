// What invocations of ended predictions put after their job was gone, and what a leader left that was paused while another took its job to
// the end: answers, records, a result that nobody asks for any more. An upload of theirs is uploads.ts' matter.
import type { Bucket, ListedObject } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Prefixes } from '../../cloud/keys.ts';
import type { Logger } from '../runtime/logging.ts';
import type { KeyOwners } from './owners.ts';
import { FOLDER_ORPHAN_AFTER_MS, MOST_KEYS } from './prefixes.ts';

/**
 * Keys to delete now: `.job/` of jobs that do not live, where nothing was written for a day. All else in such a folder goes with it if it has no
 * summary, for then the job never succeeded. Pure.
 */
export function orphanedPredictionKeys(
  objects: readonly ListedObject[],
  owners: Pick<KeyOwners, 'live'>,
  { predictionPrefix }: Pick<Prefixes, 'predictionPrefix'>,
  now: number,
): string[] {
  const folders = new Map<string, { work: string[]; rest: string[]; newest: number }>();
  for (const { key, modifiedAt } of objects) {
    const [, uid, file] = key.slice(predictionPrefix.length + 1).split(/\/(.+?)\/(.+)/s);
    if (uid === undefined || file === undefined || owners.live.has(uid)) continue;
    const folder = folders.get(uid) ?? { work: [], rest: [], newest: 0 };
    folders.set(uid, folder);
    (file.startsWith('.job/') ? folder.work : folder.rest).push(key);
    folder.newest = Math.max(folder.newest, modifiedAt);
  }
  return [...folders.values()]
    .filter(({ work, newest }) => work.length > 0 && now - newest >= FOLDER_ORPHAN_AFTER_MS)
    .flatMap(({ work, rest }) => (rest.some((key) => key.endsWith('/summary.json')) ? work : [...work, ...rest]))
    .slice(0, MOST_KEYS);
}

export interface PredictionCollectionOptions {
  bucket: Pick<Bucket, 'list' | 'deleteMany'>;
  folders: Pick<Prefixes, 'predictionPrefix'>;
  /** Read after the bucket was listed. */
  owners: () => KeyOwners;
  clock: Clock;
  logger: Logger;
  onCollected: (count: number) => void;
}

/** One pass. Keys that were deleted. */
export async function collectPredictions(options: PredictionCollectionOptions): Promise<string[]> {
  const { bucket, folders, owners, clock, logger, onCollected } = options;
  const objects = await bucket.list(`${folders.predictionPrefix}/`);
  const keys = orphanedPredictionKeys(objects, owners(), folders, clock.now());
  if (keys.length === 0) return [];
  await bucket.deleteMany(keys);
  logger.info({ keys: keys.length }, 'leftovers of predictions deleted');
  onCollected(keys.length);
  return keys;
}
