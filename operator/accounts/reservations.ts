// Money held back for what runs (row 6.5). One leader decides, one account at a time: the check and the reservation are a single write of
// Account.status under the optimistic lock, before anything is paid for. Should another leader have written meanwhile, the account is read
// again and the check made anew, so that two operators can't both slip jobs under the limit. Requests that come at once share a write.
import { periodOf } from '../../cloud/ledger/entries.ts';
import type { Clock } from '../../cloud/clock.ts';
import { CloudError } from '../../cloud/errors.ts';
import { addUsd } from '../../cloud/money.ts';
import type { Account } from '../../crds/crds.generated.ts';
import { accountName } from '../../crds/objects.ts';
import type { Cache } from '../runtime/cache.ts';
import { failed, type Kubernetes } from '../runtime/kubernetes.ts';
import { ACCOUNTS } from '../runtime/resources.ts';
import type { StatusWriter } from '../runtime/status.ts';
import { decideRequests, monthLimit, pruned, type Answer, type Held, type Live } from './exposure.ts';
import type { Ledger } from './ledger.ts';

/** The ledger can't be read: nobody knows what the month has cost. */
export interface Unknown {
  readonly ok: false;
  readonly reason: 'LedgerUnavailable';
}
export type Reserved = Answer | Unknown;

export interface ReservationsOptions {
  kubernetes: Pick<Kubernetes, 'get'>;
  cache: Cache<Account>;
  writer: StatusWriter<Account>;
  ledger: Pick<Ledger, 'away' | 'month' | 'known'>;
  /** Jobs of a user, as they stand now. */
  live: (userId: string) => Iterable<Live>;
  clock: Pick<Clock, 'now'>;
}

interface Waiting {
  readonly uid: string;
  readonly usd: number;
  readonly resolve: (answer: Reserved) => void;
  readonly reject: (error: unknown) => void;
}

const MOST_TRIES = 8;
const LEFT_AGE_MS = 1_000;

export class Reservations {
  readonly #options: ReservationsOptions;
  readonly #waiting = new Map<string, Waiting[]>();
  /** The last thing under way with each account. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Granted by this process and not in the job's status yet, by user. */
  readonly #granted = new Map<string, Set<string>>();

  /** Jobs of a user that this process has seen, and seen holding money. */
  readonly #seen = new Map<string, { seen: Set<string>; holding: Set<string> }>();
  readonly #left = new Map<string, { at: number; generation: number | undefined; usd: number | undefined }>();

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** Holds `usd` back for a job of the user; resolves once that is written. */
  request(userId: string, uid: string, usd: number): Promise<Reserved> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(userId) ?? [];
      waiting.push({ uid, usd, resolve, reject });
      this.#waiting.set(userId, waiting);
      if (waiting.length === 1) void this.exclusive(userId, () => this.#serve(userId));
    });
  }

  /** The job is over, or gone: nothing is promised to it any more. */
  release(userId: string, uid: string): void {
    this.#granted.get(userId)?.delete(uid);
  }

  /** Whatever writes an account's status takes turns, so that it is never in its own way. */
  async exclusive<T>(userId: string, run: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(userId) ?? Promise.resolve()).then(run);
    const settled = turn.catch(() => undefined);
    this.#turns.set(userId, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(userId) === settled) this.#turns.delete(userId);
    }
  }

  /** What is held back in an account, without what no job needs any more; and its jobs. */
  held(account: Account): { held: Held; jobs: Live[] } {
    const { userId } = account.spec;
    const jobs = [...this.#options.live(userId)];
    const granted = this.#granted.get(userId) ?? new Set();
    const { seen, holding } = this.#seen.get(userId) ?? { seen: new Set<string>(), holding: new Set<string>() };
    for (const job of jobs) {
      // Its own status says it now.
      if (job.final || job.reservedUsd > 0) granted.delete(job.uid);
      if (job.reservedUsd > 0) holding.add(job.uid);
    }
    const before = account.status?.reservations ?? {};
    const held = pruned(before, jobs, { granted, seen, holding }, this.#options.clock.now());
    const still = (uids: Iterable<string>) => [...uids].filter((uid) => uid in held);
    this.#seen.set(userId, {
      seen: new Set([...jobs.map(({ uid }) => uid), ...still(seen)]),
      holding: new Set(still(holding)),
    });
    return { held, jobs };
  }

  /** USD left of the account's month beyond what runs until now and its stop; undefined while the ledger is unknown. A second old at most. */
  leftUsd(account: Account): number | undefined {
    const { clock } = this.#options;
    const { userId } = account.spec;
    const now = clock.now();
    const { generation } = account.metadata ?? {};
    const known = this.#left.get(userId);
    if (known && known.generation === generation && Math.abs(now - known.at) < LEFT_AGE_MS) return known.usd;
    const usd = this.#leftNow(account, now);
    this.#left.set(userId, { at: now, generation, usd });
    return usd;
  }

  #leftNow(account: Account, now: number): number | undefined {
    const { ledger, live } = this.#options;
    const sum = ledger.known(account.spec.userId);
    if (!sum) return undefined;
    const out: number[] = [sum.spentUsd];
    for (const { unbilledUsd, stopUsd } of live(account.spec.userId)) out.push(unbilledUsd, stopUsd);
    return addUsd(monthLimit(account, periodOf(now)), -addUsd(...out));
  }

  async #serve(userId: string): Promise<void> {
    const asking = this.#waiting.get(userId) ?? [];
    this.#waiting.delete(userId);
    try {
      const answers = await this.#decide(userId, asking);
      asking.forEach(({ resolve }, at) => resolve(answers[at] as Reserved));
    } catch (error) {
      for (const { reject } of asking) reject(error);
    }
  }

  async #decide(userId: string, asking: readonly Waiting[]): Promise<readonly Reserved[]> {
    const { cache, writer, kubernetes, clock } = this.#options;
    const name = accountName(userId);
    let account = cache.get(name) ?? (await kubernetes.get<Account>(ACCOUNTS, name));
    for (let attempt = 1; ; attempt += 1) {
      // Jobs first, then the ledger: whatever a job's status says is over has its entry by then, whoever ended it.
      const { held: before, jobs } = this.held(account);
      const sum = await this.#sum(userId);
      if (!sum) return asking.map(() => ({ ok: false, reason: 'LedgerUnavailable' }));
      const now = clock.now();
      const limitUsd = monthLimit(account, periodOf(now));
      const { held, answers } = decideRequests({ limitUsd, sum, held: before, jobs }, asking, now);
      const granted = asking.filter((_, at) => answers[at]?.ok);
      if (granted.length === 0) return answers;
      const { figures } = answers.findLast(({ ok }) => ok) as Answer;
      const { month } = account.status ?? {};
      try {
        await writer.write(account, {
          ...account.status,
          reservations: held,
          month: { ...month, period: month?.period ?? periodOf(now), reservedUsd: figures.reservedUsd },
        });
        const promised = this.#granted.get(userId) ?? new Set();
        for (const { uid } of granted) promised.add(uid);
        this.#granted.set(userId, promised);
        return answers;
      } catch (error) {
        if (!failed(error, 'Conflict') || attempt >= MOST_TRIES) throw error;
        account = await kubernetes.get<Account>(ACCOUNTS, name);
        cache.put(account);
      }
    }
  }

  async #sum(userId: string) {
    const { ledger, clock } = this.#options;
    if (ledger.away !== undefined) return undefined;
    try {
      return await ledger.month(userId, periodOf(clock.now()));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      return undefined;
    }
  }
}
