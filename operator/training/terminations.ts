// Terminations of the same moment are one TerminateInstances call (decision 4); what runs on the cluster is ended there.
import type { Clock } from '../../cloud/clock.ts';
import type { Compute } from '../../cloud/compute.ts';
import { Merger, TokenBucket } from '../runtime/window.ts';
import { isClusterId, type ClusterRunner } from './cluster.ts';
import type { Observation } from './observation.ts';

/** Some ends at once are calls of their own; when many follow each other, one in four seconds takes them all. */
const CALLS = { burst: 4, perSecond: 0.25 };

export interface TerminationsOptions {
  compute: Pick<Compute, 'terminate'>;
  cluster: Pick<ClusterRunner, 'terminate'>;
  observation: Pick<Observation, 'noteEnding' | 'isDown'>;
  clock: Clock;
  onTerminated: (reason: string, count: number) => void;
  /** Instances in one call. */
  onSent?: (count: number) => void;
}

export class Terminations {
  readonly #options: TerminationsOptions;
  readonly #merger: Merger<string>;

  constructor(options: TerminationsOptions) {
    this.#options = options;
    const limit = new TokenBucket(options.clock, CALLS.burst, CALLS.perSecond);
    this.#merger = new Merger(options.clock, (ids) => this.#send([...new Set(ids)]), limit);
  }

  /** Resolves when EC2 (or the cluster) has accepted; idempotent. `reason` is for the metrics. */
  async end(ids: readonly string[], reason: string): Promise<void> {
    const { observation, onTerminated } = this.#options;
    const up = ids.filter((id) => !observation.isDown(id));
    if (up.length === 0) return;
    await this.#merger.add(up);
    onTerminated(reason, up.length);
  }

  async #send(ids: readonly string[]): Promise<void> {
    const { compute, cluster, observation, onSent } = this.#options;
    const pods = ids.filter(isClusterId);
    const machines = ids.filter((id) => !isClusterId(id));
    await Promise.all([
      machines.length > 0 ? compute.terminate(machines) : undefined,
      pods.length > 0 ? cluster.terminate(pods) : undefined,
    ]);
    observation.noteEnding(ids);
    onSent?.(ids.length);
  }
}
