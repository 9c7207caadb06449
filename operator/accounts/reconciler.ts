// Account → namespace, quota, role, and a status with the month's money. Also the one who answers the training and prediction
// controllers when they ask whether an account may and what it has left.
import type { Clock } from '../../cloud/clock.ts';
import { CloudError } from '../../cloud/errors.ts';
import { condition, isTrue } from '../../crds/conditions.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Outcome } from '../runtime/controller.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { failed, type Kubernetes, type KubeObject } from '../runtime/kubernetes.ts';
import { namespaceOf } from '../../crds/objects.ts';
import { ACCOUNTS, QUOTAS } from '../runtime/resources.ts';
import { mergeDiff, type StatusWriter } from '../runtime/status.ts';
import { MOST_JOBS, ownedBy, QUOTA_NAME, type Owned } from './namespace.ts';
import { type Ledger, nextStatus, periodOf } from './month.ts';
import type { Reservations } from './reservations.ts';

const MONTH_CHECK_MS = 3_600_000;
const LEDGER_AWAY_MS = 15_000;

export interface AccountsOptions {
  kubernetes: Kubernetes;
  cache: Cache<Account>;
  writer: StatusWriter<Account>;
  events: EventRecorder;
  reservations: Reservations;
  ledger: Ledger;
  installation: string;
  /** IAM role of workers on the cluster. */
  workerRoleArn?: string | undefined;
  clock: Clock;
}

const QUOTA_CHECK_MS = 3_000;
const QUOTA_TAKEN_UP_MS = 10_000;

interface Quota extends KubeObject {
  spec?: { hard?: Record<string, string> };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

export class AccountReconciler {
  readonly #options: AccountsOptions;
  /** Uids of accounts whose objects are as they should be, with the generation they were made for and when to look again. */
  readonly #made = new Map<string, { generation: number; until: number }>();

  /** Uids of accounts whose quota Kubernetes has not counted yet. */
  readonly #uncounted = new Set<string>();

  /** Writes of what is held back, by account: under way, and the one that comes after it. */
  readonly #writes = new Map<string, Promise<void>>();
  readonly #nextWrites = new Map<string, Promise<void>>();

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  async reconcile(key: string): Promise<Outcome> {
    const { cache, installation, workerRoleArn } = this.#options;
    const account = cache.get(key);
    if (!account || account.metadata?.deletionTimestamp) return undefined;
    const { uid = '', generation = 0 } = account.metadata ?? {};
    if (!this.#isMade(account, uid, generation)) {
      for (const owned of ownedBy(account, installation, workerRoleArn)) await this.#ensure(owned);
      if (!(await this.#quotaCounted(namespaceOf(account.spec.userId)))) {
        this.#uncounted.add(uid);
        await this.#write(account);
        return { requeueAfterMs: QUOTA_CHECK_MS };
      }
      this.#uncounted.delete(uid);
      this.#made.set(uid, { generation, until: this.#options.clock.now() + MONTH_CHECK_MS });
    }
    const counted = await this.#write(account);
    return { requeueAfterMs: counted ? MONTH_CHECK_MS : LEDGER_AWAY_MS };
  }

  /** A new leader believes a Ready account for up to an hour, spread, or a thousand of them would each cost several calls at once. */
  #isMade({ status }: Account, uid: string, generation: number): boolean {
    if (this.#uncounted.has(uid)) return false;
    const now = this.#options.clock.now();
    const known = this.#made.get(uid);
    if (known) return known.generation === generation && now < known.until;
    if (status?.observedGeneration !== generation || !isTrue(status.conditions, 'Ready')) return false;
    this.#made.set(uid, { generation, until: now + Math.random() * MONTH_CHECK_MS });
    return true;
  }

  /** Creates what is missing; adds missing labels, annotations and owner to what is there, and leaves what an administrator changed. */
  async #ensure({ resource, object }: Owned): Promise<void> {
    const { kubernetes } = this.#options;
    const { name = '', namespace } = object.metadata ?? {};
    try {
      await kubernetes.create(resource, object, namespace);
    } catch (error) {
      if (!failed(error, 'AlreadyExists')) throw error;
      const there = await kubernetes.get<KubeObject>(resource, name, namespace);
      const { labels, annotations, ownerReferences } = there.metadata ?? {};
      const own = object.metadata ?? {};
      const patch = mergeDiff(
        { labels, annotations, ownerReferences },
        {
          labels: { ...labels, ...own.labels },
          annotations: own.annotations ? { ...annotations, ...own.annotations } : annotations,
          ownerReferences: own.ownerReferences ?? ownerReferences,
        },
      );
      if (patch !== undefined) await kubernetes.mergePatch(resource, name, { metadata: patch }, { namespace });
    }
  }

