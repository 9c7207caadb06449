// What happened to the jobs, from the API server's own events: phases, when an instance came, and every word about throttling.
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { GROUP, KINDS } from '../../crds/objects.ts';
import type { Api, KubeObject } from '../../local/kubernetes/api.ts';

const THROTTLING = /throttl|RequestLimitExceeded|request limit|rate exceeded|SlowDown/i;

export interface JobSeen {
  readonly phase: string;
  readonly instanceId: string | undefined;
  /** Milliseconds, by the operator's clock; 0: no heartbeat yet. */
  readonly heardAt: number;
}

export class Board {
  readonly jobs = new Map<string, JobSeen>();
  /** Jobs or Events that spoke of throttling to a user, and jobs that failed. */
  readonly troubled = new Set<string>();
  /** Real milliseconds at which the newest job first had an instance. */
  lastInstanceAt = 0;
  readonly #had = new Set<string>();
  readonly #stop: () => void;

  constructor(api: Api) {
    this.#stop = api.subscribe(({ type, resource, object }) => {
      if (resource.plural === 'events') return this.#told(object);
      if (resource.group !== GROUP || resource.plural !== KINDS.TrainingJob.plural) return;
      if (type === 'DELETED') this.jobs.delete(keyOf(object));
      else this.#take(object);
    });
  }

  close(): void {
    this.#stop();
  }

  /** Jobs in the phase, of all or of those whose name begins so. */
  count(phase: string, prefix?: string): number {
    return this.#count((job) => job.phase === phase, prefix);
  }

  withInstance(): number {
    return this.#count(({ instanceId }) => instanceId !== undefined);
  }

  /** Jobs of which a heartbeat was written down that came at or after `since`. */
  heardSince(since: number, prefix?: string): number {
    return this.#count(({ heardAt }) => heardAt >= since, prefix);
  }

  #count(fits: (job: JobSeen) => boolean, prefix = ''): number {
    let found = 0;
    for (const [key, job] of this.jobs) if (fits(job) && nameOf(key).startsWith(prefix)) found += 1;
    return found;
  }

  #take(object: KubeObject): void {
    const { status = {} } = object as unknown as TrainingJob;
    const key = keyOf(object);
    const current = (status.attempts as Attempt[] | undefined)?.findLast(({ endedAt }) => endedAt === undefined);
    const instanceId = current?.instanceId;
    const heardAt = Date.parse(status.progress?.lastHeartbeatTime ?? '') || 0;
    this.jobs.set(key, { phase: status.phase ?? '', instanceId, heardAt });
    if (instanceId !== undefined && !this.#had.has(key)) {
      this.#had.add(key);
      this.lastInstanceAt = Date.now();
    }
    const told = [status.message, ...(status.conditions ?? []).map(({ message }) => message)];
    if (status.phase === 'Failed' || told.some((words) => words !== undefined && THROTTLING.test(words)))
      this.troubled.add(key);
  }

  #told(object: KubeObject): void {
    if (THROTTLING.test(String(object.message))) this.troubled.add(keyOf(object));
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;
const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1);
