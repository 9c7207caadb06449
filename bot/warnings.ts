// Tells a user when his month is nearly spent: once for each level the operator reports in the account (status.month.warnedPercent). What is
// told is written into the account before it is sent, with the optimistic lock, so that neither a restart nor a second bot tells it twice.
import type { Clock } from '../cloud/clock.ts';
import type { Account } from '../crds/crds.generated.ts';
import { GROUP } from '../crds/objects.ts';
import { failed, type KubeObject, type Kubernetes } from './kubernetes/client.ts';
import { Watcher } from './kubernetes/watcher.ts';
import { told, type Logger } from './logging.ts';
import type { Outbox } from './outbox.ts';
import { nearlySpent } from './wording/accounts.ts';

/** `yyyy-MM/80`: the highest level told of a month. */
export const WARNED_ANNOTATION = `${GROUP}/warned`;

export interface WarningsOptions {
  readonly kubernetes: Kubernetes;
  readonly outbox: Pick<Outbox, 'send'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_MS = 30_000;

export class Warnings {
  readonly #options: WarningsOptions;
  readonly #watcher: Watcher;
  #stopped = false;

  constructor(options: WarningsOptions) {
    this.#options = options;
    const { kubernetes, clock, logger } = options;
    const onChange = (object: KubeObject) => this.#look(object as Account);
    this.#watcher = new Watcher({ kubernetes, resource: 'Account', clock, logger, onChange });
  }

  start(): void {
    this.#watcher.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watcher.stop();
  }

  #look(account: Account): void {
    if (this.#stopped) return;
    void this.#tell(account).catch((error: unknown) => {
      this.#options.logger.warn({ account: account.metadata?.name, ...told(error) }, 'warning not told yet');
      this.#options.clock.after(RETRY_MS, () => this.#look(account));
    });
  }

  async #tell(account: Account): Promise<void> {
    const level = owedLevel(account);
    if (level === undefined) return;
    const { name = '', resourceVersion, uid } = account.metadata ?? {};
    const { period, spentUsd = 0, limitUsd = 0 } = account.status?.month ?? {};
    const annotations = { [WARNED_ANNOTATION]: `${period}/${level}` };
    try {
      await this.#options.kubernetes.patch('Account', name, { metadata: { uid, resourceVersion, annotations } });
    } catch (error) {
      // Somebody wrote it meanwhile: that version comes through the watch.
      if (failed(error, 'Conflict', 'NotFound')) return;
      throw error;
    }
    await this.#options.outbox.send(
      Number(account.spec.chatId ?? account.spec.userId),
      nearlySpent(level, spentUsd, limitUsd),
    );
  }
}

/** The level that is to be told now; undefined: none, or it was told. */
export function owedLevel({ metadata, status }: Account): number | undefined {
  const { period, warnedPercent = 0 } = status?.month ?? {};
  const [month, percent] = (metadata?.annotations?.[WARNED_ANNOTATION] ?? '').split('/');
  const before = month === period ? Number(percent) : 0;
  return period !== undefined && warnedPercent > before ? warnedPercent : undefined;
}
