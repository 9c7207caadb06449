// Owner tags (row 3.2). A fleet call for one job carries them all; in a call for several jobs only what they share is known beforehand,
// and each instance is told its job afterwards, slowly enough that EC2 need not refuse.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { Compute } from '../../cloud/compute.ts';
import { TAG } from '../../cloud/tags.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';
import type { Logger } from '../runtime/logging.ts';
import { TokenBucket } from '../runtime/window.ts';
import { jobKey, uidOf } from './job.ts';

const LONGEST_VALUE = 255;
/** Below EC2's limit for CreateTags (100 at once, 10 a second). */
const CALLS = { burst: 20, perSecond: 5 };
const RETRY_MS = 30_000;

/** What is known of an instance that serves this job. */
export function jobTags(job: TrainingJob): Record<string, string> {
  return {
    [TAG.user]: userOf(job.metadata?.namespace ?? '') ?? '',
    [TAG.job]: jobKey(job).slice(0, LONGEST_VALUE),
    [TAG.jobUid]: uidOf(job),
    [TAG.model]: job.spec.model.type,
    Name: `spotlearn ${jobKey(job)}`.slice(0, LONGEST_VALUE),
  };
}

export const launchTags = (job: TrainingJob, batch: string, installation: string): Record<string, string> => ({
  [TAG.installation]: installation,
  [TAG.batch]: batch,
  ...jobTags(job),
});

/** What the jobs of one batch have in common. */
export function sharedTags(jobs: readonly TrainingJob[], batch: string, installation: string): Record<string, string> {
  const tags: Record<string, string> = { [TAG.installation]: installation, [TAG.batch]: batch, Name: 'spotlearn' };
  const users = new Set(jobs.map((job) => userOf(job.metadata?.namespace ?? '') ?? ''));
  const [user] = users;
  if (users.size === 1 && user !== undefined) tags[TAG.user] = user;
  return tags;
}

export interface TaggerOptions {
  compute: Pick<Compute, 'tag'>;
  clock: Clock;
  logger: Logger;
  /** The job that an instance serves now; undefined: it needs no tags any more. */
  owner: (instanceId: string) => TrainingJob | undefined;
}

/** Tags instances of shared calls one after another, in the background. What is lost with the process is found again by the next look. */
export class Tagger {
  readonly #options: TaggerOptions;
  readonly #limit: TokenBucket;
  readonly #waiting = new Set<string>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: TaggerOptions) {
    this.#options = options;
    this.#limit = new TokenBucket(options.clock, CALLS.burst, CALLS.perSecond);
  }

  add(instanceId: string): void {
    this.#waiting.add(instanceId);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#waiting.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { compute, clock, logger, owner } = this.#options;
    // Begun a moment later: the caller's own status write comes first.
    await sleep(clock, 0, this.#stop.signal);
    for (const id of this.#waiting) {
      await sleep(clock, this.#limit.waitMs(), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#waiting.delete(id);
      const job = owner(id);
      if (!job) continue;
      this.#limit.take();
      try {
        await compute.tag([id], jobTags(job));
      } catch (error) {
        // The next look at EC2 finds it untagged and adds it again.
        logger.debug({ instanceId: id, err: error }, 'instance not tagged yet');
        await sleep(clock, RETRY_MS, this.#stop.signal);
      }
    }
  }
}
