// Request limits as EC2 publishes them (EC2 Developer Guide, "Request throttling"): token buckets by category of action,
// and for launches and terminations a second bucket that counts instances.
import type { Clock } from '../../../cloud/clock.ts';
import { AwsServiceError } from '../service.ts';

interface Limit {
  readonly burst: number;
  /** Tokens a second. */
  readonly refill: number;
}

const NON_MUTATING: Limit = { burst: 100, refill: 20 };
const UNFILTERED: Limit = { burst: 50, refill: 10 };
const MUTATING: Limit = { burst: 50, refill: 5 };
const ACTION_LIMITS: Record<string, Limit> = {
  RunInstances: { burst: 5, refill: 2 },
  StartInstances: { burst: 5, refill: 2 },
  TerminateInstances: { burst: 100, refill: 5 },
  CreateTags: { burst: 100, refill: 10 },
  DeleteTags: { burst: 100, refill: 10 },
};
const RESOURCE_LIMITS: Record<string, Limit> = {
  launch: { burst: 1000, refill: 2 },
  terminate: { burst: 1000, refill: 20 },
};

export class Throttle {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  enabled: boolean;
  /** While set, every call of this action (or of all, `*`) is refused: an injected fault. */
  readonly forced = new Set<string>();

  constructor(clock: Clock, enabled: boolean) {
    this.#clock = clock;
    this.enabled = enabled;
  }

  /** Throws RequestLimitExceeded when the action's bucket is empty. `unfiltered`: a Describe without ids, filters or pages. */
  request(action: string, unfiltered: boolean): void {
    if (this.forced.has(action) || this.forced.has('*')) throw limitExceeded();
    if (!this.enabled) return;
    const own = ACTION_LIMITS[action];
    if (own) return this.#take(action, own, 1);
    if (!/^(Describe|Get|List)/.test(action)) return this.#take(`mutating/${action}`, MUTATING, 1);
    if (unfiltered) return this.#take(`unfiltered/${action}`, UNFILTERED, 1);
    this.#take(`filtered/${action}`, NON_MUTATING, 1);
  }

  /** Throws RequestLimitExceeded when too many instances were launched or terminated. */
  resources(kind: 'launch' | 'terminate', count: number): void {
    const limit = RESOURCE_LIMITS[kind];
    if (this.enabled && limit) this.#take(`resources/${kind}`, limit, count);
  }

  #take(name: string, limit: Limit, count: number): void {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(name) ?? { tokens: limit.burst, at: now };
    bucket.tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.at) / 1000) * limit.refill);
    bucket.at = now;
    this.#buckets.set(name, bucket);
    if (bucket.tokens < count) throw limitExceeded();
    bucket.tokens -= count;
  }
}

function limitExceeded(): AwsServiceError {
  return new AwsServiceError('RequestLimitExceeded', 'Request limit exceeded.', 503);
}
