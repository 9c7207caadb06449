// Account → namespace, quota, role, and a status with the month's money. Also the one who answers the training and prediction
// controllers when they ask whether an account may and what it has left.
import type { Clock } from '../../cloud/clock.ts';
import { CloudError } from '../../cloud/errors.ts';
import { nextPeriod, periodOf, startOf } from '../../cloud/ledger/entries.ts';
import { condition, isTrue } from '../../crds/conditions.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Outcome } from '../runtime/controller.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { failed, type Kubernetes, type KubeObject } from '../runtime/kubernetes.ts';
import { namespaceOf } from '../../crds/objects.ts';
import { QUOTAS } from '../runtime/resources.ts';
import { mergeDiff, type StatusWriter } from '../runtime/status.ts';
import { missingGrants, MOST_JOBS, ownedBy, QUOTA_NAME, type Owned } from './namespace.ts';
import type { Departure } from './departure.ts';
import { LEDGER_RETRY_MS, type Ledger } from './ledger.ts';
import { nextStatus, withConditions, type Told } from './month.ts';
import type { Reservations } from './reservations.ts';
import type { Seals } from './seals.ts';
import type { Stock } from './stock.ts';

const MONTH_CHECK_MS = 3_600_000;
/** While something runs, its cost is metered so often. */
const METER_MS = 60_000;
/** So long after midnight of the first, entries of the old month may still come. */
const SETTLING_MS = 86_400_000;

export interface AccountsOptions {
  kubernetes: Kubernetes;
  cache: Cache<Account>;
  writer: StatusWriter<Account>;
  events: EventRecorder;
  reservations: Reservations;
  ledger: Ledger;
  stock: Stock;
  departure: Departure;
  seals: Seals;
  /** What the installation costs, for administrators. */
  share: () => NonNullable<AccountStatus['installation']>;
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

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  async reconcile(key: string): Promise<Outcome> {
    const { cache, installation, workerRoleArn } = this.#options;
    let account = cache.get(key);
    if (!account) return undefined;
    if (account.metadata?.deletionTimestamp) return this.#depart(account);
    if (account.spec.approval !== 'Approved') return this.#unapproved(account);
    account = await this.#options.departure.prepared(account);
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
    return { requeueAfterMs: await this.#write(account) };
  }

  async #depart(account: Account): Promise<Outcome> {
    const { departure, reservations } = this.#options;
    const leaving = await departure.step(account);
    if (leaving === undefined) return undefined;
    const told: Told = ['Ready', 'False', 'Deleting', leaving.message];
    await reservations.exclusive(account.spec.userId, () => this.#tell(account, told));
    return { requeueAfterMs: leaving.againMs };
  }

  /** Nothing is made for somebody whom nobody let in. */
  async #unapproved(account: Account): Promise<Outcome> {
    const told: Told =
      account.spec.approval === 'Refused'
        ? ['Ready', 'False', 'ApprovalRefused', 'An administrator refused this account.']
        : ['Ready', 'False', 'ApprovalPending', 'An administrator must let this account in.'];
    await this.#options.reservations.exclusive(account.spec.userId, () => this.#tell(account, told));
    return undefined;
  }

  async #tell({ metadata }: Account, told: Told): Promise<void> {
    const { cache, writer, clock } = this.#options;
    const account = cache.get(metadata?.name ?? '');
    if (account) await writer.write(account, withConditions(account, account.status ?? {}, [told], clock.now()));
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

  /** Creates what is missing; adds missing labels, annotations, owner, rules and subjects to what is there, and leaves what an administrator changed. */
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
      const change = { ...(patch === undefined ? {} : { metadata: patch }), ...missingGrants(object, there) };
      if (Object.keys(change).length > 0) await kubernetes.mergePatch(resource, name, change, { namespace });
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

  /** Writes the status; returns in how many milliseconds to look again. */
  async #write(before: Account): Promise<number> {
    const { cache, events, reservations, writer } = this.#options;
    const { userId } = before.spec;
    return reservations.exclusive(userId, async () => {
      const account = cache.get(before.metadata?.name ?? '') ?? before;
      const { status, busy, problem } = await this.#next(account);
      const written = await writer.write(account, status);
      const warning = condition(status.conditions, 'BudgetWarning');
      if ((status.month?.warnedPercent ?? 0) > warnedBefore(account.status, status) && warning)
        await events.record(written, { type: 'Warning', reason: warning.reason, message: warning.message });
      return problem ? LEDGER_RETRY_MS : busy ? METER_MS : this.#untilMonthEnds();
    });
  }

  async #next(account: Account): Promise<{ status: AccountStatus; busy: boolean; problem: boolean }> {
    const { clock, ledger, reservations, seals, share, stock } = this.#options;
    const now = clock.now();
    const { held, jobs } = reservations.held(account);
    const books = await this.#books(account.spec.userId, now);
    const status = nextStatus(account, { jobs, held, now, ...books });
    const storage = await stock.of(account);
    const sealed = await seals.of(account);
    const installation = account.spec.role === 'admin' ? share() : undefined;
    return {
      status: { ...status, ...(storage ? { storage } : {}), ...(sealed ? { ledger: sealed } : {}), installation },
      busy: jobs.some(({ final, reservedUsd }) => !final && reservedUsd > 0),
      problem: ledger.failing,
    };
  }

  async #books(
    userId: string,
    now: number,
  ): Promise<Pick<Parameters<typeof nextStatus>[1], 'sum' | 'previous' | 'ledgerProblem'>> {
    const { ledger } = this.#options;
    const period = periodOf(now);
    try {
      const sum = await ledger.current(userId);
      const before = nextPeriod(period, -1);
      const settling = periodOf(now - SETTLING_MS) === before;
      return { sum, previous: settling ? await ledger.month(userId, before) : undefined };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      return { sum: undefined, ledgerProblem: error.message };
    }
  }

  /** An hour, or less when the month ends before. */
  #untilMonthEnds(): number {
    const now = this.#options.clock.now();
    return Math.min(MONTH_CHECK_MS, startOf(nextPeriod(periodOf(now))) - now + 1000);
  }
}

/** Level of this month that was told before. */
const warnedBefore = (old: AccountStatus | undefined, next: AccountStatus): number =>
  old?.month?.period === next.month?.period ? (old?.month?.warnedPercent ?? 0) : 0;
