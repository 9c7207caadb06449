// One of several replicas acts: the holder of a Lease. As in client-go, another's lease counts as expired only when its record has
// not changed for its whole duration on *our* clock, and a leader that could not renew in time stops acting before it expires.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { ObjectMeta } from '../../crds/objects.ts';
import { failed, type Kubernetes } from './kubernetes.ts';
import type { Logger } from './logging.ts';
import { LEASES } from './resources.ts';

/** Whoever holds this Lease is the operator that acts. */
export const OPERATOR_LEASE = 'spotlearn-operator';
export const LEASE_SECONDS = 15;
export const RENEW_DEADLINE_MS = 10_000;
export const RETRY_MS = 2_000;

export interface Lease {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface LeaderOptions {
  kubernetes: Pick<Kubernetes, 'get' | 'create' | 'replace'>;
  namespace: string;
  name: string;
  /** Unique to this process. */
  identity: string;
  clock: Clock;
  logger: Logger;
  /** Called once when leadership is lost; stop acting at once. Not called by release(). */
  onLost: () => void;
}

/** metav1.MicroTime: six digits, or the API server refuses the Lease. */
export const microTime = (now: number): string => new Date(now).toISOString().replace(/(\.\d{3})Z$/, '$1000Z');

export class Leader {
  readonly #options: LeaderOptions;
  readonly #stop = new AbortController();
  #lease: Lease | undefined;
  #seen = { record: '', at: 0 };
  #leading = false;
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Resolves with true once this process leads, with false when released before. */
  async acquire(): Promise<boolean> {
    const { clock, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      if (await this.#attempt()) {
        this.#leading = true;
        logger.info({ identity: this.#options.identity }, 'leadership acquired');
        this.#renewing = this.#renew();
        return true;
      }
      await sleep(clock, RETRY_MS, this.#stop.signal);
    }
    return false;
  }

  /** Stops renewing and gives the lease up, so that a standby needn't wait for its expiry. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    if (!this.#leading) return;
    this.#leading = false;
    try {
      await this.#write({ holderIdentity: '', leaseDurationSeconds: 1 });
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'lease not released');
    }
  }

  async #renew(): Promise<void> {
    const { clock, logger, onLost } = this.#options;
    let renewedAt = clock.now();
    while (!this.#stop.signal.aborted) {
      await sleep(clock, RETRY_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      // A hanging call must not keep a leader acting beyond its deadline.
      const left = renewedAt + RENEW_DEADLINE_MS - clock.now();
      const renewed = await Promise.race([this.#attempt(), sleep(clock, left, this.#stop.signal).then(() => false)]);
      if (renewed) renewedAt = clock.now();
      else if (!this.#stop.signal.aborted && (this.#heldByOther() || clock.now() - renewedAt >= RENEW_DEADLINE_MS)) {
        this.#leading = false;
        logger.error({ identity: this.#options.identity }, 'leadership lost');
        onLost();
        return;
      }
    }
  }

  #heldByOther(): boolean {
    const holder = this.#lease?.spec?.holderIdentity;
    return holder !== undefined && holder !== '' && holder !== this.#options.identity;
  }

  /** One try to take or renew the lease. */
  async #attempt(): Promise<boolean> {
    const { kubernetes, namespace, name, identity, clock, logger } = this.#options;
    try {
      this.#lease = await kubernetes.get<Lease>(LEASES, name, namespace);
      const spec = this.#lease.spec ?? {};
      const record = JSON.stringify(spec);
      if (record !== this.#seen.record) this.#seen = { record, at: clock.now() };
      const expired = clock.now() - this.#seen.at >= (spec.leaseDurationSeconds ?? LEASE_SECONDS) * 1000;
      if (this.#heldByOther() && !expired) return false;
      const ours = spec.holderIdentity === identity;
      await this.#write({
        holderIdentity: identity,
        leaseDurationSeconds: LEASE_SECONDS,
        acquireTime: ours ? spec.acquireTime : microTime(clock.now()),
        leaseTransitions: (spec.leaseTransitions ?? 0) + (ours ? 0 : 1),
      });
      return true;
    } catch (error) {
      if (failed(error, 'NotFound')) return this.#create();
      logger[failed(error, 'Conflict') ? 'debug' : 'warn']({ err: error }, 'lease not renewed');
      return false;
    }
  }

  async #create(): Promise<boolean> {
    const { kubernetes, namespace, name, identity, clock, logger } = this.#options;
    const now = microTime(clock.now());
    try {
      this.#lease = await kubernetes.create<Lease>(LEASES, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace },
        spec: {
          holderIdentity: identity,
          leaseDurationSeconds: LEASE_SECONDS,
          acquireTime: now,
          renewTime: now,
          leaseTransitions: 0,
        },
      });
      return true;
    } catch (error) {
      logger[failed(error, 'AlreadyExists') ? 'debug' : 'warn']({ err: error }, 'lease not created');
      return false;
    }
  }

  async #write(spec: NonNullable<Lease['spec']>): Promise<void> {
    const { kubernetes, clock } = this.#options;
    const renewTime = microTime(clock.now());
    this.#lease = await kubernetes.replace<Lease>(LEASES, {
      ...this.#lease,
      spec: { ...this.#lease?.spec, ...spec, renewTime },
    });
  }
}
