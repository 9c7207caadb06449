// Nothing keeps costing (row 3.6): instances of this installation that no live job owns are ended. The cloud is listed before the
// jobs, so that a job made in between can only save an instance, never lose one.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { Compute, Instance } from '../../cloud/compute.ts';
import { TAG } from '../../cloud/tags.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Logger } from '../runtime/logging.ts';
import { currentAttempt, isFinal, uidOf } from '../training/job.ts';
import { isDown } from '../training/seen.ts';

export const ORPHAN_AFTER_MS = 60_000;
export const COLLECT_EVERY_MS = 30_000;

/** Ids of instances older than a minute that no live job owns. Pure. */
export function orphans(instances: readonly Instance[], jobs: Iterable<TrainingJob>, now: number): Instance[] {
  const owners = new Map<string, TrainingJob>();
  for (const job of jobs) owners.set(uidOf(job), job);
  return instances.filter((instance) => {
    if (isDown(instance) || now - instance.launchedAt < ORPHAN_AFTER_MS) return false;
    const owner = owners.get(instance.jobUid ?? '');
    if (!owner || isFinal(owner)) return true;
    const attempt = currentAttempt(owner.status);
    return !(
      attempt &&
      (attempt.instanceId === instance.id || (!attempt.instanceId && attempt.batch === instance.batch))
    );
  });
}

export interface CollectorOptions {
  /** Instances with the time of the look they come from; 0: none yet. */
  observation: { at: number; instances(): Instance[]; noteEnding(ids: readonly string[]): void };
  compute: Pick<Compute, 'terminate'>;
  jobs: () => Iterable<TrainingJob>;
  events: EventRecorder;
  clock: Clock;
  logger: Logger;
  onTerminated: (count: number) => void;
}

export class Collector {
  readonly #options: CollectorOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      await sleep(clock, COLLECT_EVERY_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.collect().catch((error: unknown) => logger.warn({ err: error }, 'orphans not collected'));
    }
  }

  async collect(): Promise<string[]> {
    const { observation, compute, jobs, events, clock, logger, onTerminated } = this.#options;
    if (observation.at === 0) return [];
    const found = orphans(observation.instances(), jobs(), clock.now());
    if (found.length === 0) return [];
    const ids = found.map(({ id }) => id);
    await compute.terminate(ids);
    observation.noteEnding(ids);
    onTerminated(ids.length);
    for (const instance of found) {
      const job = instance.tags[TAG.job];
      logger.warn({ instanceId: instance.id, job }, 'orphan terminated');
      const [namespace, name] = (job ?? '').split('/');
      if (namespace && name)
        await events.record(
          {
            apiVersion: 'spotlearn.io/v1alpha1',
            kind: 'TrainingJob',
            metadata: { namespace, name, uid: instance.jobUid },
          },
          {
            type: 'Warning',
            reason: 'OrphanTerminated',
            message: `Instance ${instance.id} was owned by no live job and was ended.`,
          },
        );
    }
    return ids;
  }
}
