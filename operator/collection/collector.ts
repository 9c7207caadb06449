// Nothing keeps costing (row 3.6): runs the collections beside this file, each at its own pace, so that one that fails stops no other.
// Nothing is collected on old knowledge: the jobs must be synced and the look at EC2 recent.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { Bucket } from '../../cloud/bucket.ts';
import type { Compute, Instance } from '../../cloud/compute.ts';
import type { PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import type { Logger } from '../runtime/logging.ts';
import { isDown } from '../training/seen.ts';
import { collectInstances, type InstanceCollectionOptions } from './instances.ts';
import { keyOwners } from './owners.ts';
import { collectPredictions } from './predictions.ts';
import { collectPrefix, COLLECTED_PREFIXES } from './prefixes.ts';
import { collectUploads, type Folders } from './uploads.ts';
import { VolumeCollection } from './volumes.ts';

export const INSTANCES_EVERY_MS = 30_000;
export const VOLUMES_EVERY_MS = 600_000;
export const BUCKET_EVERY_MS = 3_600_000;
/** The first pass after the start, and the next try when there was nothing to go by. */
const SOON_MS = 60_000;
/** Older looks at EC2 are not gone by. */
export const LOOK_IS_OLD_MS = 180_000;

export type Collected = 'instance' | 'volume' | 'upload' | 'object';

export interface CollectorOptions extends Omit<InstanceCollectionOptions, 'onCollected' | 'compute' | 'observation'> {
  /** Instances with the time of the look they come from; 0: none yet. */
  observation: { readonly at: number; instances(): Instance[]; noteEnding(ids: readonly string[]): void };
  compute: Pick<Compute, 'terminate' | 'volumes' | 'deleteVolume'>;
  bucket: Pick<Bucket, 'list' | 'deleteMany' | 'uploads' | 'abortUpload'>;
  folders: Folders;
  jobs: () => Iterable<TrainingJob>;
  predictions: () => Iterable<PredictionJob>;
  /** Whether the lists of jobs are complete. */
  synced: () => boolean;
  clock: Clock;
  logger: Logger;
  onCollected: (what: Collected, count: number) => void;
}

interface Pass {
  readonly what: string;
  readonly everyMs: number;
  readonly collect: () => Promise<unknown>;
}

export class Collector {
  readonly #options: CollectorOptions;
  readonly #stop = new AbortController();
  readonly #passes: readonly Pass[];
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#passes = passes(options);
  }

  start(): void {
    this.#running = Promise.all(this.#passes.map((pass) => this.#run(pass)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run({ what, everyMs, collect }: Pass): Promise<void> {
    const { clock, logger } = this.#options;
    let wait = Math.min(everyMs, SOON_MS);
    for (;;) {
      await sleep(clock, wait, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const knows = this.#knows();
      wait = knows ? everyMs : Math.min(everyMs, SOON_MS);
      if (knows) await collect().catch((error: unknown) => logger.warn({ what, err: error }, 'not collected'));
    }
  }

  #knows(): boolean {
    const { synced, observation, clock } = this.#options;
    return synced() && observation.at > 0 && clock.now() - observation.at <= LOOK_IS_OLD_MS;
  }
}

function passes(options: CollectorOptions): Pass[] {
  const { observation, compute, bucket, folders, jobs, predictions, clock, logger, onCollected } = options;
  const told = (what: Collected) => (count: number) => onCollected(what, count);
  const volumes = new VolumeCollection({ compute, clock, logger, onCollected: told('volume') });
  const owners = () => keyOwners(jobs(), predictions(), folders);
  const running = () => observation.instances().filter((instance) => !isDown(instance));
  return [
    {
      what: 'instances',
      everyMs: INSTANCES_EVERY_MS,
      collect: () => collectInstances({ ...options, onCollected: told('instance') }),
    },
    { what: 'volumes', everyMs: VOLUMES_EVERY_MS, collect: () => volumes.collect() },
    {
      what: 'uploads',
      everyMs: BUCKET_EVERY_MS,
      collect: () =>
        collectUploads({
          bucket,
          folders,
          owners,
          running: () => new Set(running().map(({ id }) => id)),
          clock,
          logger,
          onCollected: told('upload'),
        }),
    },
    {
      what: 'predictions',
      everyMs: BUCKET_EVERY_MS,
      collect: () => collectPredictions({ bucket, folders, owners, clock, logger, onCollected: told('object') }),
    },
    ...COLLECTED_PREFIXES.map((prefix) => ({
      what: prefix,
      everyMs: BUCKET_EVERY_MS,
      collect: () =>
        collectPrefix(prefix, {
          bucket,
          workerRoleId: folders.workerRoleId,
          alive: () => ({ owners: owners(), running: running() }),
          clock,
          logger,
          onCollected: told('object'),
        }),
    })),
  ];
}
