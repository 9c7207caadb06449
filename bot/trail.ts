// The bot's part of the audit trail: who did what in chat, and what was refused. What an administrator does is written before it is done.
import { audit, type AuditEntry } from '../cloud/audit.ts';
import type { Bucket } from '../cloud/bucket.ts';
import type { Clock } from '../cloud/clock.ts';
import { CloudError } from '../cloud/errors.ts';
import { told, type Logger } from './logging.ts';

export interface Deed {
  readonly what: string;
  readonly resource: string;
  readonly outcome?: AuditEntry['outcome'];
  readonly detail?: string;
}

export interface TrailOptions {
  readonly bucket: Pick<Bucket, 'put'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  /** Told of each entry that could not be written although the deed was done. */
  readonly onLost?: () => void;
}

export class Trail {
  readonly #options: TrailOptions;

  constructor(options: TrailOptions) {
    this.#options = options;
  }

  /** Throws CloudError when it can't be written. */
  write(userId: string, { what, resource, outcome = 'Allowed', detail }: Deed): Promise<void> {
    const { bucket, clock } = this.#options;
    const entry = { who: userId, from: 'chat', what, resource, outcome, ...(detail === undefined ? {} : { detail }) };
    return audit(bucket, entry, clock.now());
  }

  /** What a user does goes on even when it can't be written; then the log has it, and it is counted. */
  async note(userId: string, deed: Deed): Promise<void> {
    try {
      await this.write(userId, deed);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      this.#options.logger.error({ chat: userId, ...deed, ...told(error) }, 'not in the audit trail');
      this.#options.onLost?.();
    }
  }
}