  /**
   * Kubernetes refuses every job of a namespace whose quota it has taken up but not counted, and for kinds defined less than about half
   * a minute before, it counts again only after minutes – or at once when the limit changes, so it is moved by one.
   */
  async #quotaCounted(namespace: string): Promise<boolean> {
    const { kubernetes, clock } = this.#options;
    const quota = await kubernetes.get<Quota>(QUOTAS, QUOTA_NAME, namespace);
    const { hard, used } = quota.status ?? {};
    // Without a quota controller there never is a status; a new quota may only not have met it yet.
    if (hard === undefined)
      return clock.now() - Date.parse(quota.metadata?.creationTimestamp ?? '') > QUOTA_TAKEN_UP_MS;
    const uncounted = Object.keys(hard ?? {}).some((name) => used?.[name] === undefined);
    if (!uncounted) return true;
    const moved = Object.entries(quota.spec?.hard ?? {})
      .filter(([name]) => name.startsWith('count/'))
      .map(([name, most]) => [name, most === String(MOST_JOBS) ? String(MOST_JOBS + 1) : String(MOST_JOBS)]);
    await kubernetes.mergePatch(
      QUOTAS,
      QUOTA_NAME,
      { spec: { hard: Object.fromEntries(moved) as Record<string, string> } },
      { namespace },
    );
    return false;
  }

  /** Writes the status; false when the ledger could not be read, and the month's figures stayed as they were. */
  async #write(account: Account): Promise<boolean> {
    const { clock, ledger, reservations, writer, events } = this.#options;
    const { userId } = account.spec;
    const now = clock.now();
    let counted = true;
    let sum = { spentUsd: 0, operations: 0, byService: {}, byOperation: {}, ...monthOf(account.status, periodOf(now)) };
    try {
      sum = await ledger.month(userId, periodOf(now));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      counted = false;
    }
    const status = nextStatus(account, sum, reservations.held(userId), now);
    const written = await writer.write(account, status);
    const warned = condition(status.conditions, 'BudgetWarning');
    if (warned?.status === 'True' && condition(account.status?.conditions, 'BudgetWarning')?.status !== 'True')
      await events.record(written, { type: 'Warning', reason: warned.reason, message: warned.message });
    return counted;
  }

  /** Resolves when what is held back now is written, before a paid call. Jobs that ask while a write is under way share the next. */
  writeReservation(name: string): Promise<void> {
    const waiting = this.#nextWrites.get(name);
    if (waiting) return waiting;
    const current = this.#writes.get(name) ?? Promise.resolve();
    const next = current
      .catch(() => undefined)
      .then(() => {
        this.#nextWrites.delete(name);
        const write = this.#writeReserved(name);
        this.#writes.set(name, write);
        return write.finally(() => {
          if (this.#writes.get(name) === write) this.#writes.delete(name);
        });
      });
    this.#nextWrites.set(name, next);
    return next;
  }

  /** Conflicts are settled by reading again. */
  async #writeReserved(name: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const account = this.#options.cache.get(name);
      if (!account) return;
      const status: AccountStatus = {
        ...account.status,
        month: { ...account.status?.month, reservedUsd: this.#options.reservations.held(account.spec.userId) },
      };
      try {
        await this.#options.writer.write(account, status);
        return;
      } catch (error) {
        if (!failed(error, 'Conflict') || attempt >= 5) throw error;
        this.#options.cache.put(await this.#options.kubernetes.get<Account>(ACCOUNTS, name));
      }
    }
  }
}

/** The month's figures if they are of this period. */
function monthOf(status: AccountStatus | undefined, period: string) {
  const month = status?.month;
  if (month?.period !== period) return {};
  const { spentUsd = 0, operations = 0, byService = {}, byOperation = {} } = month;
  return { spentUsd, operations, byService, byOperation };
}
