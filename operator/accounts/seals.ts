// Seals the ledger of each account and the audit trail once a day, in hash-chained packs (cloud/ledger/packs.ts), so that loss or a change shows.
// The head of an account's chain lies in its status, in another keeper's hands than the bucket. Nothing is removed here: that needs a right
// nobody of ours has (`npm run ledger -- compact`).
import { CloudError } from '../../cloud/errors.ts';
import type { LedgerBook } from '../../cloud/ledger/book.ts';
import type { Compacted } from '../../cloud/ledger/compaction.ts';
import { nextPeriod, periodOf } from '../../cloud/ledger/entries.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Account, AccountStatus } from '../../crds/crds.generated.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Logger } from '../runtime/logging.ts';

type Head = NonNullable<AccountStatus['ledger']>;

export interface SealsOptions {
  book: Pick<LedgerBook, 'compact'>;
  /** Seals a month of the audit trail. */
  audit: (period: string, now: number) => Promise<Compacted>;
  events: Pick<EventRecorder, 'record'>;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
}

/** So long after the end of a month its last entries come. */
const SETTLING_DAYS = 2;
const KEEP = { keep: true } as const;

export class Seals {
  readonly #options: SealsOptions;
  /** The day (yyyy-MM-dd) each account, or the trail (empty name), was sealed last by this process. */
  readonly #sealed = new Map<string, string>();

  constructor(options: SealsOptions) {
    this.#options = options;
  }

  /** The head of the account's chain when it was looked at now; undefined: what the status says holds. */
  async of(account: Account): Promise<Head | undefined> {
    const { clock, book } = this.#options;
    const now = clock.now();
    await this.#daily('', now, () => this.#trail(now));
    let head: Head | undefined;
    await this.#daily(account.metadata?.name ?? '?', now, async () => {
      const { userId } = account.spec;
      const known = account.status?.ledger;
      for (const period of periodsAt(now)) {
        const expected =
          known?.period === period && known.head !== undefined
            ? { packs: known.packs ?? 0, head: known.head }
            : undefined;
        const sealed = await book.compact(userId, period, now, { ...KEEP, expected });
        await this.#findings(account, sealed);
        if (period === periodOf(now) && sealed.head) head = { period, packs: sealed.packs, head: sealed.head };
      }
    });
    return head;
  }

  async #trail(now: number): Promise<void> {
    for (const period of periodsAt(now)) await this.#findings(undefined, await this.#options.audit(period, now));
  }

  /** Once a day; tried again when the bucket was away. */
  async #daily(name: string, now: number, seal: () => Promise<void>): Promise<void> {
    const today = new Date(now).toISOString().slice(0, 10);
    if (this.#sealed.get(name) === today) return;
    this.#sealed.set(name, today);
    try {
      await seal();
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      this.#sealed.delete(name);
      this.#options.logger.warn({ err: error, account: name }, 'not sealed yet');
    }
  }

  async #findings(account: Account | undefined, { findings }: Compacted): Promise<void> {
    const { logger, events } = this.#options;
    for (const finding of findings) {
      logger.error({ account: account?.metadata?.name, finding }, 'the ledger or the audit trail was changed or lost');
      if (account)
        await events.record(account, { type: 'Warning', reason: 'LedgerDamaged', message: finding.slice(0, 1000) });
    }
  }
}

/** This month, and the one before while its last entries may still come. */
function periodsAt(now: number): string[] {
  const period = periodOf(now);
  return new Date(now).getUTCDate() <= SETTLING_DAYS ? [nextPeriod(period, -1), period] : [period];
}
