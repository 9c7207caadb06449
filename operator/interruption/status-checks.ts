// EC2's status checks, the third source of trouble beside the queue and the instance itself (issue 4, item 5): a retirement that is
// scheduled, or a check that fails in two polls in a row. Handed to the observation like a notice; decide.ts is next.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { Compute, Impairment, Instance } from '../../cloud/compute.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Observation } from '../training/observation.ts';
import { isDown } from '../training/seen.ts';

/** Three calls each, as EC2 joins the filters of one call by and. */
export const CHECK_EVERY_MS = 600_000;
/** Words of a failing check; every other word is a scheduled event. */
const CHECKS: ReadonlySet<string> = new Set(['system-status', 'instance-status']);

export interface Trouble {
  readonly id: string;
  readonly what: string;
}

/**
 * A scheduled event counts at once, a failing check when it failed before: one poll may fall into a boot or a hiccup. Neither is a Spot
 * notice: the worker does not know, and is told to checkpoint when its successor is there. Pure.
 */
export function troubles(
  found: readonly Impairment[],
  failedBefore: ReadonlySet<string>,
): { troubles: Trouble[]; failing: Set<string> } {
  const told = new Map<string, Trouble>();
  const failing = new Set<string>();
  for (const { id, what } of found)
    if (!CHECKS.has(what)) told.set(id, { id, what });
    else {
      failing.add(id);
      if (failedBefore.has(id) && !told.has(id)) told.set(id, { id, what });
    }
  return { troubles: [...told.values()], failing };
}

export interface StatusChecksOptions {
  compute: Pick<Compute, 'impaired'>;
  observation: Pick<Observation, 'notice'> & { instances(): Instance[] };
  clock: Clock;
  logger: Logger;
  /** EC2's word for what is wrong with one of our instances; once for each. */
  onTrouble?: (what: string) => void;
}

export class StatusChecks {
  readonly #options: StatusChecksOptions;
  readonly #stop = new AbortController();
  #failing: ReadonlySet<string> = new Set();
  #told = new Set<string>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: StatusChecksOptions) {
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
    for (;;) {
      await sleep(clock, CHECK_EVERY_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.check().catch((error: unknown) => logger.warn({ err: error }, 'status checks not read'));
    }
  }

  /** One poll; none when nothing runs. A poll that fails changes nothing. */
  async check(): Promise<void> {
    const { compute, observation, clock, logger, onTrouble } = this.#options;
    if (observation.instances().every(isDown)) return;
    const { troubles: now, failing } = troubles(await compute.impaired(), this.#failing);
    this.#failing = failing;
    const told = new Set<string>();
    for (const { id, what } of now) {
      if (this.#told.has(id)) told.add(id);
      else if (observation.notice(id, 'impaired', clock.now())) {
        told.add(id);
        onTrouble?.(what);
        logger.warn({ instanceId: id, what }, 'instance in trouble');
      }
    }
    this.#told = told;
  }
}
