// Multipart uploads that nobody will complete: their parts cost like objects and no listing shows them. S3's own lifecycle rule is the
// second net. A live PredictionJob is its upload (decision 9), so its folder is never touched.
import type { Bucket, OpenUpload } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import { CHECKPOINTS, instanceOf, type Prefixes } from '../../cloud/keys.ts';
import type { Logger } from '../runtime/logging.ts';
import type { KeyOwners } from './owners.ts';

export const UPLOAD_ORPHAN_AFTER_MS = 24 * 3_600_000;
const MOST_AT_ONCE = 1_000;

export interface Folders extends Prefixes {
  readonly workerRoleId: string;
}

/**
 * Uploads older than a day whose owner is not alive. What lies elsewhere (a user's own upload of a data set) is not ours to abort.
 * `running`: ids of instances that are not down. Pure.
 */
export function orphanedUploads(
  uploads: readonly OpenUpload[],
  owners: KeyOwners,
  running: ReadonlySet<string>,
  folders: Folders,
  now: number,
): OpenUpload[] {
  return uploads.filter(
    ({ key, startedAt }) =>
      now - startedAt >= UPLOAD_ORPHAN_AFTER_MS && isOwned(key, owners, running, folders) === false,
  );
}

/** Undefined: not in a folder of ours. */
function isOwned(
  key: string,
  owners: KeyOwners,
  running: ReadonlySet<string>,
  { workerRoleId, predictionPrefix, modelPrefix }: Folders,
): boolean | undefined {
  const instance = instanceOf(key, workerRoleId);
  if (instance) return running.has(instance.instanceId);
  const [checkpointUid] = segments(key, CHECKPOINTS);
  if (checkpointUid !== undefined) return owners.live.has(checkpointUid);
  const [, predictionUid] = segments(key, `${predictionPrefix}/`);
  if (predictionUid !== undefined) return owners.live.has(predictionUid);
  const [user, model] = segments(key, `${modelPrefix}/`);
  if (model !== undefined) return owners.modelFolders.has(`${modelPrefix}/${user}/${model}/`);
  return undefined;
}

/** Folders of a key below `prefix`; none when it lies elsewhere. */
const segments = (key: string, prefix: string): string[] =>
  key.startsWith(prefix) ? key.slice(prefix.length).split('/').slice(0, -1) : [];

export interface UploadCollectionOptions {
  bucket: Pick<Bucket, 'uploads' | 'abortUpload'>;
  folders: Folders;
  /** Read after the bucket was listed. */
  owners: () => KeyOwners;
  running: () => ReadonlySet<string>;
  clock: Clock;
  logger: Logger;
  onCollected: (count: number) => void;
}

/** One pass. Keys of what was aborted. */
export async function collectUploads(options: UploadCollectionOptions): Promise<string[]> {
  const { bucket, folders, owners, running, clock, logger, onCollected } = options;
  const open = await bucket.uploads('');
  const aborted: string[] = [];
  for (const upload of orphanedUploads(open, owners(), running(), folders, clock.now()).slice(0, MOST_AT_ONCE))
    try {
      await bucket.abortUpload(upload);
      aborted.push(upload.key);
      logger.warn({ key: upload.key }, 'orphaned upload aborted');
    } catch (error) {
      logger.warn({ key: upload.key, err: error }, 'orphaned upload not aborted');
    }
  if (aborted.length > 0) onCollected(aborted.length);
  return aborted;
}
