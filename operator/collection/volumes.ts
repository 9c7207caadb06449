// Volumes that outlived their instance: none of ours is ever attached again, so one that hangs on nothing only costs. Seen twice, ten
// minutes apart, because EC2 detaches a volume a moment before it deletes it.
import type { Clock } from '../../cloud/clock.ts';
import type { Compute, Volume } from '../../cloud/compute.ts';
import type { Logger } from '../runtime/logging.ts';

export const ORPHAN_AFTER_MS = 60_000;
/** One call each. */
const MOST_AT_ONCE = 20;

/** Volumes attached to nothing and older than a minute; `ready` were so at the last look too. Pure. */
export function looseVolumes(
  volumes: readonly Volume[],
  before: ReadonlySet<string>,
  now: number,
): { ready: Volume[]; loose: Set<string> } {
  const loose = volumes.filter(({ state, createdAt }) => state === 'available' && now - createdAt >= ORPHAN_AFTER_MS);
  return { ready: loose.filter(({ id }) => before.has(id)), loose: new Set(loose.map(({ id }) => id)) };
}

export interface VolumeCollectionOptions {
  compute: Pick<Compute, 'volumes' | 'deleteVolume'>;
  clock: Clock;
  logger: Logger;
  onCollected: (count: number) => void;
}

export class VolumeCollection {
  readonly #options: VolumeCollectionOptions;
  #loose: ReadonlySet<string> = new Set();

  constructor(options: VolumeCollectionOptions) {
    this.#options = options;
  }

  /** One pass. Ids of what was deleted. */
  async collect(): Promise<string[]> {
    const { compute, clock, logger, onCollected } = this.#options;
    const { ready, loose } = looseVolumes(await compute.volumes(), this.#loose, clock.now());
    this.#loose = loose;
    const deleted: string[] = [];
    for (const { id } of ready.slice(0, MOST_AT_ONCE))
      try {
        await compute.deleteVolume(id);
        deleted.push(id);
        logger.warn({ volumeId: id }, 'orphaned volume deleted');
      } catch (error) {
        logger.warn({ volumeId: id, err: error }, 'orphaned volume not deleted');
      }
    if (deleted.length > 0) onCollected(deleted.length);
    return deleted;
  }
}
